"""The lesson on overfitting as one self-contained page: one training in full, then depth, data and random labels.

Covers sentences, tables and charts for ``templates/overfit.html``; it measures nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from photism.report import words
from photism.report.charts import draw_accuracy, draw_loss
from photism.report.overfit_charts import Line, draw_lines, highest_loss
from photism.report.sheets import style_sheet, templates
from photism.trust.overfit import Overfit, Taught

__all__ = ["save_overfit", "tell_overfit"]


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    best: str
    onset: str
    loss: str
    cost: str
    accuracy: str


@dataclass(frozen=True, slots=True)
class _Section:
    """One question: its charts and its table."""

    key: str
    title: str
    lead: str
    column: str
    sentences: tuple[str, ...]
    valid: Markup
    train: Markup
    rows: tuple[_Row, ...]


def save_overfit(found: Overfit, out: Path, *, title: str, command: str | None = None) -> None:
    """Write the lesson to one HTML file.

    Parameters
    ----------
    found : Overfit
    out : Path
        The file; an existing one is replaced.
    title : str
        Mostly the data set's name.
    command : str, optional
        What made it.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    environment = templates()
    shown = found.shown
    page = environment.get_template("overfit.html").render(
        css=style_sheet(),
        title=title,
        command=command,
        found=found,
        shown=shown,
        shown_name=_trained(shown),
        headline=_headline(shown),
        loss=draw_loss(shown.rows, shown.verdict),
        accuracy=draw_accuracy(shown.rows, shown.verdict),
        parts=_sections(found),
    )
    out.write_text(page, encoding="utf-8")


def tell_overfit(found: Overfit) -> str:
    """Tell the lesson in a few lines for a terminal.

    Parameters
    ----------
    found : Overfit
    """
    lines = [_headline(found.shown)]
    for section in _sections(found):
        lines += [f"{section.title}: {sentence}" for sentence in section.sentences]
    return "\n".join(lines)


def _sections(found: Overfit) -> tuple[_Section, ...]:
    return (
        _section(
            "depth", "How deep", "The same files; the first stage that may change moves to the front.", "trained",
            found.depths, [_trained(one) for one in found.depths], ["head", *(f"{d.first_trained}…" for d in
            found.depths[1:])], _on_depth(found.depths), found.chance_nats,
        ),
        _section(
            "data", "How many files", f"The same stages ({_trained(found.sizes[-1])}), growing data.", "training files",
            found.sizes, [words.count(one.n_train) for one in found.sizes],
            [f"{one.n_train} files" for one in found.sizes], _on_size(found.sizes), found.chance_nats,
        ),
        _section(
            "random", "Random labels", "The same files with labels dealt out at random: there is nothing to learn.",
            "trained", found.random, [_trained(one) for one in found.random],
            ["head" if one.first_trained == "head" else f"{one.first_trained}…" for one in found.random],
            _on_random(found.random), found.chance_nats,
        ),
    )  # fmt: skip


def _section(
    key: str,
    title: str,
    lead: str,
    column: str,
    some: Sequence[Taught],
    names: Sequence[str],
    short: Sequence[str],
    sentences: Sequence[str],
    chance_nats: float,
) -> _Section:
    lines = [Line(name, one.rows, one.verdict.best_epoch) for name, one in zip(short, some, strict=True)]
    top = highest_loss(lines, chance_nats=chance_nats)
    return _Section(
        key=key,
        title=title,
        lead=lead,
        column=column,
        sentences=tuple(sentences),
        valid=draw_lines(lines, part="validation", top=top, chance_nats=chance_nats),
        train=draw_lines(lines, part="training", top=top, chance_nats=chance_nats),
        rows=tuple(_row(name, one) for name, one in zip(names, some, strict=True)),
    )


