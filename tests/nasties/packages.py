"""Nasty zips, folders and descriptions."""

from __future__ import annotations

import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from descriptions import REMOVED
from nasties.kinds import Nasty, edited, model, other_file, pickled, secret

Entry = tuple[str | zipfile.ZipInfo, bytes]

# --- zips ------------------------------------------------------------------------------------------------------------


def zipped(folder: Path, *more: Entry, compression: int = zipfile.ZIP_DEFLATED, without: Iterable[str] = ()) -> Path:
    """Write a harmless model as a zip, with more entries, without some of its own."""
    made = model(folder)
    with zipfile.ZipFile(folder / "model.zip", "w", compression) as archive:
        for file in sorted(made.iterdir()):
            if file.name not in without:
                archive.write(file, file.name)
        for name, data in more:
            archive.writestr(name, data)
    shutil.rmtree(made)
    return folder / "model.zip"


def patched(path: Path, change: Callable[[bytearray], None]) -> Path:
    """Change the bytes of a file."""
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    return path


def forged(folder: Path, at: int, number: int, entry: bytes = b"weights.onnx", packed: str = "<I") -> Path:
    """Write a zip whose table of contents has another number in the line of an entry, at a place in it (APPNOTE 4.3.12)."""

    def change(data: bytearray) -> None:
        line = data.rfind(b"PK\1\2", 0, data.rfind(entry))
        struct.pack_into(packed, data, line + at, number)

    return patched(zipped(folder), change)


