"""``photism compare`` from files to page: which file is what, what a run may answer, what is refused."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import photism.cli.people  # noqa: F401  # adds the verb
from photism.cli.app import app
from photism.errors import DataError, InputError, OptionError, RunError
from photism.experiment import train
from photism.people.compare import Settings
from photism.verbs.compare import FIGURES, PAGE, Reading, compare
from photism.verbs.plan import plan
from tests.people.crowd import rated
from tests.small_training import COLOURS, write_colours


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on pictures of three colours, with a test part."""
    place = tmp_path_factory.mktemp("compare")
    data = write_colours(place / "colours", per_class=20)
    return train(data, place / "RUN", method="probe", engine="torch-fp32", audit=False, pictures_in_report=False).folder


def people(folder: Path, samples: list[tuple[str, str]], name: str = "people.csv", *, n: int = 3) -> Path:
    """Write trials of people of whom the last always says red."""
    path = folder / name
    rows = [f"{s},p{p},{label},{label if p < n - 1 else 'Red'}" for p in range(n) for s, label in samples]
    path.write_text("sample,observer,truth,response\n" + "\n".join(rows) + "\n")
    return path


def items_of(part: str = "test") -> list[tuple[str, str]]:
    return [
        (f"{part}/{colour}/{i}.png", colour)
        for colour in COLOURS
        for i in ((4, 9, 14, 19) if part == "test" else (0, 1))
    ]


def test_a_run_answers_its_test_part_and_nothing_that_made_it(run: Path, tmp_path: Path) -> None:
    trials = people(tmp_path, [*items_of(), *items_of("train"), ("nowhere.png", "red"), ("4.png", "red")])
    found = compare([run, trials], settings=Settings(margin=0.2), reading=Reading(), out=tmp_path / "out")
    assert found.right is not None
    assert found.right.n_items == 12
    assert found.noun == "images"
    assert any(note == "6 of the images made the recognizer: left out." for note in found.notes)
    assert {one.path: one.reason for one in found.skipped} == {
        "nowhere.png": "is no file of the run's data, nor beside the trials.",
        "4.png": "may mean several files of the run's data.",
    }
    assert [one.right for one in found.right.observers] == [1.0, 1.0, pytest.approx(1 / 3)]
    page = (tmp_path / "out" / PAGE).read_text()
    assert found.headline.split(" (")[0] in page
    assert json.loads((tmp_path / "out" / FIGURES).read_text())["machine"] == "RUN"


