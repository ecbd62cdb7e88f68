"""Serve a lab of real processes over HTTP, for the product's own clients.

Prints one line when it is ready, and the access key unless you gave one; ends on Ctrl-C or SIGTERM, when running requests have ended.
With --home its functions, configurations, triggers, events and objects are there again the next time.
"""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path

from fclab.errors import UsageError

__all__ = ["add_arguments", "run"]

PORT = 9090
_SECRET = "FCLAB_ACCESS_KEY_SECRET"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--host", default="127.0.0.1", help="the address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT, help="the port (default: %(default)s; 0: a free one)")
    parser.add_argument("--home", metavar="DIR", type=Path, help="folder that keeps everything; without it all is gone at the end")
    parser.add_argument("--access-key-id", metavar="X", help="the key that clients sign with (default: a random one, printed)")
    parser.add_argument(
        "--access-key-secret", metavar="Y", help=f"its secret; others on this machine see arguments, so ${_SECRET} is better"
    )
    parser.add_argument("--public", action="store_true", help="allow an address that other machines reach; needs a key of yours")
    parser.add_argument("--grace", metavar="S", type=int, default=10, help="seconds that requests have at the end (default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    from fclab.lab import Lab

    secret = options.access_key_secret or (os.environ.get(_SECRET) if options.access_key_id else None)
    if options.grace < 0:
        raise UsageError(f"--grace is seconds from 0 up, not {options.grace}.", hint="leave it out for 10")
    with _Signals() as asked, Lab("process", home=options.home) as lab:
        endpoint = lab.serve(
            options.port, options.host, access_key_id=options.access_key_id, access_key_secret=secret, public=options.public,
            grace=options.grace,
        )  # fmt: skip
        if options.access_key_id is None:
            print(f"access key id: {endpoint.access_key_id}\naccess key secret: {endpoint.access_key_secret}")
        print(f"fclab is listening on {endpoint.url}", flush=True)
        asked.wait()
    return 0


class _Signals:
    """SIGTERM and SIGINT ask for the end; a second one of the two ends at once."""

    def __enter__(self) -> _Signals:
        self._read, self._write = os.pipe()
        self._before = {number: signal.signal(number, self._noted) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def _noted(self, number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.write(self._write, b"!")

    def wait(self) -> None:
        """Until one comes."""
        os.read(self._read, 1)
