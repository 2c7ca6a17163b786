"""What fails from outside while a model runs, with real processes: killed ones, full disks, no memory, networks that fail."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tifffile

from builders import Network, one_conv, unet, write_model
from commandline import network_gives, pixels, shell
from processes import cannot_mount, unshare
from test_appose_worker import Worker, picture, predict

TESTS = Path(__file__).parent
TILED = ("--tile", "24")

#: The tiles of 24 pixels that an image of 40 x 50 has.
TILES = 6

needs_mounts = pytest.mark.skipif(
    sys.platform != "linux" or bool(cannot_mount()), reason="only Linux, and not every one, lets mount"
)


def dying(stage: str, folder: Path) -> dict[str, str]:
    """Give the environment of a process that kills itself at a stage (see tests/dying)."""
    path = os.pathsep.join([str(TESTS / "dying"), *sys.path])
    return {**os.environ, "PYTHONPATH": path, "IJBRIDGE_DIES_AT": stage, "IJBRIDGE_DIED": str(folder / "died")}


def read(file: Path) -> Any:
    return np.asarray(tifffile.imread(file))


# --- killed processes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["start", "load", "tile 1", f"tile {TILES}", "write", "move"])
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_run_that_is_killed_leaves_the_result_that_was_there_and_can_be_resumed(
    little_model: Path, tmp_path: Path, stage: str
) -> None:
    images, out = [tmp_path / f"{name}.npy" for name in "ab"], tmp_path / "out"
    for number, image in enumerate(images):
        np.save(image, pixels(40, 50, seed=number))
    assert shell("predict", little_model, images[0], "-o", tmp_path / "expected").returncode == 0
    out.mkdir()
    (out / "a-out.tif").write_bytes(b"old")
    os.utime(out / "a-out.tif", (1, 1))
    killed = shell("predict", little_model, *images, "-o", out, *TILED, "--resume", env=dying(stage, tmp_path))
    assert killed.returncode == -signal.SIGKILL
    assert (out / "a-out.tif").read_bytes() == b"old"
    assert [file for file in out.glob("*.tif") if not file.name.startswith(".")] == [out / "a-out.tif"]
    resumed = shell("predict", little_model, *images, "-o", out, *TILED, "--resume")
    assert (resumed.returncode, resumed.stderr) == (0, "")
    np.testing.assert_allclose(read(out / "a-out.tif"), read(tmp_path / "expected" / "a-out.tif"), atol=1e-4)


def test_a_batch_that_is_resumed_leaves_out_what_is_done_and_nothing_else(little_model: Path, tmp_path: Path) -> None:
    images, out = [tmp_path / f"{name}.npy" for name in "abc"], tmp_path / "out"
    for image in images:
        np.save(image, pixels(40, 50))
    assert shell("predict", little_model, *images, "-o", out).returncode == 0
    results = [out / f"{name}-out.tif" for name in "abc"]
    results[0].write_bytes(results[0].read_bytes()[:200])  # no longer a result that says who made it
    later = results[1].stat().st_mtime + 1
    os.utime(images[1], (later, later))
    before = [file.stat().st_mtime_ns for file in results]
    resumed = shell("predict", little_model, *images, "-o", out, "--resume")
    assert (resumed.returncode, resumed.stderr) == (0, f"{images[2]}: its results are there.\n")
    assert [file.stat().st_mtime_ns != one for file, one in zip(results, before, strict=True)] == [True, True, False]
    other = write_model(tmp_path / "other", one_conv(seed=3), halo=1)
    again = shell("predict", other, images[2], "-o", out, "--resume")
    assert (again.returncode, again.stderr) == (0, "")
    assert results[2].stat().st_mtime_ns != before[2]


def test_two_runs_that_write_the_same_file_leave_a_whole_one(little_model: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", pixels(600, 700))
    command = [
        sys.executable,
        "-m",
        "ijbridge",
        "predict",
        str(little_model),
        str(tmp_path / "a.npy"),
        "-o",
        str(tmp_path / "o.tif"),
    ]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [run.communicate()[1] for run in runs] == ["", "", ""]
    assert read(tmp_path / "o.tif").shape == (600, 700)
    assert [file.name for file in tmp_path.glob(".*")] == []


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_scripts_on_one_cache_folder_give_the_same_also_where_one_of_them_is_killed(
    little_model: Path, little_image: Path, tmp_path: Path
) -> None:
    cache = {"IJBRIDGE_CACHE": str(tmp_path / "cache")}
    killed = shell("predict", little_model, little_image, "-o", tmp_path / "o.tif", env={**dying("move", tmp_path), **cache})
    assert killed.returncode == -signal.SIGKILL
    kept = tmp_path / "cache" / "networks"
    assert len([*kept.iterdir()]) == 1  # what it was about to keep, under another name
    command = [sys.executable, "-m", "ijbridge", "predict", str(little_model), str(little_image), "-o"]
    runs = [
        subprocess.Popen(
            [*command, str(tmp_path / f"{number}.tif")], stderr=subprocess.PIPE, text=True, env={**os.environ, **cache}
        )
        for number in range(4)
    ]
    assert [run.communicate()[1] for run in runs] == [""] * 4
    assert shell("predict", little_model, little_image, "-o", tmp_path / "4.tif", env={**os.environ, **cache}).stderr == ""
    first, *others = (read(tmp_path / f"{number}.tif") for number in range(5))
    np.testing.assert_allclose(first, network_gives(little_model, np.load(little_image)), atol=1e-4)
    assert all(np.array_equal(first, other) for other in others)
    assert len([*kept.iterdir()]) == 2
    assert [stat.S_IMODE(path.stat().st_mode) for path in (kept, *kept.iterdir())] == [0o700, 0o600, 0o600]


# --- no room ---------------------------------------------------------------------------------------------------------


@needs_mounts
@pytest.mark.parametrize("suffix", ["tif", "npy"])
def test_a_full_disk_is_a_sentence_and_leaves_the_result_that_was_there(
    little_model: Path, tmp_path: Path, suffix: str
) -> None:
    np.save(tmp_path / "a.npy", pixels(200, 250))
    out = tmp_path / "out"
    out.mkdir()
    file = out / f"a.{suffix}"
    script = f"""mount -t tmpfs -o size=64k ijbridge {out} && printf old > {file} || exit 125
        {sys.executable} -m ijbridge predict {little_model} {tmp_path}/a.npy -o {file}; status=$?
        cat {file}; ls -A {out}; exit $status"""
    done = subprocess.run([*unshare(), "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {file} cannot be written: ")
    assert len(done.stderr.splitlines()) == 1
    assert "space" in done.stderr or "requested and" in done.stderr
    assert done.stdout == f"olda.{suffix}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process's memory is not limited so")
@pytest.mark.parametrize("megabytes", [350, 500, 700])
def test_a_process_that_may_have_little_memory_gives_the_result_or_a_sentence(tmp_path: Path, megabytes: int) -> None:
    import resource

    model = write_model(tmp_path / "m", unet(2), halo=20, size={"min": 16, "step": 4})
    np.save(tmp_path / "a.npy", pixels(1500, 1600))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))

    arguments = ("predict", model, tmp_path / "a.npy", "-o", tmp_path / "o.tif", "--tile", "512")
    done = shell(*arguments, preexec_fn=limit)
    assert "Traceback" not in done.stderr
    assert "should not" not in done.stderr
    if done.returncode == 0:
        limited = read(tmp_path / "o.tif")
        assert shell(*arguments).returncode == 0
        np.testing.assert_allclose(limited, read(tmp_path / "o.tif"), atol=1e-4)
    else:
        assert (done.returncode, done.stderr[:7], len(done.stderr.splitlines())) == (1, "error: ", 1), done.stderr
        assert not (tmp_path / "o.tif").exists()


# --- networks that fail ----------------------------------------------------------------------------------------------


def picky(folder: Path) -> Path:
    """A model that fails on a tile which has a pixel of 1000 or more: it looks something up that is not there."""
    net = Network()
    x = net.input("raw")
    largest = net.node("ReduceMax", [x], 1, axes=[0, 1, 2, 3], keepdims=0)
    place = net.node("Cast", [net.node("Div", [largest, net.constant(1000)], 1)], 1, to=7)
    found = net.node("Gather", [net.constant([0.0]), place], 1)
    net.output(net.node("Add", [x, found], 1), "out")
    return write_model(folder, net)


def test_a_network_that_fails_on_one_tile_is_a_sentence_and_leaves_no_result(tmp_path: Path) -> None:
    model, image = picky(tmp_path / "m"), pixels(40, 50)
    image[39, 49] = 1000
    np.save(tmp_path / "cells 7.npy", image)
    np.save(tmp_path / "b.npy", pixels(40, 50))
    done = shell("predict", model, tmp_path / "cells 7.npy", tmp_path / "b.npy", "-o", tmp_path / "out", *TILED)
    assert done.returncode == 1
    (error,) = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
    assert error.startswith(
        f"error: {tmp_path / 'cells 7.npy'}: The network of 'Little Network' failed on an input of 1 x 1 x "
    )
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["b-out.tif"]


# --- a worker --------------------------------------------------------------------------------------------------------


def test_a_worker_survives_failing_networks_and_a_hundred_cancelled_runs(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    worker, model, bad = Worker(tmp_path / "shared"), write_model(tmp_path / "m", one_conv(), halo=1), picky(tmp_path / "bad")
    try:
        array = picture(60, 60, dtype="uint16")
        expected, _ = predict(worker, model, array)
        process = psutil.Process(worker.call("hello")["pid"])

        def cancel(event: Any) -> None:
            if event.current is not None:
                event.task.cancel()

        used = []
        for number in range(100):
            _, reply = predict(worker, model, picture(20, 300, 300), "tyx", cancel)
            assert reply["error"]["kind"] == "Cancelled"
            if number % 10 == 0:
                failed = predict(worker, bad, np.full((40, 50), 2000, np.uint16))[1]
                assert failed["error"]["kind"] == "NetworkError"
                used.append((process.memory_info().rss, process.num_fds() if hasattr(process, "num_fds") else 0))
        assert used[-1][0] < used[1][0] + 20e6, used
        assert used[-1][1] <= used[1][1], used
        assert predict(worker, model, array)[0].tobytes() == expected.tobytes()
        assert process.pid == worker.call("hello")["pid"]
    finally:
        worker.end()
