"""What goes wrong at the command line: exit status 1 and one line, ``error: `` and a sentence; and ``ijbridge test``."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from builders import Network, one_conv, sha256, write_model
from commandline import Run, edit, pixels, shell

Break = Callable[[Path, Path], object]


def saved(array: Any) -> Break:
    return lambda _, image: np.save(image, array)


def edited(path: str, value: Any) -> Break:
    def change(model: Path, _: Path) -> None:
        edit(model, path, value)

    return change


def holding(value: float) -> Break:
    array = pixels(40, 50)
    array[3, 4] = value
    return saved(array)


#: What is broken, by whom, and words of the sentence.
BROKEN: dict[str, tuple[Break, list[str]]] = {
    "no such model": (lambda model, _: model.rename(model.with_name("moved")), ["There is no model at"]),
    "not a model": (lambda model, _: _empty(model), ["there is no bioimage.io description"]),
    "broken yaml": (lambda model, _: _write(model / "bioimageio.yaml", "a: [1"), ["bioimageio.yaml is broken YAML in line"]),
    "empty yaml": (lambda model, _: _write(model / "bioimageio.yaml", ""), ["has no `format_version`"]),
    "broken description": (edited("inputs.0.axes.2.size", "big"), ["`inputs[0].axes[2].size` is 'big'"]),
    "another version": (edited("format_version", "0.2.1"), ["bioimage.io 0.2.1", "reads 0.3, 0.4 and 0.5"]),
    "no weights": (lambda model, _: (model / "weights.onnx").unlink(), ["no weights that ijbridge runs", "'weights.onnx'"]),
    "other weights": (
        edited("weights", {"keras_v3": {"source": "weights.onnx"}}),
        ["no weights that ijbridge runs (onnx, keras_hdf5,", "keras_v3 (there)", "convert it to ONNX"],
    ),
    "wrong hash": (edited("weights.onnx.sha256", "0" * 64), ["onnx weights", "not the file that was described"]),
    "weights that are no network": (lambda model, _: _replace_weights(model, b"no network"), ["not an ONNX network"]),
    "weights outside": (edited("weights.onnx.source", "../weights.onnx"), ["outside its package"]),
    "unknown operation": (edited("outputs.0.postprocessing", [{"id": "sharpen"}]), ["'sharpen'", "ijbridge knows"]),
    "custom operation": (edited("inputs.0.preprocessing", [{"id": "custom"}]), ["'custom'", "Python code"]),
    "no such image": (lambda _, image: image.unlink(), ["There is no image"]),
    "text as image": (lambda _, image: _write(image, "hello"), ["is not a .npy file of numbers"]),
    "empty image": (saved(np.zeros((0, 50), np.float32)), ["cells: the image is empty", "0 x 50"]),
    "NaN": (holding(np.nan), ["NaN"]),
    "infinity": (holding(np.inf), ["cells", "infinite"]),
    "complex numbers": (saved(np.zeros((40, 50), np.complex64)), ["pixels of type complex64"]),
    "too many channels": (saved(pixels(3, 40, 50)), ["name the axes"]),
    "too small": (edited("inputs.0.axes.3.size", 64), []),
}  # fmt: skip


def _empty(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def _write(file: Path, text: str) -> None:
    file.write_text(text)


def _replace_weights(model: Path, data: bytes) -> None:
    (model / "weights.onnx").write_bytes(data)
    edit(model, "weights.onnx.sha256", sha256(model / "weights.onnx"))


def check_error(status: int, out: str, err: str, *words: str) -> None:
    assert (status, out) == (1, "")
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("error: ")
    assert "should not" not in err
    for word in words:
        assert word in lines[0]


@pytest.mark.parametrize("case", [case for case in BROKEN if case != "too small"])
def test_bad_input_is_one_sentence_and_status_1(
    run: Run, little_model: Path, little_image: Path, tmp_path: Path, case: str
) -> None:
    damage, words = BROKEN[case]
    damage(little_model, little_image)
    check_error(*run("predict", little_model, little_image, "-o", tmp_path / "out.tif"), *words)
    assert not (tmp_path / "out.tif").exists()


def test_an_image_smaller_than_a_fixed_size_is_no_error(
    run: Run, little_model: Path, little_image: Path, tmp_path: Path
) -> None:
    BROKEN["too small"][0](little_model, little_image)
    assert run("predict", little_model, little_image, "-o", tmp_path / "out.tif")[0] == 0


@pytest.mark.parametrize("command", [["inspect"], ["plan", "IMAGE"], ["test"], ["predict", "IMAGE", "-o", "OUT"]])
@pytest.mark.parametrize(
    "case", ["no such model", "not a model", "broken yaml", "broken description", "wrong hash", "weights outside"]
)
def test_every_command_refuses_a_broken_model_the_same_way(
    run: Run, little_model: Path, little_image: Path, tmp_path: Path, case: str, command: list[str]
) -> None:
    damage, words = BROKEN[case]
    damage(little_model, little_image)
    places = {"IMAGE": little_image, "OUT": tmp_path / "out.tif"}
    name, *others = command
    status, out, err = run(name, little_model, *(places.get(one, one) for one in others))
    assert out in ("", "Little Network: does not run\n")  # what `test` says of weights that are not the described ones
    check_error(status, "", err, *words)


@pytest.mark.parametrize(
    ("axes", "shape", "words"),
    [
        ("cyx", (3, 40, 50), ["cells has 3 channels", "takes 2 channels (a, b)"]),
        ("yx", (40, 50), ["cells has no channel axis", "takes 2 channels (a, b)"]),
        ("zyx", (3, 40), ["'zyx' are 3", "2 dimensions"]),
        ("qyx", (3, 40, 50), ["'q'"]),
    ],
)
def test_axes_and_channels_that_do_not_fit_are_refused(
    run: Run, tmp_path: Path, axes: str, shape: tuple[int, ...], words: list[str]
) -> None:
    folder = write_model(tmp_path / "model", one_conv(channels=2), channels=("a", "b"))
    np.save(tmp_path / "cells.npy", pixels(*shape))
    check_error(*run("predict", folder, tmp_path / "cells.npy", "-o", tmp_path / "out.tif", "--axes", axes), *words)


def test_a_network_that_fails_while_running_is_one_sentence(run: Run, little_image: Path, tmp_path: Path) -> None:
    net = Network()
    x = net.input("raw")
    net.output(net.node("Reshape", [x, net.constant([7, 7], np.int64)], 1), "out", rank=2)
    folder = write_model(tmp_path / "model", net)
    check_error(*run("predict", folder, little_image, "-o", tmp_path / "out.tif"), "Little Network")


def test_a_damaged_tiff_is_one_line_in_a_real_process(little_model: Path, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "whole.tif", pixels(40, 50), compression="zlib")
    data = (tmp_path / "whole.tif").read_bytes()
    for number, damaged in enumerate((data[: len(data) // 2], b"II*\0\x08\0\0\0", data[:8] + b"\xff" * 40 + data[48:])):
        (tmp_path / f"{number}.tif").write_bytes(damaged)
    done = shell("predict", little_model, *(tmp_path / f"{number}.tif" for number in range(3)), "-o", tmp_path / "out")
    assert (done.returncode, done.stdout) == (1, "")
    assert [line[:13] for line in done.stderr.splitlines()] == ["error: 0.tif ", "error: 1.tif ", "error: 2.tif "]


def test_refusals_in_a_real_process_have_the_status_that_is_documented(little_model: Path, little_image: Path) -> None:
    wrong_usage = shell("predict", little_model, little_image)
    assert (wrong_usage.returncode, wrong_usage.stdout) == (2, "")
    failed = shell("inspect", little_model.with_name("absent"))
    check_error(failed.returncode, failed.stdout, failed.stderr, "There is no model at")


@pytest.mark.parametrize("shut", ["model", "model/bioimageio.yaml", "model/weights.onnx", "cells.npy", "out"])
def test_what_may_not_be_read_or_written_is_refused(little_model: Path, little_image: Path, tmp_path: Path, shut: str) -> None:
    command = [sys.executable, "-m", "ijbridge", "predict", little_model, little_image, "-o", tmp_path / "out" / "a.tif"]
    if os.geteuid() == 0:  # root may do everything, unless it gives that up
        if shutil.which("setpriv") is None:
            pytest.skip("root reads and writes everything, and setpriv is not there to give that up")
        command = ["setpriv", "--bounding-set=-all", *command]
    (tmp_path / "out").mkdir()
    (tmp_path / shut).chmod(0)
    try:
        done = subprocess.run([str(one) for one in command], capture_output=True, text=True, check=False)
    finally:
        (tmp_path / shut).chmod(0o755)
    check_error(done.returncode, done.stdout, done.stderr, Path(shut).name)


def test_a_key_that_interrupts_is_one_line_and_status_130(little_model: Path, tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no named pipes here")
    pipe = tmp_path / "cells.npy"
    os.mkfifo(pipe)
    # whoever runs the tests in the background may have the key's signal ignored, and children inherit that
    heed = "import signal, sys; from ijbridge.cli import main; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heed}; sys.exit(main(sys.argv[1:]))", "check", str(little_model), str(pipe)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        writer = None
        while writer is None and process.poll() is None:
            with contextlib.suppress(OSError):  # nobody reads yet
                writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    if writer is not None:
        os.close(writer)
    assert (process.returncode, out, err) == (130, "", "error: stopped.\n")


# --- ijbridge test ---------------------------------------------------------------------------------------------------


def test_a_model_that_reproduces_its_test_tensors_passes(run: Run, little_model: Path) -> None:
    status, out, err = run("test", little_model)
    assert (status, err) == (0, "")
    assert out.startswith("Little Network: runs, and reproduces its test outputs\n  out: largest difference ")
    status, out, err = run("test", little_model, "--json")
    report = json.loads(out)
    assert (status, err) == (0, "")
    assert (report["runs"], report["reproduces"], report["error"], report["saved"]) == (True, True, None, [])
    assert report["outputs"][0]["passed"] is True


def spoil(model: Path, change: Callable[[Any], None]) -> None:
    """Change the expected output."""
    array = np.load(model / "test_output.npy")
    change(array)
    np.save(model / "test_output.npy", array)
    edit(model, "outputs.0.test_tensor.sha256", sha256(model / "test_output.npy"))


def test_a_model_that_does_not_reproduce_says_how_far_off_and_where(run: Run, little_model: Path, tmp_path: Path) -> None:
    def raise_some(array: Any) -> None:
        array[0, 0, 5, 7] += 40
        array[0, 0, 6] += 10

    spoil(little_model, raise_some)
    status, out, err = run("test", little_model, "-o", tmp_path / "deep" / "failed")
    assert status == 1
    assert "runs, and does not reproduce its test outputs" in out
    (line,) = err.splitlines()
    assert line.startswith("error: The output 'out' is off by up to 40 (at c=0, y=5, x=7: ")
    assert "in 25 of 480 values" in line
    (file,) = (tmp_path / "deep" / "failed").iterdir()
    assert line.endswith(f"it is saved as {file}.")
    assert np.load(file).shape == (1, 20, 24)


def test_a_failed_test_is_json_too_even_where_numbers_are_none(run: Run, little_model: Path, tmp_path: Path) -> None:
    spoil(little_model, lambda array: array.__setitem__((0, 0, 1, 1), np.nan))
    spoil(little_model, lambda array: array.__setitem__((0, 0, 2), np.inf))
    status, out, err = run("test", little_model, "--json", "-o", tmp_path / "failed")
    report = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert (status, report["runs"], report["reproduces"]) == (1, True, False)
    assert report["outputs"][0]["mismatched"] == 25
    assert [Path(file).exists() for file in report["saved"]] == [True]
    assert err.startswith("error: The output 'out' is off by ")


def test_a_model_that_does_not_run_is_told_from_one_that_does_not_reproduce(run: Run, little_model: Path) -> None:
    edit(little_model, "outputs.0.postprocessing", [{"id": "custom"}])
    status, out, err = run("test", little_model)
    assert (status, out) == (1, "Little Network: does not run\n")
    assert err.startswith("error: The operation 'custom'")
    status, out, err = run("test", little_model, "--json")
    assert (status, json.loads(out)["runs"], json.loads(out)["reproduces"]) == (1, False, False)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda model: edit(model, "inputs.0.test_tensor", None), ["describes no test tensor for 'raw'"]),
        (lambda model: (model / "test_output.npy").unlink(), ["test tensor of 'out'", "is missing"]),
        (lambda model: np.save(model / "test_input.npy", np.zeros((1, 1, 20, 24))), ["not the file that was described"]),
        (lambda model: _other_test_output(model, np.zeros((1, 1, 20))), ["has 3 dimensions", "4 axes"]),
        (lambda model: _other_test_output(model, np.full((1, 1, 20, 24), "a")), ["'test_output.npy'", "numbers"]),
        (lambda model: _other_test_output(model, np.zeros((1, 1, 20, 24), complex)), ["'test_output.npy'", "numbers"]),
        (lambda model: _other_test_output(model, None), ["'test_output.npy'", "numbers"]),
    ],
)
def test_test_tensors_that_cannot_be_used_are_refused(run: Run, little_model: Path, damage: Any, words: list[str]) -> None:
    damage(little_model)
    check_error(*run("test", little_model), *words)


def test_a_test_tensor_of_another_shape_is_told_from_a_model_that_does_not_run(
    run: Run, little_model: Path, tmp_path: Path
) -> None:
    _other_test_output(little_model, np.zeros((1, 1, 20, 25)))
    status, out, err = run("test", little_model, "--json", "-o", tmp_path / "failed")
    report = json.loads(out)
    assert (status, report["runs"], report["reproduces"]) == (1, True, False)
    assert "(1, 1, 20, 25)" in report["outputs"][0]["reason"]
    assert err.startswith("error: The output 'out' cannot be compared: its test tensor has the shape (1, 1, 20, 25)")
    assert [np.load(file).shape for file in report["saved"]] == [(1, 20, 24)]


def _other_test_output(model: Path, array: Any) -> None:
    if array is None:
        with zipfile.ZipFile(model / "test_output.npy", "w") as archive:
            archive.writestr("a.npy", b"")
    else:
        np.save(model / "test_output.npy", array)
    edit(model, "outputs.0.test_tensor.sha256", sha256(model / "test_output.npy"))


@pytest.mark.parametrize("name", ["bioimageio", "v0_4_0.bioimageio", "v0_4_9.bioimageio"])
def test_the_published_model_reproduces(run: Run, shared_sample: Path, name: str) -> None:
    status, out, err = run("test", shared_sample / f"{name}.yaml")
    assert (status, err) == (0, "")
    assert "runs, and reproduces its test outputs" in out
