"""Every reader of bytes, what it is given to begin with, and how that is spoilt: for tests/test_fuzzing.py and scripts/fuzz.py.

Seeds are harmless files made here and the small nasties of tests/corpus/, one folder a reader; what was found goes there too.
"""

from __future__ import annotations

import contextlib
import io
import struct
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tifffile
import yaml
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from builders import one_conv, unet
from descriptions import check_refusal, v04, v05
from ijbridge.deepimagej.keys import COMMAND
from ijbridge.deepimagej.keys import read as read_keys
from ijbridge.description import FileRef
from ijbridge.errors import IJBridgeError
from ijbridge.formats import read_model
from ijbridge.formats.package import open_package
from ijbridge.formats.saved_model import parse_graphs, read_signature
from ijbridge.formats.yaml12 import parse_yaml
from ijbridge.graph import Network
from ijbridge.image_io import read_image
from ijbridge.migration.lines import COMMANDS
from ijbridge.migration.scanning import calls, values_of
from ijbridge.resources import PeakMemory
from ijbridge.runtimes.onnx import OnnxSession
from ijbridge.weights.keras_config import read_model_config
from ijbridge.weights.keras_h5 import KerasFile
from ijbridge.weights.keras_onnx import to_onnx
from ijbridge.weights.saved_model_check import check_harmless
from reference.csbdeep_cases import FOLDER
from zeiss_models import channels_last, write_czann, write_czmodel

