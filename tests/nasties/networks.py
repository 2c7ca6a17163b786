"""Nasty ONNX networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from builders import one_conv
from nasties.kinds import Nasty, pickled, weights


def network(
    nodes: Sequence[Any], constants: Sequence[Any] = (), functions: Sequence[Any] = (), domains: Sequence[str] = ()
) -> bytes:
    """Give a network from "raw" to "out", which nothing has looked at."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", 1, "y", "x"]) for name in ("raw", "out")]
    graph = helper.make_graph(list(nodes), "network", ends[:1], ends[1:], list(constants))
    opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(one, 1) for one in domains)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=list(functions))
    return bytes(model.SerializeToString())


def external(location: str, **more: str) -> Any:
    """Give weights of four elements that lie in another file."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "offset": "0", "length": "16", **more}.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def constant(name: str, *values: int) -> Any:
    """Give a constant of whole numbers."""
    return numpy_helper.from_array(np.array(values, np.int64), name)


def node(kind: str, *names: str, **attributes: Any) -> Any:
    """Give a node; the last name is its output."""
    return helper.make_node(kind, list(names[:-1]), [names[-1]], **attributes)


ADD = node("Add", "raw", "w", "out")


def _linked(folder: Path) -> Path:
    path = weights(network([ADD], [external("w.data")]), external_data={"source": "w.data"})(folder)
    (path / "w.data").symlink_to(folder.parent / "secret.bin")
    return path


def _beyond(folder: Path) -> Path:
    path = weights(network([ADD], [external("w.data", length="1000000000000")]), external_data={"source": "w.data"})(folder)
    (path / "w.data").write_bytes(bytes(16))
    return path


def _function(name: str, *called: str) -> Any:
    names = ["a", *(f"t{number}" for number in range(len(called) - 1)), "b"]
    nodes = [node(one, names[number], names[number + 1], domain="own") for number, one in enumerate(called)]
    return helper.make_function("own", name, ["a"], ["b"], nodes, [helper.make_opsetid("own", 1)])


def _tower() -> bytes:
    end = helper.make_function("own", "f0", ["a"], ["b"], [node("Relu", "a", "b")], [helper.make_opsetid("", 17)])
    functions = [end, *(_function(f"f{number}", f"f{number - 1}", f"f{number - 1}") for number in range(1, 40))]
    return network([node("f39", "raw", "out", domain="own")], [], functions, ["own"])


def _ring() -> bytes:
    functions = [_function("f", "g"), _function("g", "f")]
    return network([node("f", "raw", "out", domain="own")], [], functions, ["own"])


def _deep(depth: int) -> bytes:
    """Branches in branches."""
    inside = helper.make_graph(
        [node("Identity", "raw", "o")], "g", [], [helper.make_tensor_value_info("o", TensorProto.FLOAT, None)]
    )
    for _ in range(depth):
        choice = helper.make_node("If", ["yes"], ["o"], then_branch=inside, else_branch=inside)
        inside = helper.make_graph([choice], "g", [], [helper.make_tensor_value_info("o", TensorProto.FLOAT, None)])
    yes = numpy_helper.from_array(np.array(True), "yes")
    return network([*inside.node, node("Identity", "o", "out")], [yes])


def _changed(change: Callable[[Any], object]) -> Callable[[Path], Path]:
    """Write a model with a harmless network that is changed."""

    def data(folder: Path) -> bytes:
        model = onnx.load(one_conv().save(folder / "net.onnx"))
        (folder / "net.onnx").unlink()
        change(model)
        return bytes(model.SerializeToString())

    return weights(data)


def _claimed(*dims: int) -> bytes:
    return network([ADD], [TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims)])


def _many(count: int) -> bytes:
    names = ["raw", *(f"t{number}" for number in range(count - 1)), "out"]
    return network([node("Relu", names[number], names[number + 1]) for number in range(count)])


def _pool(**attributes: Any) -> bytes:
    return network([node("MaxPool", "raw", "out", **attributes)])


def _cut(folder: Path) -> bytes:
    data = one_conv().save(folder / "net.onnx").read_bytes()
    (folder / "net.onnx").unlink()
    return data[: len(data) // 2]


def _bytes_not_utf8(folder: Path) -> bytes:
    data = one_conv().save(folder / "net.onnx").read_bytes()
    (folder / "net.onnx").unlink()
    return data.replace(b"Conv", b"\xff\xfe\xfd\xfc")


#: As onnxruntime's own format begins: a FlatBuffer with this identifier.
_ORT = b"\x18\0\0\0ORTM" + bytes(200)

NETWORKS = (
    Nasty("onnx", "weights in `../secret.bin`", weights(network([ADD], [external("../../secret.bin")])), "names no other file"),
    Nasty(
        "onnx",
        "weights in a file by its absolute path",
        lambda f: weights(network([ADD], [external(str(f.parent / "secret.bin"))]))(f),
        "names no other file",
    ),
    Nasty(
        "onnx",
        "weights in `../secret.bin`, and the description names it",
        weights(network([ADD], [external("../../secret.bin")]), external_data={"source": "../../secret.bin"}),
        "outside",
    ),
    Nasty(
        "onnx",
        "weights in another file than the description names",
        weights(network([ADD], [external("../../secret.bin")]), external_data={"source": "README.md"}),
        "only 'README.md'",
    ),
    Nasty("onnx", "weights in a link to a file outside", _linked, "link to a file outside"),
    Nasty(
        "onnx",
        "weights in memory, by their address",
        weights(network([ADD], [external("*/_ORT_MEM_ADDR_/*", offset="4096")])),
        "names no other file",
    ),
    Nasty("onnx", "weights that reach 1 TB beyond their file", _beyond, "which has 16"),
    Nasty(
        "onnx",
        "weights in another file, in a constant of a branch",
        weights(
            network(
                [
                    helper.make_node(
                        "If",
                        ["yes"],
                        ["w"],
                        then_branch=helper.make_graph([], "g", [], [], [external("../../secret.bin")]),
                        else_branch=helper.make_graph([], "g", [], []),
                    ),
                    ADD,
                ]
            )
        ),
        "names no other file",
    ),
    Nasty(
        "onnx",
        "an operator that a library would bring",
        weights(network([node("RunPython", "raw", "out", domain="com.example")], domains=["com.example"])),
        "never loaded",
    ),
    Nasty("onnx", "an operator that nobody knows", weights(network([node("MakeCoffee", "raw", "out")])), "MakeCoffee"),
    Nasty("onnx", "weights that claim 4 TB", weights(_claimed(1 << 20, 1 << 20)), "made to fill memory"),
    Nasty("onnx", "weights that claim 2^64 elements", weights(_claimed(1 << 32, 1 << 32)), "made to fill memory"),
    Nasty("onnx", "weights of a negative size", weights(_claimed(-4)), "damaged"),
    Nasty(
        "onnx",
        "a constant of 16 TB that is computed",
        weights(network([node("ConstantOfShape", "s", "w"), ADD], [constant("s", 1, 1, 1 << 21, 1 << 21)])),
        "memory",
    ),
    Nasty("onnx", "functions that unfold to 2^39 nodes", weights(_tower()), "when its functions are unfolded"),
    Nasty("onnx", "functions that call each other", weights(_ring()), "calls itself without end"),
    Nasty("onnx", "12 branches in each other", weights(_deep(12)), ""),
    Nasty("onnx", "a node that feeds itself", weights(network([node("Add", "raw", "out", "out")])), "refuses the network"),
    Nasty(
        "onnx",
        "a result that two nodes make",
        weights(network([node("Relu", "raw", "out"), node("Abs", "raw", "out")])),
        "refuses the network",
    ),
    Nasty("onnx", "a node without inputs", weights(network([node("Conv", "out")])), "refuses the network"),
    Nasty("onnx", "no nodes", weights(network([])), "refuses the network"),
    Nasty("onnx", "no outputs", _changed(lambda m: m.graph.ClearField("output")), "not those of its network"),
    Nasty("onnx", "names that are no text", weights(_bytes_not_utf8), "network"),
    Nasty(
        "onnx",
        "a type that does not exist",
        _changed(lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 2**31 - 1)),
        "takes type 2147483647",
    ),
    Nasty("onnx", "a version from the future", _changed(lambda m: setattr(m, "ir_version", 9999)), "refuses the network"),
    Nasty("onnx", "a pooling of 2^30 pixels", weights(_pool(kernel_shape=[2**30, 2**30])), "failed on an input"),
    Nasty(
        "onnx",
        "a stride of 2^40",
        weights(_pool(kernel_shape=[2, 2], strides=[2**40, 2**40], auto_pad="SAME_UPPER")),
        "failed on an input",
    ),
    Nasty("onnx", "a stride of 0", weights(_pool(kernel_shape=[2, 2], strides=[0, 0])), "refuses the network"),
    Nasty("onnx", "borders of -2^62", weights(_pool(kernel_shape=[2, 2], pads=[-(2**62)] * 4)), "network"),
    Nasty(
        "onnx",
        "an image made 2^20 times as large",
        weights(
            network(
                [node("Resize", "raw", "", "s", "out")],
                [numpy_helper.from_array(np.array([1, 1, 2**20, 2**20], np.float32), "s")],
            )
        ),
        "not enough memory",
    ),
    Nasty("onnx", "20,000 nodes", weights(_many(20_000)), ""),
    Nasty("onnx", "cut short", weights(_cut), "network"),
    Nasty("onnx", "a pickle", weights(pickled), "not an ONNX network"),
    Nasty("onnx", "onnxruntime's own format", weights(_ORT), "network"),
    Nasty("onnx", "nothing", weights(b""), "network"),
)
