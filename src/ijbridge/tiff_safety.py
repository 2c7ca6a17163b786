"""What of a TIFF is refused before tifffile follows it, and which files it is tried on in a process of its own first.

A microscope that stops half-way, or a stranger, can leave a file whose pages lead back to an earlier one, or that speaks of
more planes than there is memory for. tifffile takes a file at its word, and knows forty kinds of them. A plain one is read at
once: pages of the tags of TIFF 6.0 one after the other, and no description, ImageJ's, or one of OME that agrees with them. All
others are first read in a process of their own, with limits of time and memory (`ijbridge.tiff_trial`); that takes a quarter of
a second.
"""

from __future__ import annotations

import json
import os
import re
import struct
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    import tifffile

#: Tags of a plain page: those of TIFF 6.0 and its supplements, XMP, ICC profiles, and the two of ImageJ.
_PLAIN = {
    *range(254, 260), 262, *range(266, 287), 290, 291, 296, 297, 301, 305, 306, *range(315, 326), *range(338, 342), 347,
    *range(529, 533), 700, 33432, 34675, 50838, 50839,
}  # fmt: skip
_WIDTH, _LENGTH, _DESCRIPTION, _SOFTWARE = 256, 257, 270, 305

#: Tags that hold sizes: numbers without a sign, above 0.
_SIZES = (_WIDTH, _LENGTH, 277, 278, 322, 323)

#: Types of tags, by their code: the bytes of an element, and how those are packed that are numbers without a sign.
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8, 17: 8}
_PACKED = {3: "H", 4: "I", 16: "Q"}

#: Programs whose files tifffile reads as any other's.
_PROGRAMS = (b"ImageJ", b"tifffile", b"OME Bio-Formats", b"ijbridge")

#: Pages that are read at once, planes and pieces that are looked for one by one, tags of a page, bytes of a description.
_MOST_PAGES, _MOST, _MOST_TAGS, _LONGEST = 100_000, 10**6, 100, 2**26

#: Seconds of the processor, one more for so many bytes, and the memory that a trial may take.
_SECONDS, _BYTES_PER_SECOND, _MEMORY = 10, 5_000_000, 10**9

#: What tifffile looks for in OME's XML, by the ends of names.
_OME = ("Image", "Pixels", "TiffData", "UUID", "Channel", "BinaryOnly")


@dataclass
class _Walk:
    """What was seen on the way along a file's pages."""

    sides: set[tuple[int, int]] = field(default_factory=set)
    pages: int = 0
    description: bytes = b""


def check_structure(path: Path) -> None:
    """Look at a file, and try it in a process of its own where it is not plain.

    Raises
    ------
    ValueError
        If its pages lead back to an earlier one, or reading it takes too long or too much memory; the message says which.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        plain = _is_plain(file, path)
    if not plain:
        status = path.stat()
        _try(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=100)
def _try(path: Path, size: int, _changed: int) -> None:
    from ijbridge.own_process import ProcessError, ask  # which takes as long to load as a plain file to be read

    seconds = _SECONDS + size // _BYTES_PER_SECOND
    try:
        ask("ijbridge.tiff_trial", str(path), str(seconds), str(_MEMORY), seconds=seconds, take=_done)
    except ProcessError as error:
        if error.by_input:  # where no process can be started, nothing is known of the file
            raise ValueError(f"the library tifffile {error}") from error


def check_named_files(tiff: tifffile.TiffFile) -> None:
    """Look at the other files that an OME description names, which tifffile opens.

    Raises
    ------
    ValueError
        If one of them lies outside the folder, or is none but a pipe or a device; or if the description has a document type.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if not tiff.is_ome:
        return
    try:
        root = fromstring(tiff.ome_metadata, forbid_dtd=True)
    except ParseError:
        return  # which tifffile passes over, too
    except DefusedXmlException as error:
        raise ValueError(f"its OME description is broken ({error})") from error
    folder = os.path.realpath(tiff.filehandle.dirname)
    for node in root.iter():
        path = os.path.join(folder, node.get("FileName", ""))  # noqa: PTH118 - as tifffile does it
        if "\0" in path or not os.path.exists(path):  # noqa: PTH110 - Path.exists raises where a name is too long
            continue  # such as the whole path that the file had where it was made
        if Path(folder) not in Path(os.path.realpath(path)).parents and os.path.realpath(path) != folder:
            raise ValueError(f"its OME description names the file {node.get('FileName')!r}, which lies outside its folder")
        if not os.path.isfile(path) and not os.path.isdir(path):  # noqa: PTH112, PTH113
            raise ValueError(f"its OME description names {node.get('FileName')!r}, which is a pipe or a device")


def check_pieces(series: tifffile.TiffPageSeries) -> None:
    """Count the tiles or strips of each page, for those that are missing are given as 0, and looked for one by one.

    Raises
    ------
    ValueError
        If a page has fewer than its size says.
    """
    if series.keyframe.is_contiguous:
        return
    wanted = prod(series.keyframe.chunked)
    for page in series:
        found = len(page.dataoffsets) if page is not None else 0
        if found < wanted:
            raise ValueError(f"one of its pages has {found} of {wanted} tiles or strips")


def local_name(node: Element) -> str:
    """Give the name of an element, whatever the version of OME's namespace."""
    return node.tag.rsplit("}")[-1]


def _done(out: IO[bytes]) -> bool:
    if out.read() != b"done":
        raise EOFError("no answer")
    return True


