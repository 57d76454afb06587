"""Two pointer recordings event by event: copies, and strokes that only look alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from photism.executor import SerialExecutor
from photism.trust.near import near_duplicates
from photism.trust.same_track import fingerprint_track, same_track
from photism.types import Sample


def stroke(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Milliseconds and pixels of a restless pointer."""
    rng = np.random.default_rng(seed)
    time_ms = np.cumsum(rng.integers(8, 30, n))
    xy = np.cumsum(rng.normal(0, 6, (n, 2)), axis=0).cumsum(axis=0) + 500
    return time_ms.astype(float), xy


def write(path: Path, time_ms: np.ndarray, xy: np.ndarray) -> Path:
    rows = [f"{x:.0f},{y:.0f},{t:.0f}" for t, (x, y) in zip(time_ms, xy, strict=True)]
    path.write_text("x,y,t\n" + "\n".join(rows) + "\n")
    return path


def test_copies_are_found_and_no_others(tmp_path: Path) -> None:
    for seed in range(8):
        write(tmp_path / f"{seed}.csv", *stroke(seed))
    time_ms, xy = stroke(0)
    write(tmp_path / "0-later.csv", time_ms + 5_000, xy + np.array([40, -20]))
    time_ms, xy = stroke(1)
    write(tmp_path / "1-half.csv", time_ms, 0.5 * xy)
    time_ms, xy = stroke(2)
    write(tmp_path / "2-slow.csv", 2 * time_ms, xy)
    samples = [Sample(path, path.name, "x") for path in sorted(tmp_path.iterdir())]
    found = {
        (samples[pair.first].name, samples[pair.second].name): pair.how
        for pair in near_duplicates(samples, "mouse", None, SerialExecutor()).pairs
    }
    assert found == {
        ("0-later.csv", "0.csv"): "the same track, written again",
        ("1-half.csv", "1.csv"): "at 2 times the scale",
        ("2-slow.csv", "2.csv"): "2 times slower",
    }


def test_two_straight_strokes_are_no_copies(tmp_path: Path) -> None:
    time_ms, way = np.arange(40) * 16.0, np.linspace(0, 1, 40)[:, None]
    one = write(tmp_path / "1.csv", time_ms, 100 + 400 * way * [1.0, 0.5])
    other = write(tmp_path / "2.csv", time_ms, 300 + 200 * way * [1.0, 0.5])
    assert fingerprint_track(one) @ fingerprint_track(other) == pytest.approx(1.0, abs=0.01)
    assert same_track(one, other) is None


def test_the_same_way_at_another_pace_is_no_copy(tmp_path: Path) -> None:
    time_ms, xy = stroke(0)
    one = write(tmp_path / "1.csv", time_ms, xy)
    other = write(
        tmp_path / "2.csv", np.cumsum(np.random.default_rng(1).permutation(np.diff(time_ms, prepend=0.0))), xy
    )
    assert same_track(one, other) is None
    (tmp_path / "text").write_text("no track")
    assert same_track(one, tmp_path / "text") is None
