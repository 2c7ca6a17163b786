"""What a nasty is, and the harmless model that most of them begin as."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from builders import one_conv, sha256, write_model
from descriptions import changed


@dataclass(frozen=True)
class Nasty:
    """One nasty file.

    ``make`` writes it into a folder and gives its path; beside that folder lies `SECRET`, which nothing may read, and `HARM`
    must never appear. ``words`` are of the sentence that refuses it; empty where it is read and does no harm. ``use`` is what
    is done with it: "predict" with a model, "test" or "convert" one (with an
    image, or "convert without a test"), "image" to read an image.
    """

    group: str
    name: str
    make: Callable[[Path], Path]
    words: str
    use: str = "predict"

    @property
    def id(self) -> str:
        """A name for the test."""
        return f"{self.group}: {self.name}"


#: Beside the folder of each nasty: 16 bytes that could be weights, and what code would write that should never have run.
SECRET = "secret.bin"
HARM = "harm"


def secret(folder: Path) -> Path:
    """Give the file that nothing may read."""
    return folder.parent / SECRET


def model(folder: Path, **how: Any) -> Path:
    """Write a harmless model."""
    image = np.random.default_rng(0).random((1, 1, 16, 16)).astype(np.float32)
    return write_model(folder / "model", one_conv(), halo=1, test_input=image, test_output=image, **how)


def edited(*changes: tuple[str, Any]) -> Callable[[Path], Path]:
    """Write a model of which parts of the description are others."""

    def make(folder: Path) -> Path:
        path = model(folder) / "bioimageio.yaml"
        described = yaml.safe_load(path.read_text(encoding="utf-8"))
        for where, value in changes:
            described = changed(described, where, value)
        path.write_text(yaml.safe_dump(described), encoding="utf-8")
        return path.parent

    return make


def weights(data: bytes | Callable[[Path], bytes], **entry: Any) -> Callable[[Path], Path]:
    """Write a model with these bytes as its network."""

    def make(folder: Path) -> Path:
        path = model(folder)
        (path / "weights.onnx").write_bytes(data if isinstance(data, bytes) else data(folder))
        described = yaml.safe_load((path / "bioimageio.yaml").read_text(encoding="utf-8"))
        described["weights"]["onnx"] = {"source": "weights.onnx", "sha256": sha256(path / "weights.onnx"), **entry}
        (path / "bioimageio.yaml").write_text(yaml.safe_dump(described), encoding="utf-8")
        return path

    return make


def other_file(where: str, name: str, data: Callable[[Path], bytes]) -> Callable[[Path], Path]:
    """Write a model with another file, and its place in the description."""

    def make(folder: Path) -> Path:
        path = edited((where, {"source": name}))(folder)
        (path / name).write_bytes(data(folder))
        return path

    return make


class _Harm:
    """Pickled, it runs a command when it is loaded."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"echo harm > {json.dumps(str(self._file))}",)


def pickled(folder: Path) -> bytes:
    """Give a pickle that does harm to whoever loads it."""
    return pickle.dumps(_Harm(folder.parent / HARM))
