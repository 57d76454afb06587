"""Do the engines of this machine agree? One run's answers for its test files, computed by each engine in turn.

fp32 engines are to agree to 1e-3 in probability; across precisions labels are to agree on 99 % of a real set.

    PHOTISM_DATA=../shared/data python -m benchmarks.engines_agree RUN SET
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

import photism
from benchmarks.main_job import DATA
from photism.recognizers.engines import engines_here


def main() -> None:
    """Print the table: each engine against the first single-precision one, and against the run's own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("set", help="the set that the run was trained on; its test part is answered")
    arguments = parser.parse_args()
    with (DATA / f"{arguments.set}.csv").open(newline="") as file:
        paths = [DATA / row["path"] for row in csv.DictReader(file) if row["split"] == "test"]
    answers: dict[str, np.ndarray] = {}
    for engine in engines_here():
        predictions = photism.load(arguments.run, engine=engine).predict(paths)
        answers[engine] = np.array([one.probabilities for one in predictions])
    single, own = answers["torch-fp32"], answers[str(photism.load(arguments.run).engine["name"])]  # type: ignore[index]
    print("| engine | largest difference in probability to torch-fp32 | labels as the run's own % | as torch-fp32 % |")
    print("|---|---|---|---|")
    for engine, probability in answers.items():
        same = 100 * np.mean(probability.argmax(axis=1) == own.argmax(axis=1))
        as_single = 100 * np.mean(probability.argmax(axis=1) == single.argmax(axis=1))
        print(f"| {engine} | {np.abs(probability - single).max():.2e} | {same:.2f} | {as_single:.2f} |")


if __name__ == "__main__":
    main()
