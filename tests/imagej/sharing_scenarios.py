"""Pixels between numpy and Java, seen from a Python process of their own: each scenario is a program, as in scenarios.py."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import appose
import jpype
import numpy as np
import psutil

import ijbridge
from ijbridge.errors import IJBridgeError, SharingError
from ijbridge.imagej import buffers, to_imageplus, to_java, to_numpy, to_xarray
from java_images import SHAPE, at, fill, in_shared_memory, ints, longs, new_type, of_imglyb, on_buffers, on_heap, view

NUMBERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64")


def start(jars: list[str]) -> None:
    """Start a Java that knows ImgLib2 and ImageJ, but neither ImageJ2 nor the plugin."""
    jpype.startJVM("-Djava.awt.headless=true", "-Xmx1g", classpath=jars, convertStrings=False)


def pixels(dtype: str) -> Any:
    """Make an array of every type, with the highest bit set in some."""
    made = np.random.default_rng(3).integers(0, 2**63, SHAPE).astype("uint64")
    if dtype == "bool":
        return made % 2 == 0
    if np.dtype(dtype).kind in "fc":
        return ((made % 1000).astype("float64") - 500).astype(dtype)
    return (made % 2**50).astype(dtype)  # what Java's setReal can set


FROM_JAVA: dict[str, Callable[[str], Any]] = {
    "ArrayImg on a direct buffer": on_buffers("array"),
    "PlanarImg on direct buffers": on_buffers("planar"),
    "CellImg on direct buffers": on_buffers("cell"),
    "ShmImg": in_shared_memory,
    "imglyb's images": of_imglyb,
    "ArrayImg on Java's heap": on_heap("array"),
    "PlanarImg on Java's heap": on_heap("planar"),
    "CellImg on Java's heap": on_heap("cell"),
    "views, and images that are computed": view,
}

FROM_NUMPY: dict[str, Callable[..., Any]] = {
    **{
        f'{name} (`kind="{kind}"`)': lambda array, copy=None, kind=kind: to_java(array, copy, kind=kind)
        for name, kind in (("ArrayImg", "array"), ("PlanarImg", "planar"), ("CellImg", "cell"), ("ShmImg", "shm"))
    },
    "ImagePlus": lambda array, copy=None: to_imageplus(array, copy, axes="zyx"),
}


# --- the table -------------------------------------------------------------------------------------------------------


def table(jars: list[str]) -> dict[str, dict[str, list[str]]]:
    """Try every kind of image with every type, both ways, and say what happened: shared, copied, or refused."""
    start(jars)
    seen: dict[str, dict[str, list[str]]] = {}
    columns = {"numbers": NUMBERS, "bool": ("bool", "bits"), "RGB": ("rgb",)}
    for name, make in FROM_JAVA.items():
        row = seen[f"to_numpy: {name}"] = {}
        for column, dtypes in columns.items():
            row[column] = [_from_java(make, dtype) for dtype in dtypes if _exists(name, dtype)]
    for name, give in FROM_NUMPY.items():
        seen[f"to_java: {name}"] = row_of(give, [one for one in NUMBERS if name != "ImagePlus" or not _large(one)])
    seen["to_java: ShmImg, of an `appose.NDArray`"] = {
        "numbers": [_from_named(dtype) for dtype in NUMBERS],
    }
    plus = {"uint8": "GRAY8", "uint16": "GRAY16", "float32": "GRAY32"}
    seen["to_numpy: ImagePlus"] = {"numbers": [_imageplus(dtype) for dtype in plus], "RGB": [_imageplus("rgb")]}
    return seen


def row_of(give: Callable[..., Any], numbers: Sequence[str] = NUMBERS) -> dict[str, list[str]]:
    """Try what makes images of Java's of arrays with every type."""
    return {
        "numbers": [_from_numpy(give, pixels(dtype)) for dtype in numbers],
        "not in C order": [_from_numpy(give, pixels("uint16").transpose(0, 2, 1))],
        "other byte order": [_from_numpy(give, pixels("float32").astype(">f4"))],
        "bool": [_from_numpy(give, pixels("bool"))],
        "float16": [_from_numpy(give, pixels("float16"))],
        "complex": [_from_numpy(give, pixels("complex64"))],
    }