#: A config.xml of DeepImageJ 1 with all that is read of one.
DEEPIMAGEJ = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<Model><ModelInformation><Name>Cells</Name><Author>A. Tester</Author><URL>https://example.org</URL><Credit>Somebody</Credit>
<Version>1.0</Version><Date>2019</Date><Reference>Nobody 2019</Reference></ModelInformation>
<ModelTest><InputSize>348x260</InputSize><MemoryPeak>269.0 Mb</MemoryPeak><PixelSize>0.65µm x 0.5µm</PixelSize></ModelTest>
<ModelCharacteristics><ModelTag>tf.saved_model.tag_constants.SERVING</ModelTag><SignatureDefinition>null</SignatureDefinition>
<InputTensorDimensions>,-1,-1,-1,1,</InputTensorDimensions><NumberOfInputs>1</NumberOfInputs><InputNames0>raw</InputNames0>
<InputOrganization0>NHWC</InputOrganization0><NumberOfOutputs>1</NumberOfOutputs><OutputNames0>values</OutputNames0>
<OutputOrganization0>NHWC</OutputOrganization0><Channels>1</Channels><FixedPatch>false</FixedPatch>
<MinimumSize>4</MinimumSize><PatchSize>48</PatchSize><FixedPadding>true</FixedPadding><Padding>5</Padding>
<PreprocessingFile>a.ijm</PreprocessingFile><slices>1</slices></ModelCharacteristics></Model>
"""

CORPUS = Path(__file__).parent / "corpus"

#: More seconds of the processor, or bytes, are too many.
LONGEST_S = 10
MOST_BYTES = 10**9


@dataclass(frozen=True)
class Reader:
    """One way for bytes into ijbridge: the name of the file they come in, the seeds, and what is done with the file."""

    file: str
    seeds: Callable[[], list[bytes]]
    read: Callable[[Path], object]
    change: Callable[[Any, bytes], bytes] | None = None


@dataclass
class Report:
    """How many inputs were read, how many refused, and by which errors."""

    read: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    slowest: float = 0
    most: int = 0


# --- what is read ----------------------------------------------------------------------------------------------------


def _zips() -> list[bytes]:
    made = []
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", compression) as archive:
            archive.writestr("rdf.yaml", yaml.safe_dump(v05()))
            archive.writestr("weights.onnx", b"0123456789" * 30)
        made.append(buffer.getvalue())
    return made


def _read_zip(path: Path) -> None:
    package = open_package(path)
    for name in package.names():
        with contextlib.suppress(IJBridgeError):
            package.read(FileRef(name), "file")
    read_model(path)


def _tiffs() -> list[bytes]:
    array = np.arange(3 * 20 * 24, dtype=np.uint16).reshape(3, 20, 24)
    ways: list[tuple[Any, dict[str, Any]]] = [
        (array, {"imagej": True, "metadata": {"axes": "ZYX", "spacing": 0.5, "unit": "um"}, "resolution": (4, 4)}),
        (array, {"ome": True, "metadata": {"axes": "CYX", "PhysicalSizeX": 0.1, "Channel": {"Name": ["a", "b", "c"]}}}),
        (array[0], {"compression": "zlib", "predictor": True, "tile": (16, 16)}),
        (array[0], {"compression": "lzw", "bigtiff": True}),
        (array[0].astype(np.uint8), {"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)}),
        (array[0].astype(np.float32), {"byteorder": ">", "rowsperstrip": 7}),
    ]
    made = []
    for pixels, how in ways:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, pixels, **how)
        made.append(buffer.getvalue())
    return made


def _arrays() -> list[bytes]:
    made = []
    for array in (
        np.arange(80, dtype=">u2").reshape(8, 10),
        np.zeros((2, 3, 4), np.float32, order="F"),
        np.zeros((3, 4), bool),
    ):
        buffer = io.BytesIO()
        np.save(buffer, array)
        made.append(buffer.getvalue())
    return made


def _networks() -> list[bytes]:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "net.onnx"
        return [net.save(path).read_bytes() for net in (one_conv(), unet(1), unet(1, ndim=3))]


def _read_network(path: Path) -> None:
    data = path.read_bytes()
    Network(data).facts()
    OnnxSession(data, "cpu", "Little")


def _configs() -> list[bytes]:
    return [(FOLDER / name / "config.json").read_bytes() for name in ("care-2d-probabilistic", "stardist-2d-classes")]


def _zeiss() -> list[bytes]:
    with tempfile.TemporaryDirectory() as name:
        size = (16, 16)
        return [
            write_czann(Path(name) / "a", channels_last(size=size), [*size, 1], [*size, 3], scaling=(1e-7, 1e-7)).read_bytes(),
            write_czmodel(Path(name) / "b", channels_last(size=size), "Gray16", "ConvertToMonochrome").read_bytes(),
        ]


def _keras_files() -> list[bytes]:
    return [(FOLDER / name).read_bytes() for name in ("keras-2-shared.h5", "keras-3-sequential.h5")]


def _read_keras(path: Path) -> None:
    with KerasFile(path.read_bytes(), path.name) as file:
        to_onnx(read_model_config(file.model_config or "", path.name), file)


def _saved_models() -> list[bytes]:
    with zipfile.ZipFile(FOLDER / "care-2d-probabilistic" / "TF_SavedModel.zip") as archive:
        return [archive.read("saved_model.pb")]


def _read_saved_model(path: Path) -> None:
    for graph in parse_graphs(path.read_bytes(), path.name):
        check_harmless(graph, path.name)
    read_signature(open_package(path), FileRef(path.name))


#: Lines of macros of years, in their dialects.
_MACRO = b"""// old
run("DeepImageJ Run", "model=[U-Net [2]] preprocessing=[[a.ijm, b.ijm]] postprocessing=[no postprocessing] patch=64 overlap=5");
run("DeepImageJ Run", "model=" + name + " format=Tensorflow axes=Y,X,C tile=64,64,1 logging='Normal'"); /* and */
run("DeepImageJ Run", "model_path=[C:\\\\models\\\\a] input_path=null output_folder=null display_output=all");
run("Run your network", "normalizeinput=true percentilebottom=3.0 modelfile=[a b.zip]");
run("Command From Macro", "command=[de.csbdresden.stardist.StarDist2D], args=['modelFile':'a'], process=[false]");
"""


def _read_macro(path: Path) -> None:
    for call in calls(path.read_bytes().decode("utf-8-sig", errors="replace"), COMMANDS):
        values = values_of(call.options.text)
        if call.command == COMMAND:
            read_keys(values)


READERS = {
    "macro": Reader("old.ijm", lambda: [_MACRO], _read_macro),
    "yaml": Reader("rdf.yaml", lambda: _descriptions()[:1], lambda path: parse_yaml(path.read_bytes(), path.name)),
    "description": Reader("rdf.yaml", lambda: _descriptions(), read_model),
    "zip": Reader("model.zip", _zips, _read_zip),
    "onnx": Reader("net.onnx", _networks, _read_network, lambda draw, data: _changed_network(draw, data)),
    "bare-onnx": Reader("net.onnx", _networks, read_model, lambda draw, data: _changed_network(draw, data)),
    "json": Reader("config.json", _configs, read_model),
    "xml": Reader("config.xml", lambda: [DEEPIMAGEJ.encode()], read_model),
    "zeiss": Reader("model.czann", _zeiss, read_model, lambda draw, data: _changed_entry(draw, data)),
    "hdf5": Reader("model.h5", _keras_files, _read_keras),
    "saved-model": Reader("saved_model.pb", _saved_models, _read_saved_model),
    "tiff": Reader("image.tif", _tiffs, lambda path: np.asarray(read_image(path).array).sum()),
    "npy": Reader("image.npy", _arrays, lambda path: np.asarray(read_image(path).array).sum()),
}


def _descriptions() -> list[bytes]:
    cast = {"type": "EnsureDtype", "dtype": "uint8"}
    kept = [
        {"field": "outputs[0].axes[2].size.ratio", "says": "1/2", "meant": "1/3"},
        {
            "field": "inputs[1].operations",
            "says": [cast],
            "meant": [{"type": "Clip", "min": 0.5}, {"type": "Softmax", "axis": "x"}],
        },
    ]
    described = (
        v05(),
        v04(),
        v05(config={"ijbridge": {"beyond": kept, "findings": [{"id": "x", "severity": "note", "found": "a note"}]}}),
    )
    return [yaml.safe_dump(one).encode() for one in described]


def seeds(name: str) -> list[bytes]:
    """Give what a reader's bytes begin as."""
    return [*READERS[name].seeds(), *(file.read_bytes() for file in corpus(name))]


