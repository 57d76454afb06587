"""A run's folder: what is kept in it, when it is refused, and how an interrupted run goes on."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from safetensors.numpy import load_file

from photism.data.material import Material
from photism.errors import DataError, InputError, OptionError, RunError, WeightsError
from photism.experiment import asking, request, train
from photism.recognizers import engines
from photism.recognizers.engines import engines_here
from photism.runs import Run, load
from photism.training import adapt, choose, ensemble, larger, plan
from photism.training.cross_tuned import CrossTuned, cross_tuned
from photism.training.ground import Ground
from photism.training.plan import Plan
from photism.verbs.ask import evaluate
from photism.verbs.explain import explain
from tests.recognizers.backbone_samples import lively_backbone, random_backbone
from tests.small_training import ENGINE, Small, ground_of, in_folds

NETWORK = "efficientnet_lite0"


@pytest.fixture
def interrupted(digits: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that was stopped while its head was being fitted."""

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(asking, "probe_of", stop)
        with pytest.raises(KeyboardInterrupt):
            train(digits, tmp_path / "RUN", backbone=NETWORK)
    return tmp_path / "RUN"


def without_times(metrics: Any) -> dict[str, Any]:
    return {key: value for key, value in metrics.items() if key != "seconds"}


def test_an_interrupted_run_goes_on_to_the_same_end(interrupted: Path, digits: Path, trained: Path) -> None:
    assert {path.name for path in interrupted.iterdir()} == {"plan.json", "engines.json"}
    with pytest.raises(RunError, match="unfinished"):
        load(interrupted)
    run = train(digits, interrupted, backbone=NETWORK, resume=True)
    assert without_times(run.metrics) == without_times(json.loads((trained / "metrics.json").read_text()))
    assert run.metrics == json.loads((interrupted / "metrics.json").read_text())
    head = "recognizer/head.safetensors"
    assert (interrupted / head).read_bytes() == (trained / head).read_bytes()
    assert not list(interrupted.rglob("*.new"))


def test_a_resumed_run_asks_the_engine_that_it_began_with(
    interrupted: Path, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = json.loads((interrupted / "engines.json").read_text())[NETWORK]
    other = next(name for name in engines_here() if name != began["name"])
    monkeypatch.setenv("PHOTISM_CACHE", str(tmp_path / "cache"))  # what was found by trying is gone
    monkeypatch.setattr(engines, "_fastest", lambda wanted: wanted.open(other))
    run = train(digits, interrupted, backbone=NETWORK, resume=True)
    assert cast("dict[str, Any]", run.metrics["chosen"])["engine"] == began["name"]


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"options": {"fit": "pad"}}, {"test_fold": "1"}, {"engine": "torch-fp32"}]
)
def test_other_options_do_not_go_on_with_a_run(interrupted: Path, digits: Path, other: dict[str, Any]) -> None:
    with pytest.raises(RunError, match="the same ones with --resume"):
        train(digits, interrupted, backbone=NETWORK, resume=True, **other)
    assert {path.name for path in interrupted.iterdir()} == {"plan.json", "engines.json"}


def test_other_data_does_not_go_on_with_a_run(interrupted: Path, digits: Path) -> None:
    with pytest.raises(RunError, match="other data"):
        train(digits / "digit_0", interrupted, backbone=NETWORK, resume=True)


def test_an_existing_run_is_refused_and_left_alone(trained: Path, interrupted: Path, digits: Path) -> None:
    for folder in (trained, interrupted):
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        with pytest.raises(RunError, match="--resume"):
            train(digits, folder)
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_finished_run_is_returned_as_it_is(trained: Path, digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "gather", None)
    run = train(digits, trained, backbone=NETWORK, resume=True)
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


@pytest.mark.parametrize("budget_s", [None, 60.0])
def test_data_that_prove_useless_leave_no_run_behind(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget_s: float | None
) -> None:
    def nothing(*_: object) -> Material:
        raise DataError("nothing is left to validate with.")

    monkeypatch.setattr(Material, "without", nothing)
    monkeypatch.setattr(asking, "gather", lambda *_, **__: small.material)
    with pytest.raises(DataError):
        train(small.folder, tmp_path / "RUN", engine=ENGINE, budget_s=budget_s)
    assert not (tmp_path / "RUN").exists()


