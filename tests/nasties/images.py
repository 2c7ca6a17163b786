"""Nasty images and arrays."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from nasties.kinds import Nasty, other_file, pickled, secret

_PIXELS = np.arange(40 * 50, dtype=np.uint16).reshape(40, 50)


def _npy(header: str, data: bytes = b"") -> bytes:
    text = header.encode()
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text + data


def _header(shape: str = "(40, 50)", dtype: str = "'<f4'") -> str:
    return f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}}}"


def _file(name: str, data: bytes | Callable[[Path], bytes]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data if isinstance(data, bytes) else data(folder))
        return folder / name

    return make


def _tiff(change: Callable[[bytearray], None] = lambda data: None, **how: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "image.tif"
        tifffile.imwrite(path, _PIXELS, **{"photometric": "minisblack", **how})
        data = bytearray(path.read_bytes())
        change(data)
        path.write_bytes(data)
        return path

    return make


def _tag(number: int, value: int) -> Callable[[bytearray], None]:
    """Give another value to a tag of the first page of a little-endian TIFF."""

    def change(data: bytearray) -> None:
        (at,) = struct.unpack_from("<I", data, 4)
        (count,) = struct.unpack_from("<H", data, at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            if struct.unpack_from("<H", data, entry)[0] == number:
                struct.pack_into("<HII", data, entry + 2, 4, 1, value)

    return change


def _both(*changes: Callable[[bytearray], None]) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        for one in changes:
            one(data)

    return change


def _negative(data: bytearray) -> None:
    """Let the width of the first page be a number with a sign, -1."""
    (at,) = struct.unpack_from("<I", data, 4)
    struct.pack_into("<HHIb", data, at + 2, 256, 6, 1, -1)


def _next_page(data: bytearray) -> None:
    """Let the first page be followed by itself."""
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    struct.pack_into("<I", data, at + 2 + 12 * count, at)


def _ome(xml: str) -> Callable[[Path], Path]:
    return _tiff(description=xml, metadata=None)


_LOL = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
_LAUGHS = f'<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY l0 "lol">{_LOL}]><OME><Image>&l9;</Image></OME>'


def _entity(folder: Path) -> Path:
    return _ome(f'<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY s SYSTEM "file://{secret(folder)}">]><OME>&s;</OME>')(folder)


def _circle(first: int) -> Callable[[Path], Path]:
    """Let the last of 150 pages of two sizes be followed by one before it."""

    def make(folder: Path) -> Path:
        path = folder / "image.tif"
        with tifffile.TiffWriter(path) as writer:
            for number in range(150):
                writer.write(np.zeros((8, 8 + number % 2), np.uint8), contiguous=False, metadata=None)
        with tifffile.TiffFile(path) as tiff:
            offsets = [page.offset for page in tiff.pages]
        data = bytearray(path.read_bytes())
        (count,) = struct.unpack_from("<H", data, offsets[-1])
        struct.pack_into("<I", data, offsets[-1] + 2 + 12 * count, offsets[first])
        path.write_bytes(data)
        return path

    return make


def _shared(folder: Path) -> Path:
    """10,000 pages, whose tags all have the same 4 MB for their value."""
    page = struct.pack("<HHHIII", 1, 324, 4, 1_000_000, 8 + 10_000 * 18, 0)
    pages = b"".join(page[:-4] + struct.pack("<I", 8 + 18 * (number + 1)) for number in range(9_999)) + page
    (folder / "image.tif").write_bytes(b"II*\0" + struct.pack("<I", 8) + pages + bytes(4_000_000))
    return folder / "image.tif"


def _planes(
    data: str = '<TiffData IFD="0" PlaneCount="2"/>', more: str = "", software: str = "tifffile.py", **sizes: int
) -> Callable[[Path], Path]:
    """Write two planes whose OME description has these sizes."""
    told = {"SizeX": 24, "SizeY": 20, "SizeZ": 2, "SizeC": 1, "SizeT": 1, **sizes}
    named = " ".join(f'{name}="{value}"' for name, value in told.items())
    pixels = f'<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" {named}>{data}</Pixels>'
    namespace = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
    xml = f'<?xml version="1.0"?><OME {namespace}><Image ID="Image:0">{pixels}</Image>{more}</OME>'

    def make(folder: Path) -> Path:
        path = folder / "image.ome.tif"
        tifffile.imwrite(path, np.zeros((2, 20, 24), np.uint8), description=xml, metadata=None, software=software)
        return path

    return make


def _two_descriptions(folder: Path) -> Path:
    """Let the tag of the program be a second description, which is empty where the first is not."""
    path = _planes(SizeT=10**12, software=" ")(folder)
    data = bytearray(path.read_bytes())
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, entry)[0] == 305:
            struct.pack_into("<H", data, entry, 270)
    path.write_bytes(data)
    return path


_ELSEWHERE = '<TiffData IFD="0" PlaneCount="1"><UUID FileName="../secret.bin">urn:uuid:1</UUID></TiffData>'
_PIPE = _ELSEWHERE.replace("../secret.bin", "pipe.tif")


def _beside_a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.tif")
    return _planes(_PIPE)(folder)


def _beside_a_circle(folder: Path) -> Path:
    _circle(0)(folder)
    return _planes(_ELSEWHERE.replace("../secret.bin", "image.tif"))(folder)


_STEPS = (
    '<StructuredAnnotations><XMLAnnotation ID="a" Namespace="openmicroscopy.org/omero/dimension/modulo"><Value><Modulo>'
    '<ModuloAlongT Type="phase" Start="0" End="1000000000000"/></Modulo></Value></XMLAnnotation></StructuredAnnotations>'
)


def _deflated(folder: Path) -> Path:
    """A strip of 40 x 50 pixels that unpacks to 500 MB."""
    path = _tiff(compression="zlib", rowsperstrip=40)(folder)
    packer = zlib.compressobj(9)
    strip = b"".join(packer.compress(bytes(1 << 20)) for _ in range(500)) + packer.flush()
    data = bytearray(path.read_bytes())
    _both(_tag(273, len(data)), _tag(279, len(strip)))(data)
    path.write_bytes(data + strip)
    return path


IMAGES = (
    Nasty("npy", "a pickle", _file("image.npy", lambda f: _npy(_header("(1,)", "'|O'"), pickled(f))), "not a .npy", "image"),
    Nasty("npy", "16 TB in 60 bytes", _file("image.npy", _npy(_header("(2097152, 2097152)"))), "not a .npy", "image"),
    Nasty("npy", "2^80 pixels", _file("image.npy", _npy(_header("(1099511627776, 1099511627776)"))), "not a .npy", "image"),
    Nasty("npy", "a negative size", _file("image.npy", _npy(_header("(-4, 5)"), bytes(80))), "npy", "image"),
    Nasty("npy", "a header of code", _file("image.npy", _npy("__import__('os').system('touch harm')")), "not a .npy", "image"),
    Nasty("npy", "a header of 100,000 brackets", _file("image.npy", _npy("(" * 100_000)), "not a .npy", "image"),
    Nasty("npy", "a header of 4 GB", _file("image.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{"), "not a .npy", "image"),
    Nasty(
        "npy",
        "fields instead of numbers",
        _file("image.npy", _npy(_header(dtype="[('a', '<f4')]"), bytes(8000))),
        "pixels of type",
        "image",
    ),
    Nasty(
        "npy",
        "a test tensor of 16 TB in 60 bytes",
        other_file("inputs.0.test_tensor", "t.npy", lambda _: _npy(_header("(1, 1, 2097152, 2097152)"))),
        "not a .npy file",
        "test",
    ),
    Nasty(
        "npy",
        "a test tensor that is a pickle inside",
        other_file("inputs.0.test_tensor", "t.npy", lambda f: _npy(_header("(1,)", "'|O'"), pickled(f))),
        "not a .npy file",
        "test",
    ),
    Nasty(
        "npy",
        "a test tensor with a header of 100,000 brackets",
        other_file("inputs.0.test_tensor", "t.npy", lambda _: _npy("(" * 100_000)),
        "not a .npy file",
        "test",
    ),
    Nasty("tiff", "entities that multiply (a billion laughs)", _ome(_LAUGHS), "OME description is broken", "image"),
    Nasty("tiff", "an entity that is a file", _entity, "OME description is broken", "image"),
    Nasty(
        "tiff",
        "100,000 elements in each other",
        _ome("<OME>" + "<a>" * 100_000 + "</OME>"),
        "OME description is broken",
        "image",
    ),
    Nasty("tiff", "a page that is followed by itself", _tiff(_next_page), "lead back to an earlier one", "image"),
    Nasty(
        "tiff",
        "5 million rows of which the tiles of 40 are there",
        _tiff(_tag(257, 5_000_000), tile=(16, 16), compression="zlib"),
        "tiles or strips",
        "image",
    ),
    Nasty("tiff", "a width of -1", _tiff(_negative), "has not come to an end", "image"),
    Nasty("tiff", "150 pages in a circle", _circle(0), "lead back to an earlier one", "image"),
    Nasty("tiff", "150 pages, the last ten of them in a circle", _circle(140), "lead back to an earlier one", "image"),
    Nasty("tiff", "10,000 pages that share a tag of 4 MB", _shared, "wants more memory than is reasonable", "image"),
    Nasty("tiff", "10^12 planes in its OME description", _planes(SizeT=10**12), "wants more memory", "image"),
    Nasty(
        "tiff", "two descriptions, of which the first speaks of 10^12 planes", _two_descriptions, "wants more memory", "image"
    ),
    Nasty("tiff", "10^8 planes in one piece", _planes('<TiffData PlaneCount="100000000"/>'), "wants more memory", "image"),
    Nasty("tiff", "planes of 10^18 pixels in OME", _planes(SizeX=10**9, SizeY=10**9), "wants more memory", "image"),
    Nasty("tiff", "a negative size in OME", _planes(SizeZ=-5), "name the axes", "image"),
    Nasty("tiff", "200 times as many planes as there are", _planes(SizeT=200), "398 of its 400 planes are neither", "image"),
    Nasty("tiff", "planes that lie in a file outside", _planes(_ELSEWHERE), "lies outside its folder", "image"),
    Nasty("tiff", "planes that lie in a pipe that nobody writes to", _beside_a_pipe, "a pipe or a device", "image"),
    Nasty("tiff", "planes that lie in a file of 150 pages in a circle", _beside_a_circle, "has not come to an end", "image"),
    Nasty("tiff", "10^12 steps along an axis of OME", _planes(more=_STEPS), "wants more memory", "image"),
    Nasty(
        "tiff",
        "65,535 x 65,535 pixels in 300 bytes, packed",
        _tiff(_both(_tag(256, 65535), _tag(257, 65535)), compression="zlib"),
        "not a TIFF that can be read",
        "image",
    ),
    Nasty(
        "tiff",
        "65,535 x 65,535 pixels of one bit in a file of 3 kB",
        _tiff(_both(_tag(256, 65535), _tag(257, 65535), _tag(258, 1), _tag(278, 65535)), compression="zlib"),
        "4.3 GB of pixels",
        "image",
    ),
    Nasty("tiff", "4 x 10^9 pixels in a row, not packed", _tiff(_tag(256, 2**32 - 1)), "not a TIFF that can be read", "image"),
    Nasty("tiff", "a strip of 4 KB that unpacks to 500 MB", _deflated, "not a TIFF that can be read", "image"),
    Nasty("tiff", "pixels that lie beyond the file", _tiff(_tag(273, 2**32 - 2)), "not a TIFF that can be read", "image"),
    Nasty("tiff", "2^32 - 1 samples to a pixel", _tiff(_tag(277, 2**32 - 1)), "not a TIFF that can be read", "image"),
    Nasty("tiff", "a compression that does not exist", _tiff(_tag(259, 60000)), "not a TIFF that can be read", "image"),
    Nasty(
        "tiff", "a first page beyond the file", _tiff(lambda data: struct.pack_into("<I", data, 4, 2**32 - 2)), "TIFF", "image"
    ),
    Nasty("tiff", "cut short", _tiff(lambda data: data.__delitem__(slice(len(data) // 2, None))), "TIFF", "image"),
    Nasty("tiff", "a zip by another name", _file("image.tif", b"PK\3\4" + bytes(100)), "TIFF", "image"),
)
