"""What a larger network and fine-tuning did, in sentences: where it began, and how it compared with what was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from photism.training.choose import MOST_WORSE, SIGNIFICANT, Comparison

__all__ = ["tell_attempts", "tell_ensemble", "tell_larger", "tell_training"]


def tell_training(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    """Tell everything that was tried beyond a probe on the default network, or why nothing was.

    Parameters
    ----------
    metrics : mapping
        What ``metrics.json`` holds.

    Examples
    --------
    >>> tell_training(dict(larger=None, attempts=[], ensemble=None, untried="Fine-tuning was not tried: no time."))
    ('Fine-tuning was not tried: no time.',)
    """
    untried = metrics["untried"]
    return (
        *tell_larger(metrics["larger"]),
        *tell_attempts(metrics["attempts"]),
        *([untried] if untried else []),
        *tell_ensemble(metrics["ensemble"]),
    )


def tell_attempts(attempts: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    r"""Tell every attempt in two or three sentences.

    Parameters
    ----------
    attempts : sequence of mappings
        ``attempts`` of ``metrics.json``.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> comparison = dict(simple_accuracy=0.8, challenger_accuracy=0.9, simple_loss_nats=0.5,
    ...                   challenger_loss_nats=0.3, p_value=0.002)
    >>> blend = dict(reach=0.85, share=0.3)
    >>> attempt = dict(depth=dict(evidence="So."), blend=blend, comparison=comparison, kept=True)
    >>> print(*tell_attempts([attempt]), sep="\n")
    So.
    Best are weights 85 % of the way from the pretrained ones, and 30 % of the say for a head on frozen stages.
    Fine-tuned: 90.0 % of validation and 0.30 nats, before 80.0 % and 0.50 (paired test of nats, p = 0.002). It is kept.
    >>> attempt["comparison"] |= dict(p_value=0.2, n_folds=5)
    >>> print(*tell_attempts([attempt | dict(kept=False)])[-1].split(", "), sep="\n")
    Fine-tuned: 90.0 % of unseen folds and 0.30 nats
    before 80.0 % and 0.50 (paired test of nats over 5 folds
    p = 0.200). That could be chance: what was before is kept.
    """
    sentences: list[str] = []
    last = max((number for number, one in enumerate(attempts) if one["kept"]), default=-1)
    for number, one in enumerate(attempts):
        comparison = Comparison(**one["comparison"])
        end = _refused(comparison)
        if one["kept"]:
            end = "It is kept" if number == last else "It stood until the next one"
            end += "." if comparison.challenger_wins else ", because it was asked for."
        sentences += [one["depth"]["evidence"], *_blend(**one["blend"])]
        unasked = one.get("n_unasked", 0)
        if unasked:
            end += f" The other {unasked} were not asked then."
        sentences += [f"Fine-tuned: {_compared(comparison)} {end}"]
    return tuple(sentences)


def _refused(c: Comparison) -> str:
    """Say why what was before is kept."""
    if c.n_worse is not None and c.n_worse > MOST_WORSE and c.p_value < SIGNIFICANT:
        return "A new fold may be answered worse: what was before is kept."
    if c.challenger_loss_nats >= c.simple_loss_nats:
        return "That is no better: what was before is kept."
    if c.challenger_accuracy < c.simple_accuracy and c.p_value < SIGNIFICANT:
        return "It is less often right: what was before is kept."
    return "That could be chance: what was before is kept."


def tell_larger(larger: Mapping[str, Any] | None) -> tuple[str, ...]:
    r"""Tell how a larger network compared; nothing where none was asked.

    Parameters
    ----------
    larger : mapping or None
        ``larger`` of ``metrics.json``.

    Examples
    --------
    >>> comparison = dict(simple_accuracy=0.8, challenger_accuracy=0.9, simple_loss_nats=0.5,
    ...                   challenger_loss_nats=0.3, p_value=0.002)
    >>> larger = dict(name="efficientnet_lite2", comparison=comparison, kept=True)
    >>> print(*tell_larger(larger)[0].split(" (paired test of nats, "), sep="\n")
    efficientnet_lite2: 90.0 % of validation and 0.30 nats, before 80.0 % and 0.50
    p = 0.002). It takes the smaller one's place.
    """
    if larger is None:
        return ()
    end = "It takes the smaller one's place." if larger["kept"] else "It does not take the smaller one's place."
    return (f"{larger['name']}: {_compared(Comparison(**larger['comparison']))} {end}",)


def tell_ensemble(ensemble: Mapping[str, Any] | None) -> tuple[str, ...]:
    r"""Tell how two networks that answer together compared, and the second's fine-tuning; nothing of one alone.

    Parameters
    ----------
    ensemble : mapping or None
        ``ensemble`` of ``metrics.json``.

    Examples
    --------
    >>> comparison = dict(simple_accuracy=0.8, challenger_accuracy=0.9, simple_loss_nats=0.5,
    ...                   challenger_loss_nats=0.3, p_value=0.002)
    >>> ensemble = dict(name="efficientnet_lite0", mixture=dict(share=0.35), comparison=comparison, kept=True)
    >>> print(*tell_ensemble(ensemble)[0].split(" (paired test of nats, "), sep="\n")
    Together with efficientnet_lite0: 90.0 % of validation and 0.30 nats, before 80.0 % and 0.50
    p = 0.002). Both answer from now on: efficientnet_lite0 has 35 % of the say.
    """
    if ensemble is None:
        return ()
    name, comparison = ensemble["name"], Comparison(**ensemble["comparison"])
    share = 100 * ensemble["mixture"]["share"]
    end = f"Both answer from now on: {name} has {share:.0f} % of the say."
    if not ensemble["kept"]:
        end = _refused(comparison).replace("what was before is kept", "one answers alone")
    alone = []
    for one in ensemble.get("attempts", ()):
        tuned = Comparison(**one["comparison"])
        alone.append(
            f"{name}, fine-tuned as well: {_compared(tuned)} {'It is kept.' if one['kept'] else _refused(tuned)}"
        )
    return (*alone, f"Together with {name}: {_compared(comparison)} {end}")


def _compared(c: Comparison) -> str:
    p = "p < 0.001" if c.p_value < 0.001 else f"p = {c.p_value:.3f}"
    of = "unseen folds" if c.n_folds else "validation"
    over = f" over {c.n_folds} folds" if c.n_folds and c.n_worse is None else ""
    now = f"{100 * c.challenger_accuracy:.1f} % of {of} and {c.challenger_loss_nats:.2f} nats"
    worse = f" over files; worse on {c.n_worse} of {c.n_folds} folds" if c.n_worse is not None else ""
    before = f"{100 * c.simple_accuracy:.1f} % and {c.simple_loss_nats:.2f}"
    return f"{now}, before {before} (paired test of nats{over}, {p}{worse})."


def _blend(*, reach: float, share: float, **_temperatures: float) -> list[str]:
    """Say what of the network before stays; nothing where nothing does."""
    stays = []
    if reach < 1:
        stays.append(f"weights {100 * reach:.0f} % of the way from the pretrained ones")
    if share > 0:
        stays.append(f"{100 * share:.0f} % of the say for a head on frozen stages")
    return [f"Best are {', and '.join(stays)}."] if stays else []
