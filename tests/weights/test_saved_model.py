"""SavedModels of TensorFlow: converted once and kept, and refused where they are more than a network.

Where TensorFlow and tf2onnx are installed they convert here too; else what they made of the same files, stored by
scripts/compare_csbdeep.py, is found where it would have been kept.
"""

from __future__ import annotations

import importlib.util
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml

import ijbridge
from descriptions import check_refusal
from ijbridge.errors import CannotRunError, DescriptionError, IJBridgeError, PackageError
from ijbridge.formats import read_model
from ijbridge.formats.package import open_package
from ijbridge.formats.saved_model import parse, parse_graph, read_signature
from ijbridge.weights.saved_model import kept_at, read_files
from ijbridge.weights.saved_model_check import check_harmless
from networks import read_graph
from reference.csbdeep_cases import FOLDER, NETWORKS, image

CARE = FOLDER / "care-2d-probabilistic"
EXPORT = CARE / "TF_SavedModel.zip"
IMAGE = image(next(one for one in NETWORKS if one.name == CARE.name))

HAS_TENSORFLOW = all(importlib.util.find_spec(one) is not None for one in ("tensorflow", "tf2onnx"))
with_tensorflow = pytest.mark.skipif(not HAS_TENSORFLOW, reason="TensorFlow and tf2onnx, 3 GB, are not installed")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty folder in which converted networks are kept."""
    monkeypatch.setenv("IJBRIDGE_CACHE", str(tmp_path / "cache"))
    folder = kept_at({}).parent
    assert folder.is_relative_to(tmp_path)
    return folder


@pytest.fixture
def converted(cache: Path) -> Path:
    """Put there what was converted before, and give its path."""
    kept = kept_at(files(EXPORT))
    kept.parent.mkdir(parents=True)
    shutil.copy(CARE / "converted.onnx", kept)
    return kept


def files(model: Path) -> dict[str, bytes]:
    package, weights = open_package(model), read_model(model).weights[0]
    return read_files(package, weights, package.read(weights.file, "weights"))


def predict(model: Path, **options: Any) -> Any:
    return ijbridge.predict(model, IMAGE, axes="yx", **options)


def check_same(found: Any, expected: Any) -> None:
    assert list(found) == list(expected)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], 1e-5, 1e-5 * float(expected[name].max() - expected[name].min()))


def unpacked(folder: Path) -> Path:
    with zipfile.ZipFile(EXPORT) as archive:
        archive.extractall(folder)
    return folder


# --- what is converted -----------------------------------------------------------------------------------------------


def test_an_export_gives_what_the_folder_it_was_made_from_gives(converted: Path, tmp_path: Path) -> None:
    for model in (EXPORT, unpacked(tmp_path / "export")):
        for tile in ("whole", 64):
            check_same(predict(model, tile=tile), predict(CARE, tile=tile))


def test_a_converted_network_is_followed_like_any_other(converted: Path) -> None:
    plan = ijbridge.plan(EXPORT, IMAGE, axes="yx", tile=64)
    assert plan.tile_count > 4
    assert {plan.halo_of(line) for line in plan.lines} == {22}


def test_what_tensorflow_adds_to_a_network_of_stardist_is_run_whole() -> None:
    """``export_TF`` spreads probabilities over the grid by a convolution whose size is computed."""
    facts = read_graph((FOLDER / "stardist-2d-grid" / "converted.onnx").read_bytes())
    assert any(facts.global_operations["input", axis] for axis in (1, 2))


def test_what_is_kept_is_named_by_the_content(cache: Path, tmp_path: Path) -> None:
    first = kept_at(files(EXPORT))
    assert kept_at(files(unpacked(tmp_path / "export"))) == first
    variables = tmp_path / "export" / "variables" / "variables.index"
    variables.write_bytes(variables.read_bytes() + b" ")
    assert kept_at(files(tmp_path / "export")) != first


@pytest.mark.skipif(HAS_TENSORFLOW, reason="TensorFlow and tf2onnx are installed")
def test_without_tensorflow_the_error_says_how_to_install_it(cache: Path) -> None:
    with pytest.raises(CannotRunError) as refused:
        predict(EXPORT)
    check_refusal(refused.value, "tensorflow and tf2onnx cannot be found", 'pip install "ijbridge[tensorflow]"')
    assert read_model(EXPORT).outputs  # it can be inspected all the same


@with_tensorflow
def test_a_saved_model_is_converted_once_and_the_same(cache: Path) -> None:
    check_same(predict(EXPORT), predict(CARE))
    (kept,) = cache.iterdir()
    assert kept == kept_at(files(EXPORT))
    made, stored = (onnx.load(path) for path in (kept, CARE / "converted.onnx"))
    assert [one.op_type for one in made.graph.node] == [one.op_type for one in stored.graph.node]
    stamp = kept.stat().st_mtime_ns
    check_same(predict(EXPORT), predict(CARE))
    assert kept.stat().st_mtime_ns == stamp


@with_tensorflow
def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a-file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a-file"))
    check_same(predict(EXPORT), predict(CARE))


def described(folder: Path, weights: Path) -> Path:
    """Write a bioimage.io package around a zipped SavedModel."""
    folder.mkdir()
    shutil.copy(weights, folder / "tf.zip")
    one, two = ({"type": "channel", "channel_names": [f"c{n}" for n in range(count)]} for count in (1, 2))
    space = [{"type": "space", "id": axis, "size": {"min": 8, "step": 4}} for axis in "yx"]
    follows = [{"type": "space", "id": axis, "size": {"tensor_id": "input", "axis_id": axis}} for axis in "yx"]
    description = {
        "format_version": "0.5.4", "type": "model", "name": "Saved", "authors": [{"name": "A. Tester"}],
        "cite": [{"text": "nobody", "doi": "10.1000/1"}], "license": "CC0-1.0", "documentation": "README.md",
        "inputs": [{"id": "input", "data": {"type": "float32"}, "axes": [{"type": "batch"}, *space, one]}],
        "outputs": [{"id": "output", "data": {"type": "float32"}, "axes": [{"type": "batch"}, *follows, two]}],
        "weights": {"tensorflow_saved_model_bundle": {"source": "tf.zip", "tensorflow_version": "2.21"}},
    }  # fmt: skip
    (folder / "rdf.yaml").write_text(yaml.safe_dump(description))
    return folder


def test_a_described_bundle_is_run_in_the_same_way(converted: Path, tmp_path: Path) -> None:
    folder = described(tmp_path / "m", EXPORT)
    assert kept_at(files(folder)) == converted
    given = (IMAGE - IMAGE.min()) / np.float32(np.ptp(IMAGE))
    found = ijbridge.predict(folder, given, axes="yx", tile="whole")
    with np.load(CARE / "results.npz") as stored:
        expected = stored["network/0"]
    assert not isinstance(found, dict)
    inside = np.moveaxis(found.values, 0, -1)[0:60:5, 0:60:5]
    np.testing.assert_allclose(inside, expected[:12, :12], 1e-5, 1e-4)


def test_a_zip_in_another_folder_of_a_zip_is_found(converted: Path, tmp_path: Path) -> None:
    """TensorFlow's own folder is often inside the zip."""
    with zipfile.ZipFile(tmp_path / "nested.zip", "w") as archive, zipfile.ZipFile(EXPORT) as given:
        for name in given.namelist():
            archive.writestr(f"tf_model\\{name}".replace("/", "\\"), given.read(name))
    assert kept_at(files(described(tmp_path / "m", tmp_path / "nested.zip"))) == converted


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no zip", ["m/tf.zip is not a zip that can be read"]),
        (b"", ["m/tf.zip is not a zip that can be read"]),
        ({"readme.txt": b""}, ["is not a zip with one saved_model.pb"]),
        ({"a/saved_model.pb": b"", "b/saved_model.pb": b""}, ["is not a zip with one saved_model.pb"]),
        ({"saved_model.pb": b"\xff\xff"}, ["tf.zip is not a SavedModel of TensorFlow that can be read"]),
        ({"saved_model.pb": b""}, ["tf.zip is not a SavedModel of TensorFlow with a graph of the tag 'serve'"]),
    ],
    ids=str,
)
def test_a_broken_bundle_is_refused_in_one_sentence(cache: Path, tmp_path: Path, content: Any, words: list[str]) -> None:
    weights = tmp_path / "tf.zip"
    if isinstance(content, bytes):
        weights.write_bytes(content)
    else:
        with zipfile.ZipFile(weights, "w") as archive:
            for name, data in content.items():
                archive.writestr(name, data)
    with pytest.raises((PackageError, DescriptionError)) as refused:
        ijbridge.plan(described(tmp_path / "m", weights), np.zeros((40, 40), np.float32), axes="yx")
    check_refusal(refused.value, *words)


