"""Two byte strings laid over each other: what they share, and what says nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photism.trust.same_bytes import (
    MOST_TOKENS,
    SHINGLE_BYTES,
    compare_bytes,
    fingerprint_bytes,
    runs_of,
    same_bytes,
    shingles,
)


def chance(seed: int, n: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, n).astype(np.uint8)


@given(values=st.binary(max_size=60))
def test_equal_runs_have_equal_hashes_and_others_do_not(values: bytes) -> None:
    hashes, tells = shingles(np.frombuffer(values, np.uint8))
    runs = [values[i : i + SHINGLE_BYTES] for i in range(len(values) - SHINGLE_BYTES + 1)]
    assert len(hashes) == len(runs) == len(tells)
    assert len(set(hashes.tolist())) == len(set(runs))
    assert tells.tolist() == [len(set(run)) >= 4 for run in runs]


@settings(deadline=None)
@given(seed=st.integers(0, 100), offset=st.integers(-3000, 3000))
def test_windows_of_one_file_are_laid_over_each_other(seed: int, offset: int) -> None:
    long = chance(seed, 12_000)
    one, other = long[4000:8000], long[4000 - offset : 8000 - offset]
    found = compare_bytes(runs_of(one), runs_of(other))
    assert found is not None
    assert found.offset == offset
    assert found.agreement == 1.0
    assert found.overlap == pytest.approx((4000 - abs(offset)) / 4000, abs=0.02)


def test_a_long_header_is_no_copy_and_a_changed_file_is(tmp_path: Path) -> None:
    header, files = chance(0, 2_500), []
    for seed in (1, 2):
        files.append(tmp_path / f"{seed}")
        files[-1].write_bytes(header.tobytes() + chance(seed, 1_500).tobytes())
    assert same_bytes(*files) is None
    changed = bytearray(files[0].read_bytes())
    changed[::100] = bytes(value ^ 1 for value in changed[::100])
    (tmp_path / "changed").write_bytes(changed)
    answer = same_bytes(files[0], tmp_path / "changed")
    assert answer == (pytest.approx(0.99), "1 % of the bytes changed")


def test_moved_parts_are_seen(tmp_path: Path) -> None:
    parts = [chance(seed, 1_000).tobytes() for seed in range(4)]
    (tmp_path / "one").write_bytes(b"".join(parts))
    (tmp_path / "moved").write_bytes(parts[2] + b"new" + parts[0] + parts[3] + parts[1])
    answer = same_bytes(tmp_path / "one", tmp_path / "moved")
    assert answer is not None
    assert "moved" in answer[1]


@pytest.mark.parametrize(
    "filler", [b"\0", b"\xff\xd8", b"\1\0\0\0", b"\xaa\xaa\xaa\xff"], ids=["zeros", "pair", "ints", "padding"]
)
def test_what_says_nothing_is_no_copy(tmp_path: Path, filler: bytes) -> None:
    for seed in (1, 2):
        (tmp_path / f"{seed}").write_bytes(filler * (3_600 // len(filler)) + chance(seed, 400).tobytes())
    assert same_bytes(tmp_path / "1", tmp_path / "2") is None
    assert len(fingerprint_bytes(tmp_path / "1")) <= 420


def test_short_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").write_bytes(b"abd")
    assert same_bytes(tmp_path / "a", tmp_path / "b") is None
    assert same_bytes(tmp_path / "a", tmp_path / "missing") is None
    assert len(fingerprint_bytes(tmp_path / "a")) == 0


def test_a_longer_file_chooses_among_what_its_piece_chooses(tmp_path: Path) -> None:
    whole = chance(0, 60_000)
    (tmp_path / "whole").write_bytes(whole.tobytes())
    (tmp_path / "piece").write_bytes(whole[20_000:30_000].tobytes())
    long, short = (set(fingerprint_bytes(tmp_path / name).tolist()) for name in ("whole", "piece"))
    assert max(len(long), len(short)) <= MOST_TOKENS
    inside = set(runs_of(whole[20_000:30_000]).telling.tolist())
    assert len(long & inside) > 20
    assert long & inside <= short