def _large(dtype: str) -> bool:
    return np.dtype(dtype).itemsize > 2 and np.dtype(dtype).kind in "iu"


def _exists(name: str, dtype: str) -> bool:
    if "direct buffer" in name or name == "ShmImg":
        return dtype not in ("bool", "bits") and (name, dtype) != ("ShmImg", "rgb")
    return name != "imglyb's images" or dtype != "bits"


def _from_java(make: Callable[[str], Any], dtype: str) -> str:
    image = make(dtype)
    low = [int(image.min(axis)) for axis in reversed(range(3))]
    values = pixels({"bits": "bool", "rgb": "uint32"}.get(dtype, dtype))
    fill(jpype.JClass("net.imglib2.view.Views").zeroMin(image), values)
    expected = values if dtype != "rgb" else np.stack([values >> shift & 255 for shift in (16, 8, 0)], axis=1).astype("uint8")
    array = to_numpy(image)
    copied = to_numpy(image, copy=True)
    for one in (array, copied):
        assert one.dtype == expected.dtype, (dtype, one.dtype)
        np.testing.assert_array_equal(one, expected)
    linked = _linked(image, array, low)
    assert not _linked(image, copied, low)
    closed = getattr(image, "close", None)
    try:
        forced = to_numpy(image, copy=False)
    except SharingError:
        return "copied" if not linked else "linked, and yet refused"
    both = linked and _linked(image, forced, low)
    if closed is not None:
        closed()
    return "shared" if both else "not linked"


def _linked(image: Any, array: Any, low: Any = (0, 0, 0)) -> bool:
    """Whether what is written on either side is seen on the other."""
    access, place = image.randomAccess(), (2, 1, 3)
    if array.ndim != 3:
        return False
    pixel = at(access, [one + first for one, first in zip(place, low, strict=True)])
    before = float(pixel.getRealDouble())
    first, second = (1 - before, before) if array.dtype == bool else (7.0, 9.0)
    kept = array[place].copy()
    pixel.setReal(jpype.JDouble(first))
    seen = array[place] == first
    array[place] = second
    told = float(pixel.getRealDouble())
    pixel.setReal(jpype.JDouble(before))
    array[place] = kept
    return bool(seen and told == second)


def _from_numpy(give: Callable[..., Any], array: Any) -> str:
    kept = array.copy()
    try:
        image = give(array)
    except IJBridgeError:
        return "refused"
    np.testing.assert_array_equal(to_numpy(image), kept)
    linked = not _is_plus(image) and _linked(image, array)
    forced = give(array, copy=True)
    assert _is_plus(forced) or not _linked(forced, array)
    try:
        give(array, copy=False)
        seen = "shared" if linked else "not linked"
    except SharingError:
        seen = "copied" if not linked else "linked, and yet refused"
    for one in (image, forced):
        if hasattr(one, "ndArray"):
            one.close()
    return seen


def _is_plus(image: Any) -> bool:
    return hasattr(image, "getProcessor")


def _from_named(dtype: str) -> str:
    named = appose.NDArray(dtype, list(SHAPE))
    try:
        values = named.ndarray()
        values[...] = pixels(dtype)
        try:
            image = to_java(named, copy=False)
        except IJBridgeError:
            return "refused"
        linked = _linked(image, values)
        np.testing.assert_array_equal(to_numpy(image), values)
        image.close()
        del values
        return "shared" if linked else "not linked"
    finally:
        gc.collect()
        named.shm.dispose()


def _imageplus(dtype: str) -> str:
    values = pixels("uint8") if dtype == "rgb" else pixels(dtype)
    stack = np.stack([values] * 3, axis=1) if dtype == "rgb" else values
    if dtype == "rgb":
        image = jpype.JClass("ij.IJ").createImage("colours", "RGB", SHAPE[2], SHAPE[1], SHAPE[0])
        for z in range(SHAPE[0]):
            plane = image.getStack().getProcessor(z + 1)
            for y, x in np.ndindex(*SHAPE[1:]):
                plane.set(x, y, int(values[z, y, x]) * 0x010101)
    else:
        image = to_imageplus(values, axes="zyx")
    np.testing.assert_array_equal(to_numpy(image), stack)
    try:
        to_numpy(image, copy=False)
    except SharingError:
        return "copied"
    return "not refused"