def test_folds_answer_as_one_and_each_only_its_own(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "RUN-2"
    shutil.copytree(run, other)
    with (run / "split.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:  # as if the first run had held out some of the files, and the second the rest
        row["part"] = {"test": "train", "train": "test", "valid": "train"}[row["part"]]
    with (other / "split.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    trials = people(tmp_path, [*items_of(), *items_of("train")])
    found = compare([run, other, trials], settings=Settings(), reading=Reading())
    assert found.right is not None
    held_out = sum(row["part"] == "test" for row in rows if row["path"] in {s for s, _ in items_of("train")})
    assert found.right.n_items == 12 + held_out
    assert found.machine == "RUN (2 runs)"


def test_files_behind_links_are_known_by_their_own_names(tmp_path: Path) -> None:
    pool = write_colours(tmp_path / "pool")
    data = tmp_path / "data"
    for number, file in enumerate(sorted(pool.rglob("*.png"))):
        kept = pool / f"{number:04}"
        file.rename(kept)
        name = data / file.relative_to(pool)
        name.parent.mkdir(parents=True, exist_ok=True)
        # A name as macOS gives it to a screenshot: what a quiz writes, and what the run's own list says, must be it.
        name.with_stem(f"{name.stem}\u202fAM").symlink_to(kept)
    made = train(data, tmp_path / "RUN", method="probe", engine="torch-fp32", audit=False, pictures_in_report=False)
    trials = people(tmp_path, [(f"test/{colour}/{i}\u202fAM.png", colour) for colour in COLOURS for i in (4, 9)])
    found = compare([made.folder, trials], settings=Settings(), reading=Reading())
    assert found.right is not None
    assert found.right.n_items == 6
    assert not found.skipped


def test_a_run_without_its_split_and_one_that_knows_nothing_are_refused(run: Path, tmp_path: Path) -> None:
    trained_on = people(tmp_path, items_of("train"), "taught.csv")
    with pytest.raises(DataError, match="6 of them made the recognizer"):
        compare([run, trained_on], settings=Settings(), reading=Reading())
    strangers = people(tmp_path, [("a.png", "red"), ("b.png", "red")], "strangers.csv")
    with pytest.raises(DataError, match=r"knows none of 2 samples; 'a.png' is no file of the run's data"):
        compare([run, strangers], settings=Settings(), reading=Reading())
    bare = tmp_path / "bare"
    shutil.copytree(run / "recognizer", bare / "recognizer")
    with pytest.raises(RunError, match="does not say what it was trained on"):
        compare([bare, trained_on], settings=Settings(), reading=Reading())


def test_a_copy_of_what_made_the_recognizer_is_left_out_under_any_name(run: Path, tmp_path: Path) -> None:
    data = run.parent / "colours"
    shutil.copy(data / "train" / "red" / "0.png", tmp_path / "copy.png")
    trials = people(tmp_path, [*items_of(), ("copy.png", "red")])
    found = compare([run, trials], settings=Settings(), reading=Reading())
    assert found.right is not None
    assert found.right.n_items == 12
    assert "1 of the images made the recognizer: left out." in found.notes


def test_new_files_beside_the_trials_are_answered(run: Path, tmp_path: Path) -> None:
    source = run.parent / "colours" / "test"
    for colour in COLOURS:
        for i in (4, 9):
            pixels = (source / colour / f"{i}.png").read_bytes()
            (tmp_path / f"new_{colour}_{i}.png").write_bytes(pixels)
    trials = people(tmp_path, [(f"new_{colour}_{i}.png", colour) for colour in COLOURS for i in (4, 9)])
    found = compare([run, trials], settings=Settings(), reading=Reading())
    assert found.right is not None
    assert found.right.n_items == 6


def test_predictions_and_an_observer_of_the_file_are_machines_too(tmp_path: Path) -> None:
    items = [(f"{i}", label) for i, label in enumerate("abcabcabc")]
    trials = people(tmp_path, items)
    lines = [
        json.dumps({"path": f"x/{s}.png", "label": label, "top": [[label, 1.0]], "error": None}) for s, label in items
    ]
    (tmp_path / "answers.jsonl").write_text("\n".join(lines))
    found = compare([tmp_path / "answers.jsonl", trials], settings=Settings(), reading=Reading())
    assert found.right is not None
    assert found.right.machine is not None
    assert found.right.machine.value == 1.0
    own = compare([trials], settings=Settings(), reading=Reading(machine="p2"))
    assert own.right is not None
    assert own.right.n_people == 2
    assert own.right.difference is not None
    assert own.right.difference.value == -1.0
    with pytest.raises(OptionError, match="has no such observer; it has p0, p1, p2"):
        compare([trials], settings=Settings(), reading=Reading(machine="p9"))
    with pytest.raises(OptionError, match="expected no run or predictions beside it"):
        compare([tmp_path / "answers.jsonl", trials], settings=Settings(), reading=Reading(machine="p2"))
    with pytest.raises(OptionError, match="expected runs, or one file of predictions"):
        compare([trials, trials, trials], settings=Settings(), reading=Reading())
    with pytest.raises(InputError, match="does not exist"):
        compare([tmp_path / "no", trials], settings=Settings(), reading=Reading())


def test_counts_need_names_for_columns_and_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "c.npy", np.array([[9, 1], [2, 8], [3, 7]]))
    (tmp_path / "data.csv").write_text("path,label,row\na,cat,0\nb,dog,1\nc,dog,2\n")
    with pytest.raises(OptionError, match="does not name its columns and rows"):
        compare([tmp_path / "c.npy"], settings=Settings(), reading=Reading())
    reading = Reading(labels=("cat", "dog"), index=f"{tmp_path / 'data.csv'}:row")
    found = compare([tmp_path / "c.npy"], settings=Settings(), reading=reading)
    assert found.right is not None
    assert {one.name: one.value for one in found.right.people}["people, mean over answers"] == pytest.approx(0.8)
    with pytest.raises(OptionError, match=r"describe a \.npy of counts"):
        compare([people(tmp_path, [("a", "cat")])], settings=Settings(), reading=reading)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    trials = people(tmp_path, [("a", "Red"), ("b", "blue"), ("c", "green")])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="expected a new or empty folder"):
        compare([trials], settings=Settings(), reading=Reading(), out=tmp_path / "out")
    with pytest.raises(OptionError, match="compare expects people's trials"):
        compare([], settings=Settings(), reading=Reading())
    with pytest.raises(DataError, match="is a folder: expected people's trials as the last argument"):
        compare([trials, tmp_path / "out"], settings=Settings(), reading=Reading())
    (tmp_path / "out" / "recognizer").mkdir()
    with pytest.raises(DataError, match="For two runs beside each other: `photism evaluate RUN DATA`, each"):
        compare([trials, tmp_path / "out"], settings=Settings(), reading=Reading())


def test_planning_before_a_study_and_from_a_pilot(tmp_path: Path) -> None:
    found = plan([], settings=Settings(margin=0.05), reading=Reading(), expect="0.95,0.95")
    assert found.n_cases is not None
    assert found.n_cases > 100
    with pytest.raises(OptionError, match="--plan expects --margin, and --expect"):
        plan([], settings=Settings(margin=0.05), reading=Reading())
    with pytest.raises(OptionError, match="--expect expects MACHINE,PEOPLE"):
        plan([], settings=Settings(margin=0.05), reading=Reading(), expect="many")
    study = rated(readers=("r1", "r2", "r3", "r4"))
    path = tmp_path / "study.csv"
    path.write_text("reader,case,truth,rating\n" + "".join(
        f"{t.observer},{t.sample},{t.truth},{t.rating}\n" for t in study.trials
    ))  # fmt: skip
    by_pilot = plan([path], settings=Settings(margin=0.2), reading=Reading(machine="r1"), n_readers=8)
    assert by_pilot.n_readers == 8
    assert "pilot's variances (3 readers, 60 cases)" in by_pilot.to_text()


def test_the_command_prints_json_or_the_verdict_first(tmp_path: Path) -> None:
    trials = people(tmp_path, [(f"{i}", label) for i, label in enumerate("abc" * 8)], n=5)
    runner = CliRunner()
    told = runner.invoke(app, ["compare", str(trials), "--machine", "p0", "--margin", "0.2", "--readers", "fixed"])
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines()[0].startswith("p0 is superior to people at margin 20 points")
    told = runner.invoke(app, ["compare", str(trials), "--machine", "p0", "--format", "json", "--truth", "vote"])
    assert json.loads(told.stdout)["right"]["rule"].startswith("the majority of the other observers")
    assert isinstance(runner.invoke(app, ["compare", str(trials), "--map", "x"]).exception, OptionError)
    told = runner.invoke(app, ["compare", "--plan", "--margin", "0.05", "--expect", "0.9,0.9"])
    assert told.stdout.startswith("About ")
