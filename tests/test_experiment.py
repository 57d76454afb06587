"""A run's folder: what is kept in it, when it is refused, and how an interrupted run goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from photism import experiment
from photism.errors import InputError, OptionError, RunError, WeightsError
from photism.experiment import train
from photism.runs import Run, load


@pytest.fixture
def interrupted(digits: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that was stopped while its head was being fitted."""

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(experiment, "fit", stop)
        with pytest.raises(KeyboardInterrupt):
            train(digits, tmp_path / "RUN")
    return tmp_path / "RUN"


def without_times(metrics: Any) -> dict[str, Any]:
    return {key: value for key, value in metrics.items() if key != "seconds"}


def test_an_interrupted_run_goes_on_to_the_same_end(interrupted: Path, digits: Path, trained: Path) -> None:
    assert [path.name for path in interrupted.iterdir()] == ["plan.json"]
    with pytest.raises(RunError, match="unfinished"):
        load(interrupted)
    run = train(digits, interrupted, resume=True)
    assert without_times(run.metrics) == without_times(json.loads((trained / "metrics.json").read_text()))
    assert run.metrics == json.loads((interrupted / "metrics.json").read_text())
    head = "recognizer/head.safetensors"
    assert (interrupted / head).read_bytes() == (trained / head).read_bytes()
    assert not list(interrupted.rglob("*.new"))


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"options": {"fit": "pad"}}, {"test_fold": "1"}, {"engine": "torch-fp32"}]
)
def test_other_options_do_not_go_on_with_a_run(interrupted: Path, digits: Path, other: dict[str, Any]) -> None:
    with pytest.raises(RunError, match="the same ones with --resume"):
        train(digits, interrupted, resume=True, **other)
    assert [path.name for path in interrupted.iterdir()] == ["plan.json"]


def test_other_data_does_not_go_on_with_a_run(interrupted: Path, digits: Path) -> None:
    with pytest.raises(RunError, match="other data"):
        train(digits / "digit_0", interrupted, resume=True)


def test_an_existing_run_is_refused_and_left_alone(trained: Path, interrupted: Path, digits: Path) -> None:
    for folder in (trained, interrupted):
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        with pytest.raises(RunError, match="--resume"):
            train(digits, folder)
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_finished_run_is_returned_as_it_is(trained: Path, digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "gather", None)
    run = train(digits, trained, resume=True)
    assert run.metrics == json.loads((trained / "metrics.json").read_text())


def test_a_folder_of_something_else_is_never_touched(digits: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    for words in ({}, {"resume": True}, {"replace_run": True}):
        with pytest.raises(RunError, match="no run of photism"):
            train(digits, tmp_path, **words)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="no run of photism"):
        train(digits, tmp_path / "thesis.txt")
    with pytest.raises(RunError, match="cannot be written"):
        train(digits, tmp_path / "thesis.txt" / "RUN")
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_damaged_plan_is_a_sentence(digits: Path, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"seed": ')
    with pytest.raises(RunError, match="damaged"):
        train(digits, tmp_path, resume=True)


def test_a_refused_training_leaves_nothing_behind(digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "RUN"
    with pytest.raises(WeightsError):
        train(digits, out, backbone="resnet")
    with pytest.raises(InputError):
        train(tmp_path / "nowhere", out)
    with pytest.raises(OptionError, match="one of two classes"):
        train(digits, out, positive="digit_0")
    with pytest.raises(OptionError, match="need --positive"):
        train(digits, out, threshold=0.5)
    assert not list(tmp_path.iterdir())


def test_a_run_shows_itself(trained: Path, digits: Path) -> None:
    run = Run(trained, json.loads((trained / "metrics.json").read_text()))
    assert run.to_text().splitlines()[-1] == f"report: {run.report}"
    assert run.to_text().startswith("10 classes; ")
    assert len(run.history) >= 2
    assert run._repr_html_().startswith("<pre>10 classes")
    assert run.recognizer.labels == tuple(run.metrics["labels"])  # type: ignore[arg-type]
    answer = run.recognizer.predict(digits / "digit_6" / "0000.png")[0]
    assert answer.label in run.recognizer.labels
    assert abs(sum(answer.probabilities) - 1) < 1e-9


def test_nothing_of_the_users_is_changed(digits: Path, tmp_path: Path) -> None:
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in digits.rglob("*.png")}
    train(digits, tmp_path / "RUN", pictures_in_report=False)
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in digits.rglob("*.png")} == before
    assert "data:image" not in (tmp_path / "RUN" / "report.html").read_text()


def test_a_method_that_is_not_built_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="finetune"):
        train(tmp_path, tmp_path / "RUN", method="finetune")
    assert not (tmp_path / "RUN").exists()
