"""Nasties of the formats beside bioimage.io: JSON, XML, HDF5, SavedModels, zips in zips, networks without a description."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from builders import one_conv
from ijbridge.formats.saved_model import parse
from nasties.kinds import HARM, Nasty, pickled, secret
from nasties.networks import ADD, external, network
from reference.csbdeep_cases import FOLDER

_CARE = FOLDER / "care-2d-channels"
_EXPORT = FOLDER / "care-2d-probabilistic" / "TF_SavedModel.zip"

Bytes = bytes | Callable[[Path], bytes]


def files(**given: Bytes) -> Callable[[Path], Path]:
    """Write a model folder of these files; the first underscore of a name stands for its dot."""

    def make(folder: Path) -> Path:
        path = folder / "model"
        path.mkdir()
        for name, data in given.items():
            (path / name.replace("_", ".", 1)).write_bytes(data if isinstance(data, bytes) else data(folder))
        return path

    return make


def alone(name: str, data: Bytes) -> Callable[[Path], Path]:
    """Write one file."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data if isinstance(data, bytes) else data(folder))
        return folder / name

    return make


# --- JSON ------------------------------------------------------------------------------------------------------------

_CONFIG = json.loads((_CARE / "config.json").read_text(encoding="utf-8"))


def _care(**changes: Any) -> Callable[[Path], Path]:
    """Write a folder of CARE whose config.json says something else."""

    def make(folder: Path) -> Path:
        path = folder / "model"
        path.mkdir()
        shutil.copy(_CARE / "weights_best.h5", path)
        (path / "config.json").write_text(json.dumps({**_CONFIG, **changes}), encoding="utf-8")
        return path

    return make


def _appended(text: str) -> Callable[[Path], Path]:
    """Write a folder of CARE whose config.json has one more key."""

    def make(folder: Path) -> Path:
        path = _care()(folder)
        config = (path / "config.json").read_text(encoding="utf-8")
        (path / "config.json").write_text(config.rstrip().removesuffix("}") + f', "x": {text}' + "}", encoding="utf-8")
        return path

    return make


_KEYS = "{" + ", ".join([f'"k{one}": 1' for one in range(30_000)] + ['"k29999": 2']) + "}"

_JSON = (
    Nasty("json", "100,000 lists in each other", _appended("[" * 100_000 + "]" * 100_000), "nested too deeply"),
    Nasty("json", "500 mappings in each other", _appended('{"a": ' * 500 + "1" + "}" * 500), "more than 100 levels deep"),
    Nasty("json", "a key twice", _appended('1, "x": 2'), "given twice"),
    Nasty("json", "30,000 keys, one of them twice", _appended(_KEYS), "given twice"),
    Nasty("json", "a number of 100,000 digits", _appended("9" * 100_000), "too many digits"),
    Nasty("json", "a text of 2 MB", _appended(json.dumps("a" * 2_000_000)), "a description has at most"),
    Nasty("json", "no text at all", files(config_json=bytes(range(256)) * 100, weights_best_h5=b""), "is not a model"),
    Nasty("json", "a network of 1,000,000 levels", _care(unet_n_depth=10**6), "a whole number from 1 to 10"),
    Nasty("json", "a network of 10^9 filters", _care(unet_n_first=10**9), "a whole number from 1 to"),
    Nasty("json", "a network far larger than its weights", _care(unet_n_first=2**16, unet_n_depth=10), "do not belong"),
)  # fmt: skip


# --- XML -------------------------------------------------------------------------------------------------------------

_XML = """<Model><ModelInformation><Name>{name}</Name></ModelInformation><ModelCharacteristics>
<InputNames0>raw</InputNames0><InputOrganization0>NCHW</InputOrganization0>
<OutputNames0>out</OutputNames0><OutputOrganization0>NCHW</OutputOrganization0>
<PreprocessingFile>{macro}</PreprocessingFile></ModelCharacteristics>{more}</Model>"""

