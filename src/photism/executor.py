"""Run one function over many items, in this process or in workers that can be killed.

Covers: the ``Executor`` protocol, a serial executor, and ``ProcessExecutor``, whose workers read hostile files: an item
that takes too long, needs too much memory or crashes its worker becomes a ``WorkerError`` *value* at its place, and
the others go on. Does not cover: other machines (``ray_executor.py``), and what is done to an item.

Why not ``concurrent.futures``: one dead worker breaks its whole pool, a running item cannot be stopped, and *spawn*
imports the user's ``__main__`` again. Here a worker (``worker.py``) is a fresh interpreter; functions travel by name,
items and results as length-prefixed pickles over the worker's own pipes.
"""

from __future__ import annotations

import math
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from photism.errors import WorkerError
from photism.worker import FUNCTION, GONE, ITEMS, MEMORY, RAISED, RESULT, read_message, write_message

__all__ = ["Executor", "ProcessExecutor", "SerialExecutor", "count_cores"]

T = TypeVar("T")
R = TypeVar("R")
Tasks: TypeAlias = "queue.SimpleQueue[list[tuple[int, Any]]]"  # chunks of (place, item); an empty one ends a thread
Results: TypeAlias = "queue.SimpleQueue[tuple[int, bytes, Any]]"  # (place, what the message is, value)

_NO_ITEM = -1
_PROGRAM = "import sys; from photism.worker import work; work(float(sys.argv[1]), int(sys.argv[2]))"
_CHUNK_ITEMS = 16  # a worker gets this many at once: round trips vanish, and few results wait in memory
_START_S = 120.0  # importing the function's module on a busy machine must not count as a hanging item
_GRACE_S = 5.0  # a worker ends itself at timeout_s; the parent steps in this much later
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


