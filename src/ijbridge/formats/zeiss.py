"""What the model formats of ZEISS share: networks with the channels last, and what becomes of their outputs.

The CZANN specification (package czmodel) says that the input is float32 from 0 to 1; by what images are divided it does not
say. ZEN divides by the largest value of the pixel type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ijbridge.description import Axis, FileRef, FixedSize, FreeSize, Tensor, Weights
from ijbridge.errors import DescriptionError, NetworkError, NotAModelError, PackageError
from ijbridge.findings import Finding
from ijbridge.formats.archive import Archive, Limits
from ijbridge.formats.bare_onnx import is_onnx
from ijbridge.formats.network_tensors import agrees, axis, by, input_tensor, obstacles, output_tensor
from ijbridge.formats.package import Package
from ijbridge.graph import Network
from ijbridge.network_facts import TensorSignature
from ijbridge.network_safety import external_files
from ijbridge.operations import ArgMax, DivideByTypeMaximum, EnsureDtype, Maximum, Operation, Take

#: What is said where a divisor is assumed.
DIVISOR = Finding(
    "divisor-assumed", "note", "The model takes values from 0 to 1 and does not state by what images are divided",
    "so integers are divided by the largest value of their type, as ZEN does", "normalize=divide,4095 names another divisor",
)  # fmt: skip

_PROBABILITIES = ("Softmax", "Sigmoid", "HardSigmoid")


def read_weights(package: Package, file: str) -> tuple[Weights, Network | None]:
    """Tell by its content what a file of weights is; give the network where it is an ONNX one.

    Raises
    ------
    PackageError
        If it is missing or nothing that is known.
    """
    data = package.read(FileRef(file), "network")
    if is_onnx(data[:2]):
        external = external_files(data)
        if external:
            raise PackageError(
                f"{file!r} in {package.location.name} lacks its weights, which its exporter wrote into {external[0]!r}: export "
                "the model with its weights inside."
            )
        try:
            network = Network(data)
        except NetworkError as error:
            raise PackageError(
                f"{file!r} in {package.location.name} is a damaged ONNX network: get the model again."
            ) from error
        return Weights("onnx", FileRef(file), True, network.signature.opset), network
    return Weights(_other_format(package, file, data), FileRef(file), True), None


def _other_format(package: Package, file: str, data: bytes) -> str:
    try:
        names = [PurePosixPath(name).name for name in Archive(Path(package.location.name, file), Limits.read(), data).names]
    except NotAModelError:
        names = []
    if "saved_model.pb" in names:
        return "tensorflow_saved_model_bundle"
    if "data.pkl" in names:
        return "torchscript" if "constants.pkl" in names else "pytorch_state_dict"
    raise PackageError(
        f"{file!r} in {package.location.name} is neither an ONNX network nor a zip with a SavedModel of TensorFlow or a model "
        "of PyTorch: get the model again."
    )


@dataclass(frozen=True)
class Stated:
    """The shape that a description states of a tensor, without its batch, and where; None for a size that it does not state."""

    where: str
    shape: Sequence[int | None]


def tensors(
    network: Network | None, given: Stated, made: Stated, halo: Mapping[str, int], error: Callable[[str], DescriptionError]
) -> tuple[Tensor, Tensor]:
    """Give input and output: as the network has them, where it agrees with the description; as described where there is none.

    Parameters
    ----------
    halo
        What is cut on either side of a tile, by axis.
    error
        Makes the error of a sentence.

    Raises
    ------
    DescriptionError
        If the network has other tensors than the description.
    """
    if network is None:
        return _described("input", given.shape, {}), _described("output", made.shape, halo)
    for side, names in (("input", network.inputs), ("output", network.outputs)):
        if len(names) != 1:
            raise error(f"it describes one {side}, but its network has {len(names)} ({', '.join(names)}): {_APART}")
    stated, facts = network.signature, network.facts()
    for signature, one in ((stated.inputs[0], given), (stated.outputs[0], made)):
        if not agrees(signature, (None, *one.shape)):
            found = by(signature.shape)
            raise error(
                f"{one.where} says {by(one.shape)}, but {signature.name!r} of the network is {found}, batch first: {_APART}"
            )
    first = input_tensor(_with_channels(stated.inputs[0], given.shape), _letters(given.shape), facts)
    return first, output_tensor(_with_channels(stated.outputs[0], made.shape), _letters(made.shape), facts, (first,), halo)


#: What is wrong where a description contradicts its network.
_APART = "description and network do not belong together"


def _letters(shape: Sequence[int | None]) -> str:
    return f"b{'zyx'[-(len(shape) - 1) :]}c"


def _with_channels(signature: TensorSignature, shape: Sequence[int | None]) -> TensorSignature:
    sizes = signature.shape or (None,) * (len(shape) + 1)
    return replace(signature, shape=(*sizes[:-1], shape[-1]))


def _described(name: str, shape: Sequence[int | None], halo: Mapping[str, int]) -> Tensor:
    """Give a tensor of which nothing but its description is known."""
    axes = tuple(
        axis(letter, FixedSize(size) if size is not None else FreeSize(), number, halo.get(letter, 0))
        for number, (letter, size) in enumerate(zip(_letters(shape), (None, *shape), strict=True))
    )
    return Tensor(id=name, axes=axes, dtype="float32", operations=(EnsureDtype("float32"),))


def licence(package: Package) -> str | None:
    """Give the name of the licence that lies beside the description."""
    texts = [name for name in package.beside() if name.lower().endswith((".txt", ".md", ".pdf", ".rtf"))]
    return texts[0] if texts else None


def normalised(tensor: Tensor, order: Sequence[int] | None = None) -> Tensor:
    """Give an input whose images are divided by the largest value of their type, their channels taken in this order."""
    taken: tuple[Operation, ...] = (Take("channel", tuple(order)),) if order is not None else ()
    return replace(tensor, operations=(DivideByTypeMaximum(), *taken, EnsureDtype(tensor.dtype)), assumed=DIVISOR)


def segmented(tensor: Tensor, classes: Mapping[int, str], taken: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Give the two results that are made of the values of all classes: labels, and the confidence in them.

    Parameters
    ----------
    tensor
        The network's output, with a value for each class along its channels.
    classes
        The name of each class by its label, in the order of the channels.
    taken
        Names that the results must not have.
    """
    axes = tuple(_named(axis, tuple(classes.values())) for axis in tensor.axes)
    dtype = "uint8" if max(classes) < 2**8 else "uint16"
    labels = replace(
        tensor,
        id=_free("labels", taken),
        source=tensor.id,
        axes=axes,
        dtype=dtype,
        description="the class of each pixel",
        value_names=dict(classes),
        operations=(ArgMax("channel", tuple(classes)), EnsureDtype(dtype)),
    )
    confidence = replace(
        tensor,
        id=_free("confidence", taken),
        source=tensor.id,
        axes=axes,
        description="what the network gives for that class",
        operations=(Maximum("channel"), EnsureDtype(tensor.dtype)),
    )
    return labels, confidence


def findings(network: Network | None, given: Tensor, made: Tensor, *, is_segmentation: bool) -> Iterator[Finding]:
    """Say what is in the way of a run, and where the confidence may be no probability."""
    if network is None:
        return
    yield from obstacles(given, network.signature.inputs[0], "input")
    yield from obstacles(made, network.signature.outputs[0], "output")
    last = network.last_operation(made.id)
    if is_segmentation and last not in _PROBABILITIES:
        yield Finding(
            "confidence-no-probability", "warning",
            f"The network ends with {last or 'its input'}, not with a softmax or sigmoid",
            "so the confidence may be no probability", "look at it before you use min_confidence",
        )  # fmt: skip


def _named(axis: Axis, names: tuple[str, ...]) -> Axis:
    return replace(axis, size=FixedSize(len(names)), channel_names=names) if axis.kind == "channel" else axis


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name