_LAUGHS = (
    "<!DOCTYPE Model [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{one} '{f'&a{one - 1};' * 10}'>" for one in range(1, 12)) + "]>"
)


def _little(folder: Path) -> bytes:
    return one_conv().save(folder / "little.onnx").read_bytes()


def _deepimagej(
    before: str = "", name: str = "Cells", macro: str = "null", more: str = "", **also: Bytes
) -> Callable[[Path], Path]:
    """Write a folder of DeepImageJ 1."""

    def make(folder: Path) -> Path:
        network_bytes = _little(folder)
        (folder / "little.onnx").unlink()
        text = before + _XML.format(name=name, macro=macro, more=more)
        return files(config_xml=text.encode(), network_onnx=network_bytes, **also)(folder)

    return make


def _harmful(folder: Path) -> bytes:
    return f'exec("touch", "{folder.parent / HARM}"); File.saveString("x", "{folder.parent / HARM}");'.encode()


def _endless_macro(folder: Path) -> Path:
    path = _deepimagej(macro="m.ijm", m_ijm=b"")(folder)
    os.truncate(path / "m.ijm", 5 * 10**9)
    return path


_PATCH = "</PreprocessingFile><PatchSize>100000000</PatchSize><PreprocessingFile>"

_DIGITS = f"<ModelTest><PixelSize>{'1' * 900_000}.µm</PixelSize></ModelTest>"

_XMLS = (
    Nasty("xml", "entities that multiply (a billion laughs)", _deepimagej(_LAUGHS, "&a11;"), "declares a document type"),
    Nasty(
        "xml",
        "an entity that is a file outside",
        lambda f: _deepimagej(f"<!DOCTYPE m [<!ENTITY x SYSTEM 'file://{secret(f)}'>]>", "&x;")(f),
        "declares a document type",
    ),
    Nasty("xml", "a document type on the web", _deepimagej("<!DOCTYPE m SYSTEM 'http://127.0.0.1/m.dtd'>"), "document type"),
    Nasty("xml", "100,000 elements in each other", _deepimagej(more="<a>" * 100_000 + "</a>" * 100_000), "100 levels deep"),
    Nasty("xml", "100,000 elements beside each other", _deepimagej(more="<a/>" * 100_000), ""),
    Nasty("xml", "a text of 2 MB", _deepimagej(more=f"<a>{'a' * 2_000_000}</a>"), "a description has at most"),
    Nasty("xml", "an encoding nobody has", _deepimagej("<?xml version='1.0' encoding='harm'?>"), "an encoding that cannot"),
    Nasty("xml", "a macro that does harm, which is listed", _deepimagej(macro="harm.ijm", harm_ijm=_harmful), ""),
    Nasty("xml", "a macro outside the package, which is listed", _deepimagej(macro="../secret.bin"), ""),
    Nasty("xml", "a macro of 400,000 quotes", _deepimagej(macro="m.ijm", m_ijm=b'\\"' * 400_000), ""),
    Nasty("xml", "a macro of 300,000 comments that do not end", _deepimagej(macro="m.ijm", m_ijm=b"/* " * 300_000), ""),
    Nasty("xml", "a macro of 5 GB that takes no room, which is listed", _endless_macro, ""),
    Nasty("xml", "a pixel size of 900,000 digits", _deepimagej(more=_DIGITS), ""),
    Nasty("xml", "a patch of 10^9 pixels", _deepimagej(macro=f"null{_PATCH}null"), "memory"),
)  # fmt: skip


# --- HDF5 ------------------------------------------------------------------------------------------------------------


def h5_file(fill: Callable[[h5py.Group, Path], None]) -> Callable[[Path], bytes]:
    """Give CARE's weights of which one array is replaced."""

    def make(folder: Path) -> bytes:
        buffer = io.BytesIO((_CARE / "weights_best.h5").read_bytes())
        with h5py.File(buffer, "r+") as file:
            layer = next(file[name] for name in file.attrs["layer_names"] if len(file[name].attrs["weight_names"]))
            fill(layer, folder)
        return buffer.getvalue()

    return make


