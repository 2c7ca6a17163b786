"""A bare ONNX network, without any description: all is taken from the file itself.

The file states names, types and sizes; the graph tells the order of the axes (`ijbridge.network_axes`), on which grid sizes
must lie, and how outputs follow inputs. How images are normalised and how large a pixel is it does not state; the options
``normalize`` and ``model_pixel_size`` do. Where the order of the axes is told wrongly or not at all, ``model_axes`` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ijbridge import axes as ax
from ijbridge.description import FileRef, ModelDescription, Person, Tensor, Weights
from ijbridge.errors import AxesError, NetworkError, NotAModelError, OptionError, PackageError
from ijbridge.findings import Finding, noted
from ijbridge.formats.info import PIXEL_SIZE_UNKNOWN, FormatInfo
from ijbridge.formats.network_tensors import UNKNOWN, followed_letters, input_tensor, obstacles, output_tensor
from ijbridge.formats.package import Package
from ijbridge.graph import Network
from ijbridge.network_facts import Signature, TensorSignature
from ijbridge.network_safety import external_files

INFO = FormatInfo("ONNX", "opset 7 and newer", "ONNX network", ("onnx",))

#: A protobuf message whose first field is a version of 3 and newer: 3 is the oldest of an ONNX file that is still run.
_FIRST_BYTE, _OLDEST = 0x08, 3


def is_onnx(head: bytes) -> bool:
    """Whether a file begins as an ONNX network does, told by its first two bytes."""
    return len(head) >= 2 and head[0] == _FIRST_BYTE and _OLDEST <= head[1] < 128


def matches(package: Package) -> bool:
    """Whether the package is an ONNX file, or a folder or zip that holds one and no description."""
    return bool(_candidates(package))


def _candidates(package: Package) -> list[str]:
    named = package.nearest(lambda name: name.lower().endswith(".onnx"))
    if not named and package.location.is_file():
        named = package.nearest(lambda name: name == package.location.name)
    return [name for name in named if is_onnx(package.head(name, 2))]


def read(package: Package, model_axes: str | None = None) -> ModelDescription:
    """Read what a network says of itself.

    Parameters
    ----------
    model_axes
        The order of the axes: one for all tensors of so many axes (``bcyx``, ``NCHW``), or by name (``raw=bcyx,mask=byxc``).

    Raises
    ------
    NotAModelError
        If there are several networks, or the file is no network that can be read.
    PackageError
        If weights lie in a file that is missing or outside the folder.
    OptionError
        If `model_axes` is malformed or does not fit.
    """
    names = _candidates(package)
    if len(names) > 1:
        raise NotAModelError(
            f"{package.location} holds several networks ({', '.join(names)}): give the path of the one that is meant."
        )
    package = package.described_by(names[0])
    file = PurePosixPath(names[0]).name
    data = package.read(FileRef(file), "network")
    network, external = _network(package, FileRef(file), data)
    signature, facts = network.signature, network.facts()
    digest = hashlib.sha256(data).hexdigest()
    said = _Said(model_axes, signature)
    findings = [PIXEL_SIZE_UNKNOWN]
    letters: dict[str, str] = {}
    for one in signature.inputs:
        letters[one.name], because = _input_letters(one, said, network)
        if because:
            taken = (
                f"The axes of {one.name!r} are taken for {letters[one.name]}, because {because}; model_axes sets another order"
            )
            findings.append(noted(taken, "axes-assumed"))
    inputs = tuple(_assumed(input_tensor(one, letters[one.name], facts), file) for one in signature.inputs)
    outputs = []
    for one in signature.outputs:
        fields = facts.fields.get(one.name, ())
        told = said.letters(one) or followed_letters(one, facts, letters)
        if told is not None and not any(fields):
            assumed = f"The network does not tell how {one.name!r} follows its input: axes {told} of the same size are assumed"
            findings.append(noted(assumed, "sizes-assumed"))
        outputs.append(output_tensor(one, told or UNKNOWN * len(one.shape or fields), facts, inputs))
    for tensors, stated, side in ((inputs, signature.inputs, "input"), (outputs, signature.outputs, "output")):
        for made, one in zip(tensors, stated, strict=True):
            findings += obstacles(made, one, side)
    # what exporters write into the metadata under names that others use too
    said_of_it = {key.lower(): value for key, value in signature.metadata.items() if value.strip()}
    author = said_of_it.get("author") or said_of_it.get("authors")
    return ModelDescription(
        format=INFO.name,
        format_version=f"opset {signature.opset}",
        name=PurePosixPath(file).stem,
        inputs=inputs,
        outputs=tuple(outputs),
        weights=(Weights("onnx", FileRef(file, digest), True, signature.opset, external),),
        location=str(package.location),
        file=package.description_file,
        digest=digest,
        findings=tuple(findings),
        description=said_of_it.get("description") or signature.description,
        authors=(Person(author),) if author else (),
        license=said_of_it.get("license"),
        version=said_of_it.get("version") or (str(signature.version) if signature.version else None),
        config={"onnx": {"producer": signature.producer, "metadata": dict(signature.metadata)}},
    )


def _network(package: Package, file: FileRef, data: bytes) -> tuple[Network, FileRef | None]:
    """Give the network, and the file that the rest of its weights lies in."""
    path, external = _with_external(package, file, data)
    try:
        network = Network(data) if external is None else Network(path or data, package.path(external.source))
    except NetworkError as error:
        raise NotAModelError(
            f"{package.location} begins as an ONNX network does, but is none that can be read: get the file again."
        ) from error
    if not network.inputs or not network.outputs:
        raise NotAModelError(
            f"{package.location} is an ONNX file without {'inputs' if network.outputs else 'outputs'}, so no network."
        )
    return network, external


def _with_external(package: Package, file: FileRef, data: bytes) -> tuple[Path | None, FileRef | None]:
    """Give the path of the network and the file of its weights, where they lie in one of their own."""
    names = external_files(data)
    if not names:
        return None, None
    what = f"The weights of {file.source} lie in the file {names[0]!r}"
    if len(names) > 1:
        raise PackageError(f"{what} and in {names[1]!r}, but one is read: export the model with its weights in one file.")
    if not package.exists(names[0]):
        raise PackageError(f"{what}, which is missing: put it into the network's folder.")
    path = package.path(file.source)
    if path is None:
        raise PackageError(f"{what}, which cannot be loaded from inside a zip: unpack it and give the folder.")
    return path, FileRef(names[0])


# --- axes ------------------------------------------------------------------------------------------------------------


class _Said:
    """The order of axes as the user gave it: by the name of a tensor, or for all of so many axes."""

    def __init__(self, text: str | None, signature: Signature) -> None:
        self._by_name: dict[str, str] = {}
        self._for_all: str | None = None
        tensors = {one.name: one for one in (*signature.inputs, *signature.outputs)}
        for part in (text or "").split(",") if text is not None else ():
            name, equals, order = part.strip().rpartition("=")
            letters = _parsed(order, part)
            if not equals:
                if self._for_all is not None:
                    raise OptionError(f"model_axes={text} gives two orders without a name: write name=order for each.")
                self._for_all = letters
                continue
            if name not in tensors:
                raise OptionError(f"model_axes={text} names {name!r}, but the network has {', '.join(tensors)}.")
            self._by_name[name] = letters
        self._check_ranks(text, tensors)

    def letters(self, one: TensorSignature) -> str | None:
        """Give the letters of a tensor's axes, None where nothing is said of it."""
        if one.name in self._by_name:
            return self._by_name[one.name]
        fits = self._for_all is not None and one.shape is not None and len(one.shape) == len(self._for_all)
        return self._for_all if fits else None

    def _check_ranks(self, text: str | None, tensors: Mapping[str, TensorSignature]) -> None:
        for name, letters in self._by_name.items():
            shape = tensors[name].shape
            if shape is not None and len(shape) != len(letters):
                raise OptionError(f"model_axes={text} gives {len(letters)} axes for {name!r}, which has {len(shape)}.")
        if self._for_all is not None and not any(self.letters(one) == self._for_all for one in tensors.values()):
            ranks = ", ".join(f"{name} {len(one.shape) if one.shape is not None else '?'}" for name, one in tensors.items())
            raise OptionError(f"model_axes={text} gives {len(self._for_all)} axes, of which no tensor has so many ({ranks}).")


