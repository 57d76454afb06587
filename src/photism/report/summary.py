"""A run in a few lines of text: what the terminal prints last, and the end of ``log.txt``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from photism.report import words
from photism.report.tuning import tell_training
from photism.report.verdicts import tell_verdict
from photism.training.unseen import UnseenFolds
from photism.types import Verdict

__all__ = ["summarise"]

N_WARNINGS = 3


def summarise(folder: Path, metrics: Mapping[str, Any]) -> str:
    """Say in a few lines what a run found, how good it is, and where the report is.

    Parameters
    ----------
    folder : Path
        The run's folder.
    metrics : mapping
        What ``metrics.json`` holds.

    Returns
    -------
    str
        Lines without a blank one between them.
    """
    held_out = metrics["test"] or metrics["valid"]
    part = "test" if metrics["test"] else "validation"
    chosen, verdict = metrics["chosen"], metrics["verdict"]
    counts = f"{metrics['n_train']} train, {metrics['n_valid']} validation, {metrics['n_test']} test"
    read_as = f", read as {words.READ_AS[metrics['recipe']['kind']]}" if "recipe" in metrics else ""
    lines = [
        f"{len(metrics['labels'])} classes{read_as}; {counts}, {metrics['n_skipped']} skipped"
        + (" (skipped.csv says why)" if metrics["n_skipped"] else "")
        + (f", {metrics['n_left_out']} left out for want of time" if metrics.get("n_left_out") else ""),
        f"{part} accuracy {_percent(held_out['accuracy'])} (95 % interval {_percent(held_out['low'])} to "
        f"{_percent(held_out['high'])}; always the commonest class: {_percent(held_out['majority_baseline'])})",
    ]
    if metrics.get("unseen_folds"):
        lines.append(UnseenFolds.from_json(metrics["unseen_folds"]).to_text())
    if held_out.get("sensitivity") is not None and held_out.get("specificity") is not None:
        lines.append(
            f"{held_out['positive']} from {held_out['threshold']:.2f}: "
            f"sensitivity {_percent(held_out['sensitivity'])}, specificity {_percent(held_out['specificity'])}"
        )
    known = [row for row in held_out["per_class"] if row["recall"] is not None]
    weakest = min(known, key=lambda row: row["recall"], default=None)
    if weakest is not None and weakest["recall"] < 1:
        found = round(weakest["recall"] * weakest["n"])
        lines.append(f"weakest class: {weakest['label']}, {found} of {weakest['n']} found")
    lines.append(" ".join([f"verdict: {verdict['state']}; {verdict['evidence']}", *tell_verdict(Verdict(**verdict))]))
    partner = chosen.get("partner")
    lines.append(
        f"{_network(chosen)}, {chosen['classifier']} on {_layers(chosen['layers'])}, {chosen['engine']}"
        + (f"; together with {_network(partner)}" if partner else "")
    )
    lines += tell_training(metrics)
    if metrics["leaks"]:
        lines.append(
            f"leaks: {len(metrics['leaks'])} held-out files share a source or their bytes with training; see the report"
        )
    lines += [f"watch: {alarm}" for alarm in metrics.get("alarms", ())]
    warnings = metrics.get("warnings", ())
    lines += [f"note: {warning}" for warning in warnings[:N_WARNINGS]]
    if len(warnings) > N_WARNINGS:
        lines.append(f"note: {len(warnings) - N_WARNINGS} more of this kind are in the report")
    if "trust" in metrics and metrics["trust"] is None:
        lines.append(f"{words.NOT_ASKED}: {metrics['unaudited']}.")
    seconds = metrics["seconds"]
    spent = ", ".join(
        f"{name.replace('_', ' ')} {seconds[name]:.1f}" for name in seconds if seconds[name] and name != "total"
    )
    lines.append(f"{seconds['total']:.1f} s ({spent})")
    lines.append(f"report: {folder / 'report.html'}")
    return "\n".join(lines)


def _network(chosen: Mapping[str, Any]) -> str:
    """Name a network and what was trained of it; runs of before both were fine-tuned do not say it of the second."""
    if chosen.get("method") != "finetune":
        return f"{chosen['backbone']} frozen"
    return f"{chosen['backbone']} fine-tuned from {chosen['first_trained_layer']} on"


def _layers(names: Sequence[str]) -> str:
    return " + ".join(names) if len(names) <= 4 else f"{len(names)} layers from {names[0]} to {names[-1]}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"
