"""The little networks of csbdeep and stardist that are kept in csbdeep/, and the images they run on; needs neither package."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

Array: TypeAlias = "np.ndarray[Any, Any]"

FOLDER = Path(__file__).parent / "csbdeep"


@dataclass(frozen=True)
class Network:
    """A network and what it runs on.

    ``config`` are the arguments of the package's class of configurations. ``shape`` is the image's, of the axes of ``axes``,
    which are not all multiples of what the network wants; ``tiles`` are the tiles (``n_tiles``) that the package makes of it.
    Weights are random but fixed, or ``trained`` for ``epochs``; StarDist's on the ``columns`` before the first number, and
    chosen by those before the second. ``keras`` is the version that writes them; 2 can ``export`` a SavedModel.
    """

    name: str
    kind: Literal["CARE", "StarDist2D", "StarDist3D"]
    axes: str
    shape: tuple[int, ...]
    config: Mapping[str, Any]
    tiles: Sequence[int] = ()
    keras: int = 3
    export: bool = False
    trained: bool = False
    epochs: int = 60
    columns: tuple[int, int] = (384, 512)
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where config.json and weights lie."""
        return FOLDER / self.name

    @property
    def seed(self) -> int:
        """A number of its own."""
        return sum(map(ord, self.name))


_UNET = {"unet_n_depth": 2, "unet_n_first": 4, "unet_kern_size": 3}
_STARDIST = {"unet_n_depth": 2, "unet_n_filter_base": 4, "net_conv_after_unet": 8}

NETWORKS = (
    Network("care-2d", "CARE", "YX", (91, 106), {**_UNET, "unet_kern_size": 5, "unet_n_first": 8}, tiles=(1, 2)),
    Network("care-2d-old-keras", "CARE", "YX", (91, 106), {**_UNET, "unet_last_activation": "relu"}, tiles=(1, 2), keras=2),
    Network("care-2d-probabilistic", "CARE", "YX", (91, 106), {**_UNET, "probabilistic": True}, tiles=(1, 2), keras=2,
            export=True),
    Network("care-2d-channels", "CARE", "YXC", (45, 58, 2),
            {**_UNET, "n_channel_in": 2, "n_channel_out": 2, "probabilistic": True}),
    Network("care-2d-one-to-two", "CARE", "YX", (45, 58), {**_UNET, "unet_n_depth": 1, "n_channel_out": 2}),
    Network("care-3d", "CARE", "ZYX", (10, 26, 31), _UNET),
    Network("care-time", "CARE", "TYX", (7, 26, 31), {**_UNET, "unet_n_depth": 1}),
    Network("care-trained", "CARE", "YX", (330, 275), {**_UNET, "unet_n_first": 8}, tiles=(2, 2), trained=True),
    Network("stardist-2d", "StarDist2D", "YX", (91, 106), {**_STARDIST, "n_rays": 8}, tiles=(1, 2),
            thresholds={"prob": 0.55, "nms": 0.35}),
    Network("stardist-2d-grid", "StarDist2D", "YX", (91, 107), {**_STARDIST, "n_rays": 8, "grid": (2, 2)}, tiles=(1, 2),
            keras=2, export=True),
    Network("stardist-2d-classes", "StarDist2D", "YXC", (45, 58, 3),
            {**_STARDIST, "n_rays": 8, "grid": (4, 2), "n_channel_in": 3, "n_classes": 2, "unet_batch_norm": True,
             "unet_dropout": 0.2, "unet_activation": "elu", "unet_last_activation": "tanh"}),
    Network("stardist-2d-no-features", "StarDist2D", "YX", (45, 58),
            {**_STARDIST, "n_rays": 8, "net_conv_after_unet": 0, "unet_n_conv_per_depth": 1, "unet_prefix": "body_"}),
    Network("stardist-2d-trained", "StarDist2D", "YX", (303, 384),
            {"unet_n_depth": 3, "unet_n_filter_base": 8, "net_conv_after_unet": 32, "n_rays": 32, "grid": (2, 2)},
            tiles=(2, 2), trained=True),
    Network("stardist-2d-nuclei", "StarDist2D", "YX", (512, 512),
            {"unet_n_depth": 3, "unet_n_filter_base": 8, "net_conv_after_unet": 64, "n_rays": 32, "grid": (2, 2)},
            tiles=(3, 2), trained=True, epochs=300, columns=(256, 384)),
    Network("stardist-3d", "StarDist3D", "ZYX", (9, 26, 31),
            {**_STARDIST, "rays": 12, "grid": (1, 2, 2), "unet_pool": (1, 2, 2), "anisotropy": (2.0, 1.0, 1.0)}),
    Network("stardist-3d-resnet", "StarDist3D", "ZYX", (9, 26, 31),
            {"backbone": "resnet", "resnet_n_blocks": 2, "resnet_n_filter_base": 4, "net_conv_after_resnet": 8, "rays": 12,
             "grid": (1, 2, 2)}),
    Network("stardist-3d-resnet-batch-norm", "StarDist3D", "ZYX", (9, 26, 31),
            {"backbone": "resnet", "resnet_n_blocks": 3, "resnet_n_filter_base": 4, "resnet_n_conv_per_block": 2,
             "resnet_batch_norm": True, "net_conv_after_resnet": 0, "rays": 12, "grid": (2, 2, 2)}, keras=2),
)  # fmt: skip