# --- other things that hold ------------------------------------------------------------------------------------------


def particulars(jars: list[str], model: str) -> dict[str, Any]:
    """Try what is no cell of the table."""
    start(jars)
    seen: dict[str, Any] = {}

    # of the other byte order, and read only
    big = jpype.JClass("java.nio.ByteBuffer").allocateDirect(24)
    access = jpype.JClass("net.imglib2.img.basictypeaccess.nio.FloatBufferAccess")
    floats = jpype.JClass("net.imglib2.img.array.ArrayImgs").floats
    swapped = to_numpy(floats(access(big.asFloatBuffer(), True), longs((2, 3))), copy=False)
    swapped[...] = 2.5
    seen["swapped"] = [swapped.dtype.str, float(big.asFloatBuffer().get(5))]
    locked = np.arange(6, dtype=np.float32).reshape(2, 3)
    locked.flags.writeable = False
    image = to_java(locked, copy=False)
    pixel = at(image.randomAccess(), (0, 0))
    seen["locked"] = [bool(to_numpy(image).flags.writeable), _said(partial(pixel.setReal, jpype.JDouble(1)))]

    # planes apart from one another, and cells that are boxes
    factory = jpype.JClass("net.imglib2.img.cell.CellImgFactory")
    seen["heap"] = _said(lambda: to_numpy(on_heap("array")("uint8"), copy=False))
    seen["boxes"] = _said(lambda: to_numpy(factory(new_type("uint8"), ints((2, 2, 2))).create(longs()), copy=False))
    planes = jpype.JClass("java.util.ArrayList")()
    for _ in range(3):
        planes.add(access(jpype.JClass("java.nio.ByteBuffer").allocateDirect(4 * 20).asFloatBuffer(), True))
    apart = jpype.JClass("net.imglib2.img.planar.PlanarImg")(planes, longs(), jpype.JClass("net.imglib2.util.Fraction")())
    apart.setLinkedType(new_type("float32").getNativeTypeFactory().createLinkedType(apart))
    seen["apart"] = _said(lambda: to_numpy(apart, copy=False))
    fill(apart, pixels("float32"))
    seen["apart_copied"] = bool((to_numpy(apart) == pixels("float32")).all())

    # a view of buffers, and values that are computed
    array = pixels("int16")
    views = jpype.JClass("net.imglib2.view.Views")
    turned = views.permute(to_java(array), jpype.JInt(0), jpype.JInt(2))
    seen["turned"] = bool((to_numpy(turned) == array.transpose(2, 1, 0)).all())
    seen["view"] = _said(lambda: to_numpy(turned, copy=False))

    # larger than a buffer of Java's
    large = np.empty((3, 1 << 10, 1 << 20), np.uint8)  # 3 GB that nobody touches but here and there
    large[2, 5, 7] = 77
    image = to_java(large, copy=False)
    back = to_numpy(image, copy=False)
    back[1, 1, 1] = 9
    pixel = at(image.randomAccess(), (2, 5, 7))
    seen["large"] = [
        type(image).__name__,
        int(pixel.getInteger()),
        int(large[1, 1, 1]),
        to_numpy(image).ctypes.data == large.ctypes.data,
    ]
    plane = large.reshape(3 << 10, 1 << 20)
    image = to_java(plane, copy=False)
    pixel = at(image.randomAccess(), ((2 << 10) + 5, 7))
    seen["large_plane"] = [type(image).__name__, int(pixel.getInteger()), to_numpy(image, copy=False).shape == plane.shape]
    seen["too_large"] = _said(partial(to_java, large, kind="array"))
    del large, plane, back, image, pixel

    # signs, types that nobody has, and axes
    seen["signs"] = [int(to_numpy(fill(on_heap("array")(kind), np.full(SHAPE, value)))[0, 0, 0]) for kind, value in _SIGNS]
    complex_ = jpype.JClass("net.imglib2.img.array.ArrayImgs").complexFloats(longs())
    seen["complex"] = _said(lambda: to_numpy(complex_))
    seen["no_axes"] = _said(lambda: to_xarray(to_java(array)))
    seen["named"] = list(to_xarray(to_java(array), axes="tyx").dims)
    seen["no_image"] = _said(lambda: to_numpy(jpype.JClass("java.util.ArrayList")()))
    seen["no_kind"] = _said(lambda: to_java(array, kind="list"))  # type: ignore[arg-type]
    seen["no_imglyb"] = _said(lambda: to_java(array, kind="imglyb"))

    # results in the world they were asked for in
    picture = np.random.default_rng(5).integers(0, 255, (40, 35)).astype(np.uint8)
    expected = ijbridge.predict(model, picture, tile=32)
    heap = jpype.JClass("net.imglib2.img.array.ArrayImgFactory")(new_type("uint8")).create(longs(picture.shape))
    to_shm = to_java(picture, kind="shm")
    seen["worlds"] = {}
    for name, given in {"numpy": picture, "buffer": to_java(picture), "heap": fill(heap, picture), "shm": to_shm}.items():
        for output in (None, "xarray", "java"):
            found = ijbridge.predict(model, given, tile=32, output=output)
            same = to_numpy(found) if hasattr(found, "randomAccess") else found.values
            seen["worlds"][f"{name} {output}"] = [type(found).__name__, bool(same.tobytes() == expected.values.tobytes())]
    to_shm.close()
    plus = to_imageplus(picture)
    found = ijbridge.predict(model, plus, tile=32)
    seen["worlds"]["plus None"] = [type(found).__name__, bool(to_numpy(found).tobytes() == expected.values.tobytes())]
    return seen


