"""What fine-tuning starts from: the data, the network as it was asked, and what was fitted to its answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from photism.data.material import Material
from photism.executor import Executor
from photism.recognizers.backbones import Backbone
from photism.training.fit import Fitted
from photism.training.frozen import Asked
from photism.training.plan import Plan, stage_of
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

    def cut(self, plan: Plan) -> Cut:
        """Cut the network where a plan says.

        Parameters
        ----------
        plan : Plan
        """
        names = self.backbone.stage_names
        last = -1 if plan.after is None else names.index(plan.after)
        frozen = tuple(name for name in plan.layers if names.index(stage_of(name)) <= last)
        width = self.asked.features.width(frozen)
        return Cut(self.backbone, plan.after, self.recipe, self.asked.panels, self.asked.engine, frozen, width)
