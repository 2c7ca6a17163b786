"""ImageJ2's images in Python: what needs ImageJ2, Fiji or their jars. Each scenario is a program, as in scenarios.py."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jpype
import numpy as np
import sharing_scenarios  # type: ignore[import-not-found] # lies beside this program
import xarray as xr

import ijbridge
import ijbridge.imagej
from ijbridge.errors import SharingError
from ijbridge.imagej import to_java, to_numpy, to_xarray


def gateway(fiji: str, model: str, folder: str) -> dict[str, Any]:
    """Drive an ImageJ2 by pyimagej's gateway: macros, the command, images both ways."""
    ij = ijbridge.imagej.init(fiji)
    picture = np.random.default_rng(7).integers(0, 256, (40, 32)).astype(np.uint8)
    path = Path(folder) / "picture.tif"
    jpype.JClass("ij.IJ").saveAsTiff(ijbridge.imagej.to_imageplus(picture), str(path))
    expected = ijbridge.predict(model, picture).values.astype(np.float32)
    run = f'open("{path}"); run("Run Model...", "model=[{model}]"); saveAs("Tiff", "{folder}/macro.tif");'
    ij.py.run_macro(run)
    dataset = ij.io().open(str(path))
    result = ijbridge.predict(model, dataset, channel=None)
    command = jpype.JClass("org.ijbridge.RunModelCommand")
    image = ij.py.active_imageplus()
    module = ij.command().run(command, True, ij.py.jargs("image", image, "model", model)).get()
    return {
        **images(ij.context(), model),
        "macro": to_numpy(jpype.JClass("ij.IJ").openImage(f"{folder}/macro.tif")).tobytes() == expected.tobytes(),
        "dataset": [type(result).__name__, to_numpy(result).tobytes() == expected.tobytes()],
        "command": str(module.getOutput("result").getTitle()),
        "attached": ijbridge.imagej.attach(ij) is ij,
    }


def datasets(jars: list[str], model: str) -> dict[str, Any]:
    """Do what is done with ImageJ2's images where imagej-common is on the class path, and no more of it."""
    jpype.startJVM("-Djava.awt.headless=true", classpath=jars, convertStrings=False)
    service = jpype.JClass("net.imagej.DatasetService")
    return images(jpype.JClass("org.scijava.Context")(service), model)


def images(context: Any, model: str) -> dict[str, Any]:
    """Cross with an ImgPlus, a Dataset and imglyb's images."""
    seen: dict[str, Any] = {}
    array = np.random.default_rng(3).integers(0, 4000, (2, 3, 40, 32)).astype(np.uint16)
    attrs = {"pixel_size": {"y": 0.2, "x": 0.107}, "unit": "um"}
    given = xr.DataArray(array, dims=("t", "ch", "row", "col"), attrs=attrs, name="cells.tif")
    plus = to_java(given, copy=False)
    dataset = context.service(jpype.JClass("net.imagej.DatasetService")).create(plus)
    for name, one in {"ImgPlus": plus, "Dataset": dataset}.items():
        back = to_xarray(one, copy=False)
        back.values[0, 0, 0, 0] += 1
        shared = bool((back.values == array).all())
        seen[name] = [list(map(str, back.dims)), back.attrs["pixel_size"], back.attrs["unit"], str(back.name), shared]
    expected = ijbridge.predict(model, given, channel=2)
    for name, one in {"ImgPlus": plus, "Dataset": dataset}.items():
        result = ijbridge.predict(model, one, channel=2)
        told = to_xarray(result)
        same = bool((told.values == expected.values).all())
        seen[f"{name} result"] = [list(map(str, told.dims)), told.attrs["pixel_size"], same]
        seen[f"{name} class"] = [one.__name__ for one in type(result).__mro__]
    axes = jpype.JClass("net.imagej.axis.Axes")
    types = jpype.JArray(jpype.JClass("net.imagej.axis.AxisType"))([axes.X, axes.Y, axes.Z])
    sizes = jpype.JArray(jpype.JLong)([6, 5, 3])
    blank = context.service(jpype.JClass("net.imagej.DatasetService")).create(sizes, "blank", types, 8, False, False)
    try:
        to_numpy(blank, copy=False)
    except SharingError:
        seen["heap"] = [list(map(str, to_xarray(blank).dims)), to_numpy(blank).shape]

    def imglyb(values: Any, copy: bool | None = None) -> Any:
        return to_java(values, copy, kind="imglyb")

    seen["imglyb"] = sharing_scenarios.row_of(imglyb)
    return seen


SCENARIOS: dict[str, Callable[..., dict[str, Any]]] = {"gateway": gateway, "datasets": datasets}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(SCENARIOS[sys.argv[1]](**json.loads(sys.argv[2]))) + "\n")
