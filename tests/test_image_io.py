"""Images in files: what ImageJ, OME and others write is read with its axes and pixel size; results are whole or not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Picture

from ijbridge import tiff_safety
from ijbridge.errors import AxesError, IJBridgeError, ImageFormatError, ImageNotFoundError, PixelValueError, ResultError
from ijbridge.image import make_image
from ijbridge.image_io import check_file, read_image, to_imagej_dtype, write_image


def pixels(*shape: int, dtype: Any = "uint16", seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 200, shape).astype(dtype)


def written(path: Path, array: Any, **metadata: Any) -> Path:
    """Write a TIFF by tifffile alone."""
    tifffile.imwrite(path, array, **metadata)
    return path


# --- ImageJ TIFF -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("axes", ["yx", "zyx", "cyx", "tyx", "zcyx", "tcyx", "tzyx", "tzcyx"])
def test_an_image_is_written_for_imagej_and_read_as_it_was(tmp_path: Path, axes: str, dtype: str) -> None:
    sizes = {"t": 2, "z": 3, "c": 4, "y": 16, "x": 21}
    image = make_image(
        pixels(*(sizes[axis] for axis in axes), dtype=dtype), axes,
        pixel_size={"t": 1.5, "z": 2.0, "y": 0.5, "x": 0.25}, unit={"t": "s", "z": "um", "y": "um", "x": "um"},
        origin={"y": -4.0, "x": 1.25},
    )  # fmt: skip
    write_image(tmp_path / "result.tif", image)
    back = read_image(tmp_path / "result.tif")
    np.testing.assert_array_equal(back.array, image.array)
    assert (back.header.axes, back.header.dtype) == (axes, dtype)
    assert back.header.pixel_size == pytest.approx(image.header.pixel_size, rel=1e-6)
    assert back.header.unit == image.header.unit
    assert back.header.origin == pytest.approx(image.header.origin, rel=1e-6)


def test_axes_in_another_order_are_put_into_imagejs(tmp_path: Path) -> None:
    array = pixels(21, 16, 4, 3)
    write_image(tmp_path / "result.tif", make_image(array, "xycz"))
    back = read_image(tmp_path / "result.tif")
    assert back.header.axes == "zcyx"
    np.testing.assert_array_equal(back.array, array.transpose(3, 2, 1, 0))


def test_imagej_finds_axes_calibration_and_info_in_the_file(tmp_path: Path) -> None:
    image = make_image(
        pixels(2, 3, 4, 16, 21), "tzcyx",
        pixel_size={"t": 0.5, "z": 700.0, "y": 0.5, "x": 0.25}, unit={"t": "min", "z": "nm", "y": "um", "x": "um"},
    )  # fmt: skip
    write_image(tmp_path / "result.tif", image, "Made by ijbridge\nmodel: 模型 µ")
    with tifffile.TiffFile(tmp_path / "result.tif") as tiff:
        metadata, tags = tiff.imagej_metadata or {}, tiff.pages[0].tags
        assert tiff.is_imagej
        assert [metadata[key] for key in ("frames", "slices", "channels", "hyperstack", "mode")] == [2, 3, 4, True, "grayscale"]
        assert (metadata["unit"], metadata["Info"]) == ("micron", "Made by ijbridge\nmodel: 模型 µ")
        assert metadata["spacing"] == pytest.approx(0.7)
        assert metadata["finterval"] == pytest.approx(30.0)
        assert [tags[name].value[0] / tags[name].value[1] for name in ("XResolution", "YResolution")] == pytest.approx([4, 2])


@pytest.mark.parametrize("unit", ["nm", "mm", "µm", "inch", "furlong"])
def test_the_unit_of_length_is_kept(tmp_path: Path, unit: str) -> None:
    image = make_image(pixels(16, 21), "yx", pixel_size={"y": 65.0, "x": 65.0}, unit={"y": unit, "x": unit})
    write_image(tmp_path / "result.tif", image)
    assert read_image(tmp_path / "result.tif").header.unit == image.header.unit


def test_an_image_without_pixel_size_stays_without(tmp_path: Path) -> None:
    write_image(tmp_path / "result.tif", make_image(pixels(3, 16, 21), "zyx"))
    header = read_image(tmp_path / "result.tif").header
    assert (header.pixel_size, header.unit) == ({}, {})


@pytest.mark.parametrize("calibrated", [True, False])
def test_imagejs_origin_in_pixels_is_where_the_image_begins(tmp_path: Path, calibrated: bool) -> None:
    metadata = {"axes": "ZYX", "xorigin": 5.0, "yorigin": -7.0, "zorigin": 2, **({"unit": "um"} if calibrated else {})}
    path = written(tmp_path / "a.tif", pixels(3, 16, 21), imagej=True, resolution=(4, 2), metadata={**metadata, "spacing": 3.0})
    size = {"x": 0.25, "y": 0.5, "z": 3.0} if calibrated else dict.fromkeys("xyz", 1.0)
    image = read_image(path)
    assert image.header.origin == pytest.approx({"x": -5 * size["x"], "y": 7 * size["y"], "z": -2 * size["z"]})
    write_image(tmp_path / "b.tif", image)
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        found = tiff.imagej_metadata or {}
    assert [found[f"{axis}origin"] for axis in "xyz"] == pytest.approx([5, -7, 2])


def test_y_and_z_may_have_units_of_their_own(tmp_path: Path) -> None:
    metadata = {"axes": "ZYX", "unit": "micron", "yunit": "nm", "zunit": "mm", "spacing": 0.5}
    tifffile.imwrite(tmp_path / "a.tif", pixels(3, 16, 21), imagej=True, resolution=(4, 0.004), metadata=metadata)
    header = read_image(tmp_path / "a.tif").header
    assert header.unit == {"z": "mm", "y": "nm", "x": "µm"}
    assert header.pixel_size == {"z": 0.5, "y": 250.0, "x": 0.25}


@pytest.mark.parametrize("unit", ["um", "micron", "µm", "\\u00B5m"])
def test_imagejs_spellings_of_micrometres_are_read(tmp_path: Path, unit: str) -> None:
    shown = unit if unit != "µm" else "\\u00B5m"  # the tag is ASCII: ImageJ escapes the letter, too
    path = written(
        tmp_path / "a.tif", pixels(3, 16, 21), imagej=True, resolution=(4, 2),
        metadata={"axes": "ZYX", "unit": shown, "spacing": -3.0},
    )  # fmt: skip
    header = read_image(path).header
    assert header.pixel_size == pytest.approx({"x": 0.25, "y": 0.5, "z": 3.0})
    assert header.unit == dict.fromkeys("xyz", "µm")


def test_a_resolution_in_pixels_is_no_pixel_size(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", pixels(16, 21), imagej=True, resolution=(1, 1), metadata={"unit": "pixel"})
    assert read_image(path).header.pixel_size == {}


@pytest.mark.parametrize(("interval", "expected"), [(2.5, {"t": 2.5}), (0.0, {})])
def test_the_frame_interval_is_read_unless_it_is_zero(tmp_path: Path, interval: float, expected: dict[str, float]) -> None:
    path = written(tmp_path / "a.tif", pixels(3, 16, 21), imagej=True, metadata={"axes": "TYX", "finterval": interval})
    assert read_image(path).header.pixel_size == expected


# --- other files -----------------------------------------------------------------------------------------------------


def test_an_ome_tiff_says_its_axes_pixel_size_and_units(tmp_path: Path) -> None:
    array = pixels(2, 3, 4, 16, 21)
    metadata = {
        "axes": "TCZYX", "PhysicalSizeX": 250.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2.0,
        "PhysicalSizeZUnit": "µm", "TimeIncrement": 3.0, "TimeIncrementUnit": "min",
    }  # fmt: skip
    image = read_image(written(tmp_path / "a.ome.tif", array, metadata=metadata))
    assert image.header.axes == "tczyx"
    assert image.header.pixel_size == {"t": 3.0, "z": 2.0, "y": 0.5, "x": 250.0}
    assert image.header.unit == {"t": "min", "z": "µm", "y": "µm", "x": "nm"}
    np.testing.assert_array_equal(image.array, array)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["DAPI", "cell wall"], ("DAPI", "cell wall")),
        (["DAPI", ""], ()),
        (["DAPI"], ()),
        (["a", "b", "c"], ()),
        ([" DAPI ", "x"], ("DAPI", "x")),
    ],
)
def test_the_channels_of_an_ome_tiff_have_its_names_if_each_has_one(
    tmp_path: Path, given: list[str], read: tuple[str, ...]
) -> None:
    names = "".join(f'<Channel ID="Channel:0:{number}" Name="{name}"/>' for number, name in enumerate(given))
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        'DimensionOrder="XYCZT" Type="uint16" SizeX="21" SizeY="16" SizeC="2" SizeZ="1" SizeT="1">'
        f"{names}<TiffData/></Pixels></Image></OME>"
    )
    path = written(tmp_path / "a.ome.tif", pixels(2, 16, 21), description=xml, metadata=None, photometric="minisblack")
    header = read_image(path).header
    assert (header.axes, header.channel_names) == ("cyx", read)


def test_an_ome_tiff_without_channels_has_no_names_of_any(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ome.tif", pixels(16, 21), metadata={"axes": "YX", "Channel": {"Name": ["DAPI"]}})
    assert (read_image(path).header.axes, read_image(path).header.channel_names) == ("yx", ())


def test_a_broken_ome_description_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ome.tif", pixels(16, 21), metadata={"axes": "YX"})
    path.write_bytes(path.read_bytes().replace(b"</Pixels>", b"<!Pixels>"))
    with pytest.raises(ImageFormatError, match=r"a\.ome\.tif is not a TIFF that can be read"):
        read_image(path)


@pytest.mark.parametrize("unit", [None, "INCH", "CENTIMETER"])
def test_the_resolution_of_a_plain_tiff_is_no_pixel_size(tmp_path: Path, unit: str | None) -> None:
    path = written(tmp_path / "a.tif", pixels(16, 21), resolution=(72, 72), resolutionunit=unit, metadata=None)
    assert (read_image(path).header.pixel_size, read_image(path).header.axes) == ({}, "yx")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float32", "float64"])
def test_both_byte_orders_give_the_same_pixels(tmp_path: Path, order: Any, dtype: str) -> None:
    array = pixels(16, 21, dtype=dtype)
    image = read_image(written(tmp_path / "a.tif", array, byteorder=order))
    assert image.header.dtype == dtype
    np.testing.assert_array_equal(image.array, array)


@pytest.mark.parametrize("compression", ["tiff_deflate", "packbits", "tiff_lzw"])
def test_compressed_tiffs_are_read(tmp_path: Path, compression: str) -> None:
    array = pixels(16, 21, dtype="uint8")
    Picture.fromarray(array).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").array, array)


@pytest.mark.parametrize("name", ["a.tif", "a.npy"])
def test_an_uncompressed_file_is_mapped_and_cannot_be_written_to(tmp_path: Path, name: str) -> None:
    array = pixels(3, 16, 21)
    write_image(tmp_path / name, make_image(array, "zyx"))
    image = read_image(tmp_path / name, "zyx")
    assert isinstance(image.array, np.memmap)
    assert not image.array.flags.writeable
    np.testing.assert_array_equal(image.array, array)


@pytest.mark.parametrize(("shape", "planar", "axes"), [((16, 21, 3), "contig", "yxc"), ((3, 16, 21), "separate", "cyx")])
def test_the_colours_of_an_rgb_image_are_channels(tmp_path: Path, shape: tuple[int, ...], planar: Any, axes: str) -> None:
    array = pixels(*shape, dtype="uint8")
    image = read_image(written(tmp_path / "a.tif", array, photometric="rgb", planarconfig=planar))
    assert image.header.axes == axes
    np.testing.assert_array_equal(image.array, array)


def several_pages(path: Path, writer: str) -> Any:
    array = pixels(5, 16, 21, dtype="uint8")
    if writer == "pillow":
        first, *others = (Picture.fromarray(page) for page in array)
        first.save(path, save_all=True, append_images=others)
    else:
        written(path, array, photometric="minisblack", metadata={} if writer == "tifffile" else None)
    return array


@pytest.mark.parametrize("writer", ["pillow", "tifffile", "no metadata"])
def test_pages_without_a_meaning_are_refused_until_someone_names_them(tmp_path: Path, writer: str) -> None:
    array = several_pages(tmp_path / "a.tif", writer)
    with pytest.raises(ImageFormatError) as caught:
        read_image(tmp_path / "a.tif")
    assert "holds 5 planes and does not say whether they are depth (z), time (t) or channels (c)" in str(caught.value)
    assert "--axes zyx" in str(caught.value)
    image = read_image(tmp_path / "a.tif", "tyx")
    assert image.header.axes == "tyx"
    np.testing.assert_array_equal(image.array, array)


def test_axes_that_the_caller_names_overrule_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", pixels(3, 16, 21), imagej=True, metadata={"axes": "ZYX"})
    assert read_image(path, "tyx").header.axes == "tyx"
    with pytest.raises(AxesError, match="3 dimensions"):
        read_image(path, "yx")


@pytest.mark.parametrize(("dtype", "order"), [("uint8", "C"), (">u2", "C"), ("float32", "F"), ("bool", "C"), ("float16", "C")])
def test_an_npy_file_is_read_as_it_was_saved(tmp_path: Path, dtype: str, order: Any) -> None:
    array = np.asarray(pixels(16, 21, dtype=dtype), order=order)
    np.save(tmp_path / "cells.npy", array)
    image = read_image(tmp_path / "cells.npy")
    assert (image.header.name, image.header.axes) == ("cells", "yx")
    np.testing.assert_array_equal(image.array, array)


def ome_set(folder: Path) -> Any:
    """Write an image of two planes as OME-TIFF of one plane a file; give the image."""
    planes = pixels(2, 16, 21, dtype="uint16")
    namespace = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
    said = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="{z}.ome.tif">urn:uuid:{z}</UUID></TiffData>'
        for z in range(2)
    )
    sizes = 'SizeX="21" SizeY="16" SizeZ="2" SizeC="1" SizeT="1"'
    described = f'<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" {sizes}>{said}</Pixels>'
    for z, plane in enumerate(planes):
        image = f'<Image ID="Image:0">{described}</Image>'
        xml = f'<?xml version="1.0"?><OME xmlns="{namespace}" UUID="urn:uuid:{z}">{image}</OME>'
        tifffile.imwrite(folder / f"{z}.ome.tif", plane, description=xml, metadata=None)
    return planes


def test_an_image_in_several_ome_tiffs_is_read_whole(tmp_path: Path) -> None:
    planes = ome_set(tmp_path)
    (tmp_path / "2.ome.tif").touch()  # whatever else lies there
    image = read_image(tmp_path / "0.ome.tif")
    assert image.header.axes == "zyx"
    np.testing.assert_array_equal(image.array, planes)


def test_an_image_in_several_ome_tiffs_of_which_one_is_missing_is_refused(tmp_path: Path) -> None:
    ome_set(tmp_path)
    (tmp_path / "1.ome.tif").unlink()
    with pytest.raises(ImageFormatError, match="1 of its 2 planes are neither in it nor in the files that it names"):
        read_image(tmp_path / "0.ome.tif")


@pytest.mark.parametrize(
    "how",
    [
        {"imagej": True, "metadata": {"axes": "ZCYX", "Labels": ["a"] * 6}},
        {"ome": True, "metadata": {"axes": "ZCYX", "Channel": {"Name": ["a", "b"]}}},
        {"metadata": {"axes": "ZCYX"}},
        {"metadata": None},
        {"ome": True, "metadata": {"axes": "ZCYX"}, "bigtiff": True, "byteorder": ">", "compression": "zlib", "tile": (16, 16)},
    ],
)
def test_a_usual_tiff_is_read_without_a_process_of_its_own(
    tmp_path: Path, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "a.ome.tif" if "ome" in how else "a.tif"
    tifffile.imwrite(tmp_path / name, pixels(3, 2, 40, 50, dtype="uint16"), photometric="minisblack", **how)
    started: list[Any] = []
    monkeypatch.setattr(tiff_safety, "_try", lambda *file: started.append(file))
    read = read_image(tmp_path / name, "zcyx" if how["metadata"] else "zyx")
    write_image(tmp_path / "b.tif", read, "about it")
    read_image(tmp_path / "b.tif")
    assert started == []


def test_an_unusual_tiff_is_read_as_before(tmp_path: Path) -> None:
    image = pixels(64, 64, dtype="uint16")
    with tifffile.TiffWriter(tmp_path / "pyramid.ome.tif", ome=True) as writer:
        writer.write(image, subifds=1, tile=(16, 16), metadata={"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm"})
        writer.write(image[::2, ::2], subfiletype=1, tile=(16, 16))
    read = read_image(tmp_path / "pyramid.ome.tif")
    np.testing.assert_array_equal(read.array, image)
    assert read.header.pixel_size["x"] == 0.5


def test_an_image_that_begins_in_another_file_is_read_from_that_one_only(tmp_path: Path) -> None:
    """Two images of two planes each, one a file: both files describe both images, and the first is the first file's."""
    images = [pixels(2, 16, 21, seed=number) for number in range(2)]
    sizes = 'SizeX="21" SizeY="16" SizeZ="2" SizeC="1" SizeT="1"'
    described = "".join(
        f'<Image ID="Image:{n}"><Pixels ID="Pixels:{n}" DimensionOrder="XYZCT" Type="uint16" {sizes}><TiffData IFD="0" '
        f'PlaneCount="2"><UUID FileName="{n}.ome.tif">urn:uuid:{n}</UUID></TiffData></Pixels></Image>'
        for n in range(2)
    )
    for n, image in enumerate(images):
        namespace = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
        xml = f'<?xml version="1.0"?><OME xmlns="{namespace}" UUID="urn:uuid:{n}">{described}</OME>'
        tifffile.imwrite(tmp_path / f"{n}.ome.tif", image, description=xml, metadata=None)
    np.testing.assert_array_equal(read_image(tmp_path / "0.ome.tif").array, images[0])
    with pytest.raises(ImageFormatError, match=r"its image begins in 0\.ome\.tif: give that file"):
        read_image(tmp_path / "1.ome.tif")


