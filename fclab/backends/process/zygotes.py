"""Warmed interpreters: each has imported what its functions preload, and forks an instance when one is wanted."""

from __future__ import annotations

import logging
import os
import signal
import socket
from array import array
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

from fclab.backends.process import bundle
from fclab.backends.process.channel import Channel
from fclab.backends.process.groups import Group, spawn
from fclab.backends.process.inside.wire import EXITED, FORK, FORKED, READY, SETUP, pack
from fclab.backends.process.strays import MARK
from fclab.backends.process.surroundings import package_paths

if TYPE_CHECKING:
    from fclab.backends.process.home import Home
    from fclab.backends.process.lifeline import Lifeline
    from fclab.wall_clock import WallClock

__all__ = ["Zygote"]

_log = logging.getLogger("fclab")


class Zygote:
    """One warmed interpreter.

    1. Forks are asked for and answered in order; those asked for before it is warm wait.
    2. When it ends, every fork that was not answered fails, and every group it forked counts as killed: nobody else can tell how it ended.
    """

    def __init__(self, clock: WallClock, lifeline: Lifeline, home: Home, preload: tuple[str, ...]) -> None:
        self.preload = preload
        self.over = False
        self._serials = count(1)
        self._asked: dict[int, Callable[[int], object]] = {}
        self._early: list[tuple[int, tuple[int, int, int]]] = []
        self._groups: dict[int, Group] = {}
        self._ended: dict[int, int] = {}
        self._warm = False
        ours, theirs = socket.socketpair()
        sink = os.open(os.devnull, os.O_WRONLY)
        try:
            self.group = spawn(
                clock, lifeline, bundle.command(home.bundle, "zygote", theirs.fileno()), self._lost,
                environment={"PATH": os.defpath, MARK: f"{home.folder}/zygote"}, folder=home.folder, output=sink, keep=(theirs.fileno(),),
            )  # fmt: skip
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(sink)
        self.channel = Channel(clock, ours, self._received, self._broken)
        paths = "\0".join(package_paths()), "\0".join(preload), str(home.warm_up)
        self.channel.send(pack(SETUP, 0, 0, *map(os.fsencode, paths)))

    def fork(self, fds: tuple[int, int, int], forked: Callable[[int], object]) -> None:
        """Fork an instance with these descriptors (socket, output, lifeline), which are copied; `forked` gets its process, or 0."""
        serial = next(self._serials)
        self._asked[serial] = forked
        if self._warm:
            self._ask(serial, fds)
        else:
            copies = os.dup(fds[0]), os.dup(fds[1]), os.dup(fds[2])
            self._early.append((serial, copies))

    def _ask(self, serial: int, fds: tuple[int, int, int]) -> None:
        try:
            self.channel.sock.sendmsg([pack(FORK, serial, 0)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", fds))])
        except OSError:
            self._asked.pop(serial)(0)

    def adopt(self, group: Group) -> None:
        """Tell this group when its leader ends."""
        if group.pid in self._ended:
            group.buried(self._ended.pop(group.pid))
        elif self.over:
            group.kill()
            group.buried(signal.SIGKILL)
        else:
            self._groups[group.pid] = group

    def _received(self, kind: int, request: int, number: int, fields: list[bytes]) -> None:
        if kind == FORKED and request in self._asked:
            self._asked.pop(request)(number)
        elif kind == EXITED:
            group = self._groups.pop(request, None)
            if group is None:
                self._ended[request] = number
            else:
                group.buried(number)
        elif kind == READY:
            self._warm = True
            if fields[0]:
                _log.warning("a module could not be preloaded: %s", fields[0].decode("utf-8", "replace"))
            early, self._early = self._early, []
            for serial, fds in early:
                self._ask(serial, fds)
                _close(fds)

    def _broken(self, why: str) -> None:
        self.group.kill()

    def _lost(self, status: int) -> None:
        """It ended (clause 2)."""
        self.over = True
        self.channel.drain()
        self.channel.close()
        for _, fds in self._early:
            _close(fds)
        asked, self._asked = self._asked, {}
        for forked in asked.values():
            forked(0)
        groups, self._groups = self._groups, {}
        for group in groups.values():
            group.kill()
            group.buried(signal.SIGKILL)

    def close(self) -> None:
        """End it, and with it all that it forked, here and now."""
        for group in list(self._groups.values()):
            group.kill()
        self.group.kill()
        self.group.reap()


def _close(fds: tuple[int, ...]) -> None:
    for fd in fds:
        os.close(fd)