def _row(name: str, one: Taught) -> _Row:
    best, last, v = one.rows[one.verdict.best_epoch - 1], one.rows[-1], one.verdict
    onset = "none" if v.onset_epoch is None else f"{v.onset_epoch}{_range(v.onset_low, v.onset_high, digits=0)}"
    if _is_all_memory(one):
        onset = "from the first"
    return _Row(
        name=name,
        best=str(v.best_epoch),
        onset=onset,
        loss=f"{best.valid_loss_nats:.2f} → {words.number(last.valid_loss_nats, digits=2)}",
        cost=f"{v.cost_nats:.2f}{_range(v.cost_low, v.cost_high, digits=2)}",
        accuracy=f"{words.percent(best.valid_accuracy)} → {words.percent(last.valid_accuracy)}",
    )


def _range(low: float | None, high: float | None, *, digits: int) -> str:
    return "" if low is None or high is None else f" ({low:.{digits}f} to {high:.{digits}f})"


def _trained(one: Taught) -> str:
    return "the head only" if one.first_trained == "head" else f"from {one.first_trained} on"


def _headline(one: Taught) -> str:
    v, best, last = one.verdict, one.rows[one.verdict.best_epoch - 1], one.rows[-1]
    if v.state == "diverging":
        return f"Training {_trained(one)} with {one.n_train} files diverged."
    if v.onset_epoch is None:
        return (
            f"Training {_trained(one)} with {one.n_train} files for {last.epoch} epochs brought no memorising that "
            f"can be told from chance: the validation loss was lowest in epoch {v.best_epoch} and "
            f"{last.valid_loss_nats:.2f} nats at the end ({best.valid_loss_nats:.2f} at best). More epochs or fewer "
            "files show it sooner."
        )
    if _is_all_memory(one):
        return f"Training {_trained(one)} with {one.n_train} files, {_when(one)}."
    return (
        f"Training {_trained(one)} with {one.n_train} files, memorising begins in epoch {v.onset_epoch}"
        f"{_between(v.onset_low, v.onset_high)}; going on to epoch {last.epoch} costs {v.cost_nats:.2f} nats"
        f"{_range(v.cost_low, v.cost_high, digits=2)} of validation loss."
    )


def _is_all_memory(one: Taught) -> bool:
    """Say whether files were learned by heart though validation never rose: there is no epoch at which that began."""
    return one.verdict.state == "memorising" and one.verdict.cost_nats <= 0


def _between(low: int | None, high: int | None) -> str:
    return "" if low is None or high is None else f" (95 % interval {low} to {high})"


def _on_depth(some: Sequence[Taught]) -> list[str]:
    best = min(some, key=lambda one: one.rows[one.verdict.best_epoch - 1].valid_loss_nats)
    worst = max(some, key=lambda one: one.verdict.cost_nats)
    said = [
        f"The lowest validation loss, {best.rows[best.verdict.best_epoch - 1].valid_loss_nats:.2f} nats, comes from "
        f"training {_trained(best)}."
    ]
    if worst.verdict.cost_nats > 0.01:
        said.append(f"Going on costs most when training {_trained(worst)}: {worst.verdict.cost_nats:.2f} nats.")
    return said


def _on_size(some: Sequence[Taught]) -> list[str]:
    first, last = some[0], some[-1]
    said = [
        f"With {one.n_train} files the best loss is {one.rows[one.verdict.best_epoch - 1].valid_loss_nats:.2f} nats, "
        f"and {_when(one)}."
        for one in (first, last)
    ]
    return said if first is not last else said[:1]


def _when(one: Taught) -> str:
    v = one.verdict
    if _is_all_memory(one):
        return "what is learned hardly carries over to other files: memorising from the first epoch"
    if v.onset_epoch is None:
        return "no memorising shows"
    return f"memorising begins in epoch {v.onset_epoch}{_between(v.onset_low, v.onset_high)}"


def _on_random(some: Sequence[Taught]) -> list[str]:
    one = some[-1]
    last = one.rows[-1]
    return [
        f"Trained {_trained(one)}, {words.percent(last.train_accuracy)} of the random labels are known by heart after "
        f"{last.epoch} epochs (training loss {last.train_loss_nats:.2f} nats), and validation is at "
        f"{words.percent(last.valid_accuracy)} and {last.valid_loss_nats:.2f} nats: memorising and nothing else."
    ]