def test_a_training_refused_after_its_plan_was_written_leaves_nothing_behind(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        assert (tmp_path / "RUN" / "portion.json").is_file()
        raise DataError("nothing to fit a head to.")

    monkeypatch.setattr(asking, "probe_of", refuse)
    with pytest.raises(DataError):
        train(digits, tmp_path / "RUN", backbone=NETWORK, budget_s=60.0)
    assert not (tmp_path / "RUN").exists()


def test_only_a_run_on_the_same_data_is_replaced(digits: Path, tmp_path: Path) -> None:
    mine = tmp_path / "RUN"
    mine.mkdir()
    (mine / "plan.json").write_text('{"data": "/data/mine"}')
    with pytest.raises(RunError, match="other data"):
        train(digits, mine, replace_run=True)
    assert (mine / "plan.json").is_file()


def test_a_run_shows_itself(trained: Path, digits: Path) -> None:
    run = Run(trained, json.loads((trained / "metrics.json").read_text()))
    assert run.to_text().splitlines()[-1] == f"report: {run.report}"
    assert run.to_text().startswith("10 classes, read as images; ")
    assert len(run.history) >= 2
    assert run._repr_html_().startswith("<pre>10 classes")
    assert run.recognizer.labels == tuple(run.metrics["labels"])  # type: ignore[arg-type]
    answer = run.recognizer.predict(digits / "digit_6" / "0000.png")[0]
    assert answer.label in run.recognizer.labels
    assert abs(sum(answer.probabilities) - 1) < 1e-9


def test_the_report_explains_an_answer(trained: Path) -> None:
    page = (trained / "report.html").read_text()
    assert '<section id="decided">' in page
    assert page.count('<div class="explanation">') >= 1
    assert "Taking away what matters" in page


def test_nothing_of_the_users_is_changed(digits: Path, tmp_path: Path) -> None:
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in digits.rglob("*.png")}
    train(digits, tmp_path / "RUN", backbone=NETWORK, pictures_in_report=False)
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in digits.rglob("*.png")} == before
    assert "data:image" not in (tmp_path / "RUN" / "report.html").read_text()


def test_a_method_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"auto, probe, finetune.*'distil'"):
        train(tmp_path, tmp_path / "RUN", method="distil")
    assert not (tmp_path / "RUN").exists()


# ── fine-tuning, with a small network ────────────────────────────────────────────────────────────────