def _parsed(order: str, text: str) -> str:
    letters = [ax.letter(one) for one in order.strip()]
    if not letters or None in letters or len(set(letters)) < len(letters):
        raise OptionError(
            f"model_axes={text.strip()} is not understood: write one letter for each axis, of {ax.LETTERS!r} or of NCDHW, "
            "such as bcyx or NHWC."
        )
    return "".join(one for one in letters if one is not None)


def _input_letters(one: TensorSignature, said: _Said, network: Network) -> tuple[str, str]:
    """Give the letters of an input's axes and, where they are inferred, what from."""
    told = said.letters(one)
    if told is not None:
        try:
            ax.check_axes(told)
        except AxesError as error:
            raise OptionError(f"model_axes does not fit the input {one.name!r}: {error}") from error
        return told, ""
    order = network.axis_order(one.name)
    return (UNKNOWN * len(one.shape or ()), "") if order is None else (order.letters, order.because)


def _assumed(tensor: Tensor, file: str) -> Tensor:
    takes_integers = "int" in tensor.dtype
    return replace(
        tensor,
        assumed=Finding(
            "normalisation-unknown", "note" if takes_integers else "warning",
            f"{file} does not state how images for {tensor.id!r} are normalised", "so pixels are given as they are",
            "name it, such as normalize=percentile,1,99.8, or say normalize=none",
        ),
    )  # fmt: skip
