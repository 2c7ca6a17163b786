"""What of a TIFF is refused before tifffile follows it: pages without end, and numbers that would fill memory.

A microscope that stops half-way, or a stranger, can leave a file whose pages lead back to an earlier one, or whose OME
description speaks of more planes than there is memory for. tifffile takes both at their word.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from math import prod
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    import tifffile

#: Codes of the tags that lead to other pages, and that say how large a page is; width and length are the first two.
_SUB_IFDS, _SIDES = 330, {256: "width", 257: "length", 277: "samples per pixel", 32997: "depth"}

#: Types of tags that are one whole number, by their code: how they are packed. TIFF 6.0 has sizes without a sign only.
_WHOLE = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}

#: Bytes of an element of each type of tag (TIFF 6.0, BigTIFF).
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}

#: What tifffile takes for a page.
_MOST_TAGS = 4096

#: Tags may share their values, as some programs write them: all together may be so many times as long as the file.
_SHARED, _SMALL = 4, 16_000_000

#: Planes of an OME description, and the values of an axis that is counted out.
_MOST_PLANES, _MOST_STEPS = 2 * 10**7, 10**6


def check_pages(tiff: tifffile.TiffFile) -> None:
    """Follow the pages of a file from one to the next, and to those inside them.

    Raises
    ------
    ValueError
        If they lead back to an earlier one, or have more bytes than the file.
    """
    smallest, size = _followed(tiff)
    if tiff.is_ome:
        for name in _check_ome(tiff.ome_metadata or "", smallest, size) - {tiff.filehandle.name}:
            _check_other_file(Path(tiff.filehandle.dirname), name)


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


def _followed(tiff: tifffile.TiffFile) -> tuple[int, int]:
    """Give the pixels of the smallest page, and how many pages there are."""
    handle, form = tiff.filehandle, tiff.tiff
    one_tag = struct.Struct(form.tagheaderformat)
    seen: set[int] = set()
    inside: list[int] = []
    held, smallest = 0, 2**63
    offset = tiff.pages.first.offset
    while offset:
        if offset in seen:
            raise ValueError("its pages lead back to an earlier one")
        seen.add(offset)
        handle.seek(offset)
        head = handle.read(form.tagnosize)
        count = struct.unpack(form.tagnoformat, head)[0] if len(head) == form.tagnosize else _MOST_TAGS + 1
        rest = handle.read(count * form.tagsize + form.offsetsize) if count <= _MOST_TAGS else b""
        if len(rest) < form.offsetsize:
            break  # tifffile ends here, too; of a page that the file ends in, it takes the last bytes for the next one's place
        held += len(rest)
        sides = {}
        whole = (len(rest) - form.offsetsize) // form.tagsize * form.tagsize
        if one_tag.size != form.tagsize:
            whole = 0  # of Hamamatsu's own variant (NDPI), tags are stored in another way
        for code, kind, number, value in one_tag.iter_unpack(rest[:whole]):
            held += _BYTES.get(kind, 0) * number
            if code in _SIDES and kind in _WHOLE:
                sides[code] = struct.unpack_from(form.byteorder + _WHOLE[kind], value)[0]
                if sides[code] < 0:  # tifffile goes back by so many pages, again and again
                    raise ValueError(f"one of its pages has the {_SIDES[code]} {sides[code]}")
            elif code == _SUB_IFDS and kind in _WHOLE:
                inside += _offsets(tiff, kind, number, value)
        if held > _SHARED * handle.size + _SMALL or len(inside) > handle.size:
            raise ValueError("its tags claim more bytes than it has")
        smallest = min(smallest, max(1, sides.get(256, 1) * sides.get(257, 1)))
        offset = struct.unpack(form.offsetformat, rest[-form.offsetsize :])[0]
    if len(set(inside)) < len(inside):
        raise ValueError("two of its pages hold the same one")
    return smallest, len(seen)


def _offsets(tiff: tifffile.TiffFile, kind: int, number: int, value: bytes) -> list[int]:
    form = tiff.tiff
    size = _BYTES[kind] * number
    if size > len(value):
        handle = tiff.filehandle
        before = handle.tell()
        handle.seek(struct.unpack(form.offsetformat, value[: form.offsetsize])[0])
        value = handle.read(min(size, handle.size))
        handle.seek(before)
    number = min(number, len(value) // _BYTES[kind])
    return list(struct.unpack_from(f"{form.byteorder}{number}{_WHOLE[kind]}", value))


def _check_ome(xml: str, smallest: int, pages: int) -> set[str]:
    """Look at the numbers of an OME description; give the names of the files that it names."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(xml)
    except (ParseError, DefusedXmlException):
        return set()  # said where it is read
    planes = followed = 0
    files = set()
    for node in root.iter():
        match local_name(node):
            case "Pixels":
                planes += prod(_sizes(node)) // smallest
            case "TiffData":
                named = int(node.get("PlaneCount", node.get("NumPlanes", 1 if "IFD" in node.attrib else pages)))
                planes, followed = max(planes, named), followed + min(named, pages)
            case "UUID":
                files.add(node.get("FileName", ""))
            case name if name[:-1].endswith("Along") and "Start" in node.attrib:
                steps = (float(node.get("End", 0)) - float(node.get("Start", 0))) / (float(node.get("Step", 1)) or 1)
                if not abs(steps) < _MOST_STEPS:
                    raise ValueError(f"its OME description counts {steps:g} steps along an axis")
    if planes > _MOST_PLANES or followed > 10 * pages + _MOST_STEPS:
        raise ValueError(f"its OME description speaks of {max(planes, followed)} planes, but it has {pages}")
    return files - {""}


def _sizes(pixels: Element) -> Iterator[int]:
    for axis in "XYZCT":
        size = int(pixels.get(f"Size{axis}", 1))
        if size < 1:
            raise ValueError(f"its OME description says that its axis {axis.lower()} has {size} elements")
        yield size


def _check_other_file(folder: Path, name: str) -> None:
    """Look at another file of a set, which tifffile opens as this one: what it is, and its pages."""
    import tifffile

    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name:
        raise ValueError(f"its OME description names the file {name!r}, which lies outside its folder")
    if os.path.exists(folder / name) and not os.path.isfile(folder / name):  # noqa: PTH110, PTH113 - Path's raise
        raise ValueError(f"its OME description names {name!r}, which is a folder, a pipe or a device")
    if os.path.isfile(folder / name):  # noqa: PTH113
        with tifffile.TiffFile(folder / name) as other:
            _followed(other)


def local_name(node: Element) -> str:
    """Give the name of an element, whatever the version of OME's namespace."""
    return node.tag.rsplit("}")[-1]
