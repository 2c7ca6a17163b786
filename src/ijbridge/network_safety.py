"""What is refused of a stranger's ONNX file before anything follows its graph or an engine loads it.

Weights in other files than the one that the description names; weights that claim more elements than the file could hold;
operators that only a library brings which would have to be loaded; functions that unfold without end. All else that is wrong
is the engine's to refuse.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

from ijbridge.errors import CannotRunError, NetworkError, PackageError
from ijbridge.units import amount

#: Domains whose operators onnxruntime itself has, and those that begin with one of them and a dot.
_DOMAINS = ("ai.onnx", "com.microsoft", "com.ms.internal")

#: The most nodes that a network may have when its functions are unfolded.
_MOST_NODES = 100_000

#: Functions that call functions, so deep.
_DEEPEST = 100

#: The elements that a byte holds of the smallest type, of 2 bits.
_ELEMENTS_PER_BYTE = 4


def check_network(model: Any, size: int, folder: Path | None, external: Path | None) -> None:
    """Refuse a network that is not to be loaded (see the module).

    Parameters
    ----------
    model
        An ``onnx.ModelProto``.
    size
        Bytes of the file it was read from.
    folder
        The folder of that file, None where it lies in a zip.
    external
        The file with the rest of its weights, None where there is none.

    Raises
    ------
    PackageError
        If weights are to be read from another file.
    CannotRunError
        If it has operators that ONNX and onnxruntime do not know.
    NetworkError
        If it claims to be larger than it can be.
    """
    functions = {(one.domain, one.name): one for one in model.functions}
    for node in _nodes(model):
        known = not node.domain or any(f"{node.domain}.".startswith(f"{one}.") for one in _DOMAINS)
        if not known and (node.domain, node.op_type) not in functions:
            raise CannotRunError(
                f"The network has the operator {node.op_type!r} of {node.domain!r}, which is neither ONNX's nor onnxruntime's: "
                "libraries with operators of one's own are never loaded; export the model without it."
            )
    for tensor in _tensors(model):
        if tensor.data_location == tensor.EXTERNAL or tensor.external_data:
            _check_external(tensor, folder, external)
        elif min(tensor.dims, default=0) < 0 or prod(tensor.dims) > _ELEMENTS_PER_BYTE * size:
            raise NetworkError(
                f"The network says that its weights {tensor.name!r} have {' x '.join(map(str, tensor.dims))} elements, but the "
                f"whole file has {amount(size)}: it is damaged, or made to fill memory."
            )
    _check_unfolded(model, functions)


def external_files(data: bytes) -> list[str]:
    """Give the files that a network's weights lie in besides its own, as it names them; nothing of them is looked at."""
    import onnx
    from google.protobuf.message import DecodeError

    if b"location" not in data:
        return []  # the word by which each is named
    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError):
        return []  # no network at all, which its reader says
    told = [one.value for tensor in _tensors(model) for one in tensor.external_data if one.key == "location"]
    return list(dict.fromkeys(map(str, told)))


def _check_external(tensor: Any, folder: Path | None, external: Path | None) -> None:
    told = {one.key: one.value for one in tensor.external_data}
    location = told.get("location", "")
    if folder is None or external is None or os.path.realpath(folder / location) != os.path.realpath(external):
        allowed = "no other file" if external is None else f"only {external.name!r}"
        raise PackageError(
            f"The network would read its weights {tensor.name!r} from the file {location!r}, but its description names "
            f"{allowed} (`weights.onnx.external_data`): nothing else is read."
        )
    try:
        begin, length = int(told.get("offset", 0)), int(told.get("length", 0))
    except ValueError as error:
        raise NetworkError(f"The place of the weights {tensor.name!r} in {location!r} is no number: it is damaged.") from error
    if begin < 0 or length < 0 or begin + length > external.stat().st_size:
        raise NetworkError(
            f"The weights {tensor.name!r} are said to be bytes {begin} to {begin + length} of {location!r}, which has "
            f"{external.stat().st_size}: get the model again."
        )


def _check_unfolded(model: Any, functions: Mapping[tuple[str, str], Any]) -> None:
    """Refuse functions that call themselves, or each other so often that no memory holds the result."""
    sizes: dict[tuple[str, str], int] = {}
    open_: set[tuple[str, str]] = set()

    def size(nodes: Iterator[Any]) -> int:
        total = 0
        for node in nodes:
            name = (node.domain, node.op_type)
            if name in functions and name not in sizes:
                if name in open_ or len(open_) > _DEEPEST:
                    raise NetworkError(f"The network's function {node.op_type!r} calls itself without end: it is damaged.")
                open_.add(name)
                sizes[name] = size(_within(functions[name].node))
                open_.remove(name)
            total += sizes.get(name, 1)
            if total > _MOST_NODES:
                raise NetworkError(f"The network has more than {_MOST_NODES} nodes when its functions are unfolded.")
        return total

    for nodes in (model.graph.node, *(function.node for function in functions.values())):
        size(_within(nodes))


def _nodes(model: Any) -> Iterator[Any]:
    yield from _within(model.graph.node)
    for function in model.functions:
        yield from _within(function.node)


def _within(nodes: Any) -> Iterator[Any]:
    """Give nodes, and those of the graphs inside them."""
    waiting = [nodes]
    while waiting:
        for node in waiting.pop():
            yield node
            waiting += [graph.node for graph in _graphs(node)]


def _graphs(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _tensors(model: Any) -> Iterator[Any]:
    """Give all tensors that a network brings, wherever they are."""
    graphs = [model.graph, *(graph for node in _nodes(model) for graph in _graphs(node))]
    for graph in graphs:
        yield from graph.initializer
        yield from _parts(graph.sparse_initializer)
    for node in _nodes(model):
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            if attribute.HasField("sparse_tensor"):
                yield from _parts([attribute.sparse_tensor])
            yield from _parts(attribute.sparse_tensors)


def _parts(sparse: Any) -> Iterator[Any]:
    for one in sparse:
        yield from (one.values, one.indices)
