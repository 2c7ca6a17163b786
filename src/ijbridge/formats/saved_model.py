"""What a SavedModel of TensorFlow says of itself, read without TensorFlow: the shapes of its inputs and outputs.

``saved_model.pb`` is a protocol buffer (tensorflow/core/protobuf/saved_model.proto, meta_graph.proto). Only the fields that are
used are named here; the others are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ijbridge.description import FileRef
from ijbridge.errors import DescriptionError
from ijbridge.formats.package import Package

SAVED_MODEL = "saved_model.pb"

#: The tag and the signature that a SavedModel has where nothing else is said.
TAG, SIGNATURE = "serve", "serving_default"

#: The messages of the file that are read, with the number, name and type of their fields; * for several.
_MESSAGES: Mapping[str, tuple[tuple[int, str, str], ...]] = {
    "SavedModel": ((2, "meta_graphs", "*MetaGraphDef"),),
    "MetaGraphDef": ((1, "meta_info_def", "MetaInfoDef"), (5, "signature_def", "*SignatureEntry")),
    "MetaInfoDef": ((4, "tags", "*string"),),
    "SignatureEntry": ((1, "key", "string"), (2, "value", "SignatureDef")),
    "SignatureDef": ((1, "inputs", "*TensorEntry"), (2, "outputs", "*TensorEntry")),
    "TensorEntry": ((1, "key", "string"), (2, "value", "TensorInfo")),
    "TensorInfo": ((3, "tensor_shape", "TensorShape"),),
    "TensorShape": ((2, "dim", "*Dim"),),
    "Dim": ((1, "size", "int64"),),
}  # fmt: skip


@dataclass(frozen=True)
class Signature:
    """The shapes of the inputs and outputs of a SavedModel, by their names; None where a size is free."""

    inputs: Mapping[str, tuple[int | None, ...]]
    outputs: Mapping[str, tuple[int | None, ...]]


def read_signature(package: Package, file: FileRef, tag: str = TAG, signature: str = SIGNATURE) -> Signature:
    """Read a signature of a SavedModel.

    Raises
    ------
    PackageError
        If the file is missing.
    DescriptionError
        If it is no SavedModel, or has no such signature.
    """
    from google.protobuf.message import DecodeError

    message = _message_type()()
    try:
        message.ParseFromString(package.read(file, "SavedModel"))
    except DecodeError as error:
        raise DescriptionError(f"{file.source} is not a SavedModel of TensorFlow that can be read: {error}.") from error
    found = {
        entry.key: entry.value
        for graph in message.meta_graphs if tag in graph.meta_info_def.tags
        for entry in graph.signature_def
    }  # fmt: skip
    if signature not in found:
        have = f"it has {', '.join(found)}" if found else f"there is none of the tag {tag!r}"
        raise DescriptionError(f"{file.source} has no signature {signature!r}: {have}.")
    return Signature(_shapes(found[signature].inputs), _shapes(found[signature].outputs))


def _shapes(entries: Any) -> dict[str, tuple[int | None, ...]]:
    return {entry.key: tuple(one.size if one.size > 0 else None for one in entry.value.tensor_shape.dim) for entry in entries}


@cache
def _message_type() -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="ijbridge_saved_model.proto", package="ijbridge", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, field, kind in fields:
            bare = kind.removeprefix("*")
            scalar = {"string": kinds.TYPE_STRING, "int64": kinds.TYPE_INT64}.get(bare)
            message.field.add(
                name=field,
                number=number,
                label=kinds.LABEL_REPEATED if kind.startswith("*") else kinds.LABEL_OPTIONAL,
                type=scalar or kinds.TYPE_MESSAGE,
                type_name=None if scalar else f".ijbridge.{bare}",
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("ijbridge.SavedModel"))
