"""The contract of the command line: exit codes, one plain sentence, JSON on stdout and nothing else there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from photism.cli import main


def photism(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "photism.cli", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ,
    )


@pytest.fixture(scope="module")
def run(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "RUN"
    finished = photism("train", digits, "--out", out, "--format", "json")
    assert finished.returncode == 3, finished.stderr  # one broken picture was skipped
    assert json.loads(finished.stdout) == json.loads((out / "metrics.json").read_text())
    return out


def test_help_lists_the_verbs_that_exist_and_no_other() -> None:
    finished = photism("--help")
    assert finished.returncode == 0
    there = "check render train predict evaluate explain layers compare quiz overfit demo cache"
    for verb in there.split():
        assert f"\n  {verb} " in finished.stdout
    for verb in ("export", "serve"):
        assert f"\n  {verb} " not in finished.stdout


def test_a_run_holds_what_the_contract_says(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    expected = {
        "recognizer",
        "history.jsonl",
        "split.csv",
        "skipped.csv",
        "metrics.json",
        "report.html",
        "log.txt",
        "curves.png",
        "curves.svg",
    }
    assert expected <= names
    metrics = json.loads((run / "metrics.json").read_text())
    for key in ("labels", "n_train", "n_valid", "n_test", "n_skipped", "valid", "test", "chosen", "verdict", "leaks"):
        assert key in metrics
    assert metrics["test"] is None
    assert metrics["n_skipped"] == 1
    assert {"accuracy", "low", "high", "macro_f1", "loss_nats", "ece"} <= set(metrics["valid"])
    assert {"state", "onset_epoch", "best_epoch", "evidence"} <= set(metrics["verdict"])
    assert {"method", "backbone", "first_trained_layer"} <= set(metrics["chosen"])
    assert metrics["valid"]["accuracy"] > 0.7
    rows = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    assert len(rows) >= 2
    assert (run / "skipped.csv").read_text().count("broken.png") >= 1


def test_predict_answers_files_folders_and_paths_on_stdin(run: Path, digits: Path) -> None:
    file = digits / "digit_3" / "0001.png"
    finished = photism("predict", run, file)
    assert finished.returncode == 0, finished.stderr
    answer = json.loads(finished.stdout)
    assert answer["path"] == str(file)
    assert answer["error"] is None
    assert abs(sum(p for _, p in answer["top"])) <= 1 + 1e-9
    assert {"label", "probability", "top", "familiar"} <= set(answer)
    again = photism("predict", run, "-", stdin=f"{file}\n")
    assert again.stdout == finished.stdout
    folder = photism("predict", run, digits / "digit_0")
    assert folder.returncode == 3
    lines = [json.loads(line) for line in folder.stdout.splitlines()]
    assert len(lines) == 15
    assert [Path(line["path"]).name for line in lines if line["error"]] == ["broken.png"]


def test_predict_gives_a_sentence_for_what_is_no_picture(run: Path, tmp_path: Path) -> None:
    text, empty = tmp_path / "text.png", tmp_path / "empty.png"
    text.write_text("This is no picture.")
    empty.touch()
    finished = photism("predict", run, text, empty, "/dev/null")
    assert finished.returncode == 3
    errors = [json.loads(line)["error"] for line in finished.stdout.splitlines()]
    assert len(errors) == 3
    assert all(error and error.endswith(".") for error in errors)
    assert "empty" in errors[1]
    assert finished.stderr == ""


ODD = """
import ctypes
from photism.cli import app

def interrupted(**_):
    ctypes.pythonapi.PyRun_SimpleString(b"raise KeyboardInterrupt")
    raise KeyboardInterrupt

