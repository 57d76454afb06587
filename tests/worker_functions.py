"""Functions that behave badly on purpose; a worker imports them by name (``tests/test_executor.py``)."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time


class StubbornError(Exception):
    """An exception that does not survive pickling."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


def double(x: int) -> int:
    """Behave."""
    return 2 * x


def misbehave(how: str) -> str:
    """Hang, crash, eat memory, print or raise, as asked."""
    if how == "hang":
        time.sleep(60)
    if how == "hang in C":
        ctypes.PyDLL(None).sleep(60)  # holds the interpreter: no Python signal handler would ever run
    if how == "hang deaf":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        time.sleep(60)
    if how == "crash":
        ctypes.string_at(0)
    if how == "exit":
        os._exit(7)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "eat":
        return str(len(bytearray(8 << 30)))
    if how == "print":
        print("noise", flush=True)
        os.write(1, b"noise")
        os.write(2, b"noise")
        return sys.stdin.read() + how
    if how == "raise":
        raise LookupError(how)
    if how == "raise stubborn":
        raise StubbornError("a", "b")
    return how


def where(_: int) -> tuple[int, str | None, int]:
    """Tell which process this is, how many threads it may use, and its session."""
    return os.getpid(), os.environ.get("OMP_NUM_THREADS"), os.getsid(0)


def blob(n_bytes: int) -> bytes:
    """Return a result larger than a pipe holds."""
    return bytes(n_bytes)
