"""Models of StarDist: the folders that stardist trains in, 2D and 3D, or a zip of one.

A folder holds ``config.json``, the weights of the network that it states, and ``thresholds.json``. Made for stardist 0.9.2; the
method is Schmidt et al., MICCAI 2018, doi:10.1007/978-3-030-00934-2_30, and Weigert et al., WACV 2020,
doi:10.1109/WACV45572.2020.9093435.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from ijbridge.architectures import ACTIVATIONS, ResNet, StarDistNetwork, UNet
from ijbridge.description import Axis, Citation, FileRef, ModelDescription, ReferencedSize, Tensor
from ijbridge.errors import DescriptionError
from ijbridge.findings import Finding, noted
from ijbridge.formats.csbdeep_config import (
    CONFIG,
    Config,
    found,
    keras_weights,
    model_name,
    network_axes,
    normalized_input,
    read_json,
)
from ijbridge.formats.fields import Fields
from ijbridge.formats.info import FormatInfo
from ijbridge.formats.package import Package
from ijbridge.operations import Clip
from ijbridge.star_convex import MOST_GRID, MOST_LEVEL, MOST_RAYS, RAYS, SMALLEST_DISTANCE, RayArgument, Rays, StarConvex

INFO = FormatInfo("StarDist", "2D, 3D, to 0.9.2", "StarDist config.json", ("keras_hdf5",))

THRESHOLDS = "thresholds.json"

#: What stardist takes where there is no thresholds.json.
_DEFAULT_THRESHOLDS = {"prob": 0.5, "nms": 0.4}

#: The percentiles that stardist's examples normalise by.
PERCENTILES = (1.0, 99.8)

_CITE = {
    2: Citation("Schmidt et al.: Cell Detection with Star-Convex Polygons. MICCAI 2018", "10.1007/978-3-030-00934-2_30"),
    3: Citation(
        "Weigert et al.: Star-convex Polyhedra for 3D Object Detection and Segmentation in Microscopy. WACV 2020",
        "10.1109/WACV45572.2020.9093435",
    ),
}

_UNET_KEYS = (
    "unet_n_depth", "unet_kernel_size", "unet_n_filter_base", "unet_n_conv_per_depth", "unet_pool", "unet_activation",
    "unet_last_activation", "unet_batch_norm", "unet_dropout", "unet_expansion", "unet_prefix", "net_conv_after_unet",
)  # fmt: skip
_RESNET_KEYS = (
    "resnet_n_blocks", "resnet_kernel_size", "resnet_kernel_init", "resnet_n_filter_base", "resnet_n_conv_per_block",
    "resnet_activation", "resnet_batch_norm", "net_conv_after_resnet",
)  # fmt: skip
_KEYS = ("net_input_shape", "net_mask_shape")


def matches(package: Package) -> bool:
    """Whether the package holds a config.json with a number of rays."""
    described = found(package, CONFIG)
    try:
        return described is not None and "n_rays" in read_json(described, CONFIG)[0].value
    except DescriptionError:
        return False


def read(package: Package) -> ModelDescription:
    """Read a model.

    Raises
    ------
    DescriptionError
        If config.json or thresholds.json is broken or contradicts itself.
    PackageError
        If a file cannot be read.
    """
    package = found(package, CONFIG) or package
    fields, digest = read_json(package, CONFIG)
    config = Config(fields, "stardist")
    letters = config.axes("YX" if fields.raw("n_dim") != 3 else "ZYX")
    if "t" in letters:
        raise fields.wrong("axes", "Z, Y and X, or Y and X, and C at the end")
    network = read_network(config, len(letters))
    stride = tuple(a * b for a, b in zip(network.body.stride, network.grid, strict=True))
    axes = network_axes(letters, config.input_sizes("net_input_shape", network.n_channel_in, stride), network.n_channel_in)
    weights, chosen = keras_weights(package, network)
    stated = read_json(package, THRESHOLDS)[0] if package.exists(THRESHOLDS) else None
    thresholds, defaults = read_thresholds(stated)
    objects = star_convex(config, network, letters, thresholds)
    return ModelDescription(
        format=INFO.name,
        format_version="",
        name=model_name(package),
        inputs=(normalized_input(axes, *PERCENTILES, "stardist's own examples do", both_sides=False),),
        outputs=_outputs(network, letters),
        weights=weights,
        location=str(package.location),
        file=package.description_file,
        digest=digest,
        description=f"A network of StarDist {len(letters)}D, which finds objects of a star-convex shape.",
        cite=tuple(_CITE[ndim] for ndim in (2, 3) if ndim <= len(letters)),
        config={"stardist": {"thresholds": thresholds, "config": dict(fields.value)}},
        objects=objects,
        findings=(*config.findings, *chosen, *defaults),
        read_from=(FileRef(THRESHOLDS),),
    )


def read_network(config: Config, ndim: int) -> StarDistNetwork:
    """Read the network that a config.json states (stardist's ``Config2D`` and ``Config3D``)."""
    fields, three = config.fields, (3,) * ndim
    rays = config.whole("n_rays", 32 if ndim == 2 else 96, low=3)
    if "n_channel_out" in fields and fields.raw("n_channel_out") != rays + 1:
        raise fields.error(
            f"`n_channel_out` is {fields.raw('n_channel_out')}, but {rays} `n_rays` and a probability are {rays + 1}"
        )
    grid = config.wholes("grid", (1,) * ndim, high=MOST_GRID)
    if any(one & (one - 1) for one in grid):
        raise fields.wrong("grid", "powers of 2")
    backbone = config.one_of("backbone", "unet", ("unet",) if ndim == 2 else ("unet", "resnet"))
    config.refuse_others((*_KEYS, *(_UNET_KEYS if backbone == "unet" else _RESNET_KEYS)), ("unet_", "resnet_", "net_"))
    body: UNet | ResNet
    if backbone == "unet":
        config.number("unet_dropout", 0.0, 0, 1)  # does nothing once a network is trained
        body = UNet(
            n_depth=config.whole("unet_n_depth", 3 if ndim == 2 else 2, high=10),
            n_filter_base=config.whole("unet_n_filter_base", 32),
            kernel_size=config.wholes("unet_kernel_size", three, high=99),
            pool=config.wholes("unet_pool", (2,) * ndim, high=16),
            n_conv_per_depth=config.whole("unet_n_conv_per_depth", 2, high=16),
            activation=config.one_of("unet_activation", "relu", ACTIVATIONS),
            last_activation=config.one_of("unet_last_activation", "relu", ACTIVATIONS),
            batch_norm=config.flag("unet_batch_norm", False),
            expansion=config.number("unet_expansion", 2, 0.1, 16),
            prefix=config.text("unet_prefix", ""),
        )
    else:
        body = ResNet(
            n_blocks=config.whole("resnet_n_blocks", 4, high=64),
            n_filter_base=config.whole("resnet_n_filter_base", 32),
            kernel_size=config.wholes("resnet_kernel_size", three, high=99),
            n_conv_per_block=config.whole("resnet_n_conv_per_block", 3, low=2, high=16),
            activation=config.one_of("resnet_activation", "relu", ACTIVATIONS),
            batch_norm=config.flag("resnet_batch_norm", False),
        )
        if max(grid) > 2**body.n_blocks:
            raise fields.error(f"`grid` is {list(grid)}, which {body.n_blocks} `resnet_n_blocks` do not lead to")
    classes = None
    if config.has("n_classes", "none") and fields.raw("n_classes") is not None:
        classes = config.whole("n_classes", 1)
    return StarDistNetwork(
        body=body,
        n_channel_in=config.whole("n_channel_in", 1),
        grid=grid,
        n_rays=rays,
        n_features=config.whole(f"net_conv_after_{backbone}", 128, low=0),
        n_classes=classes,
    )


def _outputs(network: StarDistNetwork, letters: str) -> tuple[Tensor, ...]:
    # as many pixels as it takes to cover the image
    sizes = [
        ReferencedSize("input", letter, Fraction(1, grid), Fraction(grid - 1, grid))
        for letter, grid in zip(letters, network.grid, strict=True)
    ]

    def axes(channels: int) -> tuple[Axis, ...]:
        return network_axes(letters, sizes, channels)

    tensors = [
        Tensor("prob", axes(1), "float32", "the probability that there is an object", (0.0, 1.0)),
        Tensor(
            "dist", axes(network.n_rays), "float32", "the distances to its border along the rays, in pixels",
            (SMALLEST_DISTANCE, None), operations=(Clip(min=SMALLEST_DISTANCE),),
        ),
    ]  # fmt: skip
    if network.n_classes is not None:
        tensors.append(
            Tensor(
                "prob_class", axes(network.n_classes + 1), "float32",
                "the probabilities of its classes, the first of which is background", (0.0, 1.0),
            )
        )  # fmt: skip
    return tuple(tensors)


def star_convex(config: Config, network: StarDistNetwork, letters: str, thresholds: Mapping[str, float]) -> StarConvex:
    """Say how objects are made of what a network gives.

    Raises
    ------
    DescriptionError
        If the rays are none that are known, or not as many as the network has.
    """
    return StarConvex(
        prob="prob",
        dist="dist",
        prob_class="prob_class" if network.n_classes is not None else None,
        axes=letters,
        grid=network.grid,
        multiple=tuple(a * b for a, b in zip(network.body.stride, network.grid, strict=True)),
        n_rays=network.n_rays,
        prob_thresh=thresholds["prob"],
        nms_thresh=thresholds["nms"],
        spacing=(1,) * len(letters),
        rays=_rays(config, network.n_rays) if len(letters) > 2 else None,
    )


def _rays(config: Config, count: int) -> Rays:
    """Read the rays of a volume. Where there are none, they are those that stardist takes (``Config3D``)."""
    if count < 4:
        raise config.fields.wrong("n_rays", "a whole number from 4 in volumes")
    if not config.has("rays_json", f"a golden spiral of {count}"):
        return Rays("Rays_GoldenSpiral", (("n", count),))
    stated = config.fields.mapping("rays_json")
    name = stated.one_of("name", tuple(RAYS))
    given = stated.mapping("kwargs")
    arguments: list[tuple[str, RayArgument]] = []
    for key, value in given.value.items():
        if key not in RAYS[name]:
            raise given.error(f"`{given.path}` has {key!r}, but {name} takes {', '.join(RAYS[name])}")
        if key != "anisotropy":
            arguments.append((key, _bounded(given, key, MOST_LEVEL if key == "n_level" else MOST_RAYS)))
        elif value is not None:
            numbers = given.numbers(key) or ()
            if len(numbers) != 3 or not all(0.01 <= one <= 100 for one in numbers):
                raise given.wrong(key, "three numbers from 0.01 to 100, or null")
            arguments.append((key, numbers))
    if dict(arguments).get("n", count) != count:
        raise given.wrong("n", f"{count}, as `n_rays`")
    return Rays(name, tuple(arguments))


def _bounded(fields: Fields, key: str, most: int) -> int:
    value = fields.integer(key, low=1)
    if value > most:
        raise fields.wrong(key, f"a whole number from 1 to {most}")
    return value


def read_thresholds(given: Fields | None) -> tuple[dict[str, float], tuple[Finding, ...]]:
    """Read the thresholds, as stardist does: those that are not there or null are its defaults."""
    stated = Config(given, "stardist") if given is not None else None
    thresholds, missing = dict(_DEFAULT_THRESHOLDS), []
    for key, default in _DEFAULT_THRESHOLDS.items():
        if stated is not None and stated.fields.raw(key) is not None:
            thresholds[key] = stated.number(key, default, 0, 1)
        else:
            missing.append(f"{key} {default:g}")
    said = f"There is no {THRESHOLDS} that states thresholds for objects: stardist's defaults are taken ({', '.join(missing)})"
    return thresholds, (noted(said),) if missing else ()