# --- what is read without TensorFlow ---------------------------------------------------------------------------------


def test_a_signature_has_the_shapes_of_inputs_and_outputs() -> None:
    description = read_model(EXPORT)
    signature = read_signature(open_package(EXPORT), description.weights[0].file)
    assert signature.inputs == {"input": (None, None, None, 1)}
    assert signature.outputs == {"output": (None, None, None, 2)}


@pytest.mark.parametrize(("tag", "signature"), [("train", "serving_default"), ("serve", "predict")])
def test_another_tag_or_signature_is_refused_with_what_there_is(tag: str, signature: str) -> None:
    with pytest.raises(DescriptionError) as refused:
        read_signature(open_package(EXPORT), read_model(EXPORT).weights[0].file, tag, signature)
    check_refusal(refused.value, "saved_model.pb", tag if tag != "serve" else "serving_default")


# --- what is more than a network -------------------------------------------------------------------------------------


def graph() -> Any:
    return parse_graph(files(EXPORT)["saved_model.pb"], "saved_model.pb")


def node(message: Any, op: str, *inputs: str, name: str = "evil") -> Any:
    return message.graph_def.node.add(name=name, op=op, input=list(inputs))


def output(message: Any) -> Any:
    """Give the node of the network's output."""
    signature = next(one.value for one in message.signature_def if one.key == "serving_default")
    name = signature.outputs[0].value.name.partition(":")[0]
    return next(one for one in message.graph_def.node if one.name == name)


