"""Executors: the same contract for all, and what only killable workers can do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from photism.errors import WorkerError
from photism.executor import Executor, ProcessExecutor, SerialExecutor, count_cores
from tests.worker_functions import blob, double, misbehave, where

# ── the contract ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessExecutor]:
    with ProcessExecutor(2, 1.0, memory_bytes=2**30) as executor:
        yield executor


@pytest.fixture(params=["serial", "process"])
def executor(request: pytest.FixtureRequest, processes: ProcessExecutor) -> Executor:
    return SerialExecutor() if request.param == "serial" else processes


def test_results_come_in_the_order_of_the_items(executor: Executor) -> None:
    assert list(executor.map(double, range(1000))) == [2 * x for x in range(1000)]


def test_no_items_give_no_results(executor: Executor) -> None:
    assert list(executor.map(double, [])) == []


def test_a_partial_carries_what_it_has_bound(executor: Executor) -> None:
    assert list(executor.map(partial(pow, 2), [1, 2, 3])) == [2, 4, 8]


def test_an_exception_comes_out_at_its_place(executor: Executor) -> None:
    results = executor.map(misbehave, ["fine", "raise", "fine"])
    assert next(results) == "fine"
    with pytest.raises(LookupError, match="raise"):
        next(results)
    assert list(executor.map(double, [4])) == [8]


def test_too_much_memory_is_a_value(processes: ProcessExecutor) -> None:
    first, second, third = processes.map(misbehave, ["a", "eat", "b"])
    assert (first, third) == ("a", "b")
    assert isinstance(second, WorkerError)
    assert "memory" in str(second)


# ── workers that die ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("hang", "took longer than 1 s"),
        ("hang in C", "took longer than 1 s"),
        ("crash", "crashed the worker (SIGSEGV)"),
        ("exit", "exit code 7"),
        ("killed", "system ended the worker"),
    ],
)
def test_the_others_go_on_when_an_item_ends_its_worker(processes: ProcessExecutor, how: str, reason: str) -> None:
    items = ["a"] * 5 + [how] + ["b"] * 5
    results = list(processes.map(misbehave, items))
    assert results[:5] + results[6:] == ["a"] * 5 + ["b"] * 5
    assert isinstance(results[5], WorkerError)
    assert reason in str(results[5])


def test_the_parent_steps_in_where_a_worker_ignores_its_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photism.executor._GRACE_S", 0.2)
    with ProcessExecutor(1, 0.3) as executor:
        deaf, fine = executor.map(misbehave, ["hang deaf", "fine"])
    assert isinstance(deaf, WorkerError)
    assert "took longer" in str(deaf)
    assert fine == "fine"


def test_a_pause_of_the_consumer_is_no_hanging_item() -> None:
    with ProcessExecutor(1, 0.3) as executor:
        results = executor.map(blob, [3_000_000] * 40)
        next(results)
        time.sleep(0.6)
        assert all(result == bytes(3_000_000) for result in results)


def test_a_worker_that_dies_between_two_maps_costs_no_item() -> None:
    with ProcessExecutor(1) as executor:
        ((pid, _, _),) = executor.map(where, [0])
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
        assert list(executor.map(double, [1, 2])) == [2, 4]


def test_what_libraries_print_reaches_nobody(processes: ProcessExecutor, capfd: pytest.CaptureFixture[str]) -> None:
    assert list(processes.map(misbehave, ["print"])) == ["print"]
    assert capfd.readouterr() == ("", "")


def test_an_exception_that_does_not_pickle_keeps_its_text(processes: ProcessExecutor) -> None:
    with pytest.raises(RuntimeError, match="StubbornError: ab"):
        list(processes.map(misbehave, ["raise stubborn"]))


def test_the_traceback_of_the_worker_is_a_note(processes: ProcessExecutor) -> None:
    with pytest.raises(LookupError) as caught:
        list(processes.map(misbehave, ["raise"]))
    assert "worker_functions.py" in "".join(caught.value.__notes__)


# ── processes come and go ────────────────────────────────────────────────────────────────────────────


def test_a_worker_stays_for_the_next_map_with_one_thread_in_a_session_of_its_own() -> None:
    with ProcessExecutor(1) as executor:
        ((pid, threads, session),) = set(executor.map(where, range(50)))
        assert set(executor.map(where, range(50))) == {(pid, threads, session)}
    assert (threads, session) == ("1", pid)


def test_an_abandoned_map_ends_at_once_and_the_executor_goes_on(processes: ProcessExecutor) -> None:
    start = time.monotonic()
    results = processes.map(misbehave, ["fine", "hang", "hang", "hang"])
    assert next(results) == "fine"
    results.close()  # type: ignore[attr-defined]  # it is a generator
    assert time.monotonic() - start < 0.9
    assert list(processes.map(double, [1])) == [2]


def test_taking_the_last_result_finishes_a_map() -> None:
    with ProcessExecutor(1) as executor:
        unfinished = executor.map(where, range(20))
        (first,) = set(islice(unfinished, 20))  # as zip(items, results) does: it never asks for the end
        del unfinished
        assert set(executor.map(where, range(20))) == {first}


def test_two_maps_at_a_time_are_refused(processes: ProcessExecutor) -> None:
    first = processes.map(double, range(100))
    next(first)
    with pytest.raises(RuntimeError, match="already runs a map"):
        next(processes.map(double, [1]))
    assert len(list(first)) == 99


def test_closing_ends_the_processes() -> None:
    executor = ProcessExecutor(2)
    pids = {pid for pid, _, _ in executor.map(where, range(50))}
    executor.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_end_with_their_parent() -> None:
    program = (
        "from photism.executor import ProcessExecutor; from tests.worker_functions import where; import os;"
        "executor = ProcessExecutor(1); print(next(executor.map(where, [0]))[0], flush=True); os._exit(0)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, env=environment, check=True)
    pid = int(done.stdout)
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().split()[2]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":  # ended; nobody has collected it yet
            return
        time.sleep(0.05)
    pytest.fail("the worker outlived its parent")


def test_a_function_without_a_name_is_refused() -> None:
    with ProcessExecutor(1) as executor, pytest.raises(ValueError, match="importable module"):
        executor.map(lambda x: x, [1])


def test_a_function_that_only_this_process_has_is_told() -> None:
    double.__module__, kept = "tests.nowhere", double.__module__
    module = type(sys)("tests.nowhere")
    module.double = double  # type: ignore[attr-defined]
    sys.modules["tests.nowhere"] = module
    try:
        with ProcessExecutor(1) as executor, pytest.raises(WorkerError, match=r"could not start.*tests\.nowhere"):
            list(executor.map(double, [1]))
    finally:
        double.__module__ = kept
        del sys.modules["tests.nowhere"]


@pytest.mark.parametrize(("workers", "timeout_s", "memory"), [(0, 1.0, None), (1, 0.0, None), (1, 1.0, 0)])
def test_numbers_must_be_above_zero(workers: int, timeout_s: float, memory: int | None) -> None:
    with pytest.raises(ValueError, match="above zero"):
        ProcessExecutor(workers, timeout_s, memory_bytes=memory)


def test_there_is_a_core() -> None:
    assert count_cores() >= 1
