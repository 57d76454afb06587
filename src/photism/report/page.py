"""One run as one self-contained HTML page: no network, no scripts, light and dark, readable on a telephone.

It turns an ``Account`` into sentences, tables and charts for ``templates/report.html``. Names and labels come from
users' files: they pass ``printable`` (what no screen can show is spelled out) and Jinja's autoescape. It measures
nothing and opens no data.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from markupsafe import Markup

from photism.report import charts, exhibits, words
from photism.report.account import N_MISTAKES_SHOWN, Account, ClassRow, Measures, Mistake, Probe, examples_wanted
from photism.report.colours import colours_of
from photism.report.embed import data_uri
from photism.report.explain_page import explain_piece
from photism.report.sheets import style_sheet, templates
from photism.report.verdicts import tell_verdict
from photism.types import JSON, Window

__all__ = ["build_page", "save_page"]

N_SKIPPED_SHOWN = 50
_TONES = (0.0, 0.05, 0.15, 0.3, 0.5, 0.75, 0.9)  # shares of a true class at which a confusion cell gets darker
_MANNERS = {
    "learning": "The curves show learning",
    "memorising": "The curves show memorising",
    "stalled": "The curves have stalled",
    "diverging": "The curves diverge",
}


@dataclass(frozen=True, slots=True)
class _Cell:
    """One cell of the confusion matrix: its count, its CSS class and what it says when pointed at."""

    n: int
    tone: str
    tip: str


@dataclass(frozen=True, slots=True)
class _Thumb:
    """A picture (its panels as data URIs, empty when pictures are left out) and the words beside it."""

    uris: tuple[str, ...]
    name: str
    truth: str
    predicted: str = ""
    sure: str = ""


def save_page(account: Account, out: Path, *, pictures: bool = True) -> None:
    """Write the report of a run to one HTML file.

    Parameters
    ----------
    account
        What there is to say.
    out
        The file to write; an existing one is replaced.
    pictures
        False leaves out everything drawn from the user's data (``--no-pictures``: it may show patients).

    Raises
    ------
    OSError
        The file cannot be written.
    """
    out.write_text(build_page(account, pictures=pictures), encoding="utf-8")


def build_page(account: Account, *, pictures: bool = True) -> str:
    """Return the report of a run as one HTML document that refers to nothing outside itself.

    Parameters
    ----------
    account
        What there is to say; what is None or empty is left out.
    pictures
        False leaves out everything drawn from the user's data.

    Returns
    -------
    str
        HTML that encodes to UTF-8 whatever the names of the user's files were.

    Notes
    -----
    Deterministic. Well under a second and 3 MB for 72 classes.
    """
    environment = templates()
    phases = [(phase, s) for phase, s in account.seconds.items() if phase != "total" and s > 0.0]
    probes = _probes(account)
    return environment.get_template("report.html").render(
        account=account,
        css=style_sheet(),
        nouns=words.NOUNS[account.kind],
        pictures=pictures,
        interval=words.interval,
        width_of=_width_of,
        headline=_headline(account),
        manner=_MANNERS[account.verdict.state] if account.verdict else "",
        verdict_details=tell_verdict(account.verdict) if account.verdict else (),
        counts_total=_totals(account),
        most_files=max((c.n for c in account.counts), default=1) or 1,
        steps=_steps(account) if pictures else None,
        examples=_examples(account) if pictures else [],
        examples_per_class=examples_wanted(len(account.labels)),
        charts=_charts(account, probes),
        probe_sentences=_probe_sentences(probes),
        confusion=_confusion(account),
        confusions=_worst_confusions(account),
        rows=_class_rows(account.held_out),
        mistakes=_thumbs(account.mistakes[:N_MISTAKES_SHOWN], pictures=pictures),
        suspects=_thumbs(account.suspects, pictures=pictures),
        decided=[(one, explain_piece(one.why, pictures=pictures)) for one in account.decided],
        skipped_more=max(0, len(account.skipped) - N_SKIPPED_SHOWN),
        n_skipped_shown=N_SKIPPED_SHOWN,
        phases=phases,
        longest_s=max((s for _, s in phases), default=1.0),
        total_s=account.seconds.get("total", sum(s for _, s in phases)),  # the page itself is not written yet
        recipe_text=json.dumps(account.recipe.to_json(), indent=2),
        chosen=[(key.replace("_", " "), _said(value)) for key, value in account.chosen.items() if value is not None],
    )


def _headline(account: Account) -> str:
    """Say in one sentence what the headline number is worth against always answering the commonest class."""
    measures = account.held_out
    if measures is None or measures.majority_baseline is None:
        return ""
    guess = words.percent(measures.majority_baseline)
    if measures.low > measures.majority_baseline:
        return f"Clearly more than the {guess} that always answering the commonest class would give."
    if measures.high < measures.majority_baseline:
        return f"Less than the {guess} that always answering the commonest class would give."
    return (
        f"Not told apart from the {guess} that always answering the commonest class would give: "
        "the interval contains it."
    )


def _totals(account: Account) -> dict[str, int]:
    return {
        "train": sum(c.n_train for c in account.counts),
        "valid": sum(c.n_valid for c in account.counts),
        "test": sum(c.n_test for c in account.counts),
        "all": sum(c.n for c in account.counts),
    }


def _steps(account: Account) -> dict[str, object] | None:
    steps = account.steps
    if steps is None:
        return None
    return {
        "name": steps.name,
        "label": steps.label,
        "raw": exhibits.draw_raw(steps.signal),
        "seen": [(p.panel, exhibits.draw_seen(p), colours_of(p)) for p in steps.window],
    }


def _examples(account: Account) -> list[tuple[str, list[_Thumb]]]:
    wanted = examples_wanted(len(account.labels))
    side_px = 224 if len(account.labels) <= 12 else 128  # shown that small: noise does not compress
    rows = []
    for label in account.labels:
        shown = [example for example in account.examples if example.label == label][:wanted]
        thumbs = [_Thumb(_uris(e.window, side_px=side_px), e.name, e.label) for e in shown]
        if thumbs:
            rows.append((label, thumbs))
    return rows


def _thumbs(mistakes: Sequence[Mistake], *, pictures: bool) -> list[_Thumb]:
    return [
        _Thumb(
            uris=_uris(mistake.window) if pictures and mistake.window else (),
            name=mistake.name,
            truth=mistake.truth,
            predicted=mistake.predicted,
            sure=words.percent(mistake.probability, digits=0),
        )
        for mistake in mistakes
    ]


def _uris(window: Window, *, side_px: int = 224) -> tuple[str, ...]:
    return tuple(data_uri(picture.pixels, side_px=side_px, quality=78) for picture in window)


def _charts(account: Account, probes: Sequence[Probe]) -> dict[str, Markup]:
    """Draw the charts there is something to draw for."""
    held_out, drawn = account.held_out, {}
    baseline = held_out.majority_baseline if held_out else None
    if account.history:
        drawn["loss"] = charts.draw_loss(account.history, account.verdict)
        drawn["accuracy"] = charts.draw_accuracy(account.history, account.verdict, baseline=baseline)
    if probes:
        drawn["probes"] = charts.draw_probes(probes, baseline=baseline)
    if held_out and any(bin_.n for bin_ in held_out.calibration):
        drawn["calibration"] = charts.draw_calibration(held_out.calibration)
    return drawn


def _probes(account: Account) -> tuple[Probe, ...]:
    """Take the panel's name off the stages' names (``log-mel/b4``) where there is one panel only."""
    panels = {part.partition("/")[0] for probe in account.probes for part in probe.name.split(" + ") if "/" in part}
    if len(panels) != 1:
        return account.probes
    (panel,) = panels
    return tuple(replace(probe, name=probe.name.replace(f"{panel}/", "")) for probe in account.probes)


def _probe_sentences(probes: Sequence[Probe]) -> list[str]:
    """Say what the probes say: the chosen one, and what was gained over the network's own last stage."""
    chosen = next((probe for probe in probes if probe.chosen), None)
    singles = [probe for probe in probes if "+" not in probe.name]
    if chosen is None or not singles:
        return []
    first, last, best = singles[0], singles[-1], max(singles, key=lambda probe: probe.accuracy)
    said = [
        f"{chosen.name} was chosen: of all joins it had the lowest cross-validated loss inside the training part, "
        f"at an accuracy of {words.percent(chosen.accuracy)}."
    ]
    if any("/" in probe.name for probe in singles):  # several panels: their stages are not one line from first to last
        said.append(f"The best single stage ({best.name}) reaches {words.percent(best.accuracy)}.")
    elif chosen.name != last.name:
        said.append(
            f"The last stage alone ({last.name}), where an image network is usually asked, reaches "
            f"{words.percent(last.accuracy)}; the first ({first.name}) {words.percent(first.accuracy)}."
        )
    if chosen.low is not None and chosen.high is not None:
        rivals = sum(p is not chosen and p.accuracy >= chosen.low for p in probes)
        if rivals:
            verb = "lies" if rivals == 1 else "lie"
            said.append(f"{rivals} of the others {verb} within its 95 % interval: the order among them is not settled.")
    return said


