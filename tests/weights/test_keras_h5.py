"""Files of weights that Keras wrote, and files of strangers: damaged ones, and ones that point elsewhere."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from descriptions import check_refusal
from ijbridge.errors import DescriptionError, NetworkError
from ijbridge.weights.hdf5_reader import Reader
from ijbridge.weights.keras_h5 import KerasFile
from reference.csbdeep_cases import FOLDER

WEIGHTS = FOLDER / "care-2d" / "weights_best.h5"
OLD = FOLDER / "care-2d-old-keras" / "weights_best.h5"


def file_of(fill: Callable[[h5py.File], None]) -> bytes:
    """Make a file in memory."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file)
    return buffer.getvalue()


def one_layer(file: h5py.Group, name: str = "conv2d", kernel: object = None) -> h5py.Group:
    """Add the weights of one convolution, as Keras does."""
    file.attrs["layer_names"] = np.array([name.encode()])
    group = file.create_group(name)
    group.attrs["weight_names"] = np.array([f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()])
    group[f"{name}/kernel:0"] = np.arange(9, dtype=np.float32).reshape(3, 3, 1, 1) if kernel is None else kernel
    group[f"{name}/bias:0"] = np.array([0.1], np.float32)
    return group


@pytest.mark.parametrize("path", [WEIGHTS, OLD], ids=["keras 3", "keras 2"])
def test_arrays_are_read_to_the_last_bit(path: Path) -> None:
    with h5py.File(path) as file:
        group = file["down_level_0_no_0"]
        names = [one.decode() if isinstance(one, bytes) else one for one in group.attrs["weight_names"]]
        kernel, bias = (group[name][()] for name in names)
    weights = KerasFile(path.read_bytes(), path.name)
    found = weights.arrays("down_level_0_no_0", ["kernel", "bias"], [kernel.shape, bias.shape])
    assert [one.tobytes() for one in found] == [kernel.tobytes(), bias.tobytes()]
    assert weights.layers[0] == "down_level_0_no_0"
    assert weights.model_config is None


def test_layers_that_keras_numbered_come_in_the_order_of_their_numbers() -> None:
    def fill(file: h5py.File) -> None:
        names = ["conv2d_10", "conv2d_9", "conv2d", "conv2d_2", "conv2d_transpose_1", "my_conv2d_3", "conv2d_x"]
        for name in names:
            one_layer(file, name)
        file.attrs["layer_names"] = np.array([name.encode() for name in names])

    assert KerasFile(file_of(fill), "w.h5").numbered("conv2d") == ["conv2d", "conv2d_2", "conv2d_9", "conv2d_10"]


def test_names_that_keras_wrote_in_parts_are_put_together() -> None:
    def fill(file: h5py.File) -> None:
        one_layer(file)
        file.attrs["layer_names0"], file.attrs["layer_names1"] = [np.array([]), file.attrs["layer_names"]]
        del file.attrs["layer_names"]

    assert KerasFile(file_of(fill), "w.h5").layers == ["conv2d"]


@pytest.mark.parametrize(
    ("layer", "parts", "shapes", "words"),
    [
        ("dense", ["kernel"], [(1,)], ["has no weights for the layer 'dense'"]),
        ("conv2d", ["kernel"], [(3, 3, 1, 1)], ["has kernel, bias for the layer 'conv2d', instead of kernel"]),
        ("conv2d", ["kernel", "bias"], [(3, 3, 1, 2), (2,)], ["a kernel of 3 x 3 x 1 x 1", "instead of 3 x 3 x 1 x 2"]),
        ("conv2d", ["kernel", "bias"], [(3, 3, 1, 1), ()], ["a bias of 1 for", "instead of a single number"]),
    ],
)
def test_weights_that_are_not_those_of_the_network_are_refused(
    layer: str, parts: list[str], shapes: list[tuple[int, ...]], words: list[str]
) -> None:
    weights = KerasFile(file_of(lambda file: one_layer(file) and None), "w.h5")
    with pytest.raises(DescriptionError) as refused:
        weights.arrays(layer, parts, shapes)
    check_refusal(refused.value, "The weights w.h5 do not belong to the network", *words)


def truncated(share: float) -> bytes:
    data = WEIGHTS.read_bytes()
    return data[: int(share * len(data))]


def no_names(file: h5py.File) -> None:
    file.create_group("layers")


def no_group(file: h5py.File) -> None:
    file.attrs["layer_names"] = np.array([b"conv2d"])


def names_are_numbers(file: h5py.File) -> None:
    one_layer(file)
    file.attrs["layer_names"] = 5


def missing_array(file: h5py.File) -> None:
    del one_layer(file)["conv2d/bias:0"]


def twice(file: h5py.File) -> None:
    group = one_layer(file)
    group.attrs["weight_names"] = np.array([b"conv2d/kernel:0", b"conv2d/kernel:0"])


def layer_twice(file: h5py.File) -> None:
    one_layer(file)
    file.attrs["layer_names"] = np.array([b"conv2d", b"conv2d"])


def float64(file: h5py.File) -> None:
    one_layer(file, kernel=np.zeros((3, 3, 1, 1)))


def group_for_an_array(file: h5py.File) -> None:
    group = one_layer(file)
    del group["conv2d/kernel:0"]
    group.create_group("conv2d/kernel:0")


def too_much(file: h5py.File) -> None:
    group = one_layer(file)
    del group["conv2d/kernel:0"]
    group.create_dataset("conv2d/kernel:0", (2**20, 2**20), np.float32, chunks=(1024, 1024), compression="gzip")