def _named(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr, info.create_system = mode << 16, 3
    return info


def _pointing(source: str, *more: Callable[[Path], Entry]) -> Callable[[Path], Path]:
    """Write a zip whose description names another file as its weights, with more entries."""

    def make(folder: Path) -> Path:
        made = edited(("weights.onnx", {"source": source}))(folder)
        with zipfile.ZipFile(folder / "model.zip", "w") as archive:
            for file in sorted(made.iterdir()):
                archive.write(file, file.name)
            for one in more:
                archive.writestr(*one(folder))
        shutil.rmtree(made)
        return folder / "model.zip"

    return make


def _bomb(folder: Path) -> Path:
    path = zipped(folder)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb.bin", "w") as entry:
        for _ in range(260):
            entry.write(bytes(1 << 20))
    return path


def _longer_than_it_says(folder: Path) -> Path:
    """An entry of 400 MB that says it has 500 bytes: what is unpacked at once fills memory before it is cut."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = b"".join(packer.compress(bytes(1 << 20)) for _ in range(400)) + packer.flush()
    info = zipfile.ZipInfo("weights.onnx")
    path = zipped(folder, (info, stream), without=["weights.onnx"])

    def change(data: bytearray) -> None:
        for magic, method, size in ((b"PK\3\4", 8, 22), (b"PK\1\2", 10, 24)):
            line = data.rfind(magic, 0, data.rfind(b"weights.onnx") if magic == b"PK\1\2" else data.find(b"weights.onnx"))
            struct.pack_into("<H", data, line + method, zipfile.ZIP_DEFLATED)
            struct.pack_into("<I", data, line + size, 500)

    return patched(path, change)


def _many(folder: Path) -> Path:
    return zipped(folder, *((f"d/{number}", b"") for number in range(10_001)))


def _long_table(folder: Path) -> Path:
    def change(data: bytearray) -> None:
        end = data.rfind(b"PK\5\6")
        data[:0] = bytes(20 << 20)  # what stands before the first entry is passed over
        struct.pack_into("<I", data, end + (20 << 20) + 12, 20 << 20)

    return patched(zipped(folder), change)


def _encrypted(folder: Path) -> Path:
    return forged(folder, 8, 1, packed="<H")


def _duplicate(folder: Path) -> Path:
    return patched(zipped(folder, ("weights.onny", b"other")), lambda data: _replace(data, b"weights.onny", b"weights.onnx"))


def _replace(data: bytearray, old: bytes, new: bytes) -> None:
    data[:] = data.replace(old, new)


ZIPS = (
    Nasty("zip", "the weights are `../secret.bin`", _pointing("../secret.bin", lambda _: ("../secret.bin", b"x")), "outside"),
    Nasty("zip", "the weights are an absolute path", lambda f: _pointing(str(secret(f)))(f), "outside its package"),
    Nasty(
        "zip", "the weights are `..\\secret.bin`", _pointing("..\\secret.bin", lambda _: ("..\\secret.bin", b"x")), "outside"
    ),
    Nasty("zip", "an entry that leads out, which nobody asks for", lambda f: zipped(f, ("../../harm", b"x")), ""),
    Nasty("zip", "an entry with an absolute path, which nobody asks for", lambda f: zipped(f, ("/tmp/harm", b"x")), ""),
    Nasty(
        "zip",
        "the weights are a link to a file outside",
        _pointing("link", lambda f: (_named("link", 0o120777), str(secret(f)).encode())),
        "is a link",
    ),
    Nasty(
        "zip",
        "the description is a link",
        lambda f: zipped(f, (_named("bioimageio.yaml", 0o120777), b"/etc/hostname"), without=["bioimageio.yaml"]),
        "is a link",
    ),
    Nasty("zip", "a bomb: 260 MB in 0.3 MB", _bomb, "made to fill memory"),
    Nasty("zip", "an entry longer than it says, by 400 MB", _longer_than_it_says, "cannot be read"),
    Nasty("zip", "an entry that says it has 4.3 GB, in 500 bytes", lambda f: forged(f, 24, 2**32 - 2), "made to fill memory"),
    Nasty("zip", "entries that overlap", lambda f: forged(f, 42, 0), "cannot be read"),
    Nasty("zip", "10,001 entries", _many, "more than 10000 files"),
    Nasty("zip", "a table of contents of 20 MB", _long_table, "its table of contents"),
    Nasty("zip", "two entries of one name", _duplicate, "one file on many systems"),
    Nasty("zip", "names that differ in capitals", lambda f: zipped(f, ("Weights.ONNX", b"x")), "one file on many systems"),
    Nasty(
        "zip",
        "names that differ in how accents are stored",
        lambda f: zipped(f, ("\u00e9.txt", b"x"), ("e\u0301.txt", b"y")),
        "one file on many systems",
    ),
    Nasty("zip", "encrypted", _encrypted, "is encrypted"),
    Nasty("zip", "packed by bzip2", lambda f: zipped(f, compression=zipfile.ZIP_BZIP2), "another method than deflate"),
    Nasty("zip", "packed by LZMA", lambda f: zipped(f, compression=zipfile.ZIP_LZMA), "another method than deflate"),
    Nasty("zip", "cut short", lambda f: patched(zipped(f), lambda data: data.__delitem__(slice(-40, None))), "not a model"),
    Nasty(
        "zip",
        "a table of contents that lies elsewhere",
        lambda f: patched(zipped(f), lambda data: struct.pack_into("<I", data, data.rfind(b"PK\5\6") + 16, 2**31)),
        "cannot be read",
    ),
    Nasty(
        "zip",
        "nothing but a table of contents",
        lambda f: patched(zipped(f), lambda data: data.__delitem__(slice(0, data.find(b"PK\1\2")))),
        "cannot be read",
    ),
)


# --- folders ---------------------------------------------------------------------------------------------------------


def _linked(name: str, target: Callable[[Path], str | Path], source: str | None = None) -> Callable[[Path], Path]:
    """Write a model whose weights are, or lie behind, a link."""

    def make(folder: Path) -> Path:
        path = edited(("weights.onnx", {"source": source or name}))(folder)
        (path / name).symlink_to(target(folder))
        return path

    return make


def _pipe(folder: Path) -> Path:
    path = model(folder)
    (path / "weights.onnx").unlink()
    os.mkfifo(path / "weights.onnx")
    return path


def _pipe_described(folder: Path) -> Path:
    os.mkfifo(folder / "model.yaml")
    return folder / "model.yaml"


def _huge(name: str, size: int) -> Callable[[Path], Path]:
    """Write a model with a file that claims so many bytes and takes none."""

    def make(folder: Path) -> Path:
        path = model(folder)
        os.truncate(path / name, size)
        return path

    return make


def _nested(folder: Path) -> Path:
    (folder / "models").mkdir()
    for name in ("one", "two"):
        model(folder).rename(folder / "models" / name)
    return folder / "models"


FOLDERS = (
    Nasty(
        "folder",
        "the weights are `../secret.bin`",
        edited(("weights.onnx", {"source": "../secret.bin"})),
        "outside its package",
    ),
    Nasty(
        "folder", "the weights are `a/../../secret.bin`", edited(("weights.onnx", {"source": "a/../../secret.bin"})), "outside"
    ),
    Nasty(
        "folder", "the weights are `/etc/passwd`", edited(("weights.onnx", {"source": "/etc/passwd"})), "outside its package"
    ),
    Nasty("folder", "the weights are `C:\\\\secret.bin`", edited(("weights.onnx", {"source": "C:\\secret.bin"})), "outside"),
    Nasty(
        "folder", "the weights are `file:///etc/passwd`", edited(("weights.onnx", {"source": "file:///etc/passwd"})), "missing"
    ),
    Nasty(
        "folder", "the weights are on the web", edited(("weights.onnx", {"source": "https://127.0.0.1/w.onnx"})), "download it"
    ),
    Nasty("folder", "the weights are a link to a file outside", _linked("link", secret), "link to a file outside"),
    Nasty(
        "folder",
        "the weights lie behind a link to a folder outside",
        _linked("up", lambda f: f.parent, "up/secret.bin"),
        "link to a file outside",
    ),
    Nasty("folder", "the weights are a link to itself", _linked("loop", lambda _: "loop"), "no weights that ijbridge runs"),
    Nasty("folder", "the weights are a device without end", _linked("zero", lambda _: "/dev/zero"), "link to a file outside"),
    Nasty("folder", "the weights are a pipe that nobody writes to", _pipe, "no weights that ijbridge runs"),
    Nasty("folder", "the description is a pipe that nobody writes to", _pipe_described, "a pipe or a device"),
    Nasty("folder", "weights of 2 TB that take no room", _huge("weights.onnx", 2 * 10**12), "a model may have"),
    Nasty(
        "folder", "a description of 5 GB that takes no room", _huge("bioimageio.yaml", 5 * 10**9), "a description has at most"
    ),
    Nasty("folder", "the weights are a folder", edited(("weights.onnx", {"source": "."})), "outside its package"),
    Nasty("folder", "a test tensor outside", edited(("inputs.0.test_tensor", {"source": "../secret.bin"})), "outside", "test"),
    Nasty(
        "folder",
        "a test tensor that is a pickle",
        other_file("inputs.0.test_tensor", "test.npy", pickled),
        "not a .npy file of numbers",
        "test",
    ),
    Nasty("folder", "two models, and no word which is meant", _nested, "several descriptions"),
)


# --- descriptions ----------------------------------------------------------------------------------------------------


def _written(text: str | bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "model").mkdir()
        path = folder / "model" / "rdf.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return make


def _appended(text: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = model(folder)
        with (path / "bioimageio.yaml").open("a", encoding="utf-8") as file:
            file.write(text)
        return path

    return make


def _unloaded(kind: str) -> Callable[[Path], Path]:
    """Write a model that has weights of another kind only, which is a pickle that does harm."""

    def make(folder: Path) -> Path:
        path = edited(("weights", {kind: {"source": "weights.bin"}}))(folder)
        (path / "weights.bin").write_bytes(pickled(folder))
        return path

    return make


def _kept(field: str, says: Any, meant: Any) -> Callable[[Path], Path]:
    """Write a model with this entry in what a conversion keeps beyond 0.5."""
    return edited(("config", {"ijbridge": {"beyond": [{"field": field, "says": says, "meant": meant}]}}))


_RATIO, _SIZE, _WIDE = "outputs[0].axes[2].size.ratio", "inputs[0].axes[2].size", {"type": "FixedSize", "size": 10**18}
_TEN = ", ".join(["*a{0}"] * 10)
_ALIASES = "x0: &a0 [1]\n" + "".join(f"x{n}: &a{n} [{_TEN.format(n - 1)}]\n" for n in range(1, 12))
_MERGES = "x0: &a0 {k: 1}\n" + "".join(f"x{n}: &a{n} {{<<: [{_TEN.format(n - 1)}]}}\n" for n in range(1, 12))
_CODE = "harm: !!python/object/apply:os.system ['touch harm']\n"
_HUGE = [("inputs.0.axes.2.size", {"min": 10**18, "step": 1})]

DESCRIPTIONS = (
    Nasty("yaml", "a tag that runs a command", _appended(_CODE), "asks for more than plain data"),
    Nasty("yaml", "a tag that makes an object", _appended("x: !!python/object:os.Harm {}\n"), "asks for more than plain data"),
    Nasty("yaml", "aliases that multiply to 10^11 values", _appended(_ALIASES), "more than 1000000 values"),
    Nasty("yaml", "merged keys that multiply to 10^11", _appended(_MERGES), "more than 1000000 values"),
    Nasty("yaml", "an alias that holds itself", _appended("x: &x [*x]\n"), "holds itself"),
    Nasty("yaml", "100,000 lists in each other", _appended("x: " + "[" * 100_000), "more than 100 levels deep"),
    Nasty("yaml", "100,000 mappings in each other", _appended("x: " + "{a: " * 100_000), "more than 100 levels deep"),
    Nasty("yaml", "a key twice", _appended("name: other\n"), "given twice"),
    Nasty("yaml", "a number of 100,000 digits", _appended("timestamp: " + "9" * 100_000), "digits"),
    Nasty("yaml", "a number of 100,000 hexadecimal digits", _appended("timestamp: 0x" + "f" * 100_000), "digits"),
    Nasty("yaml", "a text of 2 MB", _appended("x: " + "a" * 2_000_000), "a description has at most"),
    Nasty("yaml", "no text at all", _written(bytes(range(256)) * 100), "not a text in UTF-8"),
    Nasty("yaml", "UTF-16", _written("format_version: 0.5.4".encode("utf-16")), "not a text in UTF-8"),
    Nasty("yaml", "two documents", _appended("---\nname: other\n"), "single document"),
    Nasty("yaml", "control characters", _appended("x: \x07\x1b[2J\n"), "control characters"),
    Nasty("description", "an image of 10^18 pixels is asked for", edited(*_HUGE), "memory"),
    Nasty("description", "a halo of 10^18 pixels", edited(("outputs.0.axes.2.halo", 10**18)), ""),
    Nasty("description", "a name with line breaks and escapes", edited(("name", "a\nb\x1b[2J/../../harm")), ""),
    Nasty("description", "a name of 300,000 characters", edited(("name", "a" * 300_000)), "at most 1000"),
    Nasty("description", "a type of 300,000 characters", edited(("type", "a" * 300_000)), "describes a"),
    Nasty(
        "description",
        "Python code as an operation",
        edited(("inputs.0.preprocessing", [{"id": "custom", "kwargs": {"source": "harm.py", "callable": "run"}}])),
        "'custom'",
    ),
    Nasty(
        "description", "a kept field that is none of the description's", _kept("__class__", None, "harm"), "names '__class__'"
    ),
    Nasty("description", "a kept type that is no type", _kept("inputs[0].dtype", "float32", "object"), "of type 'object'"),
    Nasty("description", "a kept fraction of 2,000 digits", _kept(_RATIO, "1", "9" * 2000), "a fraction such as 1/2"),
    Nasty(
        "description",
        "a kept image of 10^18 pixels",
        _kept(_SIZE, {"type": "SteppedSize", "min": 16, "step": 1}, _WIDE),
        "memory",
    ),
    Nasty("description", "a pickle as weights of PyTorch", _unloaded("pytorch_state_dict"), "ask its author for ONNX weights"),
    Nasty("description", "a pickle as TorchScript", _unloaded("torchscript"), "are no TorchScript"),
    Nasty("description", "a pickle as a file of Keras", _unloaded("keras_hdf5"), "not an HDF5 file"),
    Nasty("description", "a pickle as a SavedModel", _unloaded("tensorflow_saved_model_bundle"), "not a zip that can be read"),
)


# --- what is only reached where a model is converted -----------------------------------------------------------------


def _untested(name: str, *changes: tuple[str, Any], words: str = "") -> Nasty:
    """Give a model without test tensors, which are made where it is converted."""
    without = [(f"{side}.0.test_tensor", REMOVED) for side in ("inputs", "outputs")]
    return Nasty("conversion", name, edited(*without, *changes), words, "convert without a test")


_Y, _X, _OUT_Y = "inputs.0.axes.2", "inputs.0.axes.3", "outputs.0.axes.2"

CONVERSIONS = (
    _untested("test tensors of 10^18 pixels are asked for", *_HUGE, words="give one with --test-image"),
    _untested(
        "test tensors of 10^12 pixels", (f"{_Y}.size", {"min": 10**6, "step": 1}), (f"{_X}.size", 10**6), words="give one"
    ),
    _untested("test tensors of 10^400 pixels", (f"{_Y}.size", {"min": 10**400, "step": 1}), words="but must have 1 to"),
    _untested("a halo of 10^18 pixels", (f"{_OUT_Y}.halo", 10**18), words="give one with --test-image"),
    _untested("a halo of 10^400 pixels", (f"{_OUT_Y}.halo", 10**400), words="but must have one of 0 to"),
    _untested("an output 10^300 times as large", (f"{_OUT_Y}.scale", 1e-300), words="times as long, or as short"),
    _untested("an output 10^600 times as large", (f"{_Y}.scale", 1e300), (f"{_OUT_Y}.scale", 1e-300), words="times as long"),
    _untested("an output 10^600 times as small", (f"{_Y}.scale", 1e-300), (f"{_OUT_Y}.scale", 1e300), words="times as long"),
    _untested("an offset of 10^400", (f"{_OUT_Y}.size.offset", 10**400), words="elements longer, or shorter"),
    _untested("documents that lie outside", ("attachments", ["../secret.bin", "/etc/passwd"]), ("covers", ["../secret.bin"])),
)
