"""The recipes in docs/recipes do what they say, as they stand there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pytest
import tifffile

from imagej_session import IMAGEJ, JARS
from setup_environment import ROOT

from . import models
from .playing import play

pytestmark = pytest.mark.imagej

RECIPES = ROOT / "docs" / "recipes"


@pytest.fixture
def pictures(screen: str, tmp_path: Path) -> Path:
    """A folder with five pictures, one of which no model takes."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(4):
        picture = np.random.default_rng(number).integers(0, 256, (40, 32)).astype(np.uint8)
        tifffile.imwrite(folder / f"{number}.tif", picture, imagej=True, resolution=(2, 2), metadata={"unit": "um"})
    tifffile.imwrite(folder / "two.tif", np.zeros((2, 40, 32), np.uint8), imagej=True, metadata={"axes": "CYX"})
    return folder


def check(model_out: Path, pictures: Path, names: list[str]) -> None:
    assert sorted(path.name for path in model_out.glob("*")) == names
    for name in names:
        np.testing.assert_array_equal(tifffile.imread(model_out / name), models.tilt(tifffile.imread(pictures / name)))
        with tifffile.TiffFile(model_out / name) as file:
            assert file.imagej_metadata is not None
            assert "model.name: tilted" in file.imagej_metadata["Info"]


def environment(**more: str) -> dict[str, str]:
    return {**{key: value for key, value in os.environ.items() if key != "DISPLAY"}, **more}


def test_a_batch_script_runs_a_folder_without_a_display_and_goes_on_after_a_failure(tilted: Path, pictures: Path) -> None:
    out = pictures.parent / "results"
    command = [sys.executable, str(RECIPES / "batch.py"), str(tilted), str(pictures), str(out)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("two.tif: two has 2 channels, ")
    check(out, pictures, ["0.tif", "1.tif", "2.tif", "3.tif"])


@pytest.mark.skipif(shutil.which("sh") is None, reason="a job script is one of a shell")
def test_a_cluster_job_takes_its_part_of_the_images(tilted: Path, pictures: Path) -> None:
    out = pictures.parent / "results"
    slurm = {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "3", "RECIPES": str(RECIPES)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["sh", str(RECIPES / "cluster.sh"), str(tilted), str(pictures), str(out)]
    done = subprocess.run(command, env=environment(**slurm, PATH=path), capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr  # two.tif is in its part
    check(out, pictures, ["1.tif"])


def test_the_notebook_runs_from_its_first_cell_to_its_last(
    tilted: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("MODEL", str(tilted))
    monkeypatch.setenv("IMAGE", str(pictures / "0.tif"))
    notebook = nbformat.read(RECIPES / "notebook.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=120).execute()
    last = [cell for cell in notebook.cells if cell.cell_type == "code"]
    expected = models.tilt(tifffile.imread(pictures / "0.tif"))
    assert "".join(last[1].outputs[-1]["data"]["text/plain"]).startswith("(('y', 'x'), (40, 32), {")
    assert float(last[-1].outputs[-1]["data"]["text/plain"]) == pytest.approx(float(expected.mean()))


def test_the_scijava_script_asks_for_what_it_needs_and_gives_the_result(tilted: Path, pictures: Path) -> None:
    jars = [str(IMAGEJ), *(str(jar) for folder in ("scijava", "dependency") for jar in (JARS / folder).glob("*.jar"))]
    script = str(RECIPES / "run_model.groovy")
    seen = play("script", "", jars=jars, script_path=script, model=str(tilted), image=str(pictures / "0.tif"))
    assert seen["inputs"] == {"command": "CommandService", "image": "ImagePlus", "model": "String"}
    assert seen["outputs"] == {"result": "ImagePlus"}
    np.testing.assert_array_equal(np.array(seen["pixels"], np.float32), models.tilt(tifffile.imread(pictures / "0.tif")))
