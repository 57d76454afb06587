"""Do explanations find what matters? Deletion and insertion against random regions, on real sets (issue 5, 4).

For each set a probe is trained (or a finished run is read), files of the validation part are explained, and each
explanation is compared with the same heat map moved to random places, and with those of twins whose weights are
shuffled. The interval of the mean gain is a bootstrap over groups (source recordings, source files), so that files of
one source count once.

    PHOTISM_DATA=../shared/data python -m benchmarks.explanations [SET ...] [--files 60] [--method gradcam] [--runs DIR]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from statsmodels.stats.proportion import proportion_confint

from benchmarks.main_job import DATA
from photism.data.records import read_split_csv
from photism.data.sources import read_dataset
from photism.experiment import train
from photism.layers.attribution import METHODS, Explained
from photism.layers.evidence import Check
from photism.layers.explaining import explain_shown
from photism.layers.heat import shown_of
from photism.pictures.table import render_file
from photism.runs import load

SETS = {"clothing10": None, "esc10": "1", "filefrag": None}
"""The test fold that is held out of everything, where the set has folds."""
N_BOOTSTRAP = 2000


def run_of(name: str, runs: Path) -> Path:
    """The run on a set, trained where it is not there yet."""
    out = runs / name
    if not (out / "metrics.json").is_file():
        train(DATA / f"{name}.csv", out, method="probe", test_fold=SETS[name], audit=False)
    return out


def chosen_files(name: str, run: Path, n_files: int) -> list[tuple[Path, str]]:
    """Validation files, the classes in turn, with their groups."""
    parts = read_split_csv(run / "split.csv")
    samples = read_dataset(DATA / f"{name}.csv", kind=load(run).recipe.kind).samples
    valid = [one for one in samples if parts.get(one.name) == "valid"]
    order = np.random.default_rng(0).permutation(len(valid))
    by_class: dict[str, list[int]] = {}
    for index in order:
        by_class.setdefault(str(valid[index].label), []).append(int(index))
    turns = [index for rank in range(len(valid)) for some in by_class.values() for index in some[rank : rank + 1]]
    return [(valid[i].path, valid[i].group or valid[i].name) for i in turns[:n_files]]


def bootstrap(values: np.ndarray, groups: list[str]) -> tuple[float, float]:
    """The 95 % interval of a mean, groups drawn whole."""
    names = sorted(set(groups))
    of = np.array([names.index(one) for one in groups])
    sums, counts = np.bincount(of, values, len(names)), np.bincount(of, minlength=len(names))
    drawn = np.random.default_rng(0).integers(0, len(names), (N_BOOTSTRAP, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def share(values: list[bool]) -> str:
    low, high = proportion_confint(sum(values), len(values), method="wilson")
    return f"{100 * np.mean(values):.0f} ({100 * low:.0f}–{100 * high:.0f})"


def row(name: str, method: str, checks: list[Check], groups: list[str], each_s: float) -> str:
    """One line of the table."""

    def mean(field: str) -> float:
        return float(np.mean([getattr(one, field) for one in checks]))

    gain = np.array([one.gain for one in checks])
    shuffled = np.array([(one.shuffled_insertion - one.shuffled_deletion) / 2 for one in checks])
    own = np.array([(one.insertion - one.deletion) / 2 for one in checks])
    low, high = bootstrap(gain, groups)
    less, more = bootstrap(own - shuffled, groups)
    return (
        f"| {name} | {method} | {len(checks)} | {len(set(groups))} | {mean('deletion'):.3f} | "
        f"{mean('random_deletion'):.3f} | {mean('insertion'):.3f} | {mean('random_insertion'):.3f} | "
        f"{gain.mean():+.3f} ({low:+.3f} to {high:+.3f}) | {np.mean(own - shuffled):+.3f} ({less:+.3f} to {more:+.3f}) "
        f"| {share([not one.beats_random for one in checks])} | {share([not one.beats_shuffled for one in checks])} | "
        f"{share([one.fails for one in checks])} | {mean('shuffled_similarity'):+.2f} | {each_s:.2f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--method", nargs="*", default=["gradcam"], choices=list(METHODS))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    print(
        "| set | method | files | groups | deletion | random | insertion | random | gain over random regions (95 %) | "
        "gain over shuffled weights (95 %) | no better than random, % (95 %) | than shuffled, % | fail either, % | "
        "similarity to shuffled | s a file |\n" + "|---" * 15 + "|"
    )
    for name in options.sets:
        run = run_of(name, options.runs)
        explained = Explained(load(run))
        files = chosen_files(name, run, options.files)
        for method in options.method:
            started = time.perf_counter()
            checks = []
            for path, _ in files:
                shown = shown_of(render_file(path, explained.recognizer.recipe))
                probabilities = explained.answering.probabilities([shown.pixels], shown.content)[0]
                checks.append(explain_shown(explained, shown, int(probabilities.argmax()), method=method)[2])
            each_s = (time.perf_counter() - started) / len(files)
            print(row(name, method, checks, [group for _, group in files], each_s), flush=True)


if __name__ == "__main__":
    main()
