"""Networks in onnxruntime: what they say of themselves, how they are bound, and how they fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from builders import Network, one_conv
from ijbridge.description import Axis, FixedSize, Tensor
from ijbridge.devices import DEVICES
from ijbridge.errors import CannotRunError, NetworkError
from ijbridge.runtimes import NetworkTensor
from ijbridge.runtimes.onnx import _LEAST_NETWORK, OnnxSession, bind, refused_devices, usable_devices, why_not


def tensor(name: str) -> Tensor:
    return Tensor(name, (Axis("x", "space", FixedSize(1), "x"),), "float32")


def difference(folder: Path) -> Path:
    """A network that takes b from a, and gives their names the other way round than the alphabet."""
    net = Network()
    b, a = net.input("b"), net.input("a")
    net.output(net.node("Sub", [a, b], 1), "z")
    net.output(net.node("Sub", [b, a], 1), "y")
    return net.save(folder / "net.onnx")


def test_the_network_by_which_devices_are_tried_gives_what_it_gets() -> None:
    session = ort.InferenceSession(_LEAST_NETWORK)
    assert session.run(None, {"x": np.array([7], np.float32)})[0].tolist() == [7]


def test_a_device_that_this_onnxruntime_lacks_is_named_with_what_it_lacks() -> None:
    lacking = [name for name, one in DEVICES.items() if one.providers[0] not in ort.get_available_providers()]
    assert lacking
    for name in lacking:
        why = why_not(name)
        assert why is not None
        assert why.endswith(f"has no {DEVICES[name].providers[0]}")
    assert why_not("cpu") is None
    assert not {*lacking} & {*usable_devices(), *refused_devices()}


def test_a_session_says_what_the_network_takes_and_gives(tmp_path: Path) -> None:
    net = Network()
    net.input("raw", shape=[1, 3, None, 64], dtype="uint8")
    net.output("raw", "out", dtype="uint8")
    session = OnnxSession(net.save(tmp_path / "net.onnx"), "cpu", "Little")
    assert session.inputs == (NetworkTensor("raw", "uint8", (1, 3, None, 64)),)
    assert [one.name for one in session.outputs] == ["out"]
    assert session.device == "cpu"
    assert session.engine.startswith("onnxruntime ")


def test_outputs_come_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    session = OnnxSession(difference(tmp_path), "cpu", "Little")
    one, two = np.full((1, 1, 2, 2), 1, np.float32), np.full((1, 1, 2, 2), 3, np.float32)
    y, z = session.run({"a": one, "b": two}, ["y", "z"])
    assert (y.max(), z.max()) == (2, -2)


def test_a_network_from_bytes_is_the_network_from_the_file(tmp_path: Path) -> None:
    path = one_conv().save(tmp_path / "net.onnx")
    image = np.random.default_rng(0).normal(size=(1, 1, 9, 9)).astype(np.float32)
    found = [OnnxSession(source, "cpu", "Little").run({"raw": image}, ["out"])[0] for source in (path, path.read_bytes())]
    np.testing.assert_array_equal(found[0], found[1])


def test_weights_in_a_second_file_are_found_beside_the_first(tmp_path: Path) -> None:
    path = one_conv().save(tmp_path / "net.onnx")
    image = np.ones((1, 1, 9, 9), np.float32)
    expected = OnnxSession(path, "cpu", "Little").run({"raw": image}, ["out"])[0]
    model = onnx.load(str(path))
    onnx.save(model, str(path), save_as_external_data=True, location="net.data", size_threshold=0)
    assert (tmp_path / "net.data").stat().st_size > 0
    np.testing.assert_array_equal(OnnxSession(path, "cpu", "Little").run({"raw": image}, ["out"])[0], expected)


@pytest.mark.parametrize("content", [b"", b"no network at all", b"PK\x03\x04" + bytes(100)])
def test_a_file_that_is_no_network_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    for source in (path, content):
        with pytest.raises(NetworkError, match=r"onnxruntime .* refuses the network of 'Little': ") as caught:
            OnnxSession(source, "cpu", "Little")
        assert "\n" not in str(caught.value)


def test_an_operation_that_the_engine_lacks_is_named(tmp_path: Path) -> None:
    node = onnx.helper.make_node("MakeCoffee", ["raw"], ["out"], domain="nobody.knows")
    tensors = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("raw", "out")]
    graph = onnx.helper.make_graph([node], "net", tensors[:1], tensors[1:])
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("nobody.knows", 1)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    with pytest.raises(NetworkError, match="MakeCoffee"):
        OnnxSession(model.SerializeToString(), "cpu", "Little")


def test_a_run_that_fails_says_the_shape_and_the_engines_reason(tmp_path: Path) -> None:
    session = OnnxSession(one_conv().save(tmp_path / "net.onnx"), "cpu", "Little")
    with pytest.raises(NetworkError, match=r"The network of 'Little' failed on an input of 1 x 2 x 9 x 9: .*"):
        session.run({"raw": np.zeros((1, 2, 9, 9), np.float32)}, ["out"])
    with pytest.raises(NetworkError, match=r"failed on an input of 1 x 1 x 9 x 9: .*float"):
        session.run({"raw": np.zeros((1, 1, 9, 9), np.float64)}, ["out"])


def test_memory_that_the_engine_cannot_get_is_a_memory_error(tmp_path: Path) -> None:
    net = Network()
    huge = net.constant([1, 1, 2**24, 2**24], np.int64)  # more than a process can address, so no system promises it
    net.output(net.node("Expand", [net.input("raw"), huge], 1), "out")
    session = OnnxSession(net.save(tmp_path / "net.onnx"), "cpu", "Little")
    with pytest.raises(MemoryError):
        session.run({"raw": np.zeros((1, 1, 1, 1), np.float32)}, ["out"])


def test_this_machine_has_at_least_its_processor() -> None:
    assert usable_devices()[-1] == "cpu"


# --- which tensor is which -------------------------------------------------------------------------------------------


def test_tensors_are_bound_by_name_in_whatever_order() -> None:
    assert bind([tensor("a"), tensor("b")], ["b", "a", "more"], "input", "Little") == {"a": "a", "b": "b"}


def test_a_single_tensor_of_another_name_is_the_only_one_there_is() -> None:
    assert bind([tensor("raw")], ["input_1"], "input", "Little") == {"raw": "input_1"}


@pytest.mark.parametrize(
    ("described", "network"), [(["a", "b"], ["a", "c"]), (["a"], ["b", "c"]), (["a", "b"], ["c"]), (["a", "b"], ["0", "1"])]
)
def test_several_tensors_of_other_names_are_refused(described: list[str], network: list[str]) -> None:
    with pytest.raises(CannotRunError, match=r"The inputs that 'Little' describes \(a.*\) are not those of its network"):
        bind([tensor(name) for name in described], network, "input", "Little")