def _array(group: h5py.Group) -> tuple[h5py.Group, str, tuple[int, ...]]:
    """Take the first array of a layer away; give where it was, its name and its shape."""
    name = group.attrs["weight_names"][0]
    name = name.decode() if isinstance(name, bytes) else name
    shape = group[name].shape
    del group[name]
    return group, name, shape


def _elsewhere(layer: h5py.Group, folder: Path) -> None:
    group, name, _ = _array(layer)
    group[name] = h5py.ExternalLink(str(secret(folder)), "/kernel")


def _raw(layer: h5py.Group, folder: Path) -> None:
    group, name, _ = _array(layer)
    group.create_dataset(name, (4,), np.float32, external=[(str(secret(folder)), 0, 16)])


def _virtual(layer: h5py.Group, folder: Path) -> None:
    group, name, _ = _array(layer)
    layout = h5py.VirtualLayout((4,), np.float32)
    layout[:] = h5py.VirtualSource(str(secret(folder)), "/kernel", (4,))
    group.create_virtual_dataset(name, layout)


def _claims(size: tuple[int, int]) -> Callable[[h5py.Group, Path], None]:
    def fill(layer: h5py.Group, folder: Path) -> None:
        group, name, _ = _array(layer)
        group.create_dataset(name, size, np.float32, chunks=(1024, 1024), compression="gzip")

    return fill


def _circle(layer: h5py.Group, folder: Path) -> None:
    group, name, _ = _array(layer)
    group[name] = h5py.SoftLink(f"{group.name}/{name}")


def with_h5(data: Bytes) -> Callable[[Path], Path]:
    """Write a folder of CARE with another file of weights."""

    def make(folder: Path) -> Path:
        path = _care()(folder)
        (path / "weights_best.h5").write_bytes(data if isinstance(data, bytes) else data(folder))
        return path

    return make


def _keras(name: str) -> Callable[[Path], Path]:
    """Write a folder of DeepImageJ with a whole model of Keras."""

    def make(folder: Path) -> Path:
        return files(config_xml=_XML.format(name="Cells", macro="null", more="").encode(),
                     model_h5=(FOLDER / name).read_bytes())(folder)  # fmt: skip

    return make


_H5 = (
    Nasty("hdf5", "a pickle", with_h5(pickled), "are not an HDF5 file"),
    Nasty("hdf5", "weights that are a link to another file", with_h5(h5_file(_elsewhere)), "in the file itself"),
    Nasty("hdf5", "weights whose bytes lie in another file", with_h5(h5_file(_raw)), "in the file itself"),
    Nasty("hdf5", "weights that are a view of another file", with_h5(h5_file(_virtual)), "in the file itself"),
    Nasty("hdf5", "weights that are a link to themselves", with_h5(h5_file(_circle)), "in the file itself"),
    Nasty("hdf5", "weights that claim 4 TB", with_h5(h5_file(_claims((2**20, 2**20)))), "more than 2 GB"),
    Nasty("hdf5", "weights that claim 1 GB in 100 kB", with_h5(h5_file(_claims((2**14, 2**14)))), "made to fill memory"),
    Nasty("hdf5", "cut short", with_h5((_CARE / "weights_best.h5").read_bytes()[:-5000]), "truncated"),
    Nasty("hdf5", "a layer that is Python code", _keras("keras-3-lambda.h5"), "of the kind Lambda"),
)


# --- SavedModels -----------------------------------------------------------------------------------------------------


def saved_model(change: Callable[[Any], None]) -> Callable[[Path], Path]:
    """Write a SavedModel of csbdeep's whose graph is changed."""

    def make(folder: Path) -> Path:
        path = folder / "model"
        with zipfile.ZipFile(_EXPORT) as archive:
            archive.extractall(path)
        message = parse("SavedModel", (path / "saved_model.pb").read_bytes())
        change(message.meta_graphs[0])
        (path / "saved_model.pb").write_bytes(message.SerializeToString())
        return path

    return make


