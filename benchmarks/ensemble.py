"""Do the packaged networks answer better together? Their probes, each file answered without its inner fold.

Training and validation files only: every network's probe is fitted without a fold and answers for it, the answers get
the temperature that suits them, and means of them are compared with the default network's by the paired test that
``photism train`` uses. Test files are never answered. What the frozen networks say is kept in photism's cache.

    PHOTISM_DATA=../shared/data python -m benchmarks.ensemble [SET ...] [--networks NAME ...] [--test-fold FOLD]
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np

from benchmarks.main_job import DATA, PROTOCOLS
from photism.data.material import Material, gather
from photism.executor import Executor, ProcessExecutor
from photism.pictures.table import fit_recipe
from photism.recognizers.backbones import load_backbone
from photism.store import cache_root
from photism.training.calibration import tempered
from photism.training.choose import compare
from photism.training.fit import probe_of
from photism.training.frozen import ask
from photism.training.ground import Ground

NETWORKS = ("efficientnet_lite0", "efficientnet_lite2")


def unseen(material: Material, name: str, executor: Executor, cache: Path) -> np.ndarray:
    """Probabilities (n_samples, k) of a network's probe for training and validation files, NaN for all others."""
    network = load_backbone(name)
    recipe = fit_recipe(material.dataset.kind, material.facts("train"), size_px=network.size_px)
    asked = ask(material, recipe, network, engine=None, executor=executor, cache=cache)
    fitted = probe_of(material, asked, seed=0)
    return Ground(material, recipe, network, asked, fitted, executor, cache).probe_without


def rows(title: str, material: Material, answers: Mapping[str, np.ndarray]) -> list[str]:
    """Compare every network, and every mean of several, with the first network."""
    known = np.isfinite(np.hstack(list(answers.values()))).all(axis=1)
    files = np.flatnonzero(known & (material.mask("train") | material.mask("valid")))
    y, groups = material.y[files], [material.groups[i] for i in files.tolist()]
    alone = {name: tempered(one[files], y) for name, one in answers.items()}
    first, lines = next(iter(alone.values())), []
    for n in range(1, len(alone) + 1):
        for names in combinations(alone, n):
            both = tempered(np.mean([alone[name] for name in names], axis=0), y)
            found = compare(first, both, y, groups)
            p = "" if names == tuple(alone)[:1] else f"{found.p_value:.4f}"
            lines.append(
                f"| {title} | {len(y)} | {' + '.join(names)} | {100 * found.challenger_accuracy:.2f} | "
                f"{found.challenger_loss_nats:.4f} | {p} |"
            )
    return lines


def main() -> None:
    """Print a table, a row for every network and every mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(PROTOCOLS), metavar="SET")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), metavar="NAME")
    parser.add_argument("--test-fold", help="instead of each set's first fold")
    options = parser.parse_args()
    print("| set | files | networks | accuracy % | nats | p against the first |\n|---|---|---|---|---|---|")
    with ProcessExecutor() as executor:
        for name in options.sets:
            protocol = PROTOCOLS[name]
            fold = options.test_fold or protocol.folds[0]
            material = gather(DATA / protocol.csv, kind=None, group_by=None, test_fold=fold, seed=0, executor=executor)
            answers = {one: unseen(material, one, executor, cache_root()) for one in options.networks}
            print("\n".join(rows(f"{name}{f' without {fold}' if fold else ''}", material, answers)), flush=True)


if __name__ == "__main__":
    main()