def in_the_network(message: Any) -> None:
    node(message, "WriteFile")
    output(message).input.append("evil:0")


def as_a_condition(message: Any) -> None:
    node(message, "PyFunc")
    output(message).input.append("^evil")


def in_a_function(message: Any) -> None:
    message.graph_def.library.function.add(signature={"name": "outer"}, node_def=[{"name": "call", "op": "inner"}])
    message.graph_def.library.function.add(signature={"name": "inner"}, node_def=[{"name": "read", "op": "ReadFile"}])
    call = node(message, "StatefulPartitionedCall")
    call.attr.add(key="f", value={"func": {"name": "outer"}})
    output(message).input.append("evil")


def in_a_branch(message: Any) -> None:
    message.graph_def.library.function.add(signature={"name": "branch"}, node_def=[{"name": "read", "op": "ReadFile"}])
    call = node(message, "If")
    call.attr.add(key="branches", value={"list": {"func": [{"name": "branch"}]}})
    output(message).input.append("evil")


def when_it_is_loaded(message: Any) -> None:
    node(message, "WriteFile")
    message.collection_def.add(key="saved_model_main_op", value={"node_list": {"value": ["evil"]}})


def when_tables_are_filled(message: Any) -> None:
    node(message, "WriteFile")
    message.collection_def.add(key="table_initializer", value={"node_list": {"value": ["evil:0"]}})


def by_a_signature_for_loading(message: Any) -> None:
    node(message, "WriteFile")
    outputs = [{"key": "__saved_model_init_op", "value": {"name": "evil"}}]
    message.signature_def.add(key="__saved_model_init_op", value={"outputs": outputs})


def by_a_local_variable(message: Any) -> None:
    node(message, "WriteFile")
    variable = parse("Variable", b"")
    variable.initializer_name = "evil"
    message.collection_def.add(key="local_variables", value={"bytes_list": {"value": [variable.SerializeToString()]}})