@pytest.fixture
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty-four pixels and random weights instead of the packaged network; a plan of three epochs."""
    network = replace(random_backbone(), size_px=64)
    monkeypatch.setattr(request, "load_backbone", lambda name, weights: network)
    monkeypatch.setattr(plan, "STANDARD_EPOCHS", 3)
    monkeypatch.setattr(plan, "LEAST_STEPS", 3)
    monkeypatch.setattr(plan, "STANDARD_VIEWS", 1)


def fine_tune(small: Small, out: Path, **options: Any) -> Run:
    usual = {"method": "finetune", "engine": ENGINE, "backbone": NETWORK, "pictures_in_report": False}
    return train(small.folder, out, **usual | options)


def tensors_of(folder: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path in sorted((folder / "recognizer").rglob("*.safetensors")):
        found |= {f"{path.relative_to(folder)}/{name}": value.tobytes() for name, value in load_file(path).items()}
    return found


@pytest.mark.usefixtures("small_network")
def test_a_fine_tuned_run_answers_as_its_metrics_say(small: Small, tmp_path: Path) -> None:
    run = fine_tune(small, tmp_path / "RUN")
    metrics: Any = run.metrics
    names = random_backbone().stage_names
    chosen, (attempt,) = metrics["chosen"], metrics["attempts"]
    assert chosen["method"] == "finetune"
    assert chosen["classifier"] == "softmax"
    after = attempt["plan"]["after"]
    assert chosen["first_trained_layer"] == names[0 if after is None else names.index(after) + 1]
    read = attempt["plan"]["frozen_layers"] if attempt["blend"]["share"] else []
    assert chosen["layers"] == [*read, *attempt["plan"]["layers"]]
    assert attempt["kept"] is True
    assert attempt["depth"]["evidence"].endswith(".")
    compared = attempt["comparison"]
    assert compared["challenger_accuracy"] == metrics["valid"]["accuracy"]
    assert compared["challenger_loss_nats"] == pytest.approx(metrics["valid"]["loss_nats"])
    assert 0 <= compared["p_value"] <= 1
    assert metrics["seconds"]["finetune"] > 0
    assert [row.epoch for row in run.history] == [1, 2, 3]
    assert {path.name for path in run.folder.iterdir()} == {
        "plan.json", "engines.json", "finetune.json", "recognizer", "history.jsonl", "split.csv", "skipped.csv",
        "metrics.json", "report.html", "log.txt", "curves.png", "curves.svg",
    }  # fmt: skip
    files = sorted((small.folder / "test").glob("*/*.png"))
    answers = load(run.folder).predict(files)
    assert metrics["test"]["n"] == len(files) == 6
    right = np.mean([answer.label == file.parent.name for answer, file in zip(answers, files, strict=True)])
    assert right == metrics["test"]["accuracy"]
    losses = [-np.log(dict(answer.top(3))[file.parent.name]) for answer, file in zip(answers, files, strict=True)]
    assert np.mean(losses) == pytest.approx(metrics["test"]["loss_nats"], rel=1e-5)


@pytest.mark.usefixtures("small_network")
def test_one_seed_gives_the_same_weights_and_an_interrupted_run_them_too(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photism.training.finetune.KEEP_EVERY_S", 0.0)
    one, other = (fine_tune(small, tmp_path / name) for name in ("one", "other"))
    assert tensors_of(one.folder) == tensors_of(other.folder)
    assert without_times(one.metrics) == without_times(other.metrics)

    def stop(phase: str, done: int, total: int) -> None:
        if phase == "fine-tuning" and done == total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune(small, tmp_path / "cut", progress=stop)
    assert list((tmp_path / "cut" / "unfinished").rglob("state.safetensors"))
    # The plan is what was written down, whatever would be planned now.
    monkeypatch.setattr(plan, "STANDARD_EPOCHS", 9)
    resumed = fine_tune(small, tmp_path / "cut", resume=True)
    assert tensors_of(resumed.folder) == tensors_of(one.folder)
    assert without_times(resumed.metrics) == without_times(one.metrics)
    assert not (tmp_path / "cut" / "unfinished").exists()
    assert {p.name for p in resumed.folder.iterdir()} == {p.name for p in one.folder.iterdir()}


@pytest.mark.usefixtures("small_network")
def test_labels_are_asked_of_networks_tuned_in_cross_validation(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a fine-tuned network is kept, and a budget leaves the time."""
    plans: list[Plan] = []

    def counted(ground: Ground, plan: Plan, **options: Any) -> CrossTuned:
        plans.append(plan)
        return cross_tuned(ground, plan, **options)

    monkeypatch.setattr("photism.training.cross_tuned.cross_tuned", counted)
    run = fine_tune(small, tmp_path / "with-time")
    metrics: Any = run.metrics
    (plan,) = plans
    assert plan == Plan.from_json(metrics["attempts"][0]["plan"])
    assert metrics["trust"]["suspects"]["n_files"] == 24
    fine_tune(small, tmp_path / "probed", method="probe")
    fine_tune(small, tmp_path / "in-a-hurry", budget_s=1.0)
    assert len(plans) == 1


@pytest.mark.usefixtures("small_network")
def test_auto_keeps_the_probe_on_a_tie(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapt, "compare", lambda simple, _, y, groups, **__: choose.compare(simple, simple, y, groups))
    monkeypatch.setattr("photism.experiment.improving.can_be_beaten", lambda *_: True)
    tie: Any = fine_tune(small, tmp_path / "auto", method="auto").metrics
    probe: Any = fine_tune(small, tmp_path / "probe", method="probe").metrics
    assert [one["kept"] for one in tie["attempts"]] == [False]
    assert tie["attempts"][0]["comparison"]["p_value"] == 1.0
    assert probe["attempts"] == []
    assert (tie["untried"], probe["untried"]) == (None, None)
    assert tie["chosen"] == probe["chosen"]
    assert tie["chosen"]["method"] == "probe"
    assert tie["test"] == probe["test"]
    assert tie["valid"] == probe["valid"]
    assert tensors_of(tmp_path / "auto") == tensors_of(tmp_path / "probe")


