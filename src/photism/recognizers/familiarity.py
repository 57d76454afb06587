"""Is a file like anything that was taught? (first version)"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photism.types import JSON

__all__ = ["Familiarity"]


@dataclass(frozen=True, slots=True)
class Familiarity:
    layers: tuple[str, ...]

    def is_familiar(self, layers: Mapping[str, NDArray[np.float32]]) -> bool:
        return True

    def to_json(self) -> dict[str, JSON]:
        return {"layers": list(self.layers)}

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        return {}

    @classmethod
    def from_parts(cls, meta: Mapping[str, JSON], tensors: Mapping[str, NDArray[np.float32]]) -> Familiarity:
        return cls(tuple(meta["layers"]))