def _confusion(account: Account) -> list[tuple[str, list[_Cell]]]:
    """Lay out the confusion matrix: blue on the diagonal, ochre beside it, darker for a larger share of the class."""
    matrix = account.held_out.confusion if account.held_out else ()
    names = [words.printable(label) for label in account.labels]
    rows = []
    for i, counts in enumerate(matrix):
        total = sum(counts) or 1
        cells = [
            _Cell(
                n=n,
                tone=f"{'hit' if i == j else 'miss'} t{_tone(n / total)}" if n else "",
                tip=f"{names[i]} → {names[j]}: {n} of {sum(counts)}" if n else "",
            )
            for j, n in enumerate(counts)
        ]
        rows.append((account.labels[i], cells))
    return rows


def _tone(share: float) -> int:
    return sum(share > limit for limit in _TONES)


def _worst_confusions(account: Account, n: int = 6) -> list[tuple[str, str, int, int]]:
    """Return the most frequent (truth, answer, times, of), so that nobody has to read them off a large matrix."""
    matrix = account.held_out.confusion if account.held_out else ()
    pairs = [
        (-times, i, j, sum(row)) for i, row in enumerate(matrix) for j, times in enumerate(row) if times and i != j
    ]
    return [(account.labels[i], account.labels[j], -times, of) for times, i, j, of in sorted(pairs)[:n]]


def _class_rows(measures: Measures | None) -> list[tuple[ClassRow, Markup]]:
    """Pair every class with its interval bar, the weakest first: that is where a reader can do something."""
    rows: Sequence[ClassRow] = measures.per_class if measures else ()
    ordered = sorted(rows, key=lambda row: (row.recall if row.recall is not None else 2.0, row.label))
    return [(row, charts.interval_bar(row.recall, row.recall_low, row.recall_high)) for row in ordered]


def _said(value: JSON) -> str:
    """Write what was chosen as a person would: lists with plus signs, the rest as it is."""
    if isinstance(value, list):
        return " + ".join(_said(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_said(item)}" for key, item in value.items())
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _width_of(fraction: float) -> str:
    return f"{100.0 * min(1.0, max(0.0, fraction)):.2f}%"