#: The one that finds nuclei which it has not seen: those of the columns from ``columns[1]``.
NUCLEI = next(one for one in NETWORKS if one.name == "stardist-2d-nuclei")

#: Large results are kept at every so many pixels: numbers that have no factor in common with what networks pool by.
KEPT, KEPT_OF_TRAINED = 5, 11


def image(network: Network) -> Array:
    """Give the image of a network, uint16, of its axes: bright discs with noise; a real one for those that were trained."""
    if network.trained:
        return photograph(network)
    rng = np.random.default_rng(network.seed)
    space = [size for size, axis in zip(network.shape, network.axes, strict=True) if axis != "C"]
    channels = network.shape[-1] if network.axes.endswith("C") else 1
    places = np.stack(np.meshgrid(*map(np.arange, space), indexing="ij"), axis=-1)
    planes = []
    for channel in range(channels):
        plane = np.full(space, 100.0 + 50 * channel)
        for _ in range(12):
            middle, radius = rng.uniform(0, 1, len(space)) * space, rng.uniform(3, 9)
            distance = np.linalg.norm(places - middle, axis=-1)
            plane += rng.uniform(300, 3000) / (1 + np.exp(distance - radius))
        planes.append(rng.poisson(plane))
    array: Array = np.stack(planes, axis=-1).astype(np.uint16)
    return array if network.axes.endswith("C") else array[..., 0]


def photograph(network: Network) -> Array:
    """Give a real image: cells for CARE, with the noise of few photons; coins for StarDist, or the nuclei it brings along."""
    from skimage import data

    if network is NUCLEI:
        from stardist.data import test_image_nuclei_2d

        nuclei: Array = test_image_nuclei_2d()
        return nuclei
    if network.kind == "CARE":
        return np.random.default_rng(network.seed).poisson(data.cell()[::2, ::2] / 8.0).astype(np.uint16)
    return data.coins().astype(np.uint16)


def normalized(network: Network, stride: Sequence[int]) -> Array:
    """Give a batch of one for the bare network, (batch, space, channel): between 0 and about 1, cut to multiples."""
    array = image(network).astype(np.float32)
    if not network.axes.endswith("C"):
        array = array[..., None]
    array = array[tuple(slice(0, size // step * step) for size, step in zip(array.shape, stride, strict=False))]
    return (array[None] - np.float32(array.min())) / np.float32(np.ptp(array))


def kept(network: Network, array: Array) -> Array:
    """Give what is stored of a result, (space, channel)."""
    if max(network.shape) < 60:
        return array
    step = KEPT_OF_TRAINED if network.trained else KEPT
    return array[tuple(slice(0, None, step) for _ in network.axes.replace("C", ""))]


# --- objects ---------------------------------------------------------------------------------------------------------

#: Those whose objects are kept in ``objects.npz`` beside them, made by scripts/compare_stardist.py.
WITH_OBJECTS = tuple(one for one in NETWORKS if one.kind != "CARE")

#: By so many pixels the distances of random networks are made longer, or their objects would have a pixel or none.
LONGER = 3.0


def with_objects(network: Network, folder: Path) -> Path:
    """Copy a network's folder to one that finds objects of some size."""
    import h5py

    shutil.copytree(network.folder, folder)
    if not network.trained:
        with h5py.File(folder / "weights_best.h5", "r+") as weights:
            found: list[str] = []
            weights.visit(
                lambda name: found.append(name) if "dist/" in f"{name}/" and "bias" in name.rpartition("/")[2] else None
            )
            for name in found:
                weights[name][...] += LONGER
    return folder
