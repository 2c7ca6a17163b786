"""Bare ONNX networks: where they lie, their weights in other files, and what is refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

import ijbridge
from builders import Network, one_conv, unet
from commandline import pixels
from descriptions import check_refusal
from ijbridge.describing import description_dict, description_text
from ijbridge.errors import CannotRunError, IJBridgeError, NotAModelError, PackageError
from ijbridge.formats import read_model
from ijbridge.formats.bare_onnx import is_onnx
from networks import raw_result


def test_a_network_is_told_by_its_content_wherever_it_lies(tmp_path: Path) -> None:
    data = one_conv().save(tmp_path / "net.onnx").read_bytes()
    for name in ("net.bin", "folder/a.onnx", "deep/er/b.onnx"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("my net\\c.onnx", data)
        archive.writestr("__MACOSX/my net/._c.onnx", data)
    names = {"net.bin": "net", "folder": "a", "deep": "b", "packed.zip": "c"}
    for path, name in names.items():
        assert read_model(tmp_path / path).name == name
        assert ijbridge.predict(tmp_path / path, pixels(8, 9)).shape == (8, 9)


def test_several_networks_are_not_chosen_between(tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        one_conv().save(tmp_path / name)
    with pytest.raises(NotAModelError) as caught:
        read_model(tmp_path)
    check_refusal(caught.value, "several networks (a.onnx, b.onnx)", "give the path of the one")
    assert read_model(tmp_path / "b.onnx").name == "b"


@pytest.mark.parametrize(
    "data", [b"", b"\x08", b"hello", b"\x08\x01" + b"\x12" * 50, b"\x89PNG", b"\x08\x08garbage", b"\x08\x08"]
)
def test_a_file_of_another_kind_is_no_network(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "net.onnx").write_bytes(data)
    with pytest.raises(NotAModelError) as caught:
        read_model(tmp_path / "net.onnx")
    check_refusal(caught.value, "net.onnx")


def test_a_saved_model_of_tensorflow_does_not_begin_like_a_network() -> None:
    assert not is_onnx(b"\x08\x01\x12\xa0")
    assert is_onnx(one_conv().model().SerializeToString()[:2])


def external(folder: Path, location: str = "net.data") -> Path:
    """A network whose weights lie in a file beside it."""
    folder.mkdir()
    model = one_conv().model()
    onnx.save(model, str(folder / "net.onnx"), save_as_external_data=True, location="net.data", size_threshold=0)
    model = onnx.load(str(folder / "net.onnx"), load_external_data=False)
    for one in model.graph.initializer:
        for entry in one.external_data:
            if entry.key == "location":
                entry.value = location
    onnx.save(model, str(folder / "net.onnx"))
    return folder / "net.onnx"


def test_weights_beside_the_network_are_read(tmp_path: Path) -> None:
    path, image = external(tmp_path / "m"), pixels(20, 24)
    (expected,) = raw_result(path, raw=image[None, None])
    assert read_model(path).weights[0].external_data.source == "net.data"  # type: ignore[union-attr]
    np.testing.assert_array_equal(ijbridge.predict(path, image, tile="whole"), expected[0, 0])
    (path.parent / "net.data").unlink()
    with pytest.raises(PackageError) as caught:
        read_model(path)
    check_refusal(caught.value, "net.onnx", "'net.data'", "missing", "put it into the network's folder")


@pytest.mark.parametrize("location", ["../net.data", "/etc/hostname"])
def test_weights_outside_the_folder_of_the_network_are_refused(tmp_path: Path, location: str) -> None:
    (tmp_path / "net.data").write_bytes(b"secret")
    with pytest.raises(PackageError) as caught:
        read_model(external(tmp_path / "m", location))
    check_refusal(caught.value, repr(location), "outside its package")


def batch_of_eight() -> Network:
    net = Network()
    net.output(net.conv(net.input("raw", 1, [8, 1, None, None]), 1), "out")
    return net


def a_switch() -> Network:
    net = one_conv()
    net.output(net.input("training", 1, [], "uint8"), "same", rank=0, dtype="uint8")
    return net


def a_list() -> Network:
    net = one_conv()
    net.output(net.input("scale", 1, [3]), "same", rank=1)
    return net


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (batch_of_eight(), ["The input 'raw'", "exactly 8 images at a time", "free batch size"]),
        (a_switch(), ["The input 'training'", "a single number", "images only"]),
        (a_list(), ["The input 'scale'", "a list of numbers"]),
    ],
)
def test_a_network_that_no_image_fills_is_shown_and_refused(tmp_path: Path, network: Network, words: list[str]) -> None:
    path = network.save(tmp_path / "net.onnx")
    assert description_text(read_model(path))
    with pytest.raises(CannotRunError) as caught:
        ijbridge.plan(path, dict.fromkeys([tensor.id for tensor in read_model(path).inputs], pixels(8, 9)))
    check_refusal(caught.value, *words)


def test_a_type_that_no_image_has_is_refused(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info("raw", TensorProto.STRING, [1, 1, "y", "x"])
    out = helper.make_tensor_value_info("out", TensorProto.STRING, [1, 1, "y", "x"])
    graph = helper.make_graph([helper.make_node("Identity", ["raw"], ["out"])], "g", [value], [out])
    onnx.save(helper.make_model(graph, ir_version=8), str(tmp_path / "net.onnx"))
    with pytest.raises(CannotRunError) as caught:
        ijbridge.plan(tmp_path / "net.onnx", pixels(8, 9))
    check_refusal(caught.value, "The input 'raw'", "type string", "float32")


def test_a_network_without_outputs_is_refused(tmp_path: Path) -> None:
    graph = helper.make_graph([], "g", [helper.make_tensor_value_info("raw", TensorProto.FLOAT, [1, 1, 8, 8])], [])
    onnx.save(helper.make_model(graph, ir_version=8), str(tmp_path / "net.onnx"))
    with pytest.raises(NotAModelError) as caught:
        read_model(tmp_path / "net.onnx")
    check_refusal(caught.value, "without outputs")


def check_read_or_refused(path: Path) -> None:
    """Hold that a file is read and can be shown in every way, or is refused in one sentence; so is a plan."""
    try:
        model = read_model(path)
        assert description_text(model)
        assert json.dumps(description_dict(model))
        ijbridge.plan(path, dict.fromkeys([tensor.id for tensor in model.inputs], pixels(16, 16)))
    except IJBridgeError as error:
        check_refusal(error)


BYTES, UNET = one_conv().model().SerializeToString(), unet(2).model().SerializeToString()


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.integers(2, len(BYTES) - 1), st.integers(0, 255)), min_size=1, max_size=4), st.booleans())
def test_a_damaged_file_is_read_or_refused_in_a_sentence(changed: list[tuple[int, int]], cut: bool) -> None:
    data = bytearray(BYTES)
    for place, value in changed:
        data[place] = value
    with TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        path.write_bytes(data[: changed[0][0]] if cut else data)
        check_read_or_refused(path)


#: A value for an attribute, or the sizes of a tensor.
_ODD = st.sampled_from([0, 1, -1, 2, 7, 2**31, -(2**40)])


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_a_network_with_any_node_changed_is_read_or_refused_in_a_sentence(data: st.DataObject) -> None:
    model = onnx.ModelProto.FromString(UNET)
    graph = model.graph
    node = data.draw(st.sampled_from(list(graph.node)))
    match data.draw(st.sampled_from(["operator", "attribute", "input", "output", "shape", "rank", "weights", "type"])):
        case "operator":
            node.op_type = data.draw(
                st.sampled_from(["Transpose", "Squeeze", "Unsqueeze", "Gemm", "Softmax", "Nothing", "Loop", ""])
            )
        case "attribute":
            if node.attribute:
                attribute = data.draw(st.sampled_from(list(node.attribute)))
                attribute.ints[:] = data.draw(st.lists(_ODD, max_size=5))
        case "input":
            node.input[:] = data.draw(st.lists(st.sampled_from(["raw", "", "w0", "absent"]), max_size=3))
        case "output":
            node.output[:] = data.draw(st.lists(st.sampled_from(["raw", "", "out", "x"]), max_size=2))
        case "shape":
            dims = data.draw(st.sampled_from([*graph.input, *graph.output])).type.tensor_type.shape.dim
            data.draw(st.sampled_from(list(dims))).dim_value = data.draw(_ODD)
        case "rank":
            data.draw(st.sampled_from([*graph.input, *graph.output])).type.tensor_type.shape.dim.pop()
        case "weights":
            data.draw(st.sampled_from(list(graph.initializer))).dims[:] = data.draw(st.lists(_ODD, max_size=5))
        case "type":
            one = data.draw(st.sampled_from([*graph.input, *graph.output]))
            if data.draw(st.booleans()):
                one.type.tensor_type.elem_type = data.draw(st.integers(0, 25))
            else:
                one.type.Clear()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        path.write_bytes(model.SerializeToString())
        check_read_or_refused(path)
