"""ONNX files of strangers: what is refused before their graph is followed or an engine loads them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from builders import Network as Builder
from builders import one_conv, sha256, write_model
from commandline import edit
from descriptions import check_refusal
from ijbridge.errors import CannotRunError, IJBridgeError, NetworkError, PackageError
from ijbridge.graph import Network
from ijbridge.loaded import LoadedModel
from ijbridge.options import Options
from ijbridge.runtimes.onnx import OnnxSession

FREE = ["b", "c", "y", "x"]


def network(
    nodes: Sequence[Any], weights: Sequence[Any] = (), functions: Sequence[Any] = (), domains: Sequence[str] = ()
) -> Any:
    """A network from "x" to "out"."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, FREE) for name in ("x", "out")]
    graph = helper.make_graph(list(nodes), "network", ends[:1], ends[1:], list(weights))
    opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(one, 1) for one in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=list(functions))


def weights_in(location: str, **more: str) -> Any:
    """Weights of four elements that lie in another file."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "offset": "0", "length": "16", **more}.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


ADD = helper.make_node("Add", ["x", "w"], ["out"])


def refusal(source: bytes | Path, external: Path | None = None) -> IJBridgeError:
    with pytest.raises(IJBridgeError) as caught:
        Network(source, external)
    check_refusal(caught.value)
    return caught.value


# --- weights in other files ------------------------------------------------------------------------------------------


def places(tensor: Any) -> dict[str, Any]:
    """A network for each place in which weights can hide."""
    constant = helper.make_node("Constant", [], ["w"])
    constant.attribute.append(onnx.AttributeProto(name="value", type=onnx.AttributeProto.TENSOR, t=tensor))
    branch = helper.make_graph([constant, helper.make_node("Identity", ["w"], ["o"])], "branch", [], [
        helper.make_tensor_value_info("o", TensorProto.FLOAT, [4])
    ])  # fmt: skip
    inner = helper.make_graph([helper.make_node("Identity", ["w"], ["o"])], "branch", [], list(branch.output), [tensor])
    choice = helper.make_node("If", ["yes"], ["z"], then_branch=branch, else_branch=inner)
    yes = numpy_helper.from_array(np.array(True), "yes")
    function = helper.make_function("own", "F", ["x"], ["out"], [constant, ADD], [helper.make_opsetid("", 17)])
    sparse = onnx.SparseTensorProto(values=tensor, indices=TensorProto(dims=[4], data_type=7), dims=[4])
    model = network([ADD])
    model.graph.sparse_initializer.append(sparse)
    return {
        "initializer": network([ADD], [tensor]),
        "constant": network([constant, ADD]),
        "branch": network([choice, helper.make_node("Add", ["x", "z"], ["out"])], [yes]),
        "function": network([helper.make_node("F", ["x"], ["out"], domain="own")], [], [function], ["own"]),
        "sparse": model,
    }


@pytest.mark.parametrize("place", places(weights_in("net.data")))
@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "secret.bin", "other/../../secret.bin", "", "a\\b"])
def test_weights_in_a_file_that_the_description_does_not_name_are_refused(tmp_path: Path, place: str, location: str) -> None:
    (tmp_path / "m").mkdir()
    for folder in (tmp_path, tmp_path / "m"):
        (folder / "secret.bin").write_bytes(bytes(16))
        (folder / "net.data").write_bytes(bytes(16))
    path = tmp_path / "m" / "net.onnx"
    path.write_bytes(places(weights_in(location))[place].SerializeToString())
    for source, external in ((path, None), (path, path.with_name("net.data")), (path.read_bytes(), None)):
        error = refusal(source, external)
        assert isinstance(error, PackageError)
        assert repr(location) in str(error)


def test_weights_that_reach_beyond_their_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "net.data").write_bytes(bytes(10))
    whole: dict[str, str] = {}
    for more, words in (
        (whole, "bytes 0 to 16 of 'net.data', which has 10"),
        ({"offset": "-1"}, "bytes -1"),
        ({"length": "x"}, ""),
    ):
        (tmp_path / "net.onnx").write_bytes(network([ADD], [weights_in("net.data", **more)]).SerializeToString())
        error = refusal(tmp_path / "net.onnx", tmp_path / "net.data")
        assert isinstance(error, NetworkError)
        assert words in str(error)


def with_second_file(tmp_path: Path) -> Path:
    folder = write_model(tmp_path / "model", one_conv(), halo=1)
    model = onnx.load(folder / "weights.onnx")
    onnx.save(model, folder / "weights.onnx", save_as_external_data=True, location="weights.data", size_threshold=0)
    return edit(folder, "weights.onnx.sha256", sha256(folder / "weights.onnx"))


def names(folder: Path) -> dict[str, str]:
    return dict(LoadedModel(folder).variant(Options()).names)


def test_a_second_file_is_read_where_the_description_names_it_and_only_there(tmp_path: Path) -> None:
    folder = with_second_file(tmp_path)
    with pytest.raises(PackageError, match=r"'weights.data', but its description names no other file"):
        names(folder)
    edit(folder, "weights.onnx.external_data", {"source": "weights.data", "sha256": sha256(folder / "weights.data")})
    assert names(folder) == {"raw": "raw", "out": "out"}


def test_a_second_file_that_is_a_link_out_of_the_package_is_refused(tmp_path: Path) -> None:
    folder = with_second_file(tmp_path)
    edit(folder, "weights.onnx.external_data", {"source": "weights.data"})
    (folder / "weights.data").rename(tmp_path / "secret.data")
    (folder / "weights.data").symlink_to(tmp_path / "secret.data")
    with pytest.raises(PackageError, match="link to a file outside the package"):
        names(folder)


# --- operators and functions -----------------------------------------------------------------------------------------


def test_an_operator_that_a_library_would_have_to_bring_is_refused_by_name() -> None:
    node = helper.make_node("RunPython", ["x"], ["out"], domain="com.example")
    error = refusal(network([node], domains=["com.example"]).SerializeToString())
    assert isinstance(error, CannotRunError)
    check_refusal(error, "'RunPython' of 'com.example'", "never loaded")


def test_an_operator_that_the_network_itself_defines_is_followed_and_run() -> None:
    twice = helper.make_function("own", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])],
                                 [helper.make_opsetid("", 17)])  # fmt: skip
    data = network([helper.make_node("Twice", ["x"], ["out"], domain="own")], [], [twice], ["own"]).SerializeToString()
    Network(data).facts()
    image = np.ones((1, 1, 4, 4), np.float32)
    assert OnnxSession(data, "cpu", "Little").run({"x": image}, ["out"])[0].max() == 2


def calls(name: str, called: str, times: int = 2) -> Any:
    names = ["a", *(f"t{number}" for number in range(times - 1)), "b"]
    nodes = [helper.make_node(called, [one], [two], domain="own") for one, two in pairwise(names)]
    return helper.make_function("own", name, ["a"], ["b"], nodes, [helper.make_opsetid("own", 1)])


def test_functions_that_unfold_without_end_are_refused() -> None:
    relu = helper.make_node("Relu", ["a"], ["b"])
    end = helper.make_function("own", "f0", ["a"], ["b"], [relu], [helper.make_opsetid("", 17)])
    tower = [end, *(calls(f"f{number}", f"f{number - 1}") for number in range(1, 40))]
    whole = network([helper.make_node("f39", ["x"], ["out"], domain="own")], [], tower, ["own"])
    assert "more than 100000 nodes when its functions are unfolded" in str(refusal(whole.SerializeToString()))
    ring = [calls("f1", "f2"), calls("f2", "f1")]
    circle = network([helper.make_node("f1", ["x"], ["out"], domain="own")], [], ring, ["own"])
    assert "calls itself without end" in str(refusal(circle.SerializeToString()))


# --- sizes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dims", [[2**20, 2**20], [2**62, 4], [-1], [-(2**62), -2]])
@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.INT4, TensorProto.STRING])
def test_weights_that_claim_more_than_the_file_could_hold_are_refused(dims: list[int], kind: int) -> None:
    tensor = TensorProto(name="w", data_type=kind, dims=dims)
    error = refusal(network([ADD], [tensor]).SerializeToString())
    assert isinstance(error, NetworkError)
    check_refusal(error, "'w'", " x ".join(map(str, dims)))


def test_a_constant_that_would_fill_memory_is_not_computed_while_the_network_is_loaded() -> None:
    size = numpy_helper.from_array(np.array([1, 1, 2**21, 2**21], np.int64), "size")  # 16 TB
    nodes = [helper.make_node("ConstantOfShape", ["size"], ["w"]), ADD]
    session = OnnxSession(network(nodes, [size]).SerializeToString(), "cpu", "Little")
    with pytest.raises((MemoryError, NetworkError)):
        session.run({"x": np.zeros((1, 1, 1, 1), np.float32)}, ["out"])


def test_layers_with_steps_and_sizes_that_no_layer_has_are_taken_for_unknown() -> None:
    """Each would take minutes to follow: as many elements are looked at as the kernel or the scale has."""
    for kind, attributes in (
        ("MaxPool", {"kernel_shape": [2**30, 2**30]}),
        ("MaxPool", {"kernel_shape": [3, 3], "strides": [2**40, 2**40], "auto_pad": "SAME_UPPER"}),
        ("MaxPool", {"kernel_shape": [2, 2], "dilations": [2**60, 2**60]}),
        ("DepthToSpace", {"blocksize": 2**30}),
        ("ConvTranspose", {"kernel_shape": [60000, 60000], "strides": [30000, 30000]}),
    ):
        net = Builder()
        weights = [net.constant(np.ones((1, 1, 1, 1)))] if kind == "ConvTranspose" else []
        net.output(net.node(kind, [net.input("raw"), *weights], 1, **attributes), "out")
        facts = Network(network_bytes(net)).facts()
        assert facts.global_operations["raw", 2], kind


def test_many_layers_that_each_look_far_are_not_followed_to_the_end() -> None:
    net = Builder()
    x = net.upsample(net.input("raw"), 1024)
    for _ in range(2000):
        x = net.node("MaxPool", [x], 1, kernel_shape=[31, 31], pads=[15] * 4)
    net.output(x, "out")
    assert Network(network_bytes(net)).facts().global_operations["raw", 2]


def network_bytes(net: Builder) -> bytes:
    """Give a network that ONNX's own checker may refuse."""
    graph = helper.make_graph(net._nodes, "network", net._inputs, net._outputs, net._weights)
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())


def test_what_is_refused_by_the_engine_is_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    """The worker's standard output is Appose's, and its standard error is shown to the person."""
    data = bytearray(network_bytes(one_conv()))
    place = data.find(b"Conv")
    data[place : place + 4] = b"\xff\xfe\xfd\xfc"
    with pytest.raises(IJBridgeError):
        OnnxSession(bytes(data), "cpu", "Little")
    assert capfd.readouterr() == ("", "")