BROKEN: dict[str, tuple[bytes | Callable[[h5py.File], None], list[str]]] = {
    "empty": (b"", ["are not an HDF5 file that can be read"]),
    "a text": (b"weights", ["are not an HDF5 file that can be read"]),
    "half": (truncated(0.5), ["are not an HDF5 file that can be read", "truncated"]),
    "nearly whole": (truncated(0.99), ["are not an HDF5 file that can be read", "truncated"]),
    "the beginning": (truncated(0.001), ["are not an HDF5 file that can be read"]),
    "the layout of Keras 3": (no_names, ["cannot be used", "has no `layer_names`", "save the weights as .h5"]),
    "a layer that is not there": (no_group, ["w.h5"]),
    "names that are no texts": (names_are_numbers, ["w.h5"]),
    "an array that is not there": (missing_array, ["w.h5"]),
    "an array twice": (twice, ["cannot be used", "the weights 'kernel' of the layer 'conv2d' twice"]),
    "a layer twice": (layer_twice, ["cannot be used", "of the layer 'conv2d' twice"]),
    "another type": (float64, ["'conv2d/kernel:0' is not an array of float32 that lies in the file itself"]),
    "no array": (group_for_an_array, ["'conv2d/kernel:0' is not an array of float32"]),
    "more than memory": (too_much, ["its weights take more than 2 GB"]),
}


@pytest.mark.parametrize(("content", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(
    content: bytes | Callable[[h5py.File], None], words: list[str]
) -> None:
    data = content if isinstance(content, bytes) else file_of(content)
    with pytest.raises(NetworkError) as refused:
        KerasFile(data, "w.h5")
    check_refusal(refused.value, "The weights w.h5 ", *words)


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_a_file_that_is_damaged_anywhere_is_refused_or_read_but_never_breaks(first: int) -> None:
    whole = file_of(lambda file: one_layer(file) and None)
    for number in range(first, first + 100):
        rng = np.random.default_rng(number)
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 8):
            data[place] = rng.integers(256)
        try:
            with Reader(bytes(data), "w.h5") as read:
                assert all(array.dtype == np.float32 for array in read.arrays())
        except NetworkError as error:
            check_refusal(error)


def test_a_file_on_which_hdf5_never_comes_to_an_end_is_refused() -> None:
    """Its global heap, where texts of any length lie, has a free object of no size, which HDF5 goes round for ever."""
    data = (FOLDER / "keras-2-shared.h5").read_bytes()
    heap = data.index(b"GCOL")
    endless = data[: heap + 16] + bytes(16) + data[heap + 32 :]
    with pytest.raises(NetworkError) as refused:
        KerasFile(endless, "w.h5")
    check_refusal(refused.value, "The weights w.h5 cannot be read: HDF5 has not come to an end after ")


def test_a_process_of_hdf5_that_dies_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "h5py.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(NetworkError) as refused:
        KerasFile(WEIGHTS.read_bytes(), "w.h5")
    check_refusal(refused.value, "The weights w.h5 cannot be read: HDF5 fails (status ")


# --- files that point to others --------------------------------------------------------------------------------------


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Give a file of the right content that lies outside."""
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        one_layer(file)
    (tmp_path / "secret.raw").write_bytes(np.arange(9, dtype=np.float32).tobytes())
    return tmp_path / "secret.h5"


def linked_layer(file: h5py.File, secret: Path) -> None:
    file.attrs["layer_names"] = np.array([b"conv2d"])
    file["conv2d"] = h5py.ExternalLink(str(secret), "/conv2d")


def linked_array(file: h5py.File, secret: Path) -> None:
    group = one_layer(file)
    del group["conv2d/kernel:0"]
    group["conv2d/kernel:0"] = h5py.ExternalLink(str(secret), "/conv2d/conv2d/kernel:0")


def linked_root(file: h5py.File, secret: Path) -> None:
    file["model_weights"] = h5py.ExternalLink(str(secret), "/")


def soft_link(file: h5py.File, secret: Path) -> None:
    group = one_layer(file)
    file["elsewhere"] = h5py.ExternalLink(str(secret), "/conv2d")
    del group["conv2d/kernel:0"]
    group["conv2d/kernel:0"] = h5py.SoftLink("/elsewhere/conv2d/kernel:0")


def external_bytes(file: h5py.File, secret: Path) -> None:
    group = one_layer(file)
    del group["conv2d/kernel:0"]
    raw = str(secret.with_suffix(".raw"))
    group.create_dataset("conv2d/kernel:0", (3, 3, 1, 1), np.float32, external=[(raw, 0, 36)])


def virtual(file: h5py.File, secret: Path) -> None:
    group = one_layer(file)
    del group["conv2d/kernel:0"]
    layout = h5py.VirtualLayout((3, 3, 1, 1), np.float32)
    layout[:] = h5py.VirtualSource(str(secret), "/conv2d/conv2d/kernel:0", (3, 3, 1, 1))
    group.create_virtual_dataset("conv2d/kernel:0", layout)


@pytest.mark.parametrize("point", [linked_layer, linked_array, linked_root, soft_link, external_bytes, virtual])
def test_what_lies_in_another_file_is_never_read(secret: Path, point: Callable[[h5py.File, Path], None]) -> None:
    path = secret.parent / "w.h5"
    with h5py.File(path, "w") as file:
        point(file, secret)
    with pytest.raises(NetworkError) as refused:
        KerasFile(path.read_bytes(), "w.h5")
    check_refusal(refused.value, "The weights w.h5 cannot be used", "in the file itself")