# --- files that are no image -----------------------------------------------------------------------------------------


def _truncated(path: Path, keep: float, **how: Any) -> None:
    data = written(path.with_name("whole.tif"), pixels(16, 21), **how).read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])


def _pickled(path: Path) -> None:
    np.save(path, np.array([{"a": 1}], dtype=object))


def _cut_npy(path: Path) -> None:
    np.save(path, pixels(16, 21))
    path.write_bytes(path.read_bytes()[:200])


def _archive(path: Path) -> None:
    np.savez(path.with_suffix(".npz"), a=pixels(4, 4))
    path.with_suffix(".npz").rename(path)


def _cut_stack(path: Path) -> None:
    tifffile.imwrite(path, pixels(4, 40, 50), imagej=True, metadata={"axes": "ZYX"})
    path.write_bytes(path.read_bytes()[:-3000])


BROKEN: dict[str, tuple[str, Any, type[Exception], str]] = {
    "nothing there": ("a.tif", lambda path: None, ImageNotFoundError, "There is no image"),
    "a name too long": ("a" * 3000 + ".tif", lambda path: None, ImageNotFoundError, "There is no image"),
    "a folder": ("a.tif", Path.mkdir, ImageFormatError, "a.tif is not a TIFF that can be read"),
    "a text": ("a.tif", lambda path: path.write_text("hello"), ImageFormatError, "a.tif is not a TIFF that can be read"),
    "no bytes": ("a.tif", Path.touch, ImageFormatError, "a.tif is not a TIFF that can be read"),
    "four bytes": ("a.tif", lambda path: path.write_bytes(b"II*\0"), ImageFormatError, "a.tif is not a TIFF that can be read"),
    "no page": ("a.tif", lambda path: path.write_bytes(b"II*\0\x08\0\0\0"), ImageFormatError, "a.tif"),
    "cut off": ("a.tif", lambda path: _truncated(path, 0.7), ImageFormatError, "the file ends before its pixels do"),
    "a stack cut off": ("a.tif", _cut_stack, ImageFormatError, "the file ends before its pixels do"),
    "cut off in its tags": ("a.tif", lambda path: _truncated(path, 0.1), ImageFormatError, "cannot|can be read"),
    "cut off, compressed": ("a.tif", lambda path: _truncated(path, 0.7, compression="zlib"), ImageFormatError, "a.tif"),
    "complex numbers": ("a.tif", lambda path: written(path, pixels(4, 4, dtype="complex64")), ImageFormatError, "complex64"),
    "another kind": ("a.png", Path.touch, ImageFormatError, "ImageJ saves anything it opens as TIFF"),
    "no suffix": ("cells", Path.touch, ImageFormatError, "give a TIFF"),
    "no bytes, npy": ("a.npy", Path.touch, ImageFormatError, "a.npy is not a .npy file of numbers"),
    "a text, npy": ("a.npy", lambda path: path.write_text("hello"), ImageFormatError, "a.npy is not a .npy file of numbers"),
    "Python objects": ("a.npy", _pickled, ImageFormatError, "a.npy is not a .npy file of numbers"),
    "an npz": ("a.npy", _archive, ImageFormatError, "a.npy is not a .npy file of numbers"),
    "texts in an array": ("a.npy", lambda path: np.save(path, np.array([["a"]])), ImageFormatError, "pixels of type str"),
    "no pixels": ("a.npy", lambda path: np.save(path, np.zeros((0, 5))), PixelValueError, "empty"),
    "one dimension": ("a.npy", lambda path: np.save(path, np.zeros(5)), AxesError, "at least rows and columns"),
    "cut off, npy": (
        "a.npy",
        _cut_npy,
        ImageFormatError,
        "a.npy is not a .npy file of numbers",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_is_no_image_is_refused_in_one_sentence(tmp_path: Path, case: str) -> None:
    name, make, kind, words = BROKEN[case]
    make(tmp_path / name)
    with pytest.raises(kind, match=words) as caught:
        read_image(tmp_path / name)
    assert isinstance(caught.value, IJBridgeError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["imagej", "ome", "zlib", "npy"])
def test_damaged_files_give_an_image_or_a_sentence(tmp_path: Path, kind: str) -> None:
    whole = tmp_path / f"whole.{kind}.{'npy' if kind == 'npy' else 'tif'}"
    if kind == "npy":
        np.save(whole, pixels(16, 21))
    else:
        how: dict[str, Any] = {"compression": "zlib"} if kind == "zlib" else {kind: True}
        written(whole, pixels(16, 21), **how)
    data, path, rng = whole.read_bytes(), tmp_path / f"damaged{whole.suffix}", np.random.default_rng(7)
    # of the compressed file only the pixels are damaged: sizes of many gigabytes would really be reserved
    start, stop = (len(data) - 300, len(data)) if kind == "zlib" else (0, min(len(data), 400))
    sentences = []
    for _ in range(300):
        damaged = bytearray(data)
        for place in rng.integers(start, stop, rng.integers(1, 6)):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            read_image(path)
        except IJBridgeError as error:
            sentences.append(str(error))
    assert sentences
    assert not [sentence for sentence in sentences if "\n" in sentence]


# --- results ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("bool", "uint8"), ("uint8", "uint8"), ("uint16", "uint16"), ("int8", "float32"), ("int16", "float32"),
     ("uint32", "float32"), ("int64", "float32"), ("float16", "float32"), ("float32", "float32"), ("float64", "float32")],
)  # fmt: skip
def test_values_get_the_type_of_an_imageplus_that_holds_them(tmp_path: Path, dtype: str, expected: str) -> None:
    array = pixels(16, 21, dtype=dtype)
    array.flat[0] = 0
    write_image(tmp_path / "a.tif", make_image(array, "yx"))
    back = read_image(tmp_path / "a.tif")
    assert back.header.dtype == expected
    np.testing.assert_array_equal(back.array, array.astype(expected))


