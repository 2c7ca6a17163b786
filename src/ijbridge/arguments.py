"""The arguments of the command line, and what ``--help`` says of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from ijbridge._version import __version__
from ijbridge.devices import DEVICES

_MEMORY = "what may be used beyond the image: auto (what is free), or 4GB"
_DEVICE = f"auto (cuda where it can be used, else cpu), {', '.join(DEVICES)}; see the command devices"
_TILE = "auto, whole, pixels (512), or pixels per axis (y=512,x=512,z=16)"
_HALO = "auto, declared, or pixels on every side of a tile"
_TRUST = "torchscript: a yes to weights that are a program, remembered by their hash"
_NORMALIZE = (
    "auto (what the description states, or is assumed), none, two percentiles (1,99.8), min-max, mean-std, divide,255, or "
    "divide,type (the largest value of the image's type)"
)


def parser(commands: Mapping[str, Callable[[argparse.Namespace], int]]) -> argparse.ArgumentParser:
    """Make the parser of the command line; ``commands`` has what each command does, in ``run`` of what is parsed."""
    made = argparse.ArgumentParser(prog="ijbridge", description="Run any described neural network on any microscopy image.")
    made.add_argument("--version", action="version", version=f"ijbridge {__version__}")
    subparsers = made.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def bare_command(name: str, summary: str) -> argparse.ArgumentParser:
        added = subparsers.add_parser(name, help=summary, description=summary)
        added.set_defaults(run=commands[name])
        added.add_argument("--debug", action="store_true", help="show the traceback of an error")
        return added

    def command(name: str, summary: str) -> argparse.ArgumentParser:
        added = bare_command(name, summary)
        added.add_argument("model", metavar="MODEL", help="a model's folder, zip or file")
        return added

    inspect = command("inspect", "Show a model's description.")
    inspect.add_argument("--json", action="store_true", help="as JSON")
    _model_options(inspect)

    check = command("check", "Say what is worth knowing of an image before a model runs on it.")
    check.add_argument("image", metavar="IMAGE", help="a TIFF or .npy file")
    check.add_argument("--json", action="store_true", help="as JSON")
    _run_options(check)

    plan = command("plan", "Show what would be done with an image; no network is run.")
    plan.add_argument("image", metavar="IMAGE", help="a TIFF or .npy file")
    plan.add_argument("--json", action="store_true", help="as JSON")
    plan.add_argument(
        "--measure", action="store_true", help="read the pixels too: show the numbers that operations take of them"
    )
    _run_options(plan)

    predict = command("predict", "Run a model on one or several images.")
    predict.add_argument("images", metavar="IMAGE", nargs="+", help="TIFF or .npy files")
    predict.add_argument(
        "-o", "--output", metavar="OUT", required=True,
        help="a .tif (ImageJ TIFF) or .npy file; for several images or outputs a folder, made if needed",
    )  # fmt: skip
    predict.add_argument(
        "--resume", action="store_true",
        help="leave out images whose results are there, younger than the image and made by this model (with whatever options)",
    )  # fmt: skip
    _run_options(predict)

    test = command("test", "Run a model's own test tensors and compare with what it should give.")
    test.add_argument("--json", action="store_true", help="as JSON")
    test.add_argument("--device", default="auto", help=_DEVICE)
    test.add_argument("--trust", metavar="WHAT", help=_TRUST)
    test.add_argument(
        "-o", "--output", metavar="FOLDER",
        help="where to save the outputs that do not reproduce (by default the folder one is in)",
    )  # fmt: skip

    convert = bare_command(
        "convert", "Make a bioimage.io 0.5 package with an ONNX network of a model, or of each model of a folder."
    )
    convert.add_argument("model", metavar="MODEL", help="a model's folder, zip or file; or a folder of models")
    convert.add_argument(
        "-o", "--output", metavar="OUT", required=True,
        help="a folder that is made, or a .zip; for a folder of models the folder into which each is put under its name",
    )  # fmt: skip
    convert.add_argument(
        "--test-image", metavar="IMAGE", help="make the test tensors of it (default: the model's own, else of a random image)"
    )
    convert.add_argument("--axes", help="that image's axes, slowest first (zyx), where its file does not say them")
    convert.add_argument(
        "--input", metavar="NAME=IMAGE", action="append", default=[],
        help="the test image for another input of a model that has several; --test-image is for its first",
    )  # fmt: skip
    convert.add_argument("--overwrite", action="store_true", help="replace a package that this command wrote there before")
    convert.add_argument("--json", action="store_true", help="the report as JSON")
    _model_options(convert)

    migrate = bare_command(
        "migrate",
        "Report on models and macros of years: what runs, what that takes, what differs from the saved results.",
    )
    migrate.add_argument("folder", metavar="FOLDER", help="where they lie, in whatever folders below it")
    migrate.add_argument("--report", metavar="FILE.html", help="write the report as a page with pictures, too")

    formats = bare_command("formats", "List the formats that are read, the weights that are run, the extras that are there.")
    formats.add_argument("--json", action="store_true", help="as JSON")

    devices = bare_command(
        "devices", "List the devices that networks can run on, which can be used here, and what the others need."
    )
    devices.add_argument("--json", action="store_true", help="as JSON")

    tune = bare_command("tune", "Measure a model in tiles of several sizes; --tile auto then takes the fastest here.")
    tune.add_argument("model", metavar="MODEL", help="a model's folder, zip or file")
    tune.add_argument("--device", default="auto", help=_DEVICE)
    tune.add_argument("--memory", default="auto", help=_MEMORY)
    tune.add_argument("--json", action="store_true", help="as JSON")
    _model_options(tune)

    install = bare_command("install-fiji", "Put the plugin into a Fiji or an ImageJ, or take it out again.")
    install.add_argument("folder", metavar="FOLDER", help="Fiji's or ImageJ's own folder")
    install.add_argument(
        "--python", metavar="PATH", help="the Python that ImageJ starts, which must have ijbridge (default: this one)"
    )
    install.add_argument(
        "--shared", action="store_true", help="for many people: everybody may read what is written and run the Python"
    )
    install.add_argument("--uninstall", action="store_true", help="remove what this command wrote, and nothing else")
    install.add_argument("--dry-run", action="store_true", help="change nothing, say what would be done")
    return made


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--axes", help="the image's axes, slowest first (zyx), where its file does not say them")
    parser.add_argument(
        "--input", metavar="NAME=IMAGE", action="append", default=[],
        help="the image for another input of a model that has several; IMAGE is for its first",
    )  # fmt: skip
    parser.add_argument("--tile", default="auto", help=_TILE)
    parser.add_argument("--halo", default="auto", help=_HALO)
    parser.add_argument("--device", default="auto", help=_DEVICE)
    parser.add_argument("--channel", help="the image's channels to use, by number (from 1) or name: 2, DAPI, or 1,3")
    parser.add_argument(
        "--rescale", action="store_true", help="resample the image to the model's pixel size, and the results back"
    )
    parser.add_argument("--memory", default="auto", help=_MEMORY)
    objects = parser.add_argument_group("of models that find objects, as StarDist's do")
    objects.add_argument(
        "--objects", metavar="WHAT",
        help="labels (an image and a table; the default), rois (a table with outlines), both, or raw (what the network gives)",
    )  # fmt: skip
    objects.add_argument(
        "--prob-thresh", metavar="P", help="from 0 to 1: the probability above which there may be one, in place of the model's"
    )
    objects.add_argument("--nms-thresh", metavar="P", help="from 0 to 1: by how much two may overlap, in place of the model's")
    _model_options(parser)


def _model_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("in place of what a model's file says or does not say")
    group.add_argument("--normalize", metavar="HOW", default="auto", help=_NORMALIZE)
    group.add_argument(
        "--model-axes", metavar="ORDER", help="the order of a bare ONNX network's axes: bcyx, or NAME=bcyx,OTHER=byxc"
    )
    group.add_argument(
        "--model-pixel-size",
        metavar="SIZE",
        help="that the model is made for, in micrometres (0.65) or per axis (z=2,y=0.65,x=0.65)",
    )
    group.add_argument(
        "--min-confidence", metavar="PERCENT", help="0 to 99: labels of pixels below it become 0, where a model gives labels"
    )
    group.add_argument("--macros", metavar="WHICH", help="the model's ImageJ macros, which ImageJ alone can run: refused here")
    group.add_argument("--trust", metavar="WHAT", help=_TRUST)