def by_reading_a_file_as_if_it_held_variables(message: Any) -> None:
    node(message, "RestoreV2")
    output(message).input.append("evil")


def by_restoring(message: Any) -> None:
    """The operation that saves variables is there in every SavedModel; it must not be the one that is run."""
    message.saver_def.restore_op_name = next(one.name for one in message.graph_def.node if one.op == "SaveV2")


def with_a_file(message: Any) -> None:
    message.asset_file_def.add()


def with_a_table(message: Any) -> None:
    message.object_graph_def.nodes.add().resource.SetInParent()


def with_a_way_of_its_own_to_restore(message: Any) -> None:
    message.object_graph_def.nodes.add().saveable_objects.add()


@pytest.mark.parametrize("model", [EXPORT, FOLDER / "stardist-2d-grid" / "TF_SavedModel.zip"], ids=lambda one: one.parent.name)
def test_what_csbdeep_and_stardist_export_is_a_network_and_nothing_else(model: Path) -> None:
    with zipfile.ZipFile(model) as archive:
        message = parse_graph(archive.read("saved_model.pb"), "saved_model.pb")
    assert any(one.op == "SaveV2" for one in message.graph_def.node)  # which is never run
    check_harmless(message, "saved_model.pb")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (in_the_network, "the operation 'WriteFile'"),
        (as_a_condition, "the operation 'PyFunc'"),
        (in_a_function, "the operation 'ReadFile'"),
        (in_a_branch, "the operation 'ReadFile'"),
        (when_it_is_loaded, "the operation 'WriteFile'"),
        (when_tables_are_filled, "the operation 'WriteFile'"),
        (by_a_signature_for_loading, "the operation 'WriteFile'"),
        (by_a_local_variable, "the operation 'WriteFile'"),
        (by_reading_a_file_as_if_it_held_variables, "the operation 'RestoreV2'"),
        (by_restoring, "the operation 'SaveV2'"),
        (with_a_file, "has files or tables beside its variables"),
        (with_a_table, "has files or tables beside its variables"),
        (with_a_way_of_its_own_to_restore, "has files or tables beside its variables"),
    ],
)
def test_what_does_more_than_compute_is_never_loaded(change: Callable[[Any], None], words: str) -> None:
    message = graph()
    change(message)
    with pytest.raises(CannotRunError) as refused:
        check_harmless(message, "saved_model.pb")
    check_refusal(refused.value, "The SavedModel saved_model.pb", words, "can do anything on the machine, it is not loaded")


def test_a_circle_of_functions_and_nodes_ends() -> None:
    message = graph()
    message.graph_def.library.function.add(signature={"name": "again"}, node_def=[{"name": "call", "op": "again"}])
    node(message, "again", "evil")
    output(message).input.append("evil")
    check_harmless(message, "saved_model.pb")


def test_all_graphs_are_checked_whichever_tag_they_have(cache: Path, tmp_path: Path) -> None:
    folder = unpacked(tmp_path / "m")
    message = parse("SavedModel", (folder / "saved_model.pb").read_bytes())
    message.meta_graphs.add().CopyFrom(message.meta_graphs[0])
    in_the_network(message.meta_graphs[1])
    message.meta_graphs[1].meta_info_def.tags.append("gpu")
    (folder / "saved_model.pb").write_bytes(message.SerializeToString())
    with pytest.raises(CannotRunError, match="the operation 'WriteFile'"):
        predict(folder)


def test_it_is_checked_before_anything_is_converted(cache: Path, tmp_path: Path) -> None:
    folder = unpacked(tmp_path / "m")
    message = parse("SavedModel", (folder / "saved_model.pb").read_bytes())
    in_the_network(message.meta_graphs[0])
    (folder / "saved_model.pb").write_bytes(message.SerializeToString())
    with pytest.raises(IJBridgeError) as refused:
        predict(folder)
    check_refusal(refused.value, "the operation 'WriteFile'")
    assert not cache.exists()
