"""What fine-tuning starts from: the data, the network as it was asked, and what was fitted to its answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from photism.data.material import Material
from photism.executor import Executor
from photism.recognizers.backbones import Backbone
from photism.training.fit import Fitted
from photism.training.frozen import Asked
from photism.training.views import Cut
from photism.types import Recipe

__all__ = ["Ground"]


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything that is known when the probe is done, and where work is done and kept."""

    material: Material
    recipe: Recipe
    backbone: Backbone
    asked: Asked
    fitted: Fitted
    executor: Executor
    cache: Path

    def cut(self, after: str | None) -> Cut:
        """Cut the network behind a stage; before the first where it is None.

        Parameters
        ----------
        after : str or None
            The last frozen stage.
        """
        return Cut(self.backbone, after, self.recipe, self.asked.panels, self.asked.engine)
