"""SavedModels of TensorFlow, converted to ONNX by tf2onnx: once, in a process of its own, and kept by their content.

TensorFlow is large and slow to start, so it is an extra and never loaded here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ijbridge import caching
from ijbridge.errors import CannotRunError, NotAModelError, PackageError
from ijbridge.extras import install_command
from ijbridge.formats.archive import Archive, Limits
from ijbridge.formats.saved_model import SAVED_MODEL, SIGNATURE, TAG, parse_graph, parse_graphs
from ijbridge.weights.saved_model_check import check_harmless

if TYPE_CHECKING:
    from ijbridge.description import Weights
    from ijbridge.formats.package import Package

#: The last version of the operators that has TensorFlow's way of taking the nearest pixel.
_OPSET = "12"

#: Changes with how a SavedModel is converted, so that what was kept before is made anew.
_RECIPE = f"1, opset {_OPSET}"


def convert(package: Package, weights: Weights, data: bytes) -> bytes:
    """Give a SavedModel as an ONNX network, with the names of its signature.

    Parameters
    ----------
    data
        The file of the weights: ``saved_model.pb``, beside which its folder lies, or a zip of the folder.

    Raises
    ------
    PackageError
        If a file of it is missing.
    CannotRunError
        If it does more than compute, cannot be converted, or what converts it is not installed; then it says how to install it.
    """
    files = read_files(package, weights, data)
    which = part_of(weights)
    kept = kept_at(files, *which)
    before = caching.read(kept)
    if before is not None:
        return before
    tag, signature = which
    parse_graph(files[SAVED_MODEL], weights.file.source, tag)  # says what is missing
    for graph in parse_graphs(files[SAVED_MODEL], weights.file.source):
        check_harmless(graph, weights.file.source, signature)
    data = _converted(files, weights.file.source, tag, signature)
    caching.keep(kept, data)
    return data


def part_of(weights: Weights) -> tuple[str, str]:
    """Give the tag and the signature of a SavedModel that are meant: those of the description, else the usual ones."""
    return weights.details.get("tag", TAG), weights.details.get("signature", SIGNATURE)


def kept_at(files: Mapping[str, bytes], tag: str = TAG, signature: str = SIGNATURE) -> Path:
    """Give where the network made of these files is kept: by their SHA-256, in a folder of the user's that can be deleted."""
    digest = hashlib.sha256(_RECIPE.encode())
    if (tag, signature) != (TAG, SIGNATURE):
        digest.update(f"\n{tag!r} {signature!r}".encode())
    for name, data in sorted(files.items()):
        digest.update(f"\n{name} {len(data)}\n".encode())
        digest.update(data)
    return caching.cache_folder() / "onnx" / f"{digest.hexdigest()}.onnx"


def read_files(package: Package, weights: Weights, data: bytes) -> dict[str, bytes]:
    """Read the files of a SavedModel, from its folder in the package or from a zip there, by their names in the folder.

    Raises
    ------
    PackageError
        If one is missing, or the zip is damaged or not to be trusted.
    """
    if PurePosixPath(weights.file.source).name == SAVED_MODEL:
        variables = package.read_folder(str(PurePosixPath(weights.file.source).parent / "variables"))
        return {SAVED_MODEL: data, **{f"variables/{name}": one for name, one in variables.items()}}
    what = Path(package.location.name, weights.file.source)
    try:
        archive = Archive(what, Limits.read(), data)
    except NotAModelError as error:
        raise PackageError(str(error)) from error
    roots = [PurePosixPath(name).parent for name in archive.names if PurePosixPath(name).name == SAVED_MODEL]
    if len(roots) != 1:
        raise PackageError(f"{what} is not a zip with one {SAVED_MODEL}.")
    inside = [name for name in archive.names if PurePosixPath(name).parent == roots[0] / "variables"]
    return {
        SAVED_MODEL: archive.read(str(roots[0] / SAVED_MODEL)),
        **{f"variables/{PurePosixPath(name).name}": archive.read(name) for name in inside},
    }


def _converted(files: Mapping[str, bytes], name: str, tag: str, signature: str) -> bytes:
    missing = [one for one in ("tensorflow", "tf2onnx") if importlib.util.find_spec(one) is None]
    if missing:
        raise CannotRunError(
            f"The weights {name} are a SavedModel of TensorFlow, which has to be converted once by TensorFlow and tf2onnx; "
            f"{' and '.join(missing)} cannot be found: {install_command('tensorflow')} (about 3 GB)."
        )
    with tempfile.TemporaryDirectory(prefix="ijbridge-") as folder:
        model, made = Path(folder, "model"), Path(folder, "model.onnx")
        for file, data in files.items():
            target = model / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        done = subprocess.run(  # noqa: S603 - this Python (-P: not what lies where it is called), and files written here
            [sys.executable, "-P", "-m", "tf2onnx.convert", "--saved-model", model, "--output", made, "--opset", _OPSET,
             f"--tag={tag}", f"--signature_def={signature}"],
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "2"},
        )  # fmt: skip
        if done.returncode or not made.is_file():
            said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
            why = said[-1] if said else f"status {done.returncode}"
            raise CannotRunError(f"tf2onnx does not convert the SavedModel {name} to ONNX ({why}): ask for ONNX weights.")
        return made.read_bytes()
