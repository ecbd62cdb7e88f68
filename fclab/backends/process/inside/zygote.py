"""The zygote: an interpreter that has imported what its children need, and forks one for each new instance."""

import _signal  # type: ignore[import-not-found]
import os
import sys

from fclab.backends.process.inside.instance import serve
from fclab.backends.process.inside.results import text
from fclab.backends.process.inside.wire import EXITED, FORKED, HEAD, READY, Wire, pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["start"]


def _warm_up(folder: str) -> None:
    """Import a module from `folder`: what the import system needs for the first one from a folder, children then have already."""
    sys.path.insert(0, folder)
    __import__("fclab_warm_up")
    del sys.path[0], sys.modules["fclab_warm_up"]


def start(fd: int) -> "NoReturn":
    """Be a zygote: each frame brings an instance's socket, outlet and lifeline as descriptors, and a child is forked for it."""
    import _socket
    import gc

    os.set_inheritable(fd, False)
    wire = Wire(fd)
    try:
        _, _, _, fields = wire.next()
        sys.path += [path for path in fields[0].decode().split("\0") if path and path not in sys.path]
        failed = ""
        for module in fields[1].decode().split("\0"):
            try:
                if module:
                    __import__(module)
            except Exception as error:
                failed = f"{module}: {type(error).__name__}: {text(error)}"
        _warm_up(fields[2].decode())
        gc.collect()
        gc.freeze()

        def reap(*_: object) -> None:
            try:
                while True:
                    ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                    if ended is None:
                        return
                    pid = ended.si_pid
                    try:  # noqa: SIM105 - contextlib would have to be imported
                        os.killpg(pid, _signal.SIGKILL)  # what it left behind, while its number is still its own
                    except OSError:
                        pass
                    wire.send(pack(EXITED, pid, os.waitpid(pid, 0)[1]))
            except OSError:
                return

        ended_early = [_signal.SIGCHLD]
        """Held back from the fork to the end of its answer: `reap` writes too, and would wait for ever for what it interrupted."""
        _signal.signal(_signal.SIGCHLD, reap)
        wire.send(pack(READY, 0, 0, failed.encode()))
        door = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, fd)
        while True:
            data, passed, _, _ = door.recvmsg(HEAD.size, _socket.CMSG_SPACE(3 * 4))
            if len(data) < HEAD.size:
                break
            _, serial, _, _ = HEAD.unpack(data)
            given = [int.from_bytes(passed[0][2][at : at + 4], sys.byteorder) for at in (0, 4, 8)]
            _signal.pthread_sigmask(_signal.SIG_BLOCK, ended_early)
            pid = os.fork()
            if pid == 0:
                _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
                _signal.pthread_sigmask(_signal.SIG_UNBLOCK, ended_early)
                os.setpgid(0, 0)
                os.close(fd)
                os.dup2(given[1], 1)
                os.dup2(given[1], 2)
                os.close(given[1])
                os.set_inheritable(given[0], False)
                serve(given[0], True)
            try:  # noqa: SIM105
                os.setpgid(pid, pid)
            except OSError:
                pass  # it has done so itself
            for each in given:
                os.close(each)
            wire.send(pack(FORKED, serial, pid))
            _signal.pthread_sigmask(_signal.SIG_UNBLOCK, ended_early)
    except (EOFError, OSError, ValueError):
        pass
    os._exit(0)
