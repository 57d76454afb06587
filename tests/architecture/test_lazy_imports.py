"""What takes half a second to import or more is imported where it is needed: a probe must not wait for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = {"torch", "sklearn", "pandas", "scipy.stats", "statsmodels", "matplotlib"}
NOT_TO_ANSWER = {"scipy.ndimage", "scipy.optimize", "photism.training.fit", "photism.trust.shift"}


@pytest.mark.parametrize(
    ("module", "slow"),
    [
        ("photism", SLOW),
        ("photism.cli", SLOW | NOT_TO_ANSWER),
        ("photism.experiment", SLOW),
        ("photism.verbs.ask", SLOW | NOT_TO_ANSWER),
    ],
)
def test_importing_does_not_import_what_is_slow(module: str, slow: set[str]) -> None:
    told = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*({slow} & set(sys.modules)))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.strip() == ""