@pytest.mark.usefixtures("small_network")
def test_auto_does_not_try_what_validation_could_not_show(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photism.experiment.improving.can_be_beaten", lambda *_: False)
    run = fine_tune(small, tmp_path / "RUN", method="auto")
    assert run.metrics["attempts"] == []
    assert not (run.folder / "finetune.json").exists()
    said = "Fine-tuning was not tried: the probe errs on too few validation files"
    assert str(run.metrics["untried"]).startswith(said)
    assert said in run.to_text()
    assert said in (run.folder / "report.html").read_text()


@pytest.mark.usefixtures("small_network")
def test_a_stage_that_there_is_not_is_refused(small: Small, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"--from-layer expects one of conv1, fire2, .*'layer4'"):
        fine_tune(small, tmp_path / "RUN", from_layer="layer4")
    assert not (tmp_path / "RUN").exists()


@pytest.mark.usefixtures("small_network")
def test_a_stage_that_is_named_is_the_first_to_be_trained(small: Small, tmp_path: Path) -> None:
    run = fine_tune(small, tmp_path / "RUN", from_layer="fire8")
    chosen: Any = run.metrics["chosen"]
    assert chosen["first_trained_layer"] == "fire8"
    kept, before = load_file(run.folder / "recognizer" / "backbone.safetensors"), random_backbone().state()
    changed = {name.split(".")[1] for name in kept if kept[name].tobytes() != before[name].tobytes()}
    assert "fire8" in changed <= {"fire8", "fire9"}


@pytest.fixture
def read_in_portions(small_network: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, a look at the clock after every fourth file, and two files a class that come first."""
    monkeypatch.setenv("PHOTISM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("photism.training.frozen.BATCH_IN_A_HURRY", 4)
    monkeypatch.setattr("photism.data.portion.FEWEST", 2)


@pytest.mark.usefixtures("read_in_portions")
def test_a_short_budget_reads_a_share_of_the_files_and_says_so(small: Small, tmp_path: Path) -> None:
    run = fine_tune(small, tmp_path / "short", method="probe", budget_s=1.0)
    metrics: Any = run.metrics
    n_asked = json.loads((run.folder / "portion.json").read_text())["files"]
    assert 18 <= n_asked < 30
    assert [one for one in metrics["warnings"] if one.startswith(f"Only {n_asked} of 30 files were read")]
    assert f", {30 - n_asked} left out for want of time" in run.to_text()
    rows = (run.folder / "split.csv").read_text().splitlines()
    assert len(rows) - 1 == n_asked
    assert "were not looked for" in (run.folder / "report.html").read_text()
    long = fine_tune(small, tmp_path / "long", method="probe", budget_s=3600.0)
    assert "were not looked for" not in (long.folder / "report.html").read_text()
    assert json.loads((long.folder / "portion.json").read_text()) == {"files": 30}
    # Whatever is kept by now, and however long it takes: a run goes on with the share that it began with.
    (run.folder / "metrics.json").unlink()
    again = fine_tune(small, tmp_path / "short", method="probe", budget_s=1.0, resume=True)
    assert without_times(again.metrics) == without_times(metrics)


@pytest.mark.usefixtures("read_in_portions")
def test_a_run_that_had_no_time_for_all_files_has_none_for_more(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when it is resumed either, though another process has the whole budget before it."""
    monkeypatch.setattr("photism.experiment.improving.can_be_beaten", lambda *_: True)
    run = fine_tune(small, tmp_path / "RUN", method="auto", backbone=None, budget_s=1.0)
    metrics: Any = run.metrics
    assert metrics["n_left_out"] > 0
    (run.folder / "metrics.json").unlink()
    monkeypatch.setattr("photism.experiment.job.Job.seconds_left", lambda *_: 3600.0)
    again = fine_tune(small, tmp_path / "RUN", method="auto", backbone=None, budget_s=1.0, resume=True)
    assert again.metrics["chosen"] == metrics["chosen"]
    assert again.metrics["larger"] is None
    assert again.metrics["attempts"] == []
    assert again.metrics["untried"] == "Fine-tuning was not tried: the budget leaves no time for it."


# ── a larger network ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def larger_network(monkeypatch: pytest.MonkeyPatch, small_network: None) -> None:
    """Another one of 96 pixels stands for the larger packaged network; fine-tuning is not tried."""
    network = replace(random_backbone(), size_px=96)
    monkeypatch.setattr(larger, "load_backbone", lambda name: network)
    monkeypatch.setattr("photism.training.budget.plans_for", lambda *_, **__: ())
    monkeypatch.setattr("photism.experiment.improving.can_be_beaten", lambda *_: True)


@pytest.mark.usefixtures("larger_network")
@pytest.mark.parametrize("better", [True, False])
def test_the_larger_network_is_kept_where_validation_says_so(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, better: bool
) -> None:
    told = choose.Comparison(0.5, 0.3, 0.8, 0.9, 0.01) if better else choose.Comparison(0.5, 0.5, 0.8, 0.8, 0.5)
    monkeypatch.setattr(larger, "compare", lambda *_, **__: told)
    run = fine_tune(small, tmp_path / "RUN", method="auto", backbone=None)
    metrics: Any = run.metrics
    assert metrics["larger"]["kept"] is better
    assert load(run.folder).recipe.options["size_px"] == (96 if better else 64)
    files = sorted((small.folder / "test").glob("*/*.png"))
    right = np.mean([one.label == f.parent.name for one, f in zip(load(run.folder).predict(files), files, strict=True)])
    assert right == metrics["test"]["accuracy"]
    assert ("efficientnet_lite2: 90.0 % of validation" in run.to_text()) is better


@pytest.mark.usefixtures("larger_network")
@pytest.mark.parametrize("better", [True, False])
def test_both_networks_answer_where_validation_says_so(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, better: bool
) -> None:
    other = replace(lively_backbone("timm:mobilenetv3_small_050"), size_px=96)
    monkeypatch.setattr(larger, "load_backbone", lambda name: other)
    told = choose.Comparison(0.5, 0.3, 0.8, 0.9, 0.01) if better else choose.Comparison(0.5, 0.4, 0.8, 0.9, 0.1)
    monkeypatch.setattr(ensemble, "compare", lambda *_, **__: told)
    run = fine_tune(small, tmp_path / "RUN", method="auto", backbone=None, audit=True)
    metrics: Any = run.metrics
    assert metrics["ensemble"]["kept"] is better
    assert (metrics["chosen"]["partner"] is not None) is better
    files = sorted((small.folder / "test").glob("*/*.png"))
    recognizer = load(run.folder)
    measured = evaluate(run.folder, small.folder / "test").measures
    assert measured["accuracy"] == metrics["test"]["accuracy"]
    assert measured["loss_nats"] == pytest.approx(metrics["test"]["loss_nats"], rel=1e-3)
    assert ("Both answer from now on: timm:mobilenetv3_small_050 has" in run.to_text()) is better
    assert run.report.read_text().count("<dt>weights</dt>") == (2 if better else 1)
    why = explain(run.folder, files[0], tmp_path / "why")
    assert ("Two networks answer together" in (tmp_path / "why" / "explain.html").read_text()) is better
    answer = recognizer.predict(files[0])[0]
    assert (why.probability == pytest.approx(answer.probability, abs=1e-4)) is not better


@pytest.mark.usefixtures("small_network")
def test_a_long_budget_fine_tunes_both_networks_and_resumes_in_the_middle_of_the_second(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(lively_backbone("timm:mobilenetv3_small_050"), size_px=96)
    better = choose.Comparison(0.5, 0.3, 0.8, 0.9, 0.01)
    monkeypatch.setattr(larger, "load_backbone", lambda name: other)
    monkeypatch.setattr("photism.experiment.improving.can_be_beaten", lambda *_: True)
    monkeypatch.setattr(larger, "compare", lambda *_, **__: choose.Comparison(0.5, 0.5, 0.8, 0.8, 0.5))
    monkeypatch.setattr(adapt, "compare", lambda *_, **__: better)
    monkeypatch.setattr(ensemble, "compare", lambda *_, **__: better)
    monkeypatch.setattr(plan, "RUNGS", ((1.0, 1),))
    monkeypatch.setattr("photism.training.finetune.KEEP_EVERY_S", 0.0)
    how: dict[str, Any] = {"method": "auto", "backbone": None, "budget_s": 3600.0, "from_layer": None}
    run = fine_tune(small, tmp_path / "RUN", **how)
    metrics: Any = run.metrics
    assert {one["kept"] for one in metrics["ensemble"]["attempts"]} == {True}
    assert "timm:mobilenetv3_small_050, fine-tuned as well: 90.0 % of validation" in run.to_text()
    kept = load_file(run.folder / "recognizer" / "partner" / "backbone.safetensors")
    assert any(kept[name].tobytes() != value.tobytes() for name, value in other.state().items())
    measured = evaluate(run.folder, small.folder / "test").measures
    assert measured["accuracy"] == metrics["test"]["accuracy"]
    assert measured["loss_nats"] == pytest.approx(metrics["test"]["loss_nats"], rel=1e-3)

    def stop(phase: str, done: int, total: int) -> None:
        second = tmp_path / "cut" / "unfinished" / "other"
        if phase == "fine-tuning" and done == total - 1 and list(second.rglob("state.safetensors")):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune(small, tmp_path / "cut", progress=stop, **how)
    resumed = fine_tune(small, tmp_path / "cut", resume=True, **how)
    plans = [(one.folder / "finetune_other.json").read_text() for one in (run, resumed)]
    assert plans[0] == plans[1]
    assert tensors_of(resumed.folder) == tensors_of(run.folder)


def test_of_folds_every_one_says_whether_the_larger_network_is_better(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Validation alone, one of the folds, would have said the opposite."""
    ground = in_folds(ground_of(small, tmp_path))
    valid, taught = ground.material.mask("valid"), ~ground.material.mask("test")
    right = np.eye(3)[ground.material.y] * 0.85 + 0.05
    known = np.random.default_rng(0).random((len(right), 1)) < 0.5
    half_right = np.where(known, right, np.roll(right, 1, axis=1))
    answers: dict[int, np.ndarray] = {}
    monkeypatch.setattr(Ground, "probe_without", property(lambda one: answers[id(one)]))

    def answered(of_folds: np.ndarray, of_validation: np.ndarray) -> Ground:
        said = {"valid": np.where(valid[:, None], of_validation, np.nan)}
        one = replace(ground, fitted=replace(ground.fitted, probabilities=said))
        answers[id(one)] = np.where(taught[:, None], of_folds, np.nan)
        return one

    better, worse = answered(right, half_right), answered(half_right, right)
    found = larger.compared(worse, better)
    assert found.n_folds == 4
    assert found.challenger_wins
    assert not larger.compared(better, worse).challenger_wins


@pytest.mark.usefixtures("larger_network")
def test_a_named_network_and_a_short_budget_leave_the_larger_one_alone(small: Small, tmp_path: Path) -> None:
    named = fine_tune(small, tmp_path / "named", method="auto")
    assert named.metrics["larger"] is None
    hurried = fine_tune(small, tmp_path / "hurried", method="auto", backbone=None, budget_s=30.0)
    assert hurried.metrics["larger"] is None
    assert json.loads((hurried.folder / "larger.json").read_text()) == {"ask": False}


@pytest.mark.usefixtures("larger_network")
def test_with_time_enough_the_larger_network_is_asked(small: Small, tmp_path: Path) -> None:
    run = fine_tune(small, tmp_path / "RUN", method="auto", backbone=None, budget_s=3600.0)
    assert json.loads((run.folder / "larger.json").read_text()) == {"ask": True}
    assert run.metrics["larger"] is not None


@pytest.mark.usefixtures("small_network")
def test_where_a_fold_is_held_out_it_is_said_what_to_expect_of_another(small: Small, tmp_path: Path) -> None:
    files = sorted(small.folder.rglob("*.png"))
    rows = [f"{file},{file.parent.name},{number % 5}" for number, file in enumerate(files)]
    table = tmp_path / "table.csv"
    table.write_text("path,label,fold\n" + "\n".join(rows) + "\n")
    run = train(table, tmp_path / "RUN", method="probe", engine=ENGINE, backbone=NETWORK, test_fold="4")
    metrics: Any = run.metrics
    assert [one["fold"] for one in metrics["unseen_folds"]["folds"]] == ["0", "1", "2", "3"]
    assert "Folds answered by a probe that had not seen them" in run.to_text()
    page = (run.folder / "report.html").read_text()
    assert "Folds answered by a probe that had not seen them" in page
    assert "and no fold is in two" in page


def test_a_threshold_decides_every_count_of_what_is_right(tmp_path: Path) -> None:
    from tests.small_training import write_colours

    data = write_colours(tmp_path / "colours", per_class=20)
    for part in ("train", "test"):
        shutil.rmtree(data / part / "blue")
    options: dict[str, Any] = {"positive": "red", "threshold": 1.0, "pictures_in_report": False}
    run = train(data, tmp_path / "RUN", method="probe", engine="torch-fp32", **options)
    test = cast("dict[str, Any]", run.metrics["test"])
    n_wrong = test["n"] - sum(test["confusion"][i][i] for i in range(2))
    assert n_wrong > 0, "expected red files whose probability is less than 1"
    found = evaluate(run.folder, data, part="test").to_json()
    assert len(found["wrong"]) == n_wrong
    assert found["n_right_of_others"] == test["n"] - n_wrong
    assert "The most confident mistakes" in run.report.read_text()
