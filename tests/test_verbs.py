"""What the doors call: paths on stdin, folders, labels that a recognizer was never taught, parts, wrong options."""

from __future__ import annotations

import io
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photism.errors import DataError, InputError, OptionError, RunError
from photism.experiment import train
from photism.verbs.ask import evaluate, predict, render
from photism.verbs.check import check


def test_paths_come_from_stdin_one_a_line(trained: Path, digits: Path, tmp_path: Path) -> None:
    odd = tmp_path / " two spaces\u00e9 .png"
    shutil.copy(digits / "digit_4" / "0001.png", odd)
    file = digits / "digit_3" / "0001.png"
    stdin = io.StringIO(f"{file}\n\n{odd}\r\n{tmp_path / 'absent.png'}\n{file}")
    answers = list(predict(trained, [Path("-")], stdin=stdin))
    assert [answer.path for answer in answers] == [str(file), str(odd), str(tmp_path / "absent.png"), str(file)]
    assert [answer.error is None for answer in answers] == [True, True, False, True]
    assert answers[0] == answers[3]
    assert answers[0].label is not None


def test_a_folder_stands_for_its_files_in_order(trained: Path, digits: Path, tmp_path: Path) -> None:
    for name in ("b/2.png", "b/1.png", "a/9.png", "0.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(digits / "digit_7" / "0002.png", tmp_path / name)
    answers = list(predict(trained, [tmp_path]))
    assert [Path(a.path).relative_to(tmp_path).as_posix() for a in answers] == [
        "0.png",
        "a/9.png",
        "b/1.png",
        "b/2.png",
    ]
    assert len({answer.probabilities for answer in answers}) == 1
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="found none"):
        predict(trained, [tmp_path / "empty"])


@pytest.mark.parametrize("stdin", ["", "\n \n", "absent.png\n"])
def test_nothing_to_answer_for_is_refused(trained: Path, stdin: str) -> None:
    with pytest.raises(InputError, match="expected files to answer for"):
        predict(trained, [Path("-")], stdin=io.StringIO(stdin))


def test_labels_that_were_never_taught_are_skipped_with_a_reason(trained: Path, digits: Path, tmp_path: Path) -> None:
    for label, name in (("digit_1", "digit_1"), ("digit_2", "digit_2"), ("two", "digit_2")):
        shutil.copytree(digits / name, tmp_path / "data" / label)
    measured = evaluate(trained, tmp_path / "data")
    found = measured.to_json()
    assert found["n"] == 28
    assert len(measured.skipped) == 14
    assert all("'two'" in one.reason and one.path.startswith("two") for one in measured.skipped)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert "accuracy" in measured.to_text()
    shutil.copytree(digits / "digit_2", tmp_path / "only" / "two")
    with pytest.raises(DataError, match="none of the classes"):
        evaluate(trained, tmp_path / "only")


def test_one_part_is_measured_alone(trained: Path, digits: Path, tmp_path: Path) -> None:
    from photism.data.demo import write_digits

    unseen = write_digits(tmp_path / "all", per_class=22)
    names = [f"digit_{k}/00{i}.png" for k in (0, 1) for i in range(14, 22)]
    rows = [f"{unseen / name},{name[:7]},{'test' if name[10:12] > '18' else 'train'}" for name in names]
    # The run was made of these, whatever a table calls them.
    rows += [f"{digits / f'digit_{k}' / f'000{i}.png'},digit_{k},test" for k in (0, 1) for i in range(8)]
    table = tmp_path / "table.csv"
    table.write_text("path,label,split\n" + "\n".join(rows) + "\n")
    measured = evaluate(trained, table, part="test")
    assert measured.to_json()["n"] == 6
    assert measured.measures["n_taught"] == 0
    with pytest.raises(DataError, match="'test'"):
        evaluate(trained, digits, part="test")
    with pytest.raises(OptionError, match="middle"):
        evaluate(trained, table, part="middle")


def test_check_says_what_files_are_read_as_and_that_one_class_is_too_few(digits: Path, tmp_path: Path) -> None:
    shutil.copytree(digits / "digit_1", tmp_path / "data" / "one")
    found = check(tmp_path / "data")
    assert found.kind == "image"
    assert "(14 image), read as images" in found.to_text()
    assert "There is one class (one): train expects two at least." in found.warnings
    (tmp_path / "data" / "two").mkdir()
    (tmp_path / "data" / "two" / "a.txt").write_text("not a picture\n" * 40)
    with pytest.raises(DataError, match=r"one class \(one\) and 1 more without a file that can be read as image"):
        train(tmp_path / "data", tmp_path / "RUN", kind="image")


@pytest.mark.parametrize("budget_s", [-1.0, 0.0, math.nan])
def test_a_budget_of_nothing_is_refused_from_python_too(digits: Path, tmp_path: Path, budget_s: float) -> None:
    with pytest.raises(OptionError, match="--budget expects seconds above 0"):
        train(digits, tmp_path / "RUN", budget_s=budget_s)
    assert not (tmp_path / "RUN").exists()


