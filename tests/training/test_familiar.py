from __future__ import annotations

import json

import numpy as np
import pytest

from photism.recognizers.familiarity import Familiarity, proportions
from photism.training.familiar import familiar_layers, familiar_rate, fit_familiarity
from photism.training.features import Features

LAYERS = ("p/a", "p/b")


def made(n: int, seed: int, shift: float = 0.0, noise: float = 1.0, windows: int = 1) -> Features:
    """Files whose features have a low-rank structure, positive as a network's are: 6 channels, 4 places."""
    rng = np.random.default_rng(seed)
    rows = n * windows
    mix = np.random.default_rng(99).standard_normal((5, 48))
    layers = {
        name: np.exp(0.2 * rng.standard_normal((rows, 5)) @ mix + shift + 0.1 * noise * rng.standard_normal((rows, 48)))
        for name in LAYERS
    }
    return Features(
        {name: values.astype(np.float32) for name, values in layers.items()},
        np.repeat(np.arange(n), windows),
        np.full(rows, 1 / windows, np.float32),
        n,
        dict.fromkeys(LAYERS, 4),
    )


@pytest.fixture(scope="module")
def fitted() -> Familiarity:
    found = fit_familiarity(made(200, 0), np.arange(200) % 5, layers=LAYERS)
    assert found is not None
    return found


def test_what_was_not_seen_but_is_alike_passes(fitted: Familiarity) -> None:
    assert familiar_rate(fitted, made(300, 1)) > 0.9


@pytest.mark.parametrize(("shift", "noise"), [(2.0, 1.0), (0.0, 12.0)])
def test_what_is_unlike_does_not_pass(fitted: Familiarity, shift: float, noise: float) -> None:
    assert familiar_rate(fitted, made(100, 2, shift=shift, noise=noise)) < 0.1


def test_silence_does_not_pass(fitted: Familiarity) -> None:
    assert not fitted.is_familiar({name: np.zeros((1, 48), np.float32) for name in LAYERS})


def test_it_comes_back_from_its_parts_bit_for_bit(fitted: Familiarity) -> None:
    meta = json.loads(json.dumps(fitted.to_json(), allow_nan=False))
    again = Familiarity.from_parts(meta, fitted.tensors())
    some = made(20, 3)
    assert np.array_equal(again.scores(some.layers), fitted.scores(some.layers))
    assert again.layers == LAYERS


def test_a_files_windows_decide_together(fitted: Familiarity) -> None:
    near, far = made(1, 4), made(1, 4, shift=3.0)
    mixed = {name: np.concatenate([near.layers[name], far.layers[name]]) for name in LAYERS}
    assert fitted.is_familiar(mixed) == bool(fitted.scores(mixed).mean() <= fitted.threshold)


def test_the_same_seed_gives_the_same_bits() -> None:
    one, two = (fit_familiarity(made(60, 0), np.arange(60) % 3, layers=LAYERS) for _ in range(2))
    assert one is not None
    assert two is not None
    assert one.threshold == two.threshold
    assert all(np.array_equal(a, b) for a, b in zip(one.tensors().values(), two.tensors().values(), strict=True))


def test_too_few_files_tell_nothing() -> None:
    assert fit_familiarity(made(10, 0), np.arange(10) % 5, layers=LAYERS) is None
    assert fit_familiarity(made(60, 0), np.zeros(60, int), layers=LAYERS) is None


def test_proportions_do_not_change_with_loudness_or_place() -> None:
    pooled = np.abs(np.random.default_rng(0).standard_normal((3, 48))).astype(np.float32)
    moved = pooled.reshape(3, 2, 6, 4)[..., ::-1].reshape(3, 48)
    assert proportions(np.ascontiguousarray(moved * 7), 4) == pytest.approx(proportions(pooled, 4), rel=1e-5)


def test_layers_of_the_first_panel_that_the_head_reads_are_looked_at() -> None:
    names = [f"{panel}/{stage}" for panel in ("p", "q") for stage in range(9)]
    assert familiar_layers(names, ["q/8", "q/7"]) == ("q/1", "q/3", "q/5")
    assert familiar_layers(names, ["p/8", "q/7"]) == ("p/1", "p/3", "p/5")
    assert familiar_layers(["p/a"], ["p/a"]) == ("p/a",)


def test_a_large_part_is_read_some_at_a_time(fitted: Familiarity, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = familiar_rate(fitted, made(100, 1))
    monkeypatch.setattr("photism.training.features.CHUNK_BYTES", 2000)
    monkeypatch.setattr("photism.training.familiar.ROWS_AT_A_TIME", 7)
    assert familiar_rate(fitted, made(100, 1)) == whole
    again = fit_familiarity(made(200, 0), np.arange(200) % 5, layers=LAYERS)
    assert again is not None
    assert again.threshold == pytest.approx(fitted.threshold, rel=1e-4)