@runtime_checkable
class Executor(Protocol):
    """Whatever can run a function over items and give the results in order; a context manager."""

    def map(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[R | WorkerError]:
        """Yield ``function(item)`` for each item, in order, as they come; see ``ProcessExecutor.map``."""
        ...

    def close(self) -> None:
        """Give back every process and thread."""

    def __enter__(self) -> Executor:
        """Return the executor."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the executor."""
        self.close()


class SerialExecutor(Executor):
    """Run in this process, one item after the other: for tests and for inputs that are trusted.

    Nothing is limited here: a hanging item hangs the program.

    Examples
    --------
    >>> with SerialExecutor() as executor:
    ...     list(executor.map(abs, [-2, 3]))
    [2, 3]
    """

    def map(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[R | WorkerError]:
        """Yield ``function(item)`` for each item, in order; one that needs too much memory is a ``WorkerError``.

        Raises
        ------
        Exception
            Whatever ``function`` raises, at the item's place.
        """
        for item in items:
            try:
                result: R | WorkerError = function(item)
            except MemoryError:
                result = WorkerError("reading it needs more memory than this machine gives")
            yield result


class ProcessExecutor(Executor):
    """Run in worker processes of its own, which are killed and replaced when an item misbehaves.

    Parameters
    ----------
    workers
        Number of processes; one a core by default. They start with the first ``map`` and stay for the next.
    timeout_s
        Seconds one item may take. A pause of the consumer does not count.
    memory_bytes
        Bytes of anonymous memory a worker may hold (a memory-mapped file is not counted); None for no limit. Kept
        by the operating system where it can (``RLIMIT_DATA``: Linux).

    Raises
    ------
    ValueError
        If a number is not above zero.

    Notes
    -----
    Results do not depend on the number of workers. Workers compute with one thread each, read nothing from the
    terminal and write nothing to it, ignore Ctrl-C (the parent decides), and end with their parent. One ``map`` runs
    at a time. A round trip costs about 0.1 ms a chunk of 16 items, starting a worker what ``import photism`` costs.

    Examples
    --------
    >>> with ProcessExecutor(workers=2) as executor:
    ...     list(executor.map(abs, [-2, 3]))
    [2, 3]
    """

    def __init__(
        self, workers: int | None = None, timeout_s: float = 60.0, *, memory_bytes: int | None = 4 * 2**30
    ) -> None:
        self.workers = count_cores() if workers is None else workers
        self.timeout_s = timeout_s
        self.memory_bytes = memory_bytes
        if self.workers < 1 or timeout_s <= 0 or (memory_bytes is not None and memory_bytes <= 0):
            got = f"{workers}, {timeout_s} and {memory_bytes}"
            raise ValueError(f"workers, timeout_s and memory_bytes must be above zero, not {got}")
        self._processes: list[_Process] = []
        self._busy = threading.Lock()

    def map(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[R | WorkerError]:
        """Yield ``function(item)`` for each item, in order, as they come.

        Parameters
        ----------
        function
            A function at the top of an importable module, or a ``functools.partial`` of one.
        items
            Anything that pickles.

        Yields
        ------
        R | WorkerError
            The result; or, for an item that took too long, needed too much memory or ended its worker, the error.

        Raises
        ------
        ValueError
            If the function cannot be found by name in another process.
        WorkerError
            If a worker cannot start (raised, not yielded).
        RuntimeError
            If another ``map`` of this executor is not exhausted or closed.
        Exception
            Whatever ``function`` raises, at the item's place, with the worker's traceback as a note.
        """
        return self._stream(_by_name(function), items)

    def _stream(self, function: bytes, items: Sequence[T]) -> Iterator[Any]:
        if not self._busy.acquire(blocking=False):
            raise RuntimeError("this ProcessExecutor already runs a map: exhaust or close that one first")
        n_workers = min(self.workers, len(items))
        while len(self._processes) < n_workers:
            self._processes.append(_Process(self.timeout_s, self.memory_bytes))
        processes = self._processes[:n_workers]
        tasks: Tasks = queue.SimpleQueue()
        results: Results = queue.SimpleQueue()
        threads = [threading.Thread(target=_feed, args=(p, function, tasks, results), daemon=True) for p in processes]
        n_received = 0
        try:
            for thread in threads:
                thread.start()
            for value in _in_order(items, processes, tasks, results):
                n_received += 1
                yield value
        finally:
            for _ in threads:
                tasks.put([])
            if n_received < len(items):  # an abandoned loop or an error: nobody waits for what still runs
                del self._processes[:n_workers]
                for process in processes:
                    process.stop()
            for thread in threads:
                thread.join()
            if n_received < len(items):
                for process in processes:
                    process.close()
            self._busy.release()

    def close(self) -> None:
        """End the workers; the next ``map`` starts new ones."""
        for process in self._processes:
            process.close()
        self._processes.clear()


def count_cores() -> int:
    """Return the number of processor cores that this process may use, at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _by_name(function: Callable[..., Any]) -> bytes:
    """Pickle a function, which keeps its name alone: another process imports it."""
    core = function.func if isinstance(function, partial) else function
    name = getattr(core, "__qualname__", "<>")
    if getattr(core, "__module__", "__main__") == "__main__" or "<" in name:
        raise ValueError(f"a worker cannot import {core!r}: it must stand at the top of an importable module")
    return pickle.dumps(function, protocol=5)


def _in_order(items: Sequence[T], processes: Sequence[_Process], tasks: Tasks, results: Results) -> Iterator[Any]:
    """Hand out chunks, no further ahead than memory allows, and yield results in the order of the items."""
    waiting: dict[int, tuple[bytes, Any]] = {}
    sent = 0
    for index in range(len(items)):
        while sent < len(items) and sent < index + 2 * len(processes) * _CHUNK_ITEMS:
            # chunks shrink towards the end, so that no worker is left with a long queue while the others rest
            size = max(1, min(_CHUNK_ITEMS, (len(items) - sent) // (4 * len(processes))))
            tasks.put([(i, items[i]) for i in range(sent, min(sent + size, len(items)))])
            sent += size
        while index not in waiting:
            try:
                place, what, value = results.get(timeout=1.0)
            except queue.Empty:
                for process in processes:
                    process.end_if_overdue()
                continue
            if place == _NO_ITEM:
                raise value
            waiting[place] = what, value
        what, value = waiting.pop(index)
        if what == RAISED:
            raise value
        yield value


def _feed(process: _Process, function: bytes, tasks: Tasks, results: Results) -> None:
    """One thread a worker: pass chunks to it and its answers on, until an empty chunk says that all is done."""
    try:
        while chunk := tasks.get():
            while chunk:
                process.send(function, [item for _, item in chunk])
                alive = True
                while chunk and alive:  # what is left when the worker dies goes to its successor
                    (index, _), *chunk = chunk
                    what, value, alive = process.receive()
                    results.put((index, what, value))
    except BaseException as error:  # noqa: BLE001 - a thread cannot raise: the generator that reads the queue does
        results.put((_NO_ITEM, RAISED, error))


# ── the parent's side of one worker ──────────────────────────────────────────────────────────────────


class _Process:
    """One worker process, started when it is first needed and again after it has died."""

    def __init__(self, timeout_s: float, memory_bytes: int | None) -> None:
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._popen: subprocess.Popen[bytes] | None = None
        self._function = b""  # what the worker holds, pickled
        self._deadline_s = math.inf
        self._overdue = False
        self._stopped = False
        self._lock = threading.Lock()  # between starting here and being stopped from another thread

    def send(self, function: bytes, items: list[Any]) -> None:
        """Write a chunk; a function that the worker does not hold yet goes first."""
        if self._popen is not None and self._popen.poll() is not None:
            self.close()  # it died while it had nothing to do: no item is to blame
        popen = self._popen or self._start()
        # a worker that has died meanwhile is met by the next read, which tells why
        with suppress(BrokenPipeError):
            if self._function != function:
                write_message(popen.stdin, FUNCTION, function)
                what, value = self._read(_START_S)
                if what != FUNCTION:
                    raise WorkerError(f"a worker could not start: importing its function {value}")
                self._function = function
            write_message(popen.stdin, ITEMS, pickle.dumps(items, protocol=5))

    def receive(self) -> tuple[bytes, Any, bool]:
        """Return what came of the next item, and whether the worker still lives."""
        what, value = self._read(self._timeout_s + _GRACE_S)
        if what == GONE:
            return RESULT, WorkerError(f"reading it {value}"), False
        return what, value, True

    def end_if_overdue(self) -> None:
        """End a worker that has outlived its own timer (called from another thread)."""
        popen = self._popen
        if popen is not None and time.monotonic() > self._deadline_s:
            self._overdue = True
            popen.kill()

    def stop(self) -> None:
        """End the worker and refuse the work that is still queued (called from another thread)."""
        with self._lock:
            self._stopped = True
            if self._popen is not None:
                self._popen.kill()

    def close(self) -> None:
        """End the worker and free its pipes; ``send`` starts another unless it was stopped."""
        popen, self._popen, self._function = self._popen, None, b""
        if popen is not None:
            popen.kill()
            with suppress(BrokenPipeError):  # from the rest of a chunk that nobody reads any more
                popen.communicate()

    def _start(self) -> subprocess.Popen[bytes]:
        paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
        with self._lock:
            if self._stopped:
                raise WorkerError("the worker was stopped")
            self._overdue = False
            self._popen = subprocess.Popen(  # -P: a file in the current folder cannot pose as a module
                [sys.executable, "-P", "-c", _PROGRAM, str(self._timeout_s), str(self._memory_bytes or 0)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **_ONE_THREAD, "PYTHONPATH": paths},
                start_new_session=True,  # Ctrl-C goes to the parent alone
            )
        return self._popen

    def _read(self, limit_s: float) -> tuple[bytes, Any]:
        """Read one message; ``GONE`` means that the worker has ended, with the reason as a predicate."""
        popen = self._popen
        if popen is None:
            raise WorkerError("the worker was stopped")
        self._deadline_s = time.monotonic() + limit_s
        what, body = read_message(popen.stdout)
        self._deadline_s = math.inf
        if what == GONE:
            popen.wait()
            reason = _why(popen.returncode, self._overdue, limit_s if self._overdue else self._timeout_s)
            if not self._stopped:
                self.close()
            return GONE, reason
        return what, WorkerError(body.decode()) if what == MEMORY else pickle.loads(body)  # noqa: S301 - our own child wrote it


def _why(returncode: int, overdue: bool, timeout_s: float) -> str:
    """Say why a worker has ended, as a predicate to what it did."""
    if overdue or returncode == -getattr(signal, "SIGALRM", 0):
        return f"took longer than {timeout_s:g} s"
    if returncode == -getattr(signal, "SIGKILL", 0):
        return "needed so much memory that the system ended the worker"
    if returncode < 0:
        return f"crashed the worker ({signal.Signals(-returncode).name})"
    return f"ended the worker with exit code {returncode}"