def _runs(op: str) -> Callable[[Any], None]:
    def change(graph: Any) -> None:
        graph.graph_def.node.add(name="evil", op=op)
        name = next(one.value for one in graph.signature_def if one.key == "serving_default").outputs[0].value.name
        next(one for one in graph.graph_def.node if one.name == name.partition(":")[0]).input.append("^evil")

    return change


def _at_once(graph: Any) -> None:
    graph.graph_def.node.add(name="evil", op="WriteFile")
    graph.collection_def.add(key="saved_model_main_op", value={"node_list": {"value": ["evil"]}})


_SAVED_MODELS = (
    Nasty("savedmodel", "an operation that reads files", saved_model(_runs("ReadFile")), "the operation 'ReadFile'"),
    Nasty("savedmodel", "an operation that runs Python", saved_model(_runs("EagerPyFunc")), "the operation 'EagerPyFunc'"),
    Nasty("savedmodel", "a file is written when it is loaded", saved_model(_at_once), "the operation 'WriteFile'"),
    Nasty("savedmodel", "files beside its variables", saved_model(lambda graph: graph.asset_file_def.add()), "has files"),
)


# --- ZEISS and bare networks -----------------------------------------------------------------------------------------


def czann(shape: Any = None, more: Mapping[str, bytes] | None = None, **entries: Bytes) -> Callable[[Path], Path]:
    """Write a ``.czann`` by hand."""

    def make(folder: Path) -> Path:
        sizes = shape or [64, 64, 1]
        described = {"Type": "Regression", "InputShape": sizes, "OutputShape": sizes, "ModelName": "Cells"}
        given = {"model.json": json.dumps(described).encode(), "model.model": b"", **(more or {})}
        given |= {name.replace("_", ".", 1): one if isinstance(one, bytes) else one(folder) for name, one in entries.items()}
        with zipfile.ZipFile(folder / "model.czann", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in given.items():
                archive.writestr(name, data)
        return folder / "model.czann"

    return make


def _zip_in_zip(size: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("saved_model.pb", b"")
        with archive.open("variables/variables.index", "w") as entry:
            for _ in range(size):
                entry.write(bytes(1 << 20))
    return buffer.getvalue()


def _unfinished(folder: Path) -> bytes:
    return network([ADD], [external("../secret.bin")])


def _beside(folder: Path) -> Path:
    path = alone("net.onnx", network([ADD], [external("w.data")]))(folder)
    (folder / "w.data").symlink_to(secret(folder))
    return path


_OTHERS = (
    Nasty("zeiss", "weights that lie in a file outside", czann(model_model=_unfinished), "lacks its weights"),
    Nasty("zeiss", "a pickle as weights", czann(model_model=pickled), "neither an ONNX network nor"),
    Nasty("zeiss", "a zip in the zip that is a bomb", czann(model_model=_zip_in_zip(260)), "made to fill memory"),
    Nasty("zeiss", "an entry that leads out", czann(more={"../../harm": b"x"}, model_model=_little), "batch first"),
    Nasty("zeiss", "an image of 10^15 pixels", czann([10**8, 10**7, 1], model_model=b"x"), "neither an ONNX network nor"),
    Nasty("onnx alone", "weights that lie in a file outside", alone("net.onnx", _unfinished), "outside its package"),
    Nasty("onnx alone", "weights that lie behind a link to a file outside", _beside, "link to a file outside"),
    Nasty("onnx alone", "bytes that begin as a network does", alone("net.onnx", b"\x08\x08harm"), "none that can"),
    Nasty("onnx alone", "a pickle by that name", alone("net.onnx", pickled), "is not a model"),
)

FORMATS: tuple[Nasty, ...] = (*_JSON, *_XMLS, *_H5, *_SAVED_MODELS, *_OTHERS)