_SIGNS = (("uint8", 200), ("int8", -100), ("uint16", 60000), ("int16", -30000), ("uint32", 4_000_000_000), ("int64", -5))


def _said(call: Callable[[], Any]) -> str:
    try:
        call()
    except (IJBridgeError, jpype.JException) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def crossings(jars: list[str]) -> dict[str, Any]:
    """Cross 1,000 times each way with memory that would not fit 1,000 times, and let go of each."""
    start(jars)
    size = 16 << 20
    seen: dict[str, Any] = {}
    for name, cross in {"to_java": _to_java, "to_numpy": _to_numpy, "imageplus": _imageplus_and_back, "both": _both}.items():
        rss = []
        for number in range(1000):
            cross(size)
            if number % 100 == 99:
                rss.append(psutil.Process().memory_info().rss >> 20)
        seen[name] = rss
    gc.collect()
    jpype.JClass("java.lang.System").gc()
    for _ in range(50):
        if not buffers._lent.total:
            break
        time.sleep(0.1)
    seen["lent"] = buffers._lent.total

    # either side keeps the other's memory alive
    image = to_java(np.full((4, 5), 42, np.uint8))
    array = to_numpy(to_java(np.full((4, 5), 43, np.uint8)), copy=False)
    direct = to_numpy(on_buffers("array")("uint8"), copy=False)
    direct[...] = 44
    for _ in range(3):
        gc.collect()
        jpype.JClass("java.lang.System").gc()
        time.sleep(0.1)
    waste = [np.zeros((4, 5), np.uint8) for _ in range(1000)]
    seen["alive"] = [int(at(image.randomAccess(), (1, 2)).get()), int(array[1, 2]), int(direct[1, 2, 3]), len(waste)]

    # the same memory counts once, however often it is lent
    one = np.zeros(size, np.uint8)
    kept = [to_java(one) for _ in range(200)]
    seen["once"] = [buffers._lent.total >= size, buffers._lent.total < 2 * size, len(kept)]
    return seen


def _to_java(size: int) -> None:
    array = np.empty(size, np.uint8)
    array[::4096] = 1
    to_java(array, copy=False)


def _to_numpy(size: int) -> None:
    image = jpype.JClass("net.imglib2.img.array.ArrayImgs").unsignedBytes(jpype.JArray(jpype.JLong)([size // 16]))
    to_numpy(image)


def _imageplus_and_back(size: int) -> None:
    to_numpy(to_imageplus(np.ones((size >> 14, 1 << 10), np.uint8)))


def _both(size: int) -> None:
    array = np.empty(size, np.uint8)
    array[::4096] = 1
    to_numpy(to_java(array, copy=False), copy=False)[0] = 2
    assert array[0] == 2


SCENARIOS: dict[str, Callable[..., dict[str, Any]]] = {"table": table, "particulars": particulars, "crossings": crossings}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(SCENARIOS[sys.argv[1]](**json.loads(sys.argv[2]))) + "\n")
