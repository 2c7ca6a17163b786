"""Every reader of bytes, what it is given to begin with, and how that is spoilt: for tests/test_fuzzing.py and scripts/fuzz.py.

Seeds are harmless files made here and the small nasties of tests/corpus/, one folder a reader; what was found goes there too.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import struct
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import tostring

import h5py
import numpy as np
import onnx
import tifffile
import yaml
from defusedxml.ElementTree import fromstring
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from builders import one_conv, unet
from descriptions import ODD, check_refusal, v04, v05
from ijbridge.deepimagej.keys import COMMAND
from ijbridge.deepimagej.keys import read as read_keys
from ijbridge.description import FileRef
from ijbridge.errors import IJBridgeError
from ijbridge.formats import read_model
from ijbridge.formats.macros import read_macro
from ijbridge.formats.package import open_package
from ijbridge.formats.saved_model import parse, parse_graphs, read_signature
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


def _read_pixels(path: Path) -> Any:
    array = np.asarray(read_image(path).array)
    array.sum()
    return array


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


def _keras_networks() -> list[bytes]:
    return [(_kept_keras_file(number).model_config or "").encode() for number in (0, 1)]


def _keras_files() -> list[bytes]:
    return [(FOLDER / name).read_bytes() for name in ("keras-2-shared.h5", "keras-3-sequential.h5")]


def _read_keras(path: Path) -> None:
    file = KerasFile(path.read_bytes(), path.name)
    to_onnx(read_model_config(file.model_config or "", path.name), file)


@cache
def _kept_keras_file(number: int) -> KerasFile:
    return KerasFile(_keras_files()[number], "model.h5")


def _read_keras_network(path: Path) -> None:
    text = path.read_bytes().decode(errors="replace")
    to_onnx(read_model_config(text, path.name), _kept_keras_file(0 if "inbound_nodes" in text else 1))


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


#: Macros as models bring them, of which the meaning is looked for.
_MODEL_MACROS = [
    b"""// Scales by 255.\nrun("32-bit"); /* all slices */ run("Divide...", "value=255 stack");\nprint("done" + 1);""",
    b"""run("32-bit");getStatistics(area, mean, min, max, std, histogram);run('Subtract...', "value=" + mean);
run("Divide...", "value="+std); // \\" \\' """,
]


