"""The weights that lie in a folder of DeepImageJ 1, and whether an ONNX network among them is the described one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ijbridge.description import FileRef, FixedSize, Tensor, Weights
from ijbridge.errors import NetworkError
from ijbridge.findings import Finding
from ijbridge.formats.bare_onnx import is_onnx
from ijbridge.formats.network_tensors import agrees, by, obstacles, output_tensor
from ijbridge.formats.package import Package
from ijbridge.formats.xml_text import Elements
from ijbridge.graph import Network
from ijbridge.network_facts import TensorSignature
from ijbridge.operations import EnsureDtype

_SAVED_MODEL = "tensorflow_saved_model_bundle"

#: Weights by the ends of their files' names.
_ENDS = {
    ".onnx": "onnx", "saved_model.pb": _SAVED_MODEL, "saved_model_bundle.zip": _SAVED_MODEL, ".pt": "torchscript",
    ".pth": "torchscript", ".h5": "keras_hdf5", ".hdf5": "keras_hdf5",
}  # fmt: skip

_APART = "the two do not belong together"


def find_weights(package: Package, keys: Mapping[str, str], root: Elements) -> tuple[tuple[Weights, ...], Network | None]:
    """Find the weights of a folder, and read the ONNX network if there is one.

    Parameters
    ----------
    keys
        The tag and the signature of a SavedModel. It is named by its ``saved_model.pb``, also where there is none.

    Raises
    ------
    DescriptionError
        If there are several ONNX networks, or one is damaged.
    """
    found: dict[str, list[str]] = {name: [] for name in _ENDS.values()}
    for end, name in _ENDS.items():
        found[name] += [one for one in package.relative_names() if one.lower().endswith(end) and one.count("/") <= 1]
    networks = {one: package.read(FileRef(one), "onnx weights") for one in found["onnx"]}
    networks = {one: data for one, data in networks.items() if is_onnx(data[:2])}
    if len(networks) > 1:
        raise root.error(f"several ONNX networks lie beside it ({', '.join(networks)}): leave the one that is meant")
    weights, network = [], None
    for file, data in networks.items():
        try:
            network = Network(data)
        except NetworkError as error:
            raise root.error(f"{file!r} beside it is a damaged ONNX network: get the model again") from error
        weights.append(Weights("onnx", FileRef(file), True, network.signature.opset))
    for name, files in found.items():
        if name != "onnx" and files:
            weights.append(Weights(name, FileRef(files[0]), True, details=dict(keys) if name == _SAVED_MODEL else {}))
    if not weights:
        weights.append(Weights(_SAVED_MODEL, FileRef("saved_model.pb"), False, details=dict(keys)))
    return tuple(weights), network


def agreeing(
    root: Elements, network: Network, inputs: Sequence[Tensor], outputs: Sequence[Tensor], padding: int
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], tuple[Finding, ...]]:
    """Hold the described tensors against the network's; outputs follow the inputs as it makes them.

    Returns
    -------
    tuple, tuple, tuple
        Inputs, outputs, and what forbids a run.

    Raises
    ------
    DescriptionError
        If the network has other tensors.
    """
    signature = network.signature
    own = {**_bound(root, "input", inputs, signature.inputs), **_bound(root, "output", outputs, signature.outputs)}
    facts = network.facts().renamed({described: one.name for described, one in own.items()})
    findings: list[Finding] = []
    for side, tensors in (("input", inputs), ("output", outputs)):
        for tensor in tensors:
            sizes = [one.size.size if isinstance(one.size, FixedSize) else None for one in tensor.axes]
            if not agrees(own[tensor.id], sizes):
                described, found = f"{by(sizes)} ({_letters(tensor)})", by(own[tensor.id].shape)
                raise root.error(
                    f"the {side} {tensor.id!r} is described as {described}, but {own[tensor.id].name!r} of the network beside "
                    f"it is {found}: {_APART}"
                )
            findings += obstacles(tensor, own[tensor.id], side)
    given = tuple(_typed(one, own[one.id]) for one in inputs)
    halo = {"y": padding, "x": padding}
    made = (output_tensor(replace(own[one.id], name=one.id), _letters(one), facts, given, halo) for one in outputs)
    return given, tuple(made), tuple(findings)


def _bound(root: Elements, side: str, tensors: Sequence[Tensor], own: Sequence[TensorSignature]) -> dict[str, TensorSignature]:
    """Find the network's tensor of each described one: by name or, where there is but one, by place."""
    by_name = {one.name: one for one in own}
    if len(tensors) == len(own) == 1:
        return {tensors[0].id: own[0]}
    if len(tensors) != len(own) or any(one.id not in by_name for one in tensors):
        raise root.error(
            f"its {side}s are {', '.join(one.id for one in tensors)}, but those of the network beside it are "
            f"{', '.join(by_name)}: {_APART}"
        )
    return {one.id: by_name[one.id] for one in tensors}


def _letters(tensor: Tensor) -> str:
    return "".join(one.letter or "" for one in tensor.axes)


def _typed(tensor: Tensor, own: TensorSignature) -> Tensor:
    """Give an input in the network's type, with the network's channels where they are not described."""
    shape = own.shape or (None,) * len(tensor.axes)
    axes = tuple(
        replace(one, size=FixedSize(size)) if one.kind == "channel" and size is not None else one
        for one, size in zip(tensor.axes, shape, strict=True)
    )
    return replace(tensor, axes=axes, dtype=own.dtype, operations=(EnsureDtype(own.dtype),))
