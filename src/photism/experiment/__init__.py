"""The mission as one function: a folder of anything becomes a recognizer with its evidence."""

from photism.experiment.asking import probe
from photism.experiment.street import train

__all__ = ["probe", "train"]
