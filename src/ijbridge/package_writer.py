"""The files of a bioimage.io 0.5 package, written into a folder: network, test tensors, documents, description."""

from __future__ import annotations

import hashlib
import re
import shutil
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ijbridge._version import __version__
from ijbridge.covers import make_cover, make_readme
from ijbridge.description import FileRef, FixedSize, FreeSize, ModelDescription, ReferencedSize, Size, SteppedSize, Tensor
from ijbridge.errors import ConversionError, PackageError
from ijbridge.examples import Example
from ijbridge.formats import read_model
from ijbridge.formats.beyond import KEY, Difference, differences, entries, kept_findings
from ijbridge.formats.bioimageio_credits import given
from ijbridge.formats.bioimageio_writer import COVER_SUFFIXES, Files, plainly, said_in_05
from ijbridge.formats.package import find_description, package_of
from ijbridge.formats.yaml12 import dump_yaml
from ijbridge.image_io import tiff_shape
from ijbridge.loaded import LoadedModel
from ijbridge.options import Options
from ijbridge.packing import write_files
from ijbridge.testing import tolerance_for

_DESCRIPTION = "bioimageio.yaml"
_WEIGHTS = "weights.onnx"
_README = "README.md"
_PNG = b"\x89PNG\r\n\x1a\n"

#: More than this a single ONNX file cannot hold (2 GB, with room for the graph).
_ONE_FILE = 2**31 - 2**24

#: The oldest ONNX operators that the specification knows.
_OLDEST_OPSET = 7


class PackageWriter:
    """Writes the package of one model; ``made`` and ``left_out`` say what was made for it, and what it brings no more."""

    def __init__(self, folder: Path, model: LoadedModel, example: Example) -> None:
        self._folder = folder
        self._model = model
        self._description = model.description
        self._source = package_of(model.description)
        self._example = example
        self._weights: dict[str, Any] = {}
        self._copies: dict[str, FileRef] = {}
        self._taken = {_DESCRIPTION, _WEIGHTS, f"{_WEIGHTS}.data"}
        self.made: list[str] = []
        self.left_out: list[str] = []

    def write_weights(self, *, as_zip: bool) -> None:
        """Write the network: unchanged where it is one file, else joined into one if that can hold it.

        Raises
        ------
        ConversionError
            If its operators are older than 0.5 allows, or the weights need two files, which a zip cannot have.
        """
        import onnx

        source, size = self._model.network.source, self._model.network.size
        if isinstance(source, bytes):
            network, data = onnx.load_model_from_string(source), source
        else:
            network = onnx.load(str(source))
            data = network.SerializeToString(deterministic=True) if size <= _ONE_FILE else b""
        opset = max((one.version for one in network.opset_import if one.domain in ("", "ai.onnx")), default=0)
        if opset < _OLDEST_OPSET:
            raise ConversionError(
                f"The network of {self._description.name!r} is of ONNX opset {opset}, but bioimage.io 0.5 wants at least "
                f"{_OLDEST_OPSET}: convert it with onnx.version_converter."
            )
        self._weights = {"opset_version": opset}
        if self._model.network.weights.format != "onnx":
            self.made.append(_WEIGHTS)
        if data:
            self._weights["weights"] = self._write(_WEIGHTS, data)
            return
        if as_zip:
            raise ConversionError(
                f"The weights of {self._description.name!r} are too large for one file, and from a zip only one is read: give "
                "a folder."
            )
        external = f"{_WEIGHTS}.data"
        onnx.save_model(network, str(self._folder / _WEIGHTS), save_as_external_data=True, location=external, size_threshold=0)
        shutil.copymode(self._folder / _WEIGHTS, self._folder / external)  # onnx writes it for oneself alone
        self._weights |= {"weights": self._hashed(_WEIGHTS), "external_data": self._hashed(external)}

    def write(self) -> list[Difference]:
        """Write all other files; give what 0.5 cannot say."""
        files = self._files()
        plain = plainly(self._description, self._model.variant(Options()).types)
        document = said_in_05(plain, files)
        # a reader is to know that it was converted already
        document.setdefault("config", {})[KEY] = _own_config(self._model, [], [])
        self._write_description(document)
        kept = differences(plain, plainly(read_model(self._folder), {}))
        if files.documentation is None:
            text = make_readme(self._description, self._example.origin, [one.field for one in kept])
            readme = self._write(self._unique(_README), text.encode())
            document["documentation"] = {"source": readme.source, "sha256": readme.sha256}
            self.made.append(readme.source)
        used = self._model.network.weights.format
        self.left_out += [f"{one.format} weights" for one in self._description.weights if one.format not in ("onnx", used)]
        document["config"][KEY] = _own_config(self._model, kept, self.left_out)
        self._write_description(document)
        return kept

    def _files(self) -> Files:
        description, arrays = self._description, self._example.arrays
        tensors = (*description.inputs, *description.outputs)
        tests = {tensor.id: self._test_tensor(tensor) for tensor in tensors}
        samples: dict[str, FileRef] = {}
        attachments: list[FileRef] = []
        for tensor in tensors:
            copy = self._copied(tensor.sample_tensor)
            if copy is not None and _is_sample(tensor, self._folder / copy.source):
                samples[tensor.id] = copy
            elif copy is not None:
                attachments.append(copy)
        covers: list[FileRef] = []
        for copy in map(self._copied, description.covers):
            if copy is not None:
                (covers if copy.source.lower().endswith(COVER_SUFFIXES) else attachments).append(copy)
        if not covers:
            covers = [self._write(self._unique("cover.png"), make_cover(description, arrays))]
            self.made.append(covers[0].source)
        documentation = self._copied(description.documentation)
        if documentation is not None and not documentation.source.endswith(".md"):
            attachments.append(documentation)
            documentation = None
        attachments += [copy for copy in map(self._copied, _attached(description)) if copy is not None]
        licence = FileRef(description.license or "")
        return Files(
            **self._weights,
            tests=tests,
            shapes={name: array.shape for name, array in arrays.items()},
            largest={name: float(array.max()) for name, array in arrays.items()},
            tolerances={one.id: tolerance_for(description, one, arrays[one.id]) for one in description.outputs},
            samples=samples,
            documentation=documentation,
            covers=covers,
            attachments=list(dict.fromkeys(attachments)),
            licence=self._copied(licence) if licence.source and self._has(licence) else None,
        )

    def _test_tensor(self, tensor: Tensor) -> FileRef:
        name = self._unique(f"test_{re.sub(r'[^A-Za-z0-9]+', '_', tensor.id).strip('_')}.npy")
        if self._example.is_own and tensor.test_tensor is not None:
            return self._write(name, self._source.read(tensor.test_tensor, f"test tensor of {tensor.id!r}"))
        self.made.append(name)
        return self._write(name, self._example.npy(tensor.id))

    def _copied(self, file: FileRef | None) -> FileRef | None:
        """Copy a file of the model's package, once; one that is not there, or not the one described, is left out."""
        if file is None:
            return None
        if file.source not in self._copies:
            try:
                data = self._source.read(file, "file")
            except PackageError:
                self.left_out.append(file.source)
                return None
            name = re.sub(r"[^\w.+() -]|^\.+", "_", PurePosixPath(file.source.replace("\\", "/")).name, flags=re.ASCII)
            self._copies[file.source] = self._write(self._unique(name), data)
        return self._copies[file.source]

    def _has(self, file: FileRef) -> bool:
        try:
            return self._source.exists(file.source)
        except PackageError:
            return False

    def _unique(self, wanted: str) -> str:
        """Give a name that no other file has, where cases are not told apart either, and that no description has."""
        name, number = wanted, 1
        while name.lower() in self._taken or find_description(self._folder, [name.lower()]) is not None:
            number += 1
            path = PurePosixPath(wanted)
            name = f"{path.stem.replace('.', '_')}_{number}{path.suffix}"
        self._taken.add(name.lower())
        return name

    def _write(self, name: str, data: bytes) -> FileRef:
        write_files(self._folder, {name: data})
        return FileRef(name, hashlib.sha256(data).hexdigest())

    def _hashed(self, name: str) -> FileRef:
        with (self._folder / name).open("rb") as file:
            return FileRef(name, hashlib.file_digest(file, "sha256").hexdigest())

    def _write_description(self, document: Mapping[str, Any]) -> None:
        write_files(self._folder, {_DESCRIPTION: dump_yaml(document)})


