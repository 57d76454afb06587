"""A machine and people joined: verdicts, labels, samples, truth; the sentences that wrong input gets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from photism.errors import DataError, OptionError
from photism.people.answers import answers_of
from photism.people.compare import Settings, compare_people
from photism.people.machine import Machine, Said, machine_of, read_predictions
from photism.people.trials import Trials
from photism.types import Skipped, Trial
from tests.people.crowd import LABELS, crowd, rated


def test_a_verdict_needs_a_margin_and_prints_it() -> None:
    read, machine = crowd(n_items=300)
    without = compare_people(read, machine, Settings())
    assert without.verdict is None
    assert "No verdict: a verdict needs a margin" in without.to_text()
    found = compare_people(read, machine, Settings(margin=0.1, noun="sounds"))
    assert found.verdict is not None
    assert found.headline.startswith("robot is non-inferior to people at margin 10 points (difference ")
    assert found.headline.endswith("6 people, 300 sounds)")
    assert found.to_text().splitlines()[0] == found.headline
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["verdict"]["margin"] == 0.1


def test_a_worse_machine_is_inferior_and_a_small_study_says_how_many_more() -> None:
    read, machine = crowd(n_items=300)
    wrong = {item: Said(LABELS[(LABELS.index(str(s.response)) + 1) % 3], {}) if int(item) % 3 == 0 else s
             for item, s in machine.said.items()}  # fmt: skip
    assert (
        "robot is inferior to people at margin 5 points"
        in compare_people(read, replace(machine, said=wrong), Settings(margin=0.05)).headline
    )
    small, robot = crowd(n_items=30)
    headline = compare_people(small, robot, Settings(margin=0.05)).headline
    assert headline.startswith("Not enough evidence at margin 5 points: about ")
    assert "more items would decide" in headline


def test_labels_meet_by_spelling_and_what_is_unclear_is_refused() -> None:
    read, machine = crowd(n_items=30)
    spelled = replace(read, trials=tuple(
        replace(t, truth=str(t.truth).upper(), response=str(t.response).title()) for t in read.trials
    ))  # fmt: skip
    found = compare_people(spelled, machine, Settings())
    assert found.right is not None
    assert found.right.to_json()["people"] == compare_people(read, machine, Settings()).right.to_json()["people"]  # type: ignore[union-attr]
    assert any("CAT = cat" in note for note in found.notes)
    strange = replace(
        read, trials=tuple(replace(t, truth="kitten" if t.truth == "cat" else t.truth) for t in read.trials)
    )
    with pytest.raises(DataError, match="the class 'kitten' is none of the recognizer's"):
        compare_people(strange, machine, Settings())
    named = compare_people(strange, machine, Settings(names={"kitten": "cat"}))
    assert named.right is not None
    assert named.right.people == compare_people(read, machine, Settings()).right.people  # type: ignore[union-attr]
    with pytest.raises(OptionError, match="--map puppy=cat"):
        compare_people(read, machine, Settings(names={"puppy": "cat"}))


def test_an_answer_that_the_machine_cannot_give_is_wrong_and_said() -> None:
    read, machine = crowd(n_items=30, right=1.0)
    unsure = replace(read, trials=tuple(replace(t, response="unsure") if t.sample == "000" else t for t in read.trials))
    found = compare_people(unsure, machine, Settings())
    assert found.right is not None
    assert found.right.people[0].value == pytest.approx(29 / 30)
    assert any("People also said unsure" in note for note in found.notes)


def test_samples_without_an_answer_are_left_out_and_counted() -> None:
    read, machine = crowd(n_items=30)
    some = {item: s for item, s in machine.said.items() if int(item) < 20}
    skipped = tuple(Skipped(f"{i:03d}", "is nowhere.") for i in range(20, 30))
    found = compare_people(read, replace(machine, said=some, skipped=skipped, n_taught=3), Settings(noun="pictures"))
    assert found.right is not None
    assert found.right.n_items == 20
    text = found.to_text()
    assert "10 of people's 30 samples have no answer of robot" in text
    assert "3 of the pictures made the recognizer: left out." in text
    assert "skipped 020: is nowhere." in text
    with pytest.raises(DataError, match="answers none of the 30 samples"):
        compare_people(read, replace(machine, said={"x": Said("cat")}), Settings())


def test_truth_comes_from_the_data_where_people_have_none_and_must_not_contradict() -> None:
    read, machine = crowd(n_items=30)
    truth = {trial.sample: str(trial.truth) for trial in read.trials}
    blind = replace(read, trials=tuple(replace(t, truth=None) for t in read.trials))
    with pytest.raises(DataError, match="30 items have no truth"):
        compare_people(blind, machine, Settings())
    found = compare_people(blind, replace(machine, truth=truth), Settings())
    assert found.right is not None
    assert found.right.people == compare_people(read, machine, Settings()).right.people  # type: ignore[union-attr]
    turned = {sample: LABELS[(LABELS.index(label) + 1) % 3] for sample, label in truth.items()}
    with pytest.raises(DataError, match="30 of 30 samples have another truth"):
        compare_people(read, replace(machine, truth=turned), Settings())
    voted = compare_people(blind, machine, Settings(truth="vote", margin=0.3))
    assert voted.verdict is not None
    assert voted.right is not None
    assert "leave-one-reader-out" in voted.right.rule


def test_people_among_themselves() -> None:
    read, _ = crowd(n_items=40)
    found = compare_people(read, None, Settings(margin=0.05))
    assert found.verdict is None
    assert found.right is not None
    assert found.right.fleiss is not None
    assert found.right.errors_of_people is not None
    assert len(found.right.observers) == 6
    with pytest.raises(OptionError, match="--map needs a recognizer"):
        compare_people(read, None, Settings(names={"a": "b"}))


def scores(read: Trials, *, noise: float = 0.8, name: str = "robot") -> Machine:
    rng = np.random.default_rng(7)
    truth = {trial.sample: str(trial.truth) for trial in read.trials}
    return Machine(name, (), {c: Said(None, {}, float(t == "1") + rng.normal(0, noise)) for c, t in truth.items()})


def test_a_machine_beside_readers_of_ratings() -> None:
    read = rated(n_cases=120)
    found = compare_people(read, scores(read), Settings(margin=0.15, cut=3.0))
    assert found.rated is not None
    assert found.right is None
    assert found.verdict is not None
    assert found.verdict.difference.unit == "AUC"
    assert "readers, 120 cases" in found.headline
    assert found.rated.at_readers is not None
    first = found.rated.rows[0]
    assert first.point is not None
    ratings = [t for t in read.trials if t.observer == "r1"]
    called = [t.rating is not None and t.rating >= 3 for t in ratings if t.truth == "1"]
    assert first.point.sensitivity.value == pytest.approx(np.mean(called))
    assert "A high rating speaks for '1'." in found.notes


def test_a_run_of_two_classes_beside_readers_who_answer_and_rate() -> None:
    read = rated(n_cases=90)
    words = {"0": "Benign", "1": "Malignant"}
    both = replace(read, trials=tuple(
        replace(t, truth=words[str(t.truth)], response=words[str(int(t.rating >= 3))])  # type: ignore[operator]
        for t in read.trials
    ))  # fmt: skip
    rng = np.random.default_rng(3)
    probability = {c: float(np.clip(0.5 + 0.3 * (2 * (int(c[1:]) % 3 == 0) - 1) + rng.normal(0, 0.3), 0.01, 0.99))
                   for c in sorted({t.sample for t in read.trials})}  # fmt: skip
    said = {
        c: Said("malignant" if p >= 0.5 else "benign", {"malignant": p, "benign": 1 - p})
        for c, p in probability.items()
    }
    machine = Machine("robot", ("benign", "malignant"), said, positive="malignant")
    found = compare_people(both, machine, Settings(margin=0.2))
    assert found.rated is not None
    assert found.right is not None
    assert found.rated.at_readers is not None
    assert found.rated.positive == "malignant"
    assert found.verdict is not None
    assert found.verdict.difference.unit == "AUC"
    turned = compare_people(both, replace(machine, positive=None), Settings(positive="Malignant"))
    assert turned.rated is not None
    assert turned.rated.machine == found.rated.machine
    numbered = replace(read, trials=read.trials)
    with pytest.raises(DataError, match="expected --map 1=LABEL"):
        compare_people(numbered, machine, Settings())
    mapped = compare_people(numbered, machine, Settings(names={"0": "benign", "1": "malignant"}))
    assert mapped.rated is not None
    assert mapped.rated.machine == found.rated.machine


def test_two_conditions_are_two_modalities() -> None:
    read = rated(conditions=("film", "screen"))
    found = compare_people(read, None, Settings())
    assert found.rated is not None
    assert found.rated.outcome is not None
    assert found.rated.study.modalities == ("film", "screen")
    better = tuple(
        replace(t, rating=float(t.truth == "1") * 3 + 1 + 0.01 * int(t.sample[1:])) if t.condition == "screen" else t
        for t in read.trials
    )
    verdict = compare_people(replace(read, trials=better), None, Settings(margin=0.05)).headline
    assert verdict.startswith("film is inferior to screen at margin 0.05 in AUC")
    with pytest.raises(DataError, match="has the conditions film, screen: expected --condition"):
        compare_people(read, scores(read), Settings())


def test_wrong_ratings_get_a_sentence() -> None:
    read = rated()
    with pytest.raises(DataError, match="an ROC curve needs cases of two truths, positive and negative: found 0"):
        compare_people(replace(read, trials=tuple(t for t in read.trials if t.truth == "0")), None, Settings())
    with pytest.raises(DataError, match="run the wrong way"):
        compare_people(read, scores(read), Settings(positive="0"))
    with pytest.raises(OptionError, match="--positive expects 0 or 1, and received 'sick'"):
        compare_people(read, None, Settings(positive="sick"))
    with pytest.raises(DataError, match="expected at least two readers"):
        compare_people(rated(readers=("r1",)), scores(read), Settings())
    part = replace(read, trials=read.trials[1:])
    assert (
        "1 of 60 cases were not rated by every reader, and are left out."
        in compare_people(part, None, Settings()).notes
    )
    bare = replace(read, trials=tuple(replace(t, truth=None if t.sample == "c0" else t.truth) for t in read.trials))
    with pytest.raises(DataError, match="3 trials lack a rating or a truth"):
        compare_people(bare, None, Settings())
    deaf = Machine("robot", (), {f"c{i}": Said("1") for i in range(60)})
    with pytest.raises(DataError, match="robot has no rating, nor a probability of '1', for any case"):
        compare_people(read, deaf, Settings())


def test_a_predictions_file_answers_by_any_name_of_a_sample(tmp_path: Path) -> None:
    lines = [
        {"path": "x/001.png", "label": "cat", "probability": 0.9, "top": [["cat", 0.9], ["dog", 0.1]], "error": None},
        {"path": "x/002.png", "label": None, "error": "broken"},
        {"path": "x/other.png", "label": "dog", "top": [["dog", 1.0]], "error": None},
    ]
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    machine = read_predictions(file, ["001", "002", "003"])
    assert machine.said["001"].response == "cat"
    assert machine.score("001", "dog") == 0.1
    assert {one.path: one.reason for one in machine.skipped} == {"002": "broken", "003": "is not in answers.jsonl."}
    assert machine.labels == ("cat", "dog")
    with pytest.raises(DataError, match="answers none of people's 1 samples"):
        read_predictions(file, ["nowhere"])
    file.write_text('{"path": "a"}\n')
    with pytest.raises(DataError, match="line 1: expected an answer of photism predict"):
        read_predictions(file, ["a"])
    file.write_text('{"path"\n')
    with pytest.raises(DataError, match="expected one JSON object a line"):
        read_predictions(file, ["a"])


def test_trials_of_one_observer_are_a_machine_and_of_two_are_not(tmp_path: Path) -> None:
    file = tmp_path / "robot.csv"
    file.write_text("sample,observer,truth,response,confidence\n001.png,robot,cat,dog,0.8\n")
    machine = read_predictions(file, ["001"])
    assert (machine.name, machine.said["001"].response, machine.truth) == ("robot", "dog", {"001": "cat"})
    assert machine.score("001", "dog") == 0.8
    two = Trials("t.csv", "photism", (Trial("a", "x", "cat", "cat"), Trial("a", "y", "cat", "cat")))
    with pytest.raises(DataError, match=r"t\.csv has 2 observers: expected one, the machine"):
        machine_of(two, ["a"])


def test_counts_without_names_are_judged_by_answers() -> None:
    read, machine = crowd(n_items=200)
    found = compare_people(replace(answers_of(read), is_named=False), machine, Settings(margin=0.1))
    assert "1200 people's answers, 200 items" in found.headline