def corpus(name: str) -> list[Path]:
    """List the small nasties that are kept for a reader."""
    return sorted((CORPUS / name).glob("*"))


# --- how it is spoilt ------------------------------------------------------------------------------------------------

_NUMBERS = (0, 1, 2, 7, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**64 - 1)
_WORDS = (
    b"0",
    b"-1",
    b"9" * 30,
    b"1e400",
    b"nan",
    b".inf",
    b"null",
    b"[",
    b"{",
    b"&a ",
    b"*a",
    b"<<: ",
    b"!!x ",
    b"../",
    b"\0",
    b"<!",
)


@st.composite
def spoilt(draw: st.DrawFn, name: str, begin: list[bytes]) -> bytes:
    """Give bytes that differ from one of the seeds in one to six places."""
    data = draw(st.sampled_from(begin))
    change = READERS[name].change
    if change is not None and draw(st.booleans()):
        return change(draw, data)
    return draw(_broken(data, begin))


@st.composite
def _broken(draw: st.DrawFn, data: bytes, begin: list[bytes]) -> bytes:
    spoiled = bytearray(data)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(0, len(spoiled) - 1)))
        length = draw(st.sampled_from((1, 2, 4, 8, 16, 100, 1000)))
        match draw(st.sampled_from(("byte", "number", "word", "remove", "repeat", "other"))):
            case "byte":
                spoiled[place : place + 1] = bytes([draw(st.integers(0, 255))])
            case "number":
                size = draw(st.sampled_from("BHIQ"))
                number = draw(st.sampled_from(_NUMBERS)) % 256 ** struct.calcsize(size)
                packed = struct.pack(draw(st.sampled_from("<>")) + size, number)
                spoiled[place : place + len(packed)] = packed
            case "word":
                spoiled[place:place] = draw(st.sampled_from(_WORDS))
            case "remove":
                del spoiled[place : place + length]
            case "repeat":
                spoiled[place:place] = spoiled[place : place + length] * draw(st.sampled_from((1, 2, 50)))
            case _:
                other = draw(st.sampled_from(begin))
                there = draw(st.integers(0, max(0, len(other) - 1)))
                spoiled[place : place + length] = other[there : there + length]
    return bytes(spoiled)


