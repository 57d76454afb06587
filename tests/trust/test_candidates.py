"""Candidates are the nearest neighbours, and those that share what few others hold."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from photism.trust.candidates import neighbours, sharers


@given(seed=st.integers(0, 1000), n=st.integers(2, 40), k=st.integers(1, 4))
def test_neighbours_are_those_of_scikit_learn(seed: int, n: int, k: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    model = NearestNeighbors(n_neighbors=min(k, n - 1), metric="cosine").fit(rows)
    distances, nearest = model.kneighbors()
    wanted = {
        (min(i, int(j)), max(i, int(j)))
        for i in range(n)
        for j, distance in zip(nearest[i], distances[i], strict=True)
        if 1 - distance >= 0.2
    }
    assert neighbours(rows, np.arange(n), least=0.2, k=k) == wanted


def test_windows_of_one_file_are_not_its_neighbours() -> None:
    rows = np.eye(4, dtype=np.float32)[[0, 0, 0, 1, 0]]
    assert neighbours(rows, np.array([0, 0, 0, 3, 7]), least=0.5) == {(0, 7)}


def test_tokens_of_few_files_pair_them_and_common_ones_do_not() -> None:
    common = np.arange(50, dtype=np.uint64)
    tokens = [np.concatenate([common, np.arange(100, dtype=np.uint64) + np.uint64(1000 * (i + 1))]) for i in range(20)]
    assert sharers(tokens) == set()
    tokens[3] = np.union1d(tokens[3], tokens[17][50:80])
    assert sharers(tokens) == {(3, 17)}
