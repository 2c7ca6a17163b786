"""The cases: every operation in all its arguments, alone and in chains, before and after the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Tensors: TypeAlias = "list[dict[str, Any]]"
Operations: TypeAlias = "Sequence[Mapping[str, Any]]"


@dataclass(frozen=True)
class Case:
    """One model and what it is given.

    ``images`` are names of `images`, per input; with several per input they are given one after the other to one pipeline.
    ``network`` is the type of each input of the network, which gives it back as the output of the same number.
    """

    name: str
    inputs: Tensors
    outputs: Tensors
    images: Mapping[str, Sequence[str]]
    network: Sequence[str] = ("float32",)
    format: Literal["0.5", "0.4"] = "0.5"
    how: Literal["predict", "blocks", "pipeline", "converted"] = "predict"

    def record(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {**vars(self), "images": {name: list(given) for name, given in self.images.items()}, "network": [*self.network]}


def op(name: str, /, **kwargs: Any) -> dict[str, Any]:
    """Write an operation as 0.5 does."""
    return {"id": name, **({"kwargs": kwargs} if kwargs else {})}


def old(name: str, /, **kwargs: Any) -> dict[str, Any]:
    """Write an operation as 0.4 does."""
    return {"name": name, **({"kwargs": kwargs} if kwargs else {})}


def _input(name: str, dtype: str, channels: int, pre: Operations, smallest: int = 1) -> dict[str, Any]:
    space = [{"type": "space", "id": one, "size": {"min": smallest, "step": 1}} for one in "yx"]
    axes = [{"type": "batch"}, {"type": "channel", "channel_names": [f"c{one}" for one in range(channels)]}, *space]
    return {"id": name, "axes": axes, "data": {"type": dtype}, "preprocessing": [*pre]}


def _output(name: str, follows: str, dtype: str, channels: int, post: Operations, halo: int) -> dict[str, Any]:
    more = {"halo": halo} if halo else {}
    space = [{"type": "space", "id": one, "size": {"tensor_id": follows, "axis_id": one}, **more} for one in "yx"]
    axes = [{"type": "batch"}, {"type": "channel", "channel_names": [f"c{one}" for one in range(channels)]}, *space]
    data = {"type": dtype, "values": [False, True]} if dtype == "bool" else {"type": dtype}
    return {"id": name, "axes": axes, "data": data, "postprocessing": [*post]}


def case(
    name: str,
    image: str | Sequence[str],
    pre: Operations = (),
    post: Operations = (),
    *,
    dtype: str = "float32",
    out_dtype: str = "float32",
    network: str = "float32",
    channels: int = 2,
    halo: int = 0,
    **more: Any,
) -> Case:
    """Describe, in 0.5, one input "raw" and one output "out"."""
    return Case(
        name,
        [_input("raw", dtype, channels, pre, 2 * halo + 1)],
        [_output("out", "raw", out_dtype, channels, post, halo)],
        {"raw": [image] if isinstance(image, str) else image},
        [network],
        **more,
    )


def two(name: str, pre: Operations = (), post: Operations = (), other: Operations = ()) -> Case:
    """Describe, in 0.5, a second input "other" with operations of its own, for those that refer to it."""
    return Case(
        name,
        [_input("raw", "float32", 2, pre), _input("other", "float32", 2, other)],
        [_output("out", "raw", "float32", 2, post, 0), _output("other_out", "other", "float32", 2, (), 0)],
        {"raw": ["float32"], "other": ["another float32"]},
        ["float32", "float32"],
    )


def case04(
    name: str,
    image: str,
    pre: Operations = (),
    post: Operations = (),
    *,
    dtype: str = "float32",
    out_dtype: str = "float32",
    network: str = "float32",
    reference: Operations | None = None,
) -> Iterator[Case]:
    """Describe the same in 0.4; run as it is, and converted to 0.5 by bioimageio.spec."""

    def given(name: str, dtype: str, pre: Operations) -> dict[str, Any]:
        shape = {"min": [1, 2, 1, 1], "step": [0, 0, 1, 1]}
        return {"name": name, "axes": "bcyx", "data_type": dtype, "shape": shape, "preprocessing": [*pre]}

    def found(name: str, follows: str, dtype: str, post: Operations) -> dict[str, Any]:
        shape = {"reference_tensor": follows, "scale": [1, 1, 1, 1], "offset": [0, 0, 0, 0]}
        return {"name": name, "axes": "bcyx", "data_type": dtype, "shape": shape, "postprocessing": [*post]}

    inputs, outputs = [given("raw", dtype, pre)], [found("out", "raw", out_dtype, post)]
    shown, types = {"raw": [image]}, [network]
    if reference is not None:
        inputs.append(given("other", "float32", reference))
        outputs.append(found("other_out", "other", "float32", ()))
        shown, types = {**shown, "other": ["another float32"]}, [network, "float32"]
    yield Case(f"0.4: {name}", inputs, outputs, shown, types, "0.4")
    yield Case(f"0.4 converted: {name}", inputs, outputs, shown, types, "0.4", "converted")


YX, CYX, BYX, ALL = ["y", "x"], ["channel", "y", "x"], ["batch", "y", "x"], ["batch", "channel", "y", "x"]
REF = {"reference_tensor": "other"}


def cases() -> Iterator[Case]:
    """Give every operation in all its arguments, alone and in chains, before and after the network."""
    yield from _statistics()
    yield from _limits()
    yield from _sums()
    yield from _types()
    yield from _chains()
    yield from _after_the_network()
    yield from _references()
    yield from _old()


def _statistics() -> Iterator[Case]:
    for name in ("zero_mean_unit_variance", "scale_range"):
        yield case(f"{name}", "float32", [op(name)])
        for axes in (YX, CYX, BYX, ALL, ["channel"], ["x"], ["batch"]):
            yield case(f"{name} over {' '.join(axes)}", "float32", [op(name, axes=axes)])
        for image in ("uint8", "uint16", "int16", "float64", "constant", "constant uint8", "on an offset", "with a NaN"):
            yield case(f"{name} over y x, {image}", image, [op(name, axes=YX)])
        yield case(f"{name}, constant", "constant", [op(name)])
        yield case(f"{name} over y x, eps 1e-6", "float32", [op(name, axes=YX, eps=1e-6)])
        yield case(f"{name} over y x, eps 0.1", "float32", [op(name, axes=YX, eps=0.1)])
        yield case(f"{name} over y x, eps 0.1, constant", "constant uint8", [op(name, axes=YX, eps=0.1)])
        yield case(f"{name} over y x, halo", "float32", [op(name, axes=YX)], halo=2)
        yield case(f"{name} over y x, halo, in blocks", "float32", [op(name, axes=YX)], halo=2, how="blocks")
        yield case(f"{name}, three images", ["float32", "a third float32", "float32"], [op(name)], how="pipeline")
        yield case(
            f"{name} over y x, three images", ["float32", "a third float32", "float32"], [op(name, axes=YX)], how="pipeline"
        )
    for low, high in ((1, 99.8), (5, 95), (0, 50), (33.3, 100)):
        ends = {"min_percentile": low, "max_percentile": high}
        yield case(f"scale_range over y x, {low} to {high}", "float32", [op("scale_range", axes=YX, **ends)])
        yield case(f"scale_range, {low} to {high}", "float32", [op("scale_range", **ends)])
    yield case(
        "scale_range over y x, 5 to 95, uint8", "uint8", [op("scale_range", axes=YX, min_percentile=5, max_percentile=95)]
    )


def _limits() -> Iterator[Case]:
    limits: dict[str, dict[str, float]] = {
        "min": {"min": 0.3},
        "max": {"max": 0.6},
        "min and max": {"min": 0.3, "max": 0.6},
        "min_percentile": {"min_percentile": 10},
        "max_percentile": {"max_percentile": 90},
        "both percentiles": {"min_percentile": 10, "max_percentile": 90},
        "min and max_percentile": {"min": 0.2, "max_percentile": 80},
        "min_percentile and max": {"min_percentile": 20, "max": 0.7},
    }
    for name, kwargs in limits.items():
        image = "zero to one" if {"min", "max"} & {*kwargs} else "float32"
        yield case(f"clip, {name}", image, [op("clip", **kwargs)])
        if "percentile" in name:
            for axes in (YX, CYX, BYX):
                yield case(f"clip, {name} over {' '.join(axes)}", image, [op("clip", **kwargs, axes=axes)])
    yield case("clip, limits that cross", "float32", [op("clip", min=0.5, max_percentile=80, axes=YX)])
    yield case("clip, min above max", "zero to one", [op("clip", min=0.6, max=0.3)])
    yield case(
        "clip, min and max, uint8", "uint8", [op("clip", min=50, max=100.5)], dtype="uint8", network="uint8", out_dtype="uint8"
    )
    yield case("clip, both percentiles over y x, uint16", "uint16", [op("clip", min_percentile=5, max_percentile=95, axes=YX)])
    yield case("clip, min and max, with a NaN", "with a NaN", [op("clip", min=0.0, max=6.0)])
    cast = op("ensure_dtype", dtype="float32")
    for name, image, threshold in (("0.5", "zero to one", 0.5), ("equal, 0.5", "halves", 0.5), ("equal, 0.1", "tenths", 0.1)):
        yield case(f"binarize, {name}", image, [op("binarize", threshold=threshold), cast])
    yield case("binarize, 100, uint8", "uint8", [op("binarize", threshold=100), cast], dtype="uint8")
    yield case("binarize last, network of bool", "halves", [op("binarize", threshold=0.5)], network="bool", out_dtype="uint8")
    yield case("binarize last, network of float32", "halves", [op("binarize", threshold=0.5)])
    thresholds = [0.2, 0.5, 0.8]
    yield case("binarize along channel", "zero to one", [op("binarize", threshold=thresholds[:2], axis="channel"), cast])
    yield case(
        "binarize along channel, as many columns",
        "three by three",
        [op("binarize", threshold=thresholds, axis="channel"), cast],
        channels=3,
    )
    yield case("binarize along x", "three by three", [op("binarize", threshold=thresholds, axis="x"), cast], channels=3)
    yield case(
        "binarize along x, equal", "tenths", [op("binarize", threshold=[0.1 * one for one in range(1, 7)], axis="x"), cast]
    )


def _sums() -> Iterator[Case]:
    yield case("scale_linear, gain", "float32", [op("scale_linear", gain=2.5)])
    yield case("scale_linear, offset", "float32", [op("scale_linear", offset=-3.0)])
    yield case("scale_linear, gain and offset", "float32", [op("scale_linear", gain=2.5, offset=-3.0)])
    yield case(
        "scale_linear along channel", "float32", [op("scale_linear", gain=[2.5, -0.5], offset=[1.0, 7.0], axis="channel")]
    )
    yield case(
        "scale_linear along channel, one offset", "float32", [op("scale_linear", gain=[2.5, -0.5], offset=1.0, axis="channel")]
    )
    yield case("scale_linear along channel, gain left out", "float32", [op("scale_linear", offset=[1.0, 2.0], axis="channel")])
    yield case("scale_linear along y", "float32", [op("scale_linear", gain=[1.0, 2.0, 3.0, 4.0, 5.0], axis="y")])
    yield case("scale_linear, uint8", "uint8", [op("scale_linear", gain=1 / 255)])
    fixed = "fixed_zero_mean_unit_variance"
    yield case(fixed, "float32", [op(fixed, mean=4.0, std=3.0)])
    yield case(f"{fixed} along channel", "float32", [op(fixed, mean=[4.0, -20.0], std=[3.0, 11.0], axis="channel")])
    yield case(f"{fixed} along x", "float32", [op(fixed, mean=[float(one) for one in range(6)], std=[1.5] * 6, axis="x")])
    yield case(f"{fixed}, a std of 0.001", "float32", [op(fixed, mean=4.0, std=1e-3)])
    yield case(f"{fixed}, uint16", "uint16", [op(fixed, mean=2000.0, std=900.0)])
    for image in ("float32", "large", "uint8"):
        yield case(f"sigmoid, {image}", image, [op("sigmoid")])
        yield case(f"softmax, {image}", image, [op("softmax")])
    yield case("softmax along channel", "float32", [op("softmax", axis="channel")])
    yield case("softmax along x", "float32", [op("softmax", axis="x")])


def _types() -> Iterator[Case]:
    for dtype in ("uint8", "int8", "uint16", "int16"):
        yield case(
            f"ensure_dtype {dtype}, fractions", "halves", [op("ensure_dtype", dtype=dtype)], network=dtype, out_dtype=dtype
        )
        yield case(
            f"ensure_dtype {dtype}, beyond its limits",
            "beyond",
            [op("ensure_dtype", dtype=dtype)],
            network=dtype,
            out_dtype=dtype,
        )
    yield case("ensure_dtype bool", "halves", [op("ensure_dtype", dtype="bool")], network="bool", out_dtype="bool")
    yield case("ensure_dtype float64", "float32", [op("ensure_dtype", dtype="float64")], network="float64", out_dtype="float64")
    yield case("uint16 described as uint8", "uint16", dtype="uint8", network="uint8", out_dtype="uint8")
    yield case(
        "float32 described as uint8",
        "zero to one",
        [op("scale_linear", gain=2.5)],
        dtype="uint8",
        network="uint8",
        out_dtype="uint8",
    )
    yield case(
        "scale_range, described as uint8",
        "uint8",
        [op("scale_range", axes=YX)],
        dtype="uint8",
        network="uint8",
        out_dtype="uint8",
    )
    yield case(
        "zero_mean_unit_variance, described as uint8",
        "uint8",
        [op("zero_mean_unit_variance", axes=YX)],
        dtype="uint8",
        network="uint8",
        out_dtype="uint8",
    )
    yield case(
        "zero_mean_unit_variance, described as int16",
        "int16",
        [op("zero_mean_unit_variance", axes=YX)],
        dtype="int16",
        network="int16",
        out_dtype="int16",
    )
    yield case("an output described as uint8", "halves", out_dtype="uint8")
    yield case("an output described as uint8, beyond its limits", "beyond", out_dtype="uint8")


def _chains() -> Iterator[Case]:
    mean, span = op("zero_mean_unit_variance", axes=YX), op("scale_range", axes=YX, min_percentile=5, max_percentile=95)
    yield case("scale_range then clip", "float32", [span, op("clip", min=0.0, max=1.0)])
    yield case(
        "scale_range then clip then ensure_dtype",
        "float32",
        [span, op("clip", min=0.0, max=1.0), op("ensure_dtype", dtype="float32")],
    )
    yield case("zero_mean_unit_variance then sigmoid", "float32", [mean, op("sigmoid")])
    yield case("zero_mean_unit_variance then softmax", "float32", [mean, op("softmax")])
    yield case(
        "scale_linear then binarize",
        "float32",
        [op("scale_linear", gain=0.5, offset=1.0), op("binarize", threshold=2.0), op("ensure_dtype", dtype="float32")],
    )
    yield case("clip then scale_linear", "float32", [op("clip", min_percentile=10, axes=YX), op("scale_linear", gain=0.5)])
    yield case(
        "fixed_zero_mean_unit_variance then scale_linear then clip",
        "float32",
        [op("fixed_zero_mean_unit_variance", mean=4.0, std=3.0), op("scale_linear", gain=2.0), op("clip", min=-1.0)],
    )
    yield case("scale_linear then zero_mean_unit_variance", "float32", [op("scale_linear", gain=2.0, offset=30.0), mean])
    yield case("clip then zero_mean_unit_variance", "float32", [op("clip", min=0.0, max=6.0), mean])
    yield case("clip then scale_range", "float32", [op("clip", min_percentile=10, max_percentile=90, axes=YX), span])
    yield case("scale_range then zero_mean_unit_variance", "float32", [span, mean])
    yield case("zero_mean_unit_variance then scale_range", "float32", [mean, span])
    yield case("zero_mean_unit_variance twice", "float32", [mean, op("zero_mean_unit_variance", axes=CYX)])
    yield case("sigmoid then scale_range", "float32", [op("sigmoid"), span])
    yield case(
        "ensure_dtype uint8 then zero_mean_unit_variance",
        "zero to one",
        [op("scale_linear", gain=20.0), op("ensure_dtype", dtype="uint8"), mean],
    )
    yield case(
        "described as uint8, cast before zero_mean_unit_variance",
        "fractions",
        [mean, op("ensure_dtype", dtype="float32")],
        dtype="uint8",
    )


def _after_the_network() -> Iterator[Case]:
    def after(name: str, post: Operations, image: str = "float32", **more: Any) -> Case:
        return case(f"after: {name}", image, (), post, **more)

    yield after("sigmoid", [op("sigmoid")])
    yield after("softmax", [op("softmax")])
    yield after("softmax along x", [op("softmax", axis="x")])
    yield after("sigmoid then binarize", [op("sigmoid"), op("binarize", threshold=0.5)])
    yield after("binarize, equal", [op("binarize", threshold=0.5)], "halves")
    yield after("binarize, equal, described as uint8", [op("binarize", threshold=0.5)], "halves", out_dtype="uint8")
    yield after(
        "binarize along channel, as many columns",
        [op("binarize", threshold=[0.2, 0.5, 0.8], axis="channel")],
        "three by three",
        channels=3,
    )
    yield after(
        "binarize then ensure_dtype",
        [op("binarize", threshold=0.5), op("ensure_dtype", dtype="uint8")],
        "halves",
        out_dtype="uint8",
    )
    yield after("clip, min and max", [op("clip", min=-3.0, max=4.0)])
    yield after("clip, percentiles over y x", [op("clip", min_percentile=10, max_percentile=90, axes=YX)])
    yield after("scale_linear along channel", [op("scale_linear", gain=[2.5, -0.5], offset=[1.0, 7.0], axis="channel")])
    yield after("fixed_zero_mean_unit_variance", [op("fixed_zero_mean_unit_variance", mean=4.0, std=3.0)])
    yield after("ensure_dtype int16", [op("ensure_dtype", dtype="int16")])
    yield after("scale_linear, described as uint8", [op("scale_linear", gain=255)], "zero to one", out_dtype="uint8")
    yield after("zero_mean_unit_variance over y x", [op("zero_mean_unit_variance", axes=YX)])
    yield after("zero_mean_unit_variance", [op("zero_mean_unit_variance")])
    yield after("scale_range over y x", [op("scale_range", axes=YX)])
    yield after(
        "scale_range, reference_tensor raw", [op("scale_linear", gain=2.0), op("scale_range", axes=YX, reference_tensor="raw")]
    )
    yield after(
        "scale_mean_variance over y x",
        [op("scale_linear", gain=2.0), op("scale_mean_variance", axes=YX, reference_tensor="raw")],
    )
    yield after("scale_mean_variance", [op("scale_linear", gain=2.0), op("scale_mean_variance", reference_tensor="raw")])
    yield after("scale_mean_variance over batch y x", [op("scale_mean_variance", axes=BYX, reference_tensor="raw")])
    yield after(
        "scale_mean_variance over y x, in blocks", [op("scale_mean_variance", axes=YX, reference_tensor="raw")], how="blocks"
    )


def _references() -> Iterator[Case]:
    ends = {"min_percentile": 5, "max_percentile": 95}
    other = [op("scale_linear", gain=3.0, offset=8.0)]
    for axes in (YX, CYX, BYX):
        yield two(f"scale_range over {' '.join(axes)}, reference_tensor", [op("scale_range", axes=axes, **ends, **REF)])
    yield two("scale_range, reference_tensor", [op("scale_range", **ends, **REF)])
    yield two("scale_range, reference_tensor that is processed", [op("scale_range", axes=YX, **ends, **REF)], other=other)
    yield two("scale_range, reference_tensor, eps 0.1", [op("scale_range", axes=YX, eps=0.1, **REF)])
    yield two("after: scale_range over y x, reference_tensor", (), [op("scale_range", axes=YX, **ends, **REF)])
    yield two("after: scale_range, reference_tensor that is processed", (), [op("scale_range", axes=YX, **ends, **REF)], other)
    yield two("after: scale_mean_variance over y x, reference_tensor", (), [op("scale_mean_variance", axes=YX, **REF)])
    yield two(
        "after: scale_mean_variance, reference_tensor that is processed", (), [op("scale_mean_variance", axes=YX, **REF)], other
    )
    yield two("after: scale_mean_variance, eps 0.1", (), [op("scale_mean_variance", axes=YX, eps=0.1, **REF)])


def _old() -> Iterator[Case]:
    mean, span = "zero_mean_unit_variance", "scale_range"
    for mode in ("per_sample", "per_dataset"):
        for axes in ("yx", "cyx"):
            yield from case04(f"{mean} {mode} {axes}", "float32", [old(mean, mode=mode, axes=axes)])
            yield from case04(
                f"{span} {mode} {axes}", "float32", [old(span, mode=mode, axes=axes, min_percentile=5, max_percentile=95)]
            )
    yield from case04(f"{mean} per_sample yx, eps 0.1", "float32", [old(mean, mode="per_sample", axes="yx", eps=0.1)])
    yield from case04(f"{span} per_sample yx, eps 0.1", "float32", [old(span, mode="per_sample", axes="yx", eps=0.1)])
    yield from case04(f"{mean} fixed", "float32", [old(mean, mode="fixed", axes="cyx", mean=4.0, std=3.0)])
    yield from case04(f"{mean} fixed, eps 0.1", "float32", [old(mean, mode="fixed", axes="cyx", mean=4.0, std=3.0, eps=0.1)])
    yield from case04(
        f"{mean} fixed along c", "float32", [old(mean, mode="fixed", axes="yx", mean=[4.0, -20.0], std=[3.0, 11.0])]
    )
    yield from case04("scale_linear", "float32", [old("scale_linear", gain=2.5, offset=-3.0)])
    yield from case04("scale_linear, gain", "float32", [old("scale_linear", gain=2.5)])
    yield from case04("scale_linear along c", "float32", [old("scale_linear", gain=[2.5, -0.5], offset=[1.0, 7.0], axes="yx")])
    yield from case04("clip", "float32", [old("clip", min=-3.0, max=4.0)])
    yield from case04("binarize, equal", "halves", [old("binarize", threshold=0.5)])
    yield from case04("sigmoid", "float32", [old("sigmoid")])
    yield from case04(
        "clip then zero_mean_unit_variance", "float32", [old("clip", min=0.0, max=6.0), old(mean, mode="per_sample", axes="yx")]
    )
    yield from case04("uint8 without operations", "uint8", dtype="uint8", network="uint8", out_dtype="uint8")
    yield from case04("uint8 without operations, network of float32", "uint8", dtype="uint8")
    yield from case04("uint8 with operations", "uint8", [old(mean, mode="per_sample", axes="yx")], dtype="uint8")
    yield from case04("float32 described as uint8", "halves", [old("clip", min=-1.0, max=2.0)], dtype="uint8")
    yield from case04("an output of uint8 with operations", "halves", (), [old("clip", min=-1.0, max=2.0)], out_dtype="uint8")
    yield from case04("after: scale_linear", "float32", (), [old("scale_linear", gain=2.5, offset=-3.0)])
    yield from case04("an output of uint8 without operations", "halves", out_dtype="uint8")
    yield from case04("after: sigmoid", "float32", (), [old("sigmoid")])
    yield from case04("after: binarize", "halves", (), [old("binarize", threshold=0.5)])
    yield from case04("after: zero_mean_unit_variance", "float32", (), [old(mean, mode="per_sample", axes="yx")])
    for mode in ("per_sample", "per_dataset"):
        refer = {"mode": mode, "axes": "yx", **REF}
        yield from case04(f"{span} {mode}, reference_tensor", "float32", [old(span, **refer)], reference=())
        yield from case04(f"after: {span} {mode}, reference_tensor", "float32", (), [old(span, **refer)], reference=())
        yield from case04(
            f"after: scale_mean_variance {mode}, reference_tensor",
            "float32",
            (),
            [old("scale_mean_variance", **refer)],
            reference=(),
        )
    yield from case04(
        "after: scale_mean_variance, axes left out",
        "float32",
        (),
        [old("scale_mean_variance", mode="per_sample", **REF)],
        reference=(),
    )