def _changed_entry(draw: Any, data: bytes) -> bytes:
    """Change an entry of a zip, so that what comes out can still be opened."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = {one.filename: archive.read(one) for one in archive.infolist()}
    except Exception:  # noqa: BLE001 - a nasty of the corpus may be none
        return data[: draw(st.integers(0, len(data)))]
    name = draw(st.sampled_from(sorted(entries)))
    is_network = entries[name][:1] == b"\x08"
    entries[name] = _changed_network(draw, entries[name]) if is_network else draw(_broken(entries[name], [entries[name]]))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for one, content in entries.items():
            archive.writestr(one, content)
    return buffer.getvalue()


def _changed_network(draw: Any, data: bytes) -> bytes:
    """Change fields of a network, so that what comes out can still be parsed."""
    try:
        model = onnx.load_model_from_string(data)
    except Exception:  # noqa: BLE001 - a nasty of the corpus may be none
        return data[: draw(st.integers(0, len(data)))]
    for _ in range(draw(st.integers(1, 4))):
        places = list(_fields(model))
        if not places:
            break
        message, one = places[draw(st.integers(0, len(places) - 1))]
        with contextlib.suppress(ValueError, TypeError):  # not every number fits every field
            _change_field(draw, message, one)
    return bytes(model.SerializeToString())


def _fields(message: Any) -> Any:
    for one, value in message.ListFields():
        yield message, one
        if one.type == one.TYPE_MESSAGE:
            for inner in value if one.is_repeated else [value]:
                yield from _fields(inner)


def _change_field(draw: Any, message: Any, one: Any) -> None:
    value = getattr(message, one.name)
    numbers = st.sampled_from((0, 1, -1, 3, 11, 2**20, 2**31 - 1, 2**40, 2**62, -(2**63)))
    floats = st.sampled_from((0.0, -1.0, 0.3, 1e30, float("nan"), float("inf")))
    words = st.sampled_from(
        ("", "raw", "out", "t0", "w0", "Loop", "If", "Resize", "Conv", "Reshape", "Expand", "Tile", "Pad", "Slice")
    )
    if one.is_repeated:
        at = draw(st.integers(0, len(value) - 1))
        if draw(st.booleans()):
            del value[at]
        elif one.type == one.TYPE_MESSAGE:
            value.add().CopyFrom(value[at])
        elif one.cpp_type == one.CPPTYPE_STRING:
            value[at] = draw(words) if one.type == one.TYPE_STRING else draw(words).encode()
        else:
            value[at] = draw(floats if one.cpp_type in (one.CPPTYPE_FLOAT, one.CPPTYPE_DOUBLE) else numbers)
    elif one.type == one.TYPE_MESSAGE or draw(st.integers(0, 4)) == 0:
        message.ClearField(one.name)
    elif one.cpp_type == one.CPPTYPE_STRING:
        setattr(message, one.name, draw(words) if one.type == one.TYPE_STRING else value[: draw(st.integers(0, len(value)))])
    else:
        setattr(message, one.name, draw(floats if one.cpp_type in (one.CPPTYPE_FLOAT, one.CPPTYPE_DOUBLE) else numbers))


# --- reading it ------------------------------------------------------------------------------------------------------


def check(name: str, data: bytes, folder: Path, report: Report) -> None:
    """Read bytes: the outcome is a result or an error of ijbridge's in one line, in time and memory, and no other file."""
    reader = READERS[name]
    path = folder / reader.file
    path.write_bytes(data)
    started = time.process_time()
    with PeakMemory() as memory:
        try:
            reader.read(path)
            report.read += 1
        except IJBridgeError as error:
            check_refusal(error)
            kind = type(error).__name__
            report.refused[kind] = report.refused.get(kind, 0) + 1
    report.slowest = max(report.slowest, time.process_time() - started)
    report.most = max(report.most, memory.peak - memory.before)
    assert report.slowest < LONGEST_S
    assert report.most < MOST_BYTES
    assert [one.name for one in folder.iterdir()] == [reader.file]


def fuzz(name: str, examples: int, number: int, before: Callable[[bytes], None] = lambda data: None) -> Report:
    """Read so many spoilt inputs, a series of its own for each number; ``before`` sees each first."""
    report = Report()
    begin = seeds(name)
    with tempfile.TemporaryDirectory() as folder:

        @seed(number)
        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(spoilt(name, begin))
        def run(data: bytes) -> None:
            before(data)
            check(name, data, Path(folder), report)

        run()
    return report