app.app = interrupted
app.run()
"""


def test_an_interrupt_ends_with_130_wherever_it_came(tmp_path: Path) -> None:
    """In code that a library runs through Python's C interface, too: Python would end by the signal there."""
    (tmp_path / "odd.py").write_text(ODD)
    finished = subprocess.run(
        [sys.executable, "-m", "odd"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert finished.returncode == 130
    assert finished.stderr.endswith("photism: interrupted; a training continues with the same command and --resume.\n")


def test_evaluate_prints_the_contracts_json(run: Path, digits: Path) -> None:
    finished = photism("evaluate", run, digits, "--format", "json")
    assert finished.returncode == 3
    measured = json.loads(finished.stdout)
    assert measured["n"] == 140
    assert measured["low"] <= measured["accuracy"] <= measured["high"]
    assert len(measured["skipped"]) == 1


def test_evaluate_names_what_it_answers_wrongly(run: Path, digits: Path, tmp_path: Path) -> None:
    lines = photism("predict", run, digits / "digit_3", "--top", "1").stdout.splitlines()
    called = {Path(one["path"]).name: one["label"] for one in map(json.loads, lines)}
    table = tmp_path / "odd.csv"
    table.write_text("path,label\n" + "".join(f"{digits / 'digit_3' / name},digit_4\n" for name in called))
    found = json.loads(photism("evaluate", run, table, "--format", "json").stdout)["wrong"]
    assert {Path(one["path"]).name: one["answer"] for one in found} == {
        name: label for name, label in called.items() if label not in (None, "digit_4")
    }
    assert all(one["label"] == "digit_4" for one in found)
    assert [one["probability"] for one in found] == sorted((one["probability"] for one in found), reverse=True)
    assert f"answered wrongly: {len(found)}, the surest first" in photism("evaluate", run, table).stdout


def test_a_line_is_one_line_whatever_a_file_is_called(run: Path, digits: Path, tmp_path: Path) -> None:
    odd = tmp_path / "x: digit_1 (99.0 %)\nforged.png"
    shutil.copy(digits / "digit_3" / "0001.png", odd)
    told = photism("predict", run, odd, "--format", "text", "--top", "3").stdout
    assert len(told.splitlines()) == 1
    assert told.count(" %)") == 4  # one of them is the name's
    assert r"\u000aforged.png" in told


def test_evaluate_says_when_the_files_made_the_recognizer(run: Path, digits: Path) -> None:
    measured = json.loads(photism("evaluate", run, digits, "--part", "valid", "--format", "json").stdout)
    split = (run / "split.csv").read_text()
    assert measured["n"] == measured["n_taught"] == split.count(",valid,")
    assert "this is no measure of it" in photism("evaluate", run, digits).stdout


def test_check_finds_broken_files_and_copies(digits: Path, tmp_path: Path) -> None:
    finished = photism("check", digits, "--format", "json")
    assert finished.returncode == 3, finished.stderr
    found = json.loads(finished.stdout)
    assert set(found) == {
        "n", "kind", "kinds", "classes", "skipped", "duplicates", "leaks", "warnings", "near_duplicates", "sources",
        "shortcuts",
    }  # fmt: skip
    assert found["n"] == 140
    assert [Path(one["path"]).name for one in found["skipped"]] == ["broken.png"]


def test_render_writes_a_png(digits: Path, tmp_path: Path) -> None:
    finished = photism("render", digits / "digit_3" / "0001.png", "--out", tmp_path / "p.png", "--axes")
    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "nowhere", "--out", "{tmp}/r"), "nowhere"),
        (("predict", "nowhere", "file"), "nowhere"),
        (("train", "{digits}", "--out", "{run}"), "--resume"),
        (("train", "{digits}", "--out", "{tmp}/r", "--backbone", "resnet"), "resnet"),
        (("train", "{digits}", "--out", "{tmp}/r", "--engine", "steam"), "steam"),
        (("train", "{digits}", "--out", "{tmp}/r", "--test-fold", "9"), "9"),
        (("train", "{digits}", "--out", "{tmp}/r", "--set", "fit=stretch"), "stretch"),
        (("train", "{digits}", "--out", "{tmp}/r", "--budget", "soon"), "20s, 5m or 1h"),
        (("train", "{digits}", "--out", "{tmp}/r", "--budget", "-3s"), "20s, 5m or 1h"),
        (("train", "{digits}", "--out", "{tmp}/r", "--from-layer", "layer4"), "stem, b0"),
        (("train", "{digits}", "--out", "{tmp}/r", "--seed", "-1"), "--seed"),
        (("train", "{digits}", "--out", "{tmp}/r", "--vary", "-mirror"), "crop, flip, jitter, trivial"),
        (("train", "{digits}", "--out", "{tmp}/r", "--vary", "none", "--method", "probe"), "fine-tuning"),
        (("demo", "--out", "{digits}"), "photism demo"),
        (("predict", "{run}", "{tmp}/absent.png"), "absent.png"),
        (("train", "{digits}"), "--out"),
    ],
)
def test_wrong_input_ends_with_2_and_one_sentence(
    arguments: tuple[str, ...],
    words: str,
    trained: Path,
    digits: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    filled = [argument.format(digits=digits, run=trained, tmp=tmp_path) for argument in arguments]
    monkeypatch.setattr(sys, "argv", ["photism", *filled])
    with pytest.raises(SystemExit) as stopped:  # in this process: nine interpreters would take longer than the tests
        main()
    said = capsys.readouterr()
    assert stopped.value.code == 2
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert words in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "r").exists(), "a refused training leaves nothing behind"


def test_a_real_process_ends_with_2_and_one_sentence(tmp_path: Path) -> None:
    finished = photism("train", tmp_path / "nowhere", "--out", tmp_path / "r")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.count("\n") == 1
    assert "nowhere" in finished.stderr


def test_a_cache_that_cannot_be_written_is_wrong_input(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file.txt").write_text("mine")
    monkeypatch.setenv("PHOTISM_CACHE", str(tmp_path / "file.txt" / "cache"))
    monkeypatch.setattr(sys, "argv", ["photism", "train", str(digits), "--out", str(tmp_path / "r")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "file.txt/cache" in (said := capsys.readouterr().err)
    assert "$PHOTISM_CACHE says where the cache is" in said


def test_the_same_seed_gives_the_same_bits(
    run: Path, digits: Path, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A cache without pictures and features, so that all is computed again; by the same engine, as the promise says.
    shutil.copytree(own_cache / "engines", tmp_path / "cache" / "engines")
    monkeypatch.setenv("PHOTISM_CACHE", str(tmp_path / "cache"))
    finished = photism("train", digits, "--out", tmp_path / "again")
    assert finished.returncode == 3, finished.stderr

    def without_times(path: Path) -> dict[str, object]:
        metrics: dict[str, object] = json.loads(path.read_text())
        del metrics["seconds"]
        return metrics

    assert without_times(run / "metrics.json") == without_times(tmp_path / "again" / "metrics.json")
    for name in ("head.safetensors", "backbone.safetensors"):
        assert (run / "recognizer" / name).read_bytes() == (tmp_path / "again" / "recognizer" / name).read_bytes()


def test_the_cache_is_shown_and_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PHOTISM_CACHE", str(tmp_path))
    (tmp_path / "maps-1").mkdir()
    (tmp_path / "maps-1" / "rows.bin").write_bytes(bytes(3 * 2**20))
    (tmp_path / "mine.txt").write_text("mine")

    def asked(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["photism", "cache", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 0
        return capsys.readouterr().out

    assert "maps       3.0 MiB" in asked()
    assert json.loads(asked("--format", "json"))["bytes"] == {"maps": 3 * 2**20}
    assert json.loads(asked("--clear", "--format", "json"))["total_bytes"] == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"
