"""Networks that a format states by a few numbers instead of a graph: frozen data.

The parameters have the names that csbdeep and stardist have for them. How they become layers is in ``weights``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

#: The activations of Keras that a layer may have.
ACTIVATIONS = (
    "linear", "relu", "sigmoid", "tanh", "elu", "selu", "softplus", "softsign", "softmax", "exponential",
)  # fmt: skip


@dataclass(frozen=True)
class UNet:
    """A U-Net as csbdeep builds it (``csbdeep.internals.blocks.unet_block``).

    ``kernel_size`` and ``pool`` have a number per axis. A level n, from 0, has ``n_filter_base * expansion ** n`` filters.
    """

    n_depth: int
    n_filter_base: int
    kernel_size: tuple[int, ...]
    pool: tuple[int, ...]
    n_conv_per_depth: int = 2
    activation: str = "relu"
    last_activation: str | None = None
    batch_norm: bool = False
    expansion: float = 2
    prefix: str = ""

    @property
    def stride(self) -> tuple[int, ...]:
        """The number that its input's size must be divisible by, per axis."""
        return tuple(pool**self.n_depth for pool in self.pool)


@dataclass(frozen=True)
class ResNet:
    """Residual blocks as stardist stacks them (``stardist.models.StarDist3D``); they pool until they are on the grid."""

    n_blocks: int
    n_filter_base: int
    kernel_size: tuple[int, ...]
    n_conv_per_block: int = 3
    activation: str = "relu"
    batch_norm: bool = False

    @property
    def stride(self) -> tuple[int, ...]:
        """The number that its input's size must be divisible by, per axis, beside the grid."""
        return (1,) * len(self.kernel_size)


@dataclass(frozen=True)
class CareNetwork:
    """A network of CARE (``csbdeep.internals.nets.common_unet``): Weigert et al. 2018, doi:10.1038/s41592-018-0216-7.

    One output; two (mean and scale of a Laplace distribution) where it is ``probabilistic``.
    """

    body: UNet
    n_channel_in: int
    n_channel_out: int
    residual: bool
    last_activation: str
    probabilistic: bool

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of its outputs, in order."""
        return ("mean", "scale") if self.probabilistic else ("output",)


@dataclass(frozen=True)
class StarDistNetwork:
    """A network of StarDist: Schmidt et al. 2018, doi:10.1007/978-3-030-00934-2_30; 3D: doi:10.1109/WACV45572.2020.9093435.

    Its outputs have a pixel for ``grid`` pixels of the input, a number per axis. ``n_features`` filters follow the body (0:
    none).
    """

    body: UNet | ResNet
    n_channel_in: int
    grid: tuple[int, ...]
    n_rays: int
    n_features: int
    n_classes: int | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of its outputs, in order."""
        return ("prob", "dist") if self.n_classes is None else ("prob", "dist", "prob_class")


Architecture: TypeAlias = CareNetwork | StarDistNetwork
