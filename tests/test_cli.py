"""The command line: what it prints, what it writes, its exit status, and one sentence for everything that goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import tifffile

from builders import Network, one_conv, subtraction, write_model
from commandline import Run, edit, network_gives, pixels, shell
from ijbridge import __version__
from ijbridge.image import make_image
from ijbridge.image_io import read_image, write_image

# --- inspect and plan ------------------------------------------------------------------------------------------------


def test_inspect_shows_a_page_for_people(run: Run, little_model: Path) -> None:
    status, out, err = run("inspect", little_model)
    assert (status, err) == (0, "")
    assert out.startswith("Little Network\n")
    assert "bioimage.io 0.5.4" in out
    assert "16 + n × 1" in out
    assert "cannot run" not in out


def test_inspect_json_has_the_keys_that_programs_rely_on(run: Run, little_model: Path) -> None:
    status, out, err = run("inspect", little_model, "--json")
    data = json.loads(out)
    assert (status, err) == (0, "")
    assert {"format", "format_version", "name", "inputs", "outputs", "weights"} <= set(data)
    assert [axis["id"] for axis in data["inputs"][0]["axes"]] == ["batch", "channel", "y", "x"]
    assert data["weights"][0]["available"] is True


def test_inspect_says_what_would_make_a_model_run(run: Run, little_model: Path) -> None:
    (little_model / "weights.onnx").unlink()
    status, out, err = run("inspect", little_model)
    assert (status, err) == (0, "")
    assert "cannot run   The model 'Little Network' has no weights that ijbridge runs" in out
    assert "put the file 'weights.onnx' into the model's folder" in out


def test_plan_says_what_would_be_done_and_writes_nothing(run: Run, little_model: Path, little_image: Path) -> None:
    before = sorted(little_image.parent.rglob("*"))
    status, out, err = run("plan", little_model, little_image, "--tile", 32)
    assert (status, err) == (0, "")
    assert "Little Network, onnx weights, on cpu" in out
    assert "cells: 40 x 50 (yx) float32" in out
    assert "y 40: 2 tiles of 32, halo 1" in out
    assert sorted(little_image.parent.rglob("*")) == before


def test_plan_json_has_tiles_halo_memory_and_warnings(run: Run, little_model: Path, little_image: Path) -> None:
    status, out, err = run("plan", little_model, little_image, "--json", "--tile", "y=32,x=20", "--halo", 3)
    data = json.loads(out)
    assert (status, err) == (0, "")
    assert [(one["axis"], one["size"], one["tile"], one["halo"]) for one in data["tiles"]] == [
        ("y", 40, 32, 3),
        ("x", 50, 20, 3),
    ]
    assert data["outputs"][0]["shape"] == [40, 50]
    assert {"memory_bytes", "warnings", "loops", "padding", "device", "tile_count"} <= set(data)


# --- predict ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("options", [[], ["--tile", "whole"], ["--tile", "32"], ["--tile", "y=24,x=40", "--halo", "declared"]])
def test_predict_writes_what_the_network_gives(
    run: Run, little_model: Path, tmp_path: Path, dtype: str, options: list[str]
) -> None:
    array = pixels(40, 50, dtype=dtype)
    write_image(tmp_path / "cells.tif", make_image(array, "yx", pixel_size={"y": 0.5, "x": 0.48}, unit={"y": "um", "x": "um"}))
    expected = network_gives(little_model, array)
    for name in ("out.npy", "out.tif"):
        assert run("predict", little_model, tmp_path / "cells.tif", "-o", tmp_path / name, *options) == (0, "", "")
        result = read_image(tmp_path / name)
        np.testing.assert_allclose(result.array, expected, rtol=1e-5, atol=1e-4)
    assert result.header.pixel_size == pytest.approx({"y": 0.5, "x": 0.48})
    assert result.header.unit == {"y": "µm", "x": "µm"}
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        assert "model.name: Little Network" in (tiff.imagej_metadata or {})["Info"]


def test_predict_reads_a_zip_and_a_description_file_alike(
    run: Run, little_model: Path, little_image: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        for file in little_model.iterdir():
            archive.write(file, file.name)
    results = []
    for source in (little_model, tmp_path / "model.zip", little_model / "bioimageio.yaml"):
        assert run("predict", source, little_image, "-o", tmp_path / "out.npy") == (0, "", "")
        results.append((tmp_path / "out.npy").read_bytes())
    assert len(set(results)) == 1


def test_predict_loops_over_axes_that_the_model_does_not_know(run: Run, little_model: Path, tmp_path: Path) -> None:
    stack = pixels(3, 40, 50)
    np.save(tmp_path / "stack.npy", stack)
    status, _, err = run("predict", little_model, tmp_path / "stack.npy", "-o", tmp_path / "out.tif")
    assert status == 1
    assert "--axes" in err
    assert run("predict", little_model, tmp_path / "stack.npy", "-o", tmp_path / "out.tif", "--axes", "zyx") == (0, "", "")
    result = read_image(tmp_path / "out.tif")
    assert result.header.axes == "zyx"
    np.testing.assert_allclose(
        result.array[2, 1:-1, 1:-1], network_gives(little_model, stack[2])[1:-1, 1:-1], rtol=1e-5, atol=1e-4
    )


def test_several_images_go_into_a_folder_that_is_made(run: Run, little_model: Path, tmp_path: Path) -> None:
    for name in ("one", "two  2"):
        np.save(tmp_path / f"{name}.npy", pixels(30, 30))
    out = tmp_path / "deep" / "results"
    assert run("predict", little_model, tmp_path / "one.npy", tmp_path / "two  2.npy", "-o", out) == (0, "", "")
    assert sorted(file.name for file in out.iterdir()) == ["one-out.tif", "two  2-out.tif"]


def test_one_image_that_fails_does_not_keep_the_others_from_being_run(run: Run, little_model: Path, tmp_path: Path) -> None:
    for name in ("first", "last"):
        np.save(tmp_path / f"{name}.npy", pixels(30, 30))
    np.save(tmp_path / "odd.npy", np.full((30, 30), np.nan, np.float32))
    images = [tmp_path / name for name in ("first.npy", "odd.npy", "absent.npy", "last.npy")]
    status, out, err = run("predict", little_model, *images, "-o", tmp_path / "results")
    assert (status, out) == (1, "")
    lines = err.splitlines()
    assert [line[:7] for line in lines] == ["error: ", "error: "]
    assert "odd" in lines[0]
    assert "absent.npy" in lines[1]
    assert sorted(file.name for file in (tmp_path / "results").iterdir()) == ["first-out.tif", "last-out.tif"]


def test_several_inputs_and_outputs_are_named(run: Run, tmp_path: Path) -> None:
    folder = subtraction(tmp_path / "sub", ("a", "b"))
    a, b = pixels(20, 20, seed=2), pixels(20, 20, seed=3)
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", b)
    assert run("predict", folder, tmp_path / "a.npy", "--input", f"b={tmp_path / 'b.npy'}", "-o", tmp_path / "out") == (
        0,
        "",
        "",
    )
    results = {file.name: read_image(file).array for file in (tmp_path / "out").iterdir()}
    assert set(results) == {"a-z.tif", "a-y.tif"}
    (one, two) = (results["a-z.tif"], results["a-y.tif"])
    np.testing.assert_allclose(one, -two)
    np.testing.assert_allclose(np.abs(one), np.abs(a - b), rtol=1e-6)


def test_warnings_are_said_and_do_not_fail(run: Run, little_model: Path, little_image: Path, tmp_path: Path) -> None:
    for axis in (2, 3):
        edit(little_model, f"inputs.0.axes.{axis}.unit", "micrometer")
    status, out, err = run("predict", little_model, little_image, "-o", tmp_path / "out.tif")
    assert (status, out) == (0, "")
    assert err.startswith("warning: cells has no pixel size along y and x, the model expects 1 µm")
    assert (tmp_path / "out.tif").exists()


@pytest.mark.parametrize("way", ["same", "linked result", "linked image", "folder", "second input"])
def test_a_result_never_overwrites_an_input(run: Run, tmp_path: Path, way: str) -> None:
    folder = (
        subtraction(tmp_path / "sub", ("a", "b"), ("z",)) if way == "second input" else write_model(tmp_path / "m", one_conv())
    )
    write_image(tmp_path / "cells.tif", make_image(pixels(30, 30), "yx"))
    image = tmp_path / "cells.tif"
    arguments: list[object] = [image, "-o", image]
    (tmp_path / "link.tif").symlink_to("cells.tif")
    if way == "linked result":
        arguments = [image, "-o", tmp_path / "link.tif"]
    elif way == "linked image":
        arguments = [tmp_path / "link.tif", "-o", image]
    elif way == "folder":
        image = image.rename(tmp_path / "cells-out.tif")
        shutil.copy(image, tmp_path / "cells.tif")
        arguments = [tmp_path / "cells.tif", image, "-o", tmp_path]
    elif way == "second input":
        other = tmp_path / "other.npy"
        np.save(other, pixels(30, 30))
        arguments = [other, "--input", f"b={image}", "-o", image]
    before = image.read_bytes()
    status, out, err = run("predict", folder, *arguments)
    assert (status, out) == (1, "")
    assert "would overwrite the image" in err
    assert image.read_bytes() == before


def test_two_results_of_one_name_are_refused_before_anything_runs(
    run: Run, little_model: Path, little_image: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    shutil.copy(little_image, tmp_path / "other")
    status, _, err = run("predict", little_model, little_image, tmp_path / "other" / "cells.npy", "-o", tmp_path / "out")
    assert status == 1
    assert "Two results would be written to" in err
    assert [*(tmp_path / "out").iterdir()] == []


@pytest.mark.parametrize(
    ("out", "status", "words"),
    [
        ("out.png", 1, "not as '.png'"),
        ("absent/out.tif", 1, "does not exist: make it first"),
        ("cells.npy/out", 1, "cannot be made"),
        ("taken", 1, "cannot be made"),
    ],
)
def test_a_place_for_the_result_that_cannot_be_is_refused_first(
    run: Run, little_model: Path, little_image: Path, tmp_path: Path, out: str, status: int, words: str
) -> None:
    (tmp_path / "taken").write_text("a file without suffix")
    found, printed, err = run("predict", little_model, little_image, "-o", tmp_path / out)
    assert (found, printed) == (status, "")
    assert err.startswith("error: ")
    assert words in err
    assert len(err.splitlines()) == 1


def test_an_output_whose_name_is_no_file_name_is_written_beside_the_others(
    run: Run, little_image: Path, tmp_path: Path
) -> None:
    net = Network()
    net.output(net.conv(net.input("raw"), 1), "a/../b c")
    folder = write_model(tmp_path / "odd", net)
    edit(folder, "outputs.0.id", "a/../b c")
    assert run("predict", folder, little_image, "-o", tmp_path / "results") == (0, "", "")
    assert [file.name for file in (tmp_path / "results").iterdir()] == ["cells-a_.._b_c.tif"]


@pytest.mark.parametrize("description", ["bioimageio.yaml", "v0_4_9.bioimageio.yaml"])
@pytest.mark.parametrize("shape", [(700, 900), (300, 200)])
def test_the_published_model_runs_on_images_larger_and_smaller_than_its_fixed_size(
    run: Run, shared_sample: Path, tmp_path: Path, shape: tuple[int, int], description: str
) -> None:
    crop = np.load(shared_sample / "test_input.npy")[0, 0]
    array = np.pad(crop, [(0, max(0, size - 512)) for size in shape], "symmetric")[: shape[0], : shape[1]]
    np.save(tmp_path / "nuclei.npy", array)
    status, out, _ = run("predict", shared_sample / description, tmp_path / "nuclei.npy", "-o", tmp_path / "out.npy")
    assert (status, out) == (0, "")
    result = np.load(tmp_path / "out.npy")
    assert result.shape == shape
    # the network alone, on the first 512 x 512 pixels of the same image, far enough from where the image was cut
    given = np.pad(array, [(0, max(0, 512 - size)) for size in shape], "symmetric")[:512, :512].astype(np.float32)
    given = (given - array.mean()) / (array.std() + 1e-6)
    session = ort.InferenceSession(str(shared_sample / "weights.onnx"))
    (logits,) = session.run(None, {session.get_inputs()[0].name: given[None, None].astype(np.float32)})
    near = tuple(slice(0, min(size, 512) - 64) for size in shape)
    np.testing.assert_allclose(result[near], 1 / (1 + np.exp(-logits[0, 0][near])), atol=1e-4)


# --- usage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unheard-of", "MODEL"],
        ["predict", "MODEL"],
        ["predict", "MODEL", "IMAGE"],
        ["inspect", "MODEL", "--unheard-of"],
        ["predict", "MODEL", "IMAGE", "-o", "OUT.tif", "--tile", "big"],
        ["predict", "MODEL", "IMAGE", "-o", "OUT.tif", "--halo", "-1"],
        ["predict", "MODEL", "IMAGE", "-o", "OUT.tif", "--device", "tpu"],
        ["plan", "MODEL", "IMAGE", "--tile", "c=3"],
        ["test", "MODEL", "--device", "tpu"],
        ["predict", "MODEL", "IMAGE", "IMAGE2", "-o", "OUT.tif"],
        ["predict", "MODEL", "IMAGE", "-o", "OUT.tif", "--input", "IMAGE"],
        ["predict", "MODEL", "IMAGE", "-o", "OUT.tif", "--input", "other=IMAGE"],
    ],
)
def test_wrong_usage_is_status_2_and_does_nothing(
    run: Run, little_model: Path, little_image: Path, tmp_path: Path, arguments: list[str]
) -> None:
    places = {
        "MODEL": little_model,
        "IMAGE": little_image,
        "IMAGE2": little_image,
        "OUT.tif": tmp_path / "out.tif",
        "other=IMAGE": f"other={little_image}",
    }
    status, out, err = run(*(places.get(one, one) for one in arguments))
    assert (status, out) == (2, "")
    assert "error: " in err
    assert not (tmp_path / "out.tif").exists()


def test_help_and_version_are_printed(run: Run) -> None:
    assert run("--version") == (0, f"ijbridge {__version__}\n", "")
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    assert all(command in out for command in ("inspect", "plan", "predict", "test"))


def test_debug_shows_the_traceback(run: Run, tmp_path: Path) -> None:
    status, out, err = run("inspect", tmp_path / "absent")
    assert (status, out, "Traceback" in err) == (1, "", False)
    status, out, err = run("inspect", tmp_path / "absent", "--debug")
    assert (status, out, "Traceback" in err) == (1, "", True)
    assert err.splitlines()[-1].startswith("error: There is no model at")


# --- real processes --------------------------------------------------------------------------------------------------


def test_a_successful_run_is_quiet_in_a_pipe(little_model: Path, little_image: Path, tmp_path: Path) -> None:
    done = shell("predict", little_model, little_image, "-o", tmp_path / "out.tif", "--tile", 20)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "out.tif").exists()


def test_a_terminal_gets_a_progress_bar(little_model: Path, little_image: Path, tmp_path: Path) -> None:
    pty, termios, fcntl = (pytest.importorskip(name) for name in ("pty", "termios", "fcntl"))
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [
        sys.executable,
        "-m",
        "ijbridge",
        "predict",
        str(little_model),
        str(little_image),
        "-o",
        str(tmp_path / "out.tif"),
        "--tile",
        "20",
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writer, check=False)
    os.close(writer)
    shown = os.read(reader, 100_000).decode()
    os.close(reader)
    assert (done.returncode, done.stdout) == (0, b"")
    assert "cells.npy: " in shown
    assert "tile" in shown


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_reader_that_goes_away_is_no_defect(little_model: Path, options: list[str]) -> None:
    command = [sys.executable, "-m", "ijbridge", "inspect", str(little_model), *options]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_names_in_any_script_are_printed_whatever_the_terminal_knows(little_model: Path) -> None:
    edit(little_model, "name", "細胞 µ")
    done = shell("inspect", little_model, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("\\u7d30\\u80de \\xb5")


def test_what_a_stranger_wrote_moves_no_cursor_of_a_terminal(
    run: Run, little_model: Path, little_image: Path, tmp_path: Path
) -> None:
    name = "Evil\x1b[2J\x9b31m \u202egpj.exe\ttab"
    edit(little_model, "name", name)
    edit(little_model, "outputs.0.axes.1.channel_names", [name])
    image = little_image.rename(tmp_path / f"a\x1b[2J{little_image.suffix}")
    for command in (
        ["inspect"],
        ["inspect", "--json"],
        ["plan", image],
        ["check", image],
        ["check", image, "--json"],
        ["test"],
    ):
        _, out, err = run(command[0], little_model, *command[1:])
        assert "Evil" in out
        assert all(one.isprintable() for line in (out + err).split("\n") for one in line)
    assert json.loads(run("inspect", little_model, "--json")[1])["name"] == name
    missing = run("predict", little_model, tmp_path / "\x1b[2J.tif", "-o", tmp_path / "out.tif")
    assert missing[2].startswith("error: ")
    assert missing[2].rstrip("\n").isprintable()


def test_the_installed_command_is_the_same(little_model: Path) -> None:
    command = Path(sys.executable).with_name("ijbridge")
    done = subprocess.run([command, "inspect", little_model], capture_output=True, text=True, check=True)
    assert done.stdout == shell("inspect", little_model).stdout
