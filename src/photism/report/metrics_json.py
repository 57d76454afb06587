"""What ``metrics.json`` says: every measure, what was chosen and why, leaks, causes, versions.

Covers which keys there are. How anything is measured is a matter of the floors below.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import cast

import numpy as np

from photism import __version__
from photism.data.material import Material
from photism.recognizers.recognizer import Recognizer
from photism.training.attempts import Adapted, Attempt, Ensemble, Upgrade
from photism.training.fit import Fitted
from photism.training.metrics import measure
from photism.training.unseen import UnseenFolds
from photism.trust.audit import Audit, worth_of
from photism.trust.causes import likely_causes
from photism.types import JSON, Part

__all__ = ["metrics_json"]

VERSIONED = ("numpy", "openvino", "pillow", "scikit-learn", "soundfile", "timm", "torch")


def metrics_json(
    material: Material,
    fitted: Fitted,
    recognizer: Recognizer,
    *,
    adapted: Adapted | None = None,
    found: Audit | None = None,
    upgrade: Upgrade | None = None,
    ensemble: Ensemble | None = None,
    unseen: UnseenFolds | None = None,
    untried: str | None = None,
    unaudited: str | None = None,
) -> dict[str, JSON]:
    """Write down everything that ``metrics.json`` says, but for the seconds.

    Parameters
    ----------
    material : Material
    fitted : Fitted
        What is kept.
    recognizer : Recognizer
    adapted : Adapted, optional
        Where fine-tuning was tried.
    found : Audit, optional
        Where the data were asked whether they can be trusted.
    upgrade : Upgrade, optional
        Where a larger network was asked as well.
    ensemble : Ensemble, optional
        Then too: how both together compared with what is kept.
    unseen : UnseenFolds, optional
        Where folds were given and one of them is validation.
    untried : str, optional
        Why nothing was fine-tuned, where that was not the user's choice.
    unaudited : str, optional
        Why the data were not audited, where they were not.
    """
    decision, labels = recognizer.decision, recognizer.labels
    measured: dict[str, JSON] = {"valid": None, "test": None}
    for part, probability in fitted.probabilities.items():
        numbers = np.flatnonzero(material.mask(part))
        measured[part] = measure(
            probability[numbers],
            material.y[numbers],
            labels=labels,
            groups=[material.groups[i] for i in numbers],
            positive=decision.positive if decision else None,
            threshold=decision.threshold if decision else None,
        )
    attempts = [] if adapted is None else [cast("dict[str, JSON]", asdict(one)) for one in adapted.attempts]
    return {
        "labels": list(labels),
        "n_train": material.count("train"),
        "n_valid": material.count("valid"),
        "n_test": material.count("test"),
        "n_skipped": len(material.skipped),
        "n_left_out": material.n_left_out,
        **measured,
        "unseen_folds": None if unseen is None else unseen.to_json(),
        "chosen": {
            **_method(fitted, recognizer, adapted),
            "backbone": recognizer.backbone.name,
            "layers": list(recognizer.head.layers),
            "temperature": recognizer.head.temperature,
            "engine": str(cast("Mapping[str, JSON]", recognizer.engine)["name"]),
            "partner": _partner(recognizer, ensemble),
        },
        "larger": None if upgrade is None else {**cast("dict[str, JSON]", asdict(upgrade)), "kept": upgrade.kept},
        "ensemble": None if ensemble is None else {**cast("dict[str, JSON]", asdict(ensemble)), "kept": ensemble.kept},
        "attempts": list(attempts),
        "untried": untried,
        "unaudited": unaudited,
        "probes": [
            {"layers": list(c.layers), "accuracy": c.accuracy, "loss_nats": c.loss_nats}
            for c in fitted.selection.candidates
        ],
        "verdict": cast("JSON", asdict(fitted.verdict)),
        "familiar_rate": fitted.familiar_rate,
        "recipe": recognizer.recipe.to_json(),
        **_trust(material, fitted, recognizer, found, attempts),
        "alarms": [*_fall(measured), *(() if found is None else found.alarms())],
        "warnings": list(material.warnings),
        "versions": {
            "photism": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in VERSIONED},
        },
    }


def _method(fitted: Fitted, recognizer: Recognizer, adapted: Adapted | None) -> dict[str, JSON]:
    """How the kept recognizer was trained."""
    if adapted is None or adapted.kept is None:
        return {
            "method": "probe",
            "first_trained_layer": "head",
            "classifier": "ridge",
            "strength": fitted.strength,
        }
    return {
        "method": "finetune",
        "first_trained_layer": _first_trained(recognizer, adapted.kept),
        "classifier": "softmax",
        "strength": None,
    }


def _first_trained(recognizer: Recognizer, attempt: Attempt) -> str:
    """Name the first stage whose weights were changed."""
    names, after = recognizer.backbone.stage_names, attempt.plan.after
    return names[0 if after is None else names.index(after) + 1]


def _partner(recognizer: Recognizer, ensemble: Ensemble | None) -> JSON:
    """The second network that answers as well, how it was trained, and its say."""
    partner = recognizer.partner
    if partner is None or ensemble is None:
        return None
    other = partner.recognizer
    tuned = next((one for one in reversed(ensemble.attempts) if one.kept), None)
    return {
        "method": "probe" if tuned is None else "finetune",
        "first_trained_layer": "head" if tuned is None else _first_trained(other, tuned),
        "backbone": other.backbone.name,
        "layers": list(other.head.layers),
        "engine": str(cast("Mapping[str, JSON]", other.engine)["name"]),
        "share": partner.mixture.share,
        "temperature": partner.mixture.temperature,
    }


def _fall(measured: Mapping[str, JSON]) -> Iterator[str]:
    """Say it where the test part is answered worse than validation, beyond both intervals."""
    valid, test = (cast("Mapping[str, float] | None", measured[part]) for part in ("valid", "test"))
    if valid is not None and test is not None and test["high"] < valid["low"]:
        yield (
            f"Test files are answered worse than validation files: {100 * test['accuracy']:.1f} % against "
            f"{100 * valid['accuracy']:.1f} %. What was learned does not carry over to them."
        )


def _trust(
    material: Material,
    fitted: Fitted,
    recognizer: Recognizer,
    found: Audit | None,
    attempts: Sequence[Mapping[str, JSON]],
) -> dict[str, JSON]:
    """Leaks and what they are worth, likely causes, and the audit; only byte-for-byte leaks where none was made."""
    leaks = [dict(leak) for leak in (material.leaks if found is None else found.files.leaks)]
    part: Part = "test" if "test" in fitted.probabilities else "valid"
    answer = recognizer.classes_of(fitted.probabilities[part][material.mask(part)])
    worth = worth_of(leaks, answer, material, part)
    causes = () if found is None else likely_causes(
        fitted.verdict, found, n_classes=len(material.labels), attempts=attempts
    )  # fmt: skip
    return {
        "leaks": cast("JSON", leaks),
        "leak_worth": None if worth is None else cast("JSON", asdict(worth)),
        "causes": [one.to_json() for one in causes],
        "trust": None if found is None else found.to_json(),
    }