def _is_plain(file: IO[bytes], path: Path) -> bool:
    size = os.fstat(file.fileno()).st_size
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        return True  # no TIFF, which tifffile says at once
    (version,) = struct.unpack_from(f"{order}H", head, 2)
    if version == 42:
        count_format, offset_format, tag_format = f"{order}H", f"{order}I", f"{order}HHI4s"
        (offset,) = struct.unpack_from(f"{order}I", head, 4)
    elif version == 43 and len(head) == 16 and struct.unpack_from(f"{order}HH", head, 4) == (8, 0):
        count_format, offset_format, tag_format = f"{order}Q", f"{order}Q", f"{order}HHQ8s"
        (offset,) = struct.unpack_from(f"{order}Q", head, 8)
    else:
        return False
    count_size, offset_size, tag_size = map(struct.calcsize, (count_format, offset_format, tag_format))
    walk, held, plain = _Walk(), 0, True
    seen: set[int] = set()
    while offset:
        if offset in seen:
            raise ValueError("its pages lead back to an earlier one")
        seen.add(offset)
        file.seek(offset)
        start = file.read(count_size)
        if len(start) < count_size:
            return False
        (count,) = struct.unpack(count_format, start)
        wanted = count * tag_size + offset_size
        rest = file.read(wanted) if count <= _MOST_TAGS else b""
        if len(rest) < wanted or not rest:
            return False
        tags = list(struct.iter_unpack(tag_format, rest[: count * tag_size]))
        sizes = (_BYTES.get(kind, 0) * number for _, kind, number, _ in tags)
        held += len(rest) + sum(one for one in sizes if one > offset_size)
        plain = plain and held <= size and _is_plain_page(tags, order, walk)
        if walk.pages == 0:
            plain = plain and _is_plain_text(tags, file, offset_format, walk)
        walk.pages += 1
        (offset,) = struct.unpack(offset_format, rest[count * tag_size :])
    return plain and walk.pages <= _MOST_PAGES and _agrees(walk, path)


def _is_plain_page(tags: list[Any], order: str, walk: _Walk) -> bool:
    if len({code for code, *_ in tags}) < len(tags):
        return False  # of two tags of one kind, tifffile may take the other one
    sizes = {}
    for code, kind, number, value in tags:
        if code not in _PLAIN or kind not in _BYTES:
            return False
        if code in _SIZES:
            if kind not in _PACKED or number != 1:
                return False
            (sizes[code],) = struct.unpack_from(order + _PACKED[kind], value)
    if not {_WIDTH, _LENGTH} <= set(sizes) or not all(sizes.values()):
        return False
    walk.sides.add((sizes[_WIDTH], sizes[_LENGTH]))
    return True


def _is_plain_text(tags: list[Any], file: IO[bytes], offset_format: str, walk: _Walk) -> bool:
    texts = {}
    for code, _, number, value in tags:
        if code in (_DESCRIPTION, _SOFTWARE):
            if number > _LONGEST:
                return False
            if number > len(value):
                file.seek(struct.unpack(offset_format, value)[0])
                value = file.read(number)
            texts[code] = value[:number].strip(b"\0 ")
    walk.description = texts.get(_DESCRIPTION, b"")
    program = texts.get(_SOFTWARE, b"")
    return not program or program.startswith(_PROGRAMS)


def _agrees(walk: _Walk, path: Path) -> bool:
    """Whether what the first page says of the others is no more than there is."""
    said = walk.description
    if not said:
        return True
    if said.startswith(b"ImageJ="):
        numbers = [int(one) for one in re.findall(rb"^(?:images|channels|slices|frames)=(\d{1,9})\s*$", said, re.MULTILINE)]
        return prod(numbers) <= _MOST**2
    if said.startswith(b'{"shape": ['):
        return _is_plain_shape(said, walk)
    return said.startswith(b"<?xml") and _is_plain_ome(said, walk, path)


def _is_plain_shape(said: bytes, walk: _Walk) -> bool:
    try:
        told = json.loads(said)
    except (ValueError, RecursionError):
        return False
    shape = told.get("shape") if isinstance(told, dict) else None
    if not isinstance(shape, list) or not 2 <= len(shape) <= 8 or not all(type(one) is int and one > 0 for one in shape):
        return False
    ((width, length),) = walk.sides if len(walk.sides) == 1 else ((0, 0),)
    return [length, width] in (shape[-2:], shape[-3:-1])


def _is_plain_ome(said: bytes, walk: _Walk, path: Path) -> bool:
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(said, forbid_dtd=True)
        return _is_plain_tree(root, walk, path)
    except (ParseError, DefusedXmlException, ValueError, RecursionError):
        return False


def _is_plain_tree(root: Element, walk: _Walk, path: Path) -> bool:
    planes = looked_for = 0
    for node in root.iter():
        name = local_name(node)
        if any(name.endswith(one) and name != one for one in _OME) or name == "BinaryOnly":
            return False
        if name.lower().startswith("modulo") or node.get("Namespace", "").endswith("modulo"):
            return False
        if name == "Pixels":
            sizes = [_number(node.get(f"Size{axis}", "")) for axis in "XYZCT"]
            if walk.sides != {(sizes[0], sizes[1])} or min(sizes) < 1:
                return False
            planes += prod(sizes[2:])
        elif name == "TiffData":
            numbers = {key: _number(value) for key, value in node.attrib.items()}
            looked_for += numbers.get("PlaneCount", numbers.get("NumPlanes", 1 if "IFD" in numbers else 0)) or walk.pages
        elif name == "UUID" and node.get("FileName", path.name) != path.name:
            return False
    return planes <= _MOST and looked_for <= _MOST


def _number(text: str) -> int:
    if not re.fullmatch(r"\d{1,7}", text):
        raise ValueError(f"no small number: {text[:20]}")
    return int(text)