@pytest.mark.parametrize("value", [2**24, -(2**24)])
def test_labels_up_to_24_bits_are_held_exactly(value: int) -> None:
    assert to_imagej_dtype(np.array([[value]])).tolist() == [[float(value)]]


@pytest.mark.parametrize(
    ("value", "dtype"), [(2**24 + 1, "int32"), (-(2**24) - 1, "int64"), (2**63, "uint64"), (-(2**63), "int64")]
)
def test_integers_that_imagej_cannot_hold_exactly_are_refused(tmp_path: Path, value: int, dtype: str) -> None:
    image = make_image(np.full((4, 4), value, dtype), "yx", name="labels")
    with pytest.raises(ResultError, match=rf"labels holds integers up to {abs(value)}.*\.npy"):
        write_image(tmp_path / "a.tif", image)
    write_image(tmp_path / "a.npy", image)
    assert np.load(tmp_path / "a.npy").dtype == dtype


def test_an_npy_result_is_the_array_as_it_is(tmp_path: Path) -> None:
    array = pixels(2, 3, 16, 21, dtype="float64").transpose(1, 0, 3, 2)
    write_image(tmp_path / "a.npy", make_image(array, "bcyx"))
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), array)


@pytest.mark.parametrize("axes", ["byx", "iyx"])
def test_a_tiff_cannot_hold_axes_that_imagej_has_not(tmp_path: Path, axes: str) -> None:
    with pytest.raises(ResultError, match=rf"\({axes}\), which an ImageJ TIFF cannot hold: write it as \.npy"):
        write_image(tmp_path / "a.tif", make_image(pixels(2, 16, 21), axes))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.png", "not as '.png'"),
        ("a", "a file without suffix"),
        ("absent/a.tif", "does not exist"),
        ("folder.tif", "is a folder"),
        ("a" * 300 + ".tif", "cannot be written"),
    ],
)
def test_a_place_where_nothing_can_be_written_is_refused(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder.tif").mkdir()
    with pytest.raises(ResultError, match=words):
        write_image(tmp_path / name, make_image(pixels(4, 4), "yx"))
    assert [file.name for file in tmp_path.iterdir()] == ["folder.tif"]


@pytest.mark.parametrize("name", ["a.tif", "a.npy"])
def test_a_disk_that_is_full_leaves_the_old_file_and_nothing_else(tmp_path: Path, name: str) -> None:
    pytest.importorskip("resource")
    (tmp_path / name).write_text("old")
    code = (
        "import resource, numpy as np; from ijbridge.errors import ResultError\n"
        "from ijbridge.image import make_image; from ijbridge.image_io import write_image\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_image(%r, make_image(np.zeros((64, 64)), 'yx'))\n"
        "except ResultError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code % str(tmp_path / name)], capture_output=True, text=True, check=True)
    assert run.stdout.startswith(f"{tmp_path / name} cannot be written: ")
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "old"


def test_a_result_that_does_not_fit_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_text("old")
    with pytest.raises(ResultError):
        write_image(tmp_path / "a.tif", make_image(pixels(2, 4, 4), "byx"))
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.tif", "old")]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_result_has_the_rights_of_any_new_file(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_image(tmp_path / "a.tif", make_image(pixels(4, 4), "yx"))
    finally:
        os.umask(before)
    assert (tmp_path / "a.tif").stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_file_is_checked_without_regard_to_its_axes(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "planes.tif", pixels(3, 20, 20), photometric="minisblack")
    check_file(tmp_path / "planes.tif")
    check_file(tmp_path / "other.png")  # not looked at
    _cut_stack(tmp_path / "cut.tif")
    with pytest.raises(ImageFormatError, match="the file ends before its pixels do"):
        check_file(tmp_path / "cut.tif")
