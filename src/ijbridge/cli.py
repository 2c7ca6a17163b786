"""The command line: ``ijbridge inspect | check | plan | predict | test | convert | install-fiji``.

Exit status: 0 done, 1 could not or failed (one line ``error: ...``; the traceback with ``--debug``), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ijbridge._version import __version__
from ijbridge.errors import IJBridgeError, OptionError, ResultError

if TYPE_CHECKING:
    from ijbridge.conversion import Conversion
    from ijbridge.description import ModelDescription
    from ijbridge.loaded import LoadedModel
    from ijbridge.options import Options

_TILE = "auto, whole, pixels (512), or pixels per axis (y=512,x=512,z=16)"
_HALO = "auto, declared, or pixels on every side of a tile"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name in another script is no reason to fail
    parser = _parser()
    given = parser.parse_args(arguments)
    if not given.debug:
        logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what matters of its complaints is raised, too
    try:
        status: int = given.run(given)
        sys.stdout.flush()
    except OptionError as error:
        _report(error, given.debug)
        return 2
    except IJBridgeError as error:
        _report(error, given.debug)
        return 1
    except KeyboardInterrupt:
        print("error: stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # nobody reads any more; what is left goes nowhere, or the interpreter would complain when it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the one place where a defect becomes a sentence
        if given.debug:
            traceback.print_exc()
        print(
            f"error: ijbridge failed in a way it should not ({type(error).__name__}: {error}): please report it with what "
            "--debug shows.",
            file=sys.stderr,
        )
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ijbridge", description="Run any described neural network on any microscopy image.")
    parser.add_argument("--version", action="version", version=f"ijbridge {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def bare_command(name: str, run: Callable[[argparse.Namespace], int], summary: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary)
        added.set_defaults(run=run)
        added.add_argument("--debug", action="store_true", help="show the traceback of an error")
        return added

    def command(name: str, run: Callable[[argparse.Namespace], int], summary: str) -> argparse.ArgumentParser:
        added = bare_command(name, run, summary)
        added.add_argument("model", metavar="MODEL", help="a model's folder, zip or description file")
        return added

    inspect = command("inspect", _inspect, "Show a model's description.")
    inspect.add_argument("--json", action="store_true", help="as JSON")

    check = command("check", _check, "Say what is worth knowing of an image before a model runs on it.")
    check.add_argument("image", metavar="IMAGE", help="a TIFF or .npy file")
    check.add_argument("--json", action="store_true", help="as JSON")
    _run_options(check)

    plan = command("plan", _plan, "Show what would be done with an image; no network is run.")
    plan.add_argument("image", metavar="IMAGE", help="a TIFF or .npy file")
    plan.add_argument("--json", action="store_true", help="as JSON")
    plan.add_argument(
        "--measure", action="store_true", help="read the pixels too: show the numbers that operations take of them"
    )
    _run_options(plan)

    predict = command("predict", _predict, "Run a model on one or several images.")
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

    test = command("test", _test, "Run a model's own test tensors and compare with what it should give.")
    test.add_argument("--json", action="store_true", help="as JSON")
    test.add_argument("--device", default="auto", help="auto, cpu or cuda")
    test.add_argument(
        "-o", "--output", metavar="FOLDER",
        help="where to save the outputs that do not reproduce (by default the folder one is in)",
    )  # fmt: skip

    convert = bare_command(
        "convert", _convert, "Make a bioimage.io 0.5 package with an ONNX network of a model, or of each model of a folder."
    )
    convert.add_argument("model", metavar="MODEL", help="a model's folder, zip or description file; or a folder of models")
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

    install = bare_command("install-fiji", _install_fiji, "Put the plugin into a Fiji or an ImageJ, or take it out again.")
    install.add_argument("folder", metavar="FOLDER", help="Fiji's or ImageJ's own folder")
    install.add_argument(
        "--python", metavar="PATH", help="the Python that ImageJ starts, which must have ijbridge (default: this one)"
    )
    install.add_argument(
        "--shared", action="store_true", help="for many people: everybody may read what is written and run the Python"
    )
    install.add_argument("--uninstall", action="store_true", help="remove what this command wrote, and nothing else")
    install.add_argument("--dry-run", action="store_true", help="change nothing, say what would be done")
    return parser


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--axes", help="the image's axes, slowest first (zyx), where its file does not say them")
    parser.add_argument(
        "--input", metavar="NAME=IMAGE", action="append", default=[],
        help="the image for another input of a model that has several; IMAGE is for its first",
    )  # fmt: skip
    parser.add_argument("--tile", default="auto", help=_TILE)
    parser.add_argument("--halo", default="auto", help=_HALO)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--channel", help="the image's channels to use, by number (from 1) or name: 2, DAPI, or 1,3")
    parser.add_argument(
        "--rescale", action="store_true", help="resample the image to the model's pixel size, and the results back"
    )
    parser.add_argument("--memory", default="auto", help="what may be used beyond the image: auto (what is free), or 4GB")


# --- commands --------------------------------------------------------------------------------------------------------


def _inspect(given: argparse.Namespace) -> int:
    from ijbridge.describing import description_dict, description_text
    from ijbridge.formats import read_model
    from ijbridge.loaded import verify_files
    from ijbridge.planning import choose_weights

    description = read_model(given.model)
    verify_files(description)
    if given.json:
        _print_json(description_dict(description))
        return 0
    print(description_text(description))
    try:
        choose_weights(description)
    except IJBridgeError as error:
        print(f"cannot run   {error}")
    return 0


def _check(given: argparse.Namespace) -> int:
    from ijbridge.loaded import LoadedModel

    options = _options(given)
    model = LoadedModel(given.model)
    images = model.images(_inputs(model, given.image, given.input), given.axes)
    findings = model.check(images, options)
    fits = all(finding.severity != "error" for finding in findings)
    if given.json:
        found = [finding.to_dict() for finding in findings]
        _print_json({"model": model.description.name, "image": str(given.image), "fits": fits, "findings": found})
    else:
        for finding in findings:
            print(f"{finding.severity:<8} {finding.id}: {finding.sentence}")
        if not findings:
            print(f"{given.image} fits {model.description.name}: there is nothing to say.")
    return 0 if fits else 1


def _plan(given: argparse.Namespace) -> int:
    from ijbridge.loaded import LoadedModel

    options = _options(given)
    model = LoadedModel(given.model)
    images = model.images(_inputs(model, given.image, given.input), given.axes)
    headers = {name: image.header for name, image in images.items()}
    shown = model.resolve(images, options) if given.measure else model.plan(headers, options)
    _print_json(shown.to_dict()) if given.json else print(shown)
    return 0


def _predict(given: argparse.Namespace) -> int:
    from ijbridge.loaded import LoadedModel
    from ijbridge.resuming import is_done

    options = _options(given)
    with LoadedModel(given.model) as model:
        targets = _targets(model, given)
        failed = 0
        for image, files in zip(given.images, targets, strict=True):
            others = [other.partition("=")[2] for other in given.input]
            if given.resume and is_done(files.values(), [image, *others], model.description):
                print(f"{image}: its results are there.", file=sys.stderr)
                continue
            try:
                _predict_one(model, image, files, given, options)
            except IJBridgeError as error:
                # one image that cannot be used does not keep the others from being run
                if isinstance(error, OptionError) or len(given.images) == 1:
                    raise
                failed += 1
                _report(error, given.debug, image)
    return 1 if failed else 0


def _predict_one(model: LoadedModel, image: str, files: dict[str, Path], given: argparse.Namespace, options: Options) -> None:
    from ijbridge.image_io import write_image
    from ijbridge.provenance import provenance_text

    images = model.images(_inputs(model, image, given.input), given.axes)
    with _progress_bar(Path(image).name) as progress:
        results = model.run(images, options, progress=progress)
    for warning in results.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    for name, file in files.items():
        write_image(file, results.images[name], provenance_text(results.record))


def _test(given: argparse.Namespace) -> int:
    from ijbridge.loaded import LoadedModel
    from ijbridge.options import Options
    from ijbridge.testing import report_dict, test_model

    with LoadedModel(given.model) as model:
        report = test_model(model, Options.read(device=given.device))
    saved = _save_failures(report, given.output)
    if given.json:
        _print_json({**report_dict(report), "saved": [str(file) for file in saved]})
    elif report.error is not None:
        print(f"{report.model}: does not run")
    else:
        print(f"{report.model}: runs, and {'reproduces' if report.reproduces else 'does not reproduce'} its test outputs")
        for one in report.outputs:
            print(
                f"  {one.output}: largest difference {one.max_difference:.3g}; {one.mismatched} of {one.elements} values "
                f"beyond {one.tolerance.absolute:g} + {one.tolerance.relative:g} × |expected|"
            )
    if report.error is not None:
        print(f"error: {report.error}", file=sys.stderr)
    for one, file in zip((one for one in report.outputs if not one.passed), saved, strict=True):
        place = ", ".join(f"{axis}={index}" for axis, index in one.worst.items())
        how_far = (
            f"cannot be compared: {one.reason}"
            if one.reason
            else (
                f"is off by up to {one.max_difference:.3g} (at {place}: {one.found:.6g} instead of {one.expected:.6g}) in "
                f"{one.mismatched} of {one.elements} values"
            )
        )
        print(
            f"error: The output {one.output!r} {how_far}; it is saved as {file}.",
            file=sys.stderr,
        )
    return 0 if report.reproduces else 1


def _convert(given: argparse.Namespace) -> int:
    from ijbridge.conversion import convert, convert_all, is_folder_of_models

    if (given.input or given.axes) and not given.test_image:
        raise OptionError("--input and --axes go with --test-image, the image for the model's first input.")
    if is_folder_of_models(given.model):
        if given.test_image:
            raise OptionError(f"{given.model} is a folder of models, for which no one image will do: leave --test-image out.")
        return _convert_all(convert_all(given.model, given.output, overwrite=given.overwrite), given.json)
    images = _named_images(given.model, given.test_image, given.input) if given.test_image else None
    report = convert(given.model, given.output, images=images, axes=given.axes, overwrite=given.overwrite)
    _print_json(report.to_dict()) if given.json else print(report)
    return 0


def _convert_all(reports: Iterable[Conversion], as_json: bool) -> int:
    done = []
    for report in reports:
        done.append(report)
        if not as_json:
            print(report.line, flush=True)
    converted, failed = (sum(one.outcome == word for one in done) for word in ("converted", "failed"))
    if as_json:
        _print_json({"models": [one.to_dict() for one in done], "converted": converted, "failed": failed})
    else:
        print(f"{converted} converted, {failed} failed")
    return 1 if failed or not converted else 0


def _install_fiji(given: argparse.Namespace) -> int:
    from ijbridge.installing import install, uninstall

    if given.uninstall and (given.python is not None or given.shared):
        raise OptionError("--uninstall goes with neither --python nor --shared: leave them out.")
    if given.uninstall:
        lines = uninstall(given.folder, dry_run=given.dry_run)
    else:
        lines = install(given.folder, python=given.python, shared=given.shared, dry_run=given.dry_run)
    for line in lines:
        print(line)
    return 0


# --- their parts -----------------------------------------------------------------------------------------------------


def _options(given: argparse.Namespace) -> Options:
    from ijbridge.options import Options

    return Options.read(given.tile, given.halo, given.device, given.channel, given.rescale, given.memory)


def _inputs(model: LoadedModel, image: str, others: Sequence[str]) -> Any:
    return _named_images(model.description, image, others)


def _named_images(model: str | ModelDescription, image: str, others: Sequence[str]) -> Any:
    from ijbridge.formats import read_model

    if not others:
        return image
    description = read_model(model) if isinstance(model, str) else model
    inputs = {description.inputs[0].id: image}
    for other in others:
        name, equals, path = other.partition("=")
        if not equals or not path:
            raise OptionError(f"--input {other} is not understood: write the input's name, =, and the image's path.")
        inputs[name] = path
    return inputs


def _targets(model: LoadedModel, given: argparse.Namespace) -> list[dict[str, Path]]:
    """Decide, before anything is computed, which file each result goes to."""
    from ijbridge.image_io import SUFFIXES, check_writable

    names = [tensor.id for tensor in model.description.outputs]
    out = Path(given.output)
    # Path's own methods raise for a folder that may not be entered
    is_file = out.suffix.lower() in SUFFIXES and not os.path.isdir(out)  # noqa: PTH112
    if is_file or (out.suffix and not os.path.exists(out)):  # noqa: PTH110
        if len(given.images) * len(names) > 1:
            what = f"{len(given.images)} images" if len(given.images) > 1 else f"{len(names)} outputs ({', '.join(names)})"
            raise OptionError(f"{out} is one file, but there are {what}: give a folder.")
        check_writable(out)
        targets = [{names[0]: out}]
    else:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultError(f"The folder {out} cannot be made: {error.strerror}.") from error
        targets = [{name: out / f"{Path(image).stem}-{_file_name(name)}.tif" for name in names} for image in given.images]
        for files in targets:
            for file in files.values():
                check_writable(file)
    written = [os.path.realpath(file) for files in targets for file in files.values()]
    for image in (*given.images, *(other.partition("=")[2] for other in given.input)):
        if os.path.realpath(image) in written:
            raise ResultError(f"The result would overwrite the image {image}: choose another place.")
    for name in written:
        if written.count(name) > 1:
            raise ResultError(f"Two results would be written to {name}: their images have the same name.")
    return targets


def _save_failures(report: Any, folder: str | None) -> list[Path]:
    import numpy as np

    saved = []
    for one in report.outputs:
        if not one.passed:
            target = Path(folder or ".")
            file = target / _file_name(f"{report.model}-{one.output}.npy")
            try:
                target.mkdir(parents=True, exist_ok=True)
                np.save(file, one.array)
            except OSError as error:
                raise ResultError(f"The output cannot be saved as {file}: {error.strerror}.") from error
            saved.append(file)
    return saved


def _file_name(name: str) -> str:
    """Make a file name of names that a description gave."""
    return re.sub(r"[/\\:\0 ]", "_", name)


@contextmanager
def _progress_bar(name: str) -> Iterator[Callable[[int, int], None] | None]:
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(desc=name, unit="tile", leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


def _print_json(value: Any) -> None:
    from ijbridge.describing import plain

    print(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def _report(error: IJBridgeError, debug: bool, image: str | None = None) -> None:
    if debug:
        traceback.print_exception(error)
    sentence = str(error)
    about = f"{image}: " if image is not None and Path(image).stem not in sentence else ""
    print(f"error: {about}{sentence}", file=sys.stderr)