def test_check_names_copies_contradictions_and_leaks(digits: Path, tmp_path: Path) -> None:
    for part in ("train", "test"):
        for k in (0, 1):
            (tmp_path / part / str(k)).mkdir(parents=True)
            for i in range(4):
                number = i + 4 * (part == "test")
                shutil.copy(digits / f"digit_{k}" / f"000{number}.png", tmp_path / part / str(k) / f"{number}.png")
    shutil.copy(tmp_path / "train" / "0" / "0.png", tmp_path / "test" / "0" / "copy.png")
    shutil.copy(tmp_path / "train" / "1" / "1.png", tmp_path / "train" / "0" / "wrong.png")
    found = check(tmp_path)
    assert sorted(len(same) for same in found.duplicates) == [2, 2]
    assert [Path(str(leak["path"])).name for leak in found.leaks] == ["copy.png"]
    assert any("wrong.png" in warning for warning in found.warnings)
    assert found.classes == {"0": 10, "1": 8}
    assert json.loads(json.dumps(found.to_json())) == found.to_json()
    assert "leaks across the split: 1" in found.to_text()


def test_check_warns_of_imbalance(digits: Path, tmp_path: Path) -> None:
    shutil.copytree(digits / "digit_1", tmp_path / "many")
    (tmp_path / "few").mkdir()
    shutil.copy(digits / "digit_2" / "0000.png", tmp_path / "few" / "0.png")
    assert any("many has 14 files, few has 1" in warning for warning in check(tmp_path).warnings)


def test_a_run_brings_its_own_recipe(trained: Path, digits: Path, tmp_path: Path) -> None:
    file = digits / "digit_3" / "0001.png"
    render(file, tmp_path / "p.png", run=trained)
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OptionError, match="recipe"):
        render(file, tmp_path / "q.png", run=trained, kind="image")


def test_what_cannot_be_drawn_is_refused(digits: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        render(tmp_path / "absent.png", tmp_path / "p.png")
    with pytest.raises(InputError, match="cannot be written"):
        render(digits / "digit_3" / "0001.png", tmp_path / "no" / "folder" / "p.png")
    assert not list(tmp_path.iterdir())


def test_what_is_no_run_is_refused(digits: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing of the sort"):
        predict(tmp_path, [digits])
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(RunError, match="an unfinished run"):
        predict(tmp_path, [digits])


def test_evaluate_tells_other_light_from_the_same(trained: Path, tmp_path: Path) -> None:
    """Digits that were never taught: as they are, and photographed in other light."""
    from photism.data.demo import write_digits

    every = write_digits(tmp_path / "all", per_class=22)
    for file in sorted(every.glob("*/*.png")):
        if int(file.stem) < 14:  # taught
            file.unlink()
    alike = evaluate(trained, every)
    assert alike.shift is not None
    assert alike.shift.auroc < 0.75
    for file in sorted(every.glob("*/*.png")):
        pixels = np.asarray(Image.open(file), dtype=np.float32)
        Image.fromarray((110 + 0.4 * pixels).astype(np.uint8)).save(file)
    darker = evaluate(trained, every)
    assert darker.shift is not None
    assert darker.shift.auroc > 0.9
    assert darker.shift.found
    assert "The two parts differ plainly" in darker.to_text()
    said = json.loads(json.dumps(darker.to_json(), allow_nan=False))["shift"]
    assert said["size"] == "plain"
    assert (every / said["foreign"][0]["path"]).is_file()
    assert f"most foreign: {said['foreign'][0]['path']}, " in darker.to_text()


def test_files_that_made_the_recognizer_are_not_compared_with_themselves(trained: Path, digits: Path) -> None:
    found = evaluate(trained, digits)
    assert found.measures["n_taught"] == found.measures["n"]
    assert found.shift is None
    assert found.to_json()["shift"] is None
    assert found.files == ()


def test_a_copy_under_another_name_is_known_again(trained: Path, digits: Path, tmp_path: Path) -> None:
    from photism.data.demo import write_digits

    unseen = write_digits(tmp_path / "all", per_class=22)
    for file in sorted(unseen.glob("*/*.png")):
        if int(file.stem) < 14:  # taught
            file.unlink()
    n_new = evaluate(trained, unseen).measures["n"]
    shutil.copy(digits / "digit_3" / "0001.png", unseen / "digit_3" / "renamed.png")
    found = evaluate(trained, unseen)
    assert found.measures["n"] == n_new + 1
    assert found.measures["n_taught"] == 1
    assert "digit_3/renamed.png" not in found.files
    said = found.to_json()
    assert said["taught"] == ["digit_3/renamed.png"]
    assert f"of the {n_new} others {said['n_right_of_others']} are answered rightly" in found.to_text()
    assert "(digit_3/renamed.png)" in found.to_text()
