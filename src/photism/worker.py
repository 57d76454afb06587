"""One killable worker: a fresh interpreter that answers its parent until the pipe closes.

Covers the worker's side of ``ProcessExecutor`` and the messages that both sides write. Does not cover starting,
feeding and ending workers: that is ``executor.py``.

A message is a header (what it is, how many bytes follow) and a pickle. Pickles travel between photism and its own
children only; none is ever read from a file.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

__all__ = ["FUNCTION", "GONE", "ITEMS", "MEMORY", "RAISED", "RESULT", "read_message", "work", "write_message"]

FUNCTION, ITEMS, RESULT, RAISED, MEMORY, GONE = b"f", b"i", b"=", b"!", b"m", b""
"""What a message is: the function to run, a chunk of items; and what came of one item."""

_HEADER = struct.Struct("<cQ")


def write_message(pipe: IO[bytes] | None, what: bytes, body: bytes) -> None:
    """Write one message and flush it.

    Parameters
    ----------
    pipe : binary stream
        Where to.
    what : bytes
        Its sort, one of the constants of this file.
    body : bytes
        What it says.

    Raises
    ------
    BrokenPipeError
        If the other side has ended.
    """
    assert pipe is not None  # Popen was asked for pipes
    pipe.write(_HEADER.pack(what, len(body)))
    pipe.write(body)
    pipe.flush()


def read_message(pipe: IO[bytes] | None) -> tuple[bytes, bytes]:
    """Read one message: what it is and its pickle; ``GONE`` and nothing when the other side has ended."""
    assert pipe is not None
    head = pipe.read(_HEADER.size)
    if len(head) == _HEADER.size:
        what, n_bytes = _HEADER.unpack(head)
        body = pipe.read(n_bytes)
        if len(body) == n_bytes:
            return what, body
    return GONE, b""


def work(timeout_s: float, memory_bytes: int) -> None:
    """Answer chunks until the parent closes the pipe."""
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 0)  # a library that prints or asks must not disturb the messages
    os.dup2(silence, 1)
    _limit(memory_bytes)
    if hasattr(signal, "setitimer"):  # the default action ends the process even while C code holds the interpreter
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    function: Callable[[Any], Any] = abs
    while True:
        what, body = read_message(inbox)
        if what == GONE:
            return
        if what == FUNCTION:
            try:
                function = pickle.loads(body)  # noqa: S301
            except Exception as error:  # noqa: BLE001 - the parent raises it
                write_message(outbox, RAISED, pickle.dumps(f"failed with {type(error).__name__}: {error}"))
                return
            write_message(outbox, FUNCTION, pickle.dumps(None))
            continue
        for item in pickle.loads(body):  # noqa: S301
            _set_alarm(timeout_s)
            answer = _answer(function, item)
            _set_alarm(0.0)
            write_message(outbox, *answer)


def _set_alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):  # where there is none (Windows), the parent alone watches the clock
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit(memory_bytes: int) -> None:
    """Cap anonymous memory (0 for no cap), where the system can; a crash leaves no core file in the user's folder."""
    with suppress(ImportError, OSError, ValueError):  # Windows has no such limits, macOS refuses some
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if memory_bytes:
            soft = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _answer(function: Callable[[Any], Any], item: object) -> tuple[bytes, bytes]:
    """Run one item and pickle what comes of it."""
    try:
        return RESULT, pickle.dumps(function(item), protocol=5)
    except MemoryError:
        return MEMORY, b"reading it needs more memory than a worker may hold"
    except Exception as error:  # noqa: BLE001 - the parent raises it
        error.add_note("in a worker:\n" + traceback.format_exc())
        try:
            body = pickle.dumps(error)
            pickle.loads(body)  # noqa: S301
        except Exception:  # noqa: BLE001 - some exceptions do not survive pickling; their text does
            body = pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}\n{traceback.format_exc()}"))
        return RAISED, body
