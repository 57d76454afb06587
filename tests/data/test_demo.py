"""The demo's data: real digits as they are in scikit-learn, and a list of the machine's files."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from sklearn.datasets import load_digits

from photism.data.demo import write_digits, write_machine_files


def test_digits_are_the_ones_scikit_learn_ships(tmp_path: Path) -> None:
    write_digits(tmp_path, per_class=3)
    assert len(list(tmp_path.rglob("*.png"))) == 30
    digits = load_digits()
    first_zero = digits.images[np.flatnonzero(digits.target == 0)[0]]
    pixels = np.asarray(PillowImage.open(tmp_path / "digit_0" / "0000.png"))
    assert np.array_equal(np.round(pixels / 255 * 16), first_zero)


def test_machine_files_are_listed_with_groups_and_once(tmp_path: Path) -> None:
    path = write_machine_files(tmp_path / "files.csv", per_class=15)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["label"] for row in rows}) >= 3
    contents = [Path(row["path"]).read_bytes() for row in rows]
    assert len(set(contents)) == len(contents)
    assert all(row["group"] for row in rows)
    assert write_machine_files(tmp_path / "again.csv", per_class=15).read_bytes() == path.read_bytes()
