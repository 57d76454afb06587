"""An explanation as a piece of HTML that can stand in the report, and as a small page of its own.

Covers sentences and layout for ``templates/explain.html`` and ``templates/explain_piece.html``; it measures nothing.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from photism.layers.explanation import Explanation
from photism.report import words
from photism.report.heat_picture import draw_check, draw_heat
from photism.report.sheets import style_sheet, templates

__all__ = ["explain_piece", "save_explanation"]

MOST_WINDOWS = 4
MANNERS = {
    "gradcam": "Grad-CAM with per-position contributions: the places of the layers that the head reads, each with its "
    "own weight, compared with the average training file",
    "integrated-gradients": "integrated gradients, from a picture with nothing in it to this one",
    "occlusion": "occlusion: what the answer loses when a piece of the data is taken away",
}


@dataclass(frozen=True, slots=True)
class _Shown:
    caption: str
    drawn: Markup


@dataclass(frozen=True, slots=True)
class _Row:
    share: str
    panel: str
    sentence: str
    excerpt: str
    sound: str


def explain_piece(explanation: Explanation, *, pictures: bool = True) -> Markup:
    """Return an explanation as HTML that needs the report's style sheet around it, and nothing else.

    Parameters
    ----------
    explanation : Explanation
    pictures : bool
        False leaves out everything drawn or cut from the user's data.
    """
    environment = templates()
    return Markup(environment.get_template("explain_piece.html").render(**_fields(explanation, pictures=pictures)))


def save_explanation(explanation: Explanation, out: Path, *, command: str | None = None, pictures: bool = True) -> None:
    """Write an explanation to one self-contained HTML file.

    Parameters
    ----------
    explanation : Explanation
    out : Path
        The file; an existing one is replaced.
    command : str, optional
        What made it.
    pictures : bool
        False leaves out everything drawn or cut from the user's data.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    page = (
        templates()
        .get_template("explain.html")
        .render(
            css=style_sheet(),
            name=Path(explanation.path).name,
            label=explanation.label,
            answer=explanation.answer,
            probability=explanation.probability,
            joint=explanation.joint,
            failed=explanation.check.fails,
            headline=_headline(explanation),
            command=command,
            piece=explain_piece(explanation, pictures=pictures),
        )
    )
    out.write_text(page, encoding="utf-8", errors="backslashreplace")


def _fields(explanation: Explanation, *, pictures: bool) -> dict[str, object]:
    check = explanation.check
    return {
        "shown": _pictures(explanation) if pictures else [],
        "n_more": max(0, len(explanation.shown.windows) - MOST_WINDOWS) if pictures else 0,
        "rows": [_row(explanation, i, pictures=pictures) for i in range(len(explanation.found))],
        "label": explanation.label,
        "joint": None if explanation.joint is None else explanation.joint.to_text(),
        "check": check,
        "verdict": check.to_text(),
        "deletion": draw_check(check, part="deletion"),
        "insertion": draw_check(check, part="insertion"),
        "manner": MANNERS[explanation.heat.method],
        "resolution": _resolution(explanation),
        "completeness": explanation.completeness_error,
    }


def _pictures(explanation: Explanation) -> list[_Shown]:
    """The windows that hold regions first, at most so many, in the file's order."""
    windows = explanation.shown.windows
    weight = [sum(one.weight for one in explanation.regions if one.window == index) for index in range(len(windows))]
    chosen = sorted(sorted(range(len(windows)), key=lambda index: -weight[index])[:MOST_WINDOWS])
    found = []
    for window in chosen:
        for panel, picture in enumerate(windows[window]):
            if picture.panel not in explanation.resolution:
                continue
            part = f", window {window + 1} of {len(windows)}" if len(windows) > 1 else ""
            caption = f"{picture.panel}{part}, in grey under the glow."
            found.append(_Shown(caption, draw_heat(explanation, window=window, panel=panel)))
    return found


def _row(explanation: Explanation, index: int, *, pictures: bool) -> _Row:
    one = explanation.found[index]
    sound = "data:audio/wav;base64," + base64.b64encode(one.wav).decode("ascii") if one.wav and pictures else ""
    excerpt = one.excerpt if pictures else ""
    return _Row(words.percent(min(one.weight, 1.0), digits=0), one.panel, one.sentence, excerpt, sound)


def _resolution(explanation: Explanation) -> str:
    cells = [f"{name} {cell[0]:.0f} × {cell[1]:.0f} px" for name, cell in explanation.resolution.items()]
    return f"Nothing is told apart that is smaller than {', '.join(cells)} of the picture."


def _headline(explanation: Explanation) -> str:
    if explanation.check.fails:
        return explanation.check.to_text().partition(":")[0] + "."
    if not explanation.found:
        return f"No place of it speaks for {explanation.label}."
    return f"What spoke for {explanation.label} most: {explanation.found[0].sentence}."