READERS = {
    "model-macro": Reader("m.ijm", lambda: _MODEL_MACROS, lambda path: read_macro(open_package(path), path.name, "before")),
    "macro": Reader("old.ijm", lambda: [_MACRO], _read_macro),
    "yaml": Reader("rdf.yaml", lambda: _descriptions()[:1], lambda path: parse_yaml(path.read_bytes(), path.name)),
    "description": Reader("rdf.yaml", lambda: _descriptions(), read_model, lambda draw, data: _changed_yaml(draw, data)),
    "zip": Reader("model.zip", _zips, _read_zip, lambda draw, data: _changed_entry(draw, data)),
    "onnx": Reader("net.onnx", _networks, _read_network, lambda draw, data: _changed_network(draw, data)),
    "bare-onnx": Reader("net.onnx", _networks, read_model, lambda draw, data: _changed_network(draw, data)),
    "json": Reader("config.json", _configs, read_model, lambda draw, data: _changed_json(draw, data)),
    "xml": Reader("config.xml", lambda: [DEEPIMAGEJ.encode()], read_model, lambda draw, data: _changed_xml(draw, data)),
    "zeiss": Reader("model.czann", _zeiss, read_model, lambda draw, data: _changed_entry(draw, data)),
    "hdf5": Reader("model.h5", _keras_files, _read_keras, lambda draw, data: _changed_keras(draw, data)),
    "keras": Reader("model.json", _keras_networks, _read_keras_network, lambda draw, data: _changed_json(draw, data)),
    "saved-model": Reader("saved_model.pb", _saved_models, _read_saved_model, lambda d, data: _changed_saved_model(d, data)),
    "tiff": Reader("image.tif", _tiffs, _read_pixels),
    "npy": Reader("image.npy", _arrays, _read_pixels),
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

#: How often a piece is repeated; 0 is as often as makes it about as long as a description may be, which takes its time.
_TIMES = (*(1, 2, 50) * 8, 0)
_LONG = 900_000
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


#: Values of plain data that are changed; aliases can make it endless.
_MOST_PLACES = 2000

_XML_WORDS = ("", "0", "-1", "9" * 30, "1e400", "nan", "../x", "null", ",-1,", "[", "\u00b5m", "a" * 3000)


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
                spoiled[place:place] = spoiled[place : place + length] * (draw(st.sampled_from(_TIMES)) or _LONG // length)
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
    if not entries:
        return data
    name = draw(st.sampled_from(sorted(entries)))
    change = next((one for end, one in _CHANGES.items() if name.endswith(end)), None)
    if entries[name][:1] == b"\x08":
        change = _changed_network
    changed = change is not None and draw(st.booleans())
    entries[name] = change(draw, entries[name]) if change and changed else draw(_broken(entries[name], [entries[name]]))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for one, content in entries.items():
            archive.writestr(one, content)
    return buffer.getvalue()


def _changed_json(draw: Any, data: bytes) -> bytes:
    try:
        root = [json.loads(data)]
    except (ValueError, RecursionError):  # a nasty of the corpus may be none
        return data[: draw(st.integers(0, len(data)))]
    _change_values(draw, root)
    return json.dumps(root[0]).encode() if root else b""


def _changed_yaml(draw: Any, data: bytes) -> bytes:
    try:
        root = [yaml.safe_load(data)]
    except (ValueError, RecursionError, yaml.YAMLError):  # a nasty of the corpus may be none
        return data[: draw(st.integers(0, len(data)))]
    _change_values(draw, root)
    return yaml.safe_dump(root[0]).encode() if root else b""


def _changed_xml(draw: Any, data: bytes) -> bytes:
    try:
        root = fromstring(data)
    except Exception:  # noqa: BLE001 - a nasty of the corpus may be none
        return data[: draw(st.integers(0, len(data)))]
    for _ in range(draw(st.integers(1, 4))):
        elements = list(root.iter())
        one, other = (elements[draw(st.integers(0, len(elements) - 1))] for _ in range(2))
        match draw(st.sampled_from(("text", "tag", "remove", "repeat", "inside"))):
            case "text":
                one.text = draw(st.sampled_from([*filter(None, (each.text for each in elements)), *_XML_WORDS]))
            case "tag":
                one.tag = other.tag
            case "remove" if one in list(other):
                other.remove(one)
            case "repeat":
                root.extend([copy.deepcopy(one)] * draw(st.sampled_from((1, 2, 50))))
            case _:
                one.append(copy.deepcopy(other))
    return bytes(tostring(root, encoding="utf-8"))


def _changed_keras(draw: Any, data: bytes) -> bytes:
    """Change what a Keras file says of its network."""
    buffer = io.BytesIO(data)
    try:
        with h5py.File(buffer, "r+") as file:
            said = file.attrs["model_config"]
            file.attrs["model_config"] = _changed_json(draw, said if isinstance(said, bytes) else said.encode())
    except Exception:  # noqa: BLE001 - a nasty of the corpus may be none
        return data[: draw(st.integers(0, len(data)))]
    return buffer.getvalue()


def _changed_saved_model(draw: Any, data: bytes) -> bytes:
    try:
        message = parse("SavedModel", data)
    except Exception:  # noqa: BLE001 - a nasty of the corpus may be none
        return data[: draw(st.integers(0, len(data)))]
    return _with_changed_fields(draw, message)


def _change_values(draw: Any, root: list[Any]) -> None:
    """Change some values of plain data: another type, another size, the value of another place, or none."""
    for _ in range(draw(st.integers(1, 4))):
        places = list(islice(_places(root), _MOST_PLACES))
        if not places:
            return
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        from_holder, from_key = places[draw(st.integers(0, len(places) - 1))]
        match draw(st.sampled_from(("odd", "odd", "other", "remove", "list"))):
            case "odd":
                holder[key] = _copied(draw(st.sampled_from([*ODD, 2**31, 2**63, 2**64, 1e400, "\ud800"])))
            case "other":
                holder[key] = _copied(from_holder[from_key])
            case "remove":
                del holder[key]
            case _:
                holder[key] = [_copied(holder[key])] * draw(st.sampled_from((1, 2, 50)))


def _copied(value: Any) -> Any:
    """Copy a value, unless it is one of the nasties that are nested too deeply for that."""
    try:
        return copy.deepcopy(value)
    except RecursionError:
        return None


def _places(root: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Give where each value lies, the nearest to the top first."""
    waiting: list[Any] = [root]
    for holder in waiting:
        items = [*holder.items()] if isinstance(holder, dict) else [*enumerate(holder)]
        for key, value in items:
            yield holder, key
            if isinstance(value, (dict, list)):
                waiting.append(value)


def _changed_network(draw: Any, data: bytes) -> bytes:
    """Change fields of a network, so that what comes out can still be parsed."""
    try:
        model = onnx.load_model_from_string(data)
    except Exception:  # noqa: BLE001 - a nasty of the corpus may be none
        return data[: draw(st.integers(0, len(data)))]
    return _with_changed_fields(draw, model)


def _with_changed_fields(draw: Any, message: Any) -> bytes:
    for _ in range(draw(st.integers(1, 4))):
        places = list(_fields(message))
        if not places:
            break
        holder, one = places[draw(st.integers(0, len(places) - 1))]
        with contextlib.suppress(ValueError, TypeError):  # not every number fits every field
            _change_field(draw, holder, one)
    return bytes(message.SerializeToString())


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


#: How the entries of a zip are changed, by the ends of their names.
_CHANGES: dict[str, Callable[[Any, bytes], bytes]] = {".json": _changed_json, ".yaml": _changed_yaml, ".xml": _changed_xml}


# --- reading it ------------------------------------------------------------------------------------------------------


def check(name: str, data: bytes, folder: Path, report: Report) -> None:
    """Read bytes: the outcome is a result or an error of ijbridge's in one line, in time and memory, and no other file.

    An image's own pixels are no memory too much.
    """
    reader = READERS[name]
    path = folder / reader.file
    path.write_bytes(data)
    asked_for = 0
    started = time.process_time()
    with PeakMemory() as memory:
        try:
            asked_for = getattr(reader.read(path), "nbytes", 0)
            report.read += 1
        except IJBridgeError as error:
            check_refusal(error)
            kind = type(error).__name__
            report.refused[kind] = report.refused.get(kind, 0) + 1
    seconds, held = time.process_time() - started, memory.peak - memory.before - asked_for
    assert seconds < LONGEST_S, seconds
    assert held < MOST_BYTES, held
    report.slowest = max(report.slowest, seconds)
    report.most = max(report.most, held)
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
