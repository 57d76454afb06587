"""``photism explain``: which regions of one file decided the answer, written to a folder.

Covers loading the run and what is written. Explaining is ``layers.explaining``, the page ``report.explain_page``.
"""

from __future__ import annotations

import json
from pathlib import Path

from photism.executor import ProcessExecutor
from photism.layers.attribution import DEFAULT_METHOD, Explained
from photism.layers.explaining import explain_file
from photism.layers.explanation import Explanation
from photism.report.explain_page import save_explanation
from photism.report.heat_picture import save_heat
from photism.runs import load, write_whole
from photism.verbs.making import making

__all__ = ["PAGE", "explain"]

PAGE, FIGURES, HEAT = "explain.html", "explain.json", "heat.png"


def explain(
    run: Path,
    file: Path,
    out: Path,
    *,
    label: str | None = None,
    method: str = DEFAULT_METHOD,
    engine: str | None = None,
    seed: int = 0,
    command: str | None = None,
) -> Explanation:
    """Say which regions of a file decided its answer, and whether that can be believed.

    Parameters
    ----------
    run : Path
        A run's folder.
    file : Path
        Any file of its kind.
    out : Path
        The folder to make: ``explain.html``, ``explain.json``, ``heat.png``, and ``region-N.wav`` for sounds.
    label : str, optional
        Explain this class instead of the answer.
    method : {"gradcam", "integrated-gradients", "occlusion"}
    engine : str, optional
        Which engine answers; the run's own by default.
    seed : int
        Of the random regions that the explanation is compared with.
    command : str, optional
        What the page shows as the command that made it.

    Raises
    ------
    InputError
        Where the run, the file or an option is wrong, or ``out`` holds something else.
    """
    with making(out, verb="explain", mark=FIGURES):
        with ProcessExecutor(workers=1) as executor:
            explained = Explained(load(run, engine=engine))
            explanation = explain_file(explained, file, executor=executor, label=label, method=method, seed=seed)
        for left in out.glob("region-*.wav"):  # of an earlier explanation in this folder
            left.unlink()
        for number, found in enumerate(explanation.found, 1):
            if found.wav:
                (out / f"region-{number}.wav").write_bytes(found.wav)
        save_heat(explanation, out / HEAT)
        save_explanation(explanation, out / PAGE, command=command)
        write_whole(out / FIGURES, json.dumps(explanation.to_json(), indent=2, allow_nan=False))
    return explanation
