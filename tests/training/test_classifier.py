from __future__ import annotations

import numpy as np
import pytest

from photism.training.classifier import fit_classifier, standard
from photism.training.features import Features, answers, by_file, softmax
from tests.training.made import clouds


@pytest.mark.parametrize("d", [8, 300])  # a system with a row a feature, and one with a row a window
def test_a_head_answers_rightly_for_files_it_has_not_seen(d: int) -> None:
    features, y, folds = clouds(d=d, apart=6.0 if d == 8 else 12.0, n_files=150)
    test = np.arange(150) >= 100
    fit = fit_classifier(features.keep(~test), y, folds, layers=["p/a"], n_classes=3)
    held = features.keep(test)
    answer = by_file(fit.head.probabilities(held.layers), held)[test].argmax(axis=1)
    assert np.mean(answer == y[test]) > 0.9
    assert np.mean(fit.held_out_logits.argmax(axis=1) == y[fit.held_out.sample_of_window]) > 0.85


def test_a_feature_that_never_varies_says_nothing() -> None:
    features, y, folds = clouds(d=40, n_files=60)
    features.layers["p/a"][:, 39] = 7.0
    head = fit_classifier(features, y, folds, layers=["p/a"], n_classes=3).head
    assert np.isinf(head.scale[39])
    assert np.all(head.weight[39] == 0)
    assert np.isfinite(head.logits(features.layers)).all()


def test_features_that_hardly_vary_here_but_do_elsewhere_drown_nothing() -> None:
    """A new speaker's frequencies, another camera's noise: near nothing among the taught files."""
    features, y, folds = clouds(d=40, apart=8.0, n_files=150)
    rng = np.random.default_rng(0)
    new = np.arange(150) >= 100
    silent = features.layers["p/a"][:, 20:]
    silent[~new] = 0.0001 * rng.standard_normal((100, 20))
    silent[new] = rng.standard_normal((50, 20)) + 1.0
    head = fit_classifier(features.keep(~new), y, folds, layers=["p/a"], n_classes=3).head
    held = features.keep(new)
    answer = by_file(head.probabilities(held.layers), held)[new].argmax(axis=1)
    assert np.mean(answer == y[new]) > 0.85


def test_windows_of_a_file_are_held_out_together() -> None:
    features, y, folds = clouds(d=10, n_files=90, windows=2)
    fit = fit_classifier(features, y, folds, layers=["p/a"], n_classes=3)
    assert fit.held_out_logits.shape == (180, 3)
    answer = by_file(softmax(fit.held_out_logits / fit.head.temperature), fit.held_out).argmax(axis=1)
    assert np.mean(answer == y) > 0.8


def test_a_rare_class_is_not_forgotten() -> None:
    features, y, folds = clouds(n_files=200, n_classes=2, apart=2.5, d=10)
    common = (y == 0) | (np.cumsum(y == 1) <= 12)
    fit = fit_classifier(features.keep(common), y, folds, layers=["p/a"], n_classes=2)
    held = features.keep(~common)
    found = fit.head.logits(held.layers).argmax(axis=1)
    assert np.mean(found == 1) > 0.75


def test_the_same_input_gives_the_same_bits() -> None:
    features, y, folds = clouds(d=60)
    one, two = (fit_classifier(features, y, folds, layers=["p/a"], n_classes=3) for _ in range(2))
    assert one.head.weight.tobytes() == two.head.weight.tobytes()
    assert one.head.temperature == two.head.temperature
    assert one.tries == two.tries


def test_joined_layers_have_the_same_say_whatever_their_width() -> None:
    features, _, _ = clouds(layers=("p/a", "p/b"))
    features.layers["p/b"][:] *= 1000.0
    mean, scale = standard(features, ("p/a", "p/b"))
    joined = (np.concatenate(list(features.layers.values()), axis=1) - mean) / scale
    norms = np.square(joined).sum(axis=0).reshape(2, -1).sum(axis=1) / len(joined)
    assert norms == pytest.approx([0.5, 0.5], rel=1e-4)


def test_a_share_of_a_large_set_chooses_the_strength() -> None:
    features, y, folds = clouds(n_files=400)
    fit = fit_classifier(
        features, y, folds, layers=["p/a"], n_classes=3, max_windows_tried=100, max_windows_held_out=200
    )
    assert len(fit.held_out_logits) == fit.held_out.n_windows == 200


@pytest.mark.parametrize("strength", [1.0, 0.01, 1e-3])
def test_steps_come_to_the_closed_form(strength: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither windows nor features are few, the head is found by steps: logits agree to 1e-3."""
    monkeypatch.setattr("photism.training.classifier.STRENGTHS", (strength,))
    features, y = spectrum(n=900, d=700)
    found = {}
    for max_side in (10_000, 100):
        fit = fit_classifier(
            features, y, np.arange(900) % 5, layers=["p/a", "p/b"], n_classes=4, max_side=max_side,
            max_windows_tried=300, max_windows_held_out=300,
        )  # fmt: skip
        found[max_side] = fit.head.logits(features.layers)
    assert np.ptp(found[10_000]) > 0.5
    assert found[100] == pytest.approx(found[10_000], abs=1e-3)
    assert not np.array_equal(found[100], found[10_000])


def test_steps_are_taken_class_by_class_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    features, y = spectrum(n=300, d=200)
    options = {"layers": ["p/a", "p/b"], "n_classes": 4, "max_windows_held_out": 100}
    one = fit_classifier(features, y, np.arange(300) % 5, **options)
    monkeypatch.setattr("photism.training.ridge.MAX_VALUES_STEPPED", 250)
    other, again = (fit_classifier(features, y, np.arange(300) % 5, **options, max_side=10) for _ in range(2))
    assert other.head.logits(features.layers) == pytest.approx(one.head.logits(features.layers), abs=1e-3)
    assert other.head.weight.tobytes() == again.head.weight.tobytes()


@pytest.mark.parametrize("d", [8, 300])
def test_features_that_are_read_bit_by_bit_give_the_same_head(d: int, monkeypatch: pytest.MonkeyPatch) -> None:
    features, y, folds = clouds(d=d, layers=("p/a", "p/b"))
    whole = fit_classifier(features, y, folds, layers=["p/a", "p/b"], n_classes=3)
    for module in ("features", "ridge"):
        monkeypatch.setattr(f"photism.training.{module}.CHUNK_BYTES", 5000)
    monkeypatch.setattr("photism.training.ridge.ROWS_ADDED", 7)
    parts = fit_classifier(features, y, folds, layers=["p/a", "p/b"], n_classes=3)
    assert parts.head.logits(features.layers) == pytest.approx(whole.head.logits(features.layers), abs=1e-5)
    assert parts.held_out_logits == pytest.approx(whole.held_out_logits, abs=1e-5)
    chunked = answers(parts.head, features)
    assert chunked == pytest.approx(parts.head.probabilities(features.layers), abs=1e-6)


def spectrum(*, n: int, d: int) -> tuple[Features, np.ndarray]:
    """Two layers of which a few directions are strong and many are weak, as a network's are."""
    rng = np.random.default_rng(0)
    inner = rng.standard_normal((n, d)) / np.sqrt(np.arange(1, d + 1))
    x = (inner @ np.linalg.qr(rng.standard_normal((d, d)))[0]).astype(np.float32)
    y = (inner[:, :8] @ rng.standard_normal((8, 4)) + rng.standard_normal((n, 4))).argmax(axis=1)
    return Features({"p/a": x[:, : d // 2], "p/b": x[:, d // 2 :]}, np.arange(n), np.ones(n, np.float32), n), y