def _own_config(model: LoadedModel, kept: list[Difference], left_out: list[str]) -> dict[str, Any]:
    """Give what goes to ``config.ijbridge``; of a model that was converted before, its first origin stays."""
    description, weights = model.description, model.network.weights
    before = description.config.get(KEY)
    before = before if isinstance(before, Mapping) else {}
    origin = {
        "format": description.format,
        "format_version": description.format_version,
        "sha256": description.digest,
        "weights": {"format": weights.format, "sha256": weights.file.sha256},
        "by": f"ijbridge {__version__}",
    }
    return given(
        {
            "converted_from": before.get("converted_from", origin),
            "left_out": [*before.get("left_out", []), *left_out],
            "findings": kept_findings(description.findings),
            "beyond": entries(kept),
        }
    )


def _attached(description: ModelDescription) -> Iterator[FileRef]:
    """Give the files that a bioimage.io description attaches, in any of the spellings it had, and macros."""
    attachments = description.other.get("attachments")
    listed = attachments.get("files") if isinstance(attachments, Mapping) else attachments
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, str):
            yield FileRef(one)
        elif isinstance(one, Mapping) and isinstance(one.get("source"), str):
            yield FileRef(one["source"], one["sha256"] if isinstance(one.get("sha256"), str) else None)
    yield from (FileRef(one.source, one.sha256) for one in description.macros if one.sha256 is not None)


def _is_sample(tensor: Tensor, file: Path) -> bool:
    """Whether a file is an image with as many dimensions as the specification wants of a sample of a tensor."""
    shape = _shape(file)
    dimensions = sum(size != 1 for size in shape)
    least = sum(_smallest(axis.size) > 1 for axis in tensor.axes if axis.kind != "batch")
    strays = any(isinstance(axis.size, ReferencedSize) and axis.size.axis != axis.id for axis in tensor.axes)
    return bool(shape) and least <= dimensions <= len(tensor.axes) and not strays


def _shape(file: Path) -> tuple[int, ...]:
    """Give the shape that a TIFF or PNG says it has, () for anything else; a stranger's pixels are not unpacked for it."""
    head = file.read_bytes()[:26]
    if head.startswith(_PNG) and len(head) == 26:
        width, height, _, colours = struct.unpack(">IIBB", head[16:])
        samples = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(colours, 0)  # grey, RGB, of a palette, with transparency
        return (height, width, samples)
    return tiff_shape(file)


def _smallest(size: Size) -> int:
    match size:
        case FixedSize(n) | SteppedSize(n) | FreeSize(n):
            return n
    return 1
