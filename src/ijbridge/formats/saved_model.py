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
    "MetaGraphDef": (
        (1, "meta_info_def", "MetaInfoDef"), (2, "graph_def", "GraphDef"), (3, "saver_def", "SaverDef"),
        (4, "collection_def", "*CollectionEntry"), (5, "signature_def", "*SignatureEntry"), (6, "asset_file_def", "*Any"),
        (7, "object_graph_def", "ObjectGraph"),
    ),
    "MetaInfoDef": ((4, "tags", "*string"),),
    "SignatureEntry": ((1, "key", "string"), (2, "value", "SignatureDef")),
    "SignatureDef": ((1, "inputs", "*TensorEntry"), (2, "outputs", "*TensorEntry")),
    "TensorEntry": ((1, "key", "string"), (2, "value", "TensorInfo")),
    "TensorInfo": ((1, "name", "string"), (3, "tensor_shape", "TensorShape")),
    "TensorShape": ((2, "dim", "*Dim"),),
    "Dim": ((1, "size", "int64"),),
    "GraphDef": ((1, "node", "*Node"), (2, "library", "Library")),
    "Library": ((1, "function", "*Function"),),
    "Function": ((1, "signature", "Name"), (3, "node_def", "*Node")),
    "Node": ((1, "name", "string"), (2, "op", "string"), (3, "input", "*string"), (5, "attr", "*AttributeEntry")),
    "AttributeEntry": ((1, "key", "string"), (2, "value", "Attribute")),
    "Attribute": ((1, "list", "AttributeList"), (10, "func", "Name")),
    "AttributeList": ((9, "func", "*Name"),),
    "Name": ((1, "name", "string"),),
    "SaverDef": ((3, "restore_op_name", "string"),),
    "CollectionEntry": ((1, "key", "string"), (2, "value", "Collection")),
    "Collection": ((1, "node_list", "Texts"), (2, "bytes_list", "Bytes")),
    "Texts": ((1, "value", "*string"),),
    "Bytes": ((1, "value", "*bytes"),),
    "Variable": ((2, "initializer_name", "string"),),
    "ObjectGraph": ((1, "nodes", "*Object"),),
    "Object": ((5, "asset", "Any"), (10, "resource", "Any"), (11, "saveable_objects", "*Any")),
    "Any": (),
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
    graph = parse_graph(package.read(file, "SavedModel"), file.source, tag)
    found = {entry.key: entry.value for entry in graph.signature_def}
    if signature not in found:
        raise DescriptionError(f"{file.source} has no signature {signature!r}, but {', '.join(found) or 'none'}.")
    return Signature(_shapes(found[signature].inputs), _shapes(found[signature].outputs))


def parse_graph(data: bytes, name: str, tag: str = TAG) -> Any:
    """Give the graph of a tag as a message (MetaGraphDef): the one that has this tag and no other, as TensorFlow takes it.

    Raises
    ------
    DescriptionError
        If the file is no SavedModel, or has no such graph.
    """
    for graph in parse_graphs(data, name):
        if set(graph.meta_info_def.tags) == {tag}:
            return graph
    raise DescriptionError(f"{name} is not a SavedModel of TensorFlow with a graph of the tag {tag!r}.")


def parse_graphs(data: bytes, name: str) -> list[Any]:
    """Give all graphs of a SavedModel as messages (MetaGraphDef); raises DescriptionError where it is none."""
    from google.protobuf.message import DecodeError

    try:
        return list(parse("SavedModel", data).meta_graphs)
    except DecodeError as error:
        raise DescriptionError(f"{name} is not a SavedModel of TensorFlow that can be read: {error}.") from error


def parse(kind: str, data: bytes) -> Any:
    """Parse a message; raises DecodeError."""
    message = _message_types()[kind]()
    message.ParseFromString(data)
    return message


def _shapes(entries: Any) -> dict[str, tuple[int | None, ...]]:
    return {entry.key: tuple(one.size if one.size > 0 else None for one in entry.value.tensor_shape.dim) for entry in entries}


@cache
def _message_types() -> Mapping[str, Any]:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="ijbridge_saved_model.proto", package="ijbridge", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, field, kind in fields:
            bare = kind.removeprefix("*")
            scalar = {"string": kinds.TYPE_STRING, "bytes": kinds.TYPE_BYTES, "int64": kinds.TYPE_INT64}.get(bare)
            message.field.add(
                name=field,
                number=number,
                label=kinds.LABEL_REPEATED if kind.startswith("*") else kinds.LABEL_OPTIONAL,
                type=scalar or kinds.TYPE_MESSAGE,
                type_name=None if scalar else f".ijbridge.{bare}",
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"ijbridge.{name}")) for name in _MESSAGES}
