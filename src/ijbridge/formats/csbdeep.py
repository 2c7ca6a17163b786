"""Models of CSBDeep (CARE): the folders it trains in, and its exports for Fiji.

A folder holds ``config.json`` and the weights of the network that it states, ``weights_best.h5`` and ``weights_last.h5``. An
export (``TF_SavedModel.zip``, or what is in it) holds a SavedModel of TensorFlow and ``meta.json``. Made for csbdeep 0.8.2; the
method is Weigert et al., Nature Methods 2018, doi:10.1038/s41592-018-0216-7.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ijbridge.architectures import CareNetwork, UNet
from ijbridge.description import Axis, Citation, FileRef, ModelDescription, ReferencedSize, Size, SteppedSize, Tensor, Weights
from ijbridge.errors import DescriptionError
from ijbridge.findings import Finding, noted
from ijbridge.formats.csbdeep_config import (
    CONFIG,
    MOST,
    WEIGHTS,
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
from ijbridge.formats.saved_model import SAVED_MODEL, Signature, read_signature
from ijbridge.normalization import image_axes
from ijbridge.operations import Operation, RestoreRange, UnsupportedOperation

INFO = FormatInfo(
    "CSBDeep",
    "to 0.8.2",
    "CSBDeep config.json or meta.json",
    ("keras_hdf5", "tensorflow_saved_model_bundle"),
)

META = "meta.json"

#: The percentiles that `csbdeep.data.PercentileNormalizer` takes unless it is told others.
PERCENTILES = (2.0, 99.8)
_WHO = "csbdeep does it where nobody tells it"

_CITE = Citation(
    "Weigert et al.: Content-aware image restoration: pushing the limits of fluorescence microscopy. Nature Methods 15 (2018)",
    "10.1038/s41592-018-0216-7",
)

#: How far csbdeep lets tiles overlap, by kernel size and depth from 1 (``csbdeep.internals.predict.tile_overlap``).
_OVERLAPS = {3: (9, 22, 46, 94, 190), 5: (17, 43, 92, 188, 380), 7: (25, 62, 138, 282, 570)}

#: Keys of a config.json by which other models than CARE's are known, and what they are.
_OTHERS = {
    "proj_": "ProjectionCARE, whose network projects a volume",
    "n2v_": "Noise2Void",
    "denoiseg_": "DenoiSeg",
}

_KEYS = ("unet_residual", "unet_n_depth", "unet_kern_size", "unet_n_first", "unet_last_activation", "unet_input_shape")

#: What the other classes of csbdeep do beside running their network.
_CLASSES = {
    "IsotropicCARE": "its network was made for slices through a stack that is stretched along z and turned twice, and the two "
    "results are put together, which ijbridge does not do",
    "UpsamplingCARE": "its network was made for a stack that is stretched along z before, which ijbridge does not do",
    "ProjectionCARE": "its network projects a volume onto a plane along an axis that meta.json does not name",
}


def matches(package: Package) -> bool:
    """Whether the package holds a model of CSBDeep: a config.json with its keys, or broken beside its weights; or an export."""
    config = found(package, CONFIG)
    if config is not None:
        try:
            keys = read_json(config, CONFIG)[0].value
        except DescriptionError:
            return any(one in WEIGHTS for one in config.beside())
        return "n_channel_in" in keys or any(key.startswith("unet_") for key in keys)
    meta = found(package, META)
    return meta is not None and SAVED_MODEL in meta.beside()


def read(package: Package) -> ModelDescription:
    """Read a model.

    Raises
    ------
    DescriptionError
        If config.json or meta.json is broken or contradicts itself.
    PackageError
        If a file cannot be read.
    """
    config = found(package, CONFIG)
    return _read_folder(config) if config is not None else _read_export(found(package, META) or package)


def _read_folder(package: Package) -> ModelDescription:
    fields, digest = read_json(package, CONFIG)
    for prefix, what in _OTHERS.items():
        key = next((one for one in fields.value if one.startswith(prefix)), None)
        if key is not None:
            raise fields.error(
                f"`{key}` says that this is a model of {what}, which ijbridge does not run: ask for ONNX weights"
            )
    config = Config(fields, "csbdeep")
    config.refuse_others(_KEYS, ("unet_", "resnet_", "net_"))
    letters = config.axes("YX")
    network = _network(config, len(letters))
    stride = network.body.stride
    sizes = config.input_sizes("unet_input_shape", network.n_channel_in, stride)
    kernel, depth = network.body.kernel_size[0], network.body.n_depth
    halo = ([*_OVERLAPS.get(kernel, ()), *[0] * depth])[depth - 1]
    weights, chosen = keras_weights(package, network)
    axes = network_axes(letters, sizes, network.n_channel_in)
    return ModelDescription(
        format=INFO.name,
        format_version="",
        name=model_name(package),
        inputs=(normalized_input(axes, *PERCENTILES, _WHO, both_sides=True),),
        outputs=_outputs(network.probabilistic, axes, network.n_channel_out, (halo,) * len(letters)),
        weights=weights,
        location=str(package.location),
        file=package.description_file,
        digest=digest,
        description="A network of CARE (content-aware image restoration).",
        cite=(_CITE,),
        config={"csbdeep": dict(fields.value)},
        findings=(*_range_findings(network.n_channel_in == network.n_channel_out), _CLASS_ASSUMED, *config.findings, *chosen),
    )


def _network(config: Config, ndim: int) -> CareNetwork:
    """Read the network that a config.json states (csbdeep's ``Config``)."""
    channels_in, channels_out = config.whole("n_channel_in", 1), config.whole("n_channel_out", 1)
    residual = config.flag("unet_residual", channels_in == channels_out)
    if residual and channels_in != channels_out:
        raise config.fields.error(
            f"`unet_residual` is true, so that the network adds its input to its result, but it takes {channels_in} channels "
            f"and gives {channels_out}"
        )
    kernel = config.whole("unet_kern_size", 5 if ndim == 2 else 3, high=99)
    if kernel % 2 == 0:
        raise config.fields.wrong("unet_kern_size", "an odd number")
    return CareNetwork(
        body=UNet(
            n_depth=config.whole("unet_n_depth", 2, high=10),
            n_filter_base=config.whole("unet_n_first", 32),
            kernel_size=(kernel,) * ndim,
            pool=(2,) * ndim,
        ),
        n_channel_in=channels_in,
        n_channel_out=channels_out,
        residual=residual,
        last_activation=config.one_of("unet_last_activation", "linear", ("linear", "relu")),
        probabilistic=config.flag("probabilistic", False),
    )


def _read_export(package: Package) -> ModelDescription:
    meta, digest = read_json(package, META)
    config = Config(meta, "csbdeep")
    kind, letters = meta.text("type"), _export_axes(meta)
    steps, overlaps = _per_axis(meta, "axes_div_by", letters, 1), _per_axis(meta, "tile_overlap", letters, 0)
    if "probabilistic" not in meta.value:
        raise meta.wrong("probabilistic", "true or false")
    probabilistic = config.flag("probabilistic", False)
    file = FileRef(SAVED_MODEL)
    signature = read_signature(package, file)
    channels_in = _channels(meta, signature, "input", len(letters))
    given = _channels(meta, signature, "output", len(letters))
    if probabilistic and given % 2:
        raise meta.error(
            f"`probabilistic` is true, but the network gives {given} channels, which are not pairs of mean and scale"
        )
    channels_out = given // 2 if probabilistic else given
    axes = network_axes(letters, [SteppedSize(step, step) for step in steps], channels_in, channels_last=True)
    image = normalized_input(axes, *PERCENTILES, _WHO, both_sides=True)
    if kind != "CARE":
        why = _CLASSES.get(kind, "this is no class of csbdeep that ijbridge knows")
        image = replace(image, operations=(*image.operations, UnsupportedOperation(kind, why)))
    outputs = _outputs(probabilistic, axes, channels_out, overlaps)
    joined = tuple((one.id, channels_out) for one in outputs) if probabilistic else ()
    return ModelDescription(
        format=INFO.name,
        format_version=meta.optional_text("version") or "",
        name=model_name(package),
        inputs=(image,),
        outputs=outputs,
        weights=(Weights("tensorflow_saved_model_bundle", file, package.exists(file.source), joined=joined),),
        location=str(package.location),
        file=package.description_file,
        digest=digest,
        description=f"A network of {kind} (content-aware image restoration), exported by csbdeep.",
        cite=(_CITE,),
        config={"csbdeep": dict(meta.value)},
        findings=_range_findings(channels_in == channels_out),
    )


def _export_axes(meta: Fields) -> str:
    given = meta.text("axes")
    letters = given.upper().removesuffix("C").lower()
    if not given.upper().endswith("C") or not {"y", "x"} <= set(letters) <= set("tzyx") or len(set(letters)) < len(letters):
        raise meta.wrong("axes", "some of T, Z, Y and X, with Y and X among them, and C at the end")
    return letters


def _per_axis(meta: Fields, key: str, letters: str, low: int) -> tuple[int, ...]:
    """Read a whole number for each of the axes and the channel; give those of the axes."""
    values = meta.list(key, required=True)
    if len(values) != len(letters) + 1 or not all(type(one) is int and low <= one <= MOST for one in values):
        raise meta.wrong(key, f"a list of {len(letters) + 1} whole numbers from {low}, one for each of the `axes`")
    return tuple(values[:-1])


def _channels(meta: Fields, signature: Signature, which: str, ndim: int) -> int:
    tensors = signature.inputs if which == "input" else signature.outputs
    if list(tensors) != [which]:
        raise meta.error(
            f"the network in {SAVED_MODEL} has the {which}s {', '.join(tensors)}, and not one that is called {which!r}, as "
            "csbdeep names it"
        )
    shape = tensors[which]
    if len(shape) != ndim + 2 or not shape[-1]:
        raise meta.error(
            f"`axes` are {meta.raw('axes')}, but the {which} of the network in {SAVED_MODEL} has the shape "
            f"{' x '.join(str(size or 'any') for size in shape)}"
        )
    return shape[-1]


def _outputs(probabilistic: bool, axes: tuple[Axis, ...], channels: int, halos: Iterable[int]) -> tuple[Tensor, ...]:
    channels_in = next(axis.size for axis in axes if axis.kind == "channel")
    last = axes[-1].kind == "channel"
    letters = "".join(axis.letter or "" for axis in axes if axis.kind in ("space", "time"))
    sizes: list[Size] = [ReferencedSize("input", letter) for letter in letters]
    space = network_axes(letters, sizes, channels, halos=tuple(halos), channels_last=last)
    restores = next(axis.size for axis in space if axis.kind == "channel") == channels_in
    low, high = PERCENTILES

    def restored(shift: bool) -> tuple[Operation, ...]:
        return (RestoreRange("input", low, high, image_axes(axes), shift),) if restores else ()

    if not probabilistic:
        return (Tensor("output", space, "float32", "the restored image", operations=restored(True)),)
    return (
        Tensor("mean", space, "float32", "the restored image: the mean of a Laplace distribution", operations=restored(True)),
        Tensor("scale", space, "float32", "the scale of that distribution", (0.0, None), operations=restored(False)),
    )


def _range_findings(restores: bool) -> tuple[Finding, ...]:
    if restores:
        return ()
    return (noted("Results do not get the range of the image back, as they have other channels", "range-not-restored"),)


_CLASS_ASSUMED = noted(
    "A config.json does not say which class of csbdeep it belongs to: CARE is assumed, not IsotropicCARE or UpsamplingCARE, "
    "which change the image before"
)
