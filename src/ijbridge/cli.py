"""The command line: ``ijbridge inspect | check | plan | predict | test | convert | migrate | formats | devices | tune | ...``.

Exit status: 0 done, 1 could not or failed (one line ``error: ...``; the traceback with ``--debug``), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ijbridge.arguments import parser
from ijbridge.console import progress_bar, say, say_beside, say_error, say_json, say_trace
from ijbridge.errors import IJBridgeError, OptionError, ResultError

if TYPE_CHECKING:
    from ijbridge.description import ModelDescription
    from ijbridge.loaded import LoadedModel
    from ijbridge.options import Options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name in another script is no reason to fail
    given = parser(_COMMANDS).parse_args(arguments)
    if not given.debug:
        logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what matters of its complaints is raised, too
    try:
        status: int = given.run(given)
        sys.stdout.flush()
    except OptionError as error:
        say_error(error, given.debug)
        return 2
    except IJBridgeError as error:
        say_error(error, given.debug)
        return 1
    except KeyboardInterrupt:
        say_beside("error: stopped.")
        return 130
    except BrokenPipeError:
        # nobody reads any more; what is left goes nowhere, or the interpreter would complain when it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the one place where a defect becomes a sentence
        if given.debug:
            say_trace(error)
        if _is_lack_of_memory(error):
            say_beside("error: There is not enough memory: free some, or give a part of the image.")
            return 1
        say_beside(
            f"error: ijbridge failed in a way it should not ({type(error).__name__}: {error}): please report it with what "
            "--debug shows."
        )
        return 1
    return status


def _is_lack_of_memory(error: Exception) -> bool:
    # Python says so in this way where there is too little to load a module
    return isinstance(error, MemoryError) or (isinstance(error, SystemError) and "without setting an exception" in str(error))


# --- commands --------------------------------------------------------------------------------------------------------


def _inspect(given: argparse.Namespace) -> int:
    from ijbridge.describing import description_dict, description_text
    from ijbridge.loaded import LoadedModel, verify_files
    from ijbridge.options import Options
    from ijbridge.planning import check_runnable

    description = LoadedModel(given.model).described(Options.read(**_on_model(given)))
    verify_files(description)
    if given.json:
        say_json(description_dict(description))
        return 0
    say(description_text(description))
    try:
        check_runnable(description)
    except IJBridgeError as error:
        say(f"cannot run   {error}")
    return 0


def _check(given: argparse.Namespace) -> int:
    from ijbridge.loaded import LoadedModel

    options = _options(given)
    model = LoadedModel(given.model)
    images = model.images(_inputs(model.description, given.image, given.input), given.axes)
    findings = model.check(images, options)
    fits = all(finding.severity != "error" for finding in findings)
    if given.json:
        found = [finding.to_dict() for finding in findings]
        say_json({"model": model.description.name, "image": str(given.image), "fits": fits, "findings": found})
    else:
        for finding in findings:
            say(f"{finding.severity:<8} {finding.id}: {finding.sentence}")
        if not findings:
            say(f"{given.image} fits {model.description.name}: there is nothing to say.")
    return 0 if fits else 1


def _plan(given: argparse.Namespace) -> int:
    from ijbridge.loaded import LoadedModel

    options = _options(given)
    model = LoadedModel(given.model)
    images = model.images(_inputs(model.description, given.image, given.input), given.axes)
    headers = {name: image.header for name, image in images.items()}
    shown = model.resolve(images, options) if given.measure else model.plan(headers, options)
    say_json(shown.to_dict()) if given.json else say(shown)
    return 0


def _predict(given: argparse.Namespace) -> int:
    from ijbridge.loaded import LoadedModel
    from ijbridge.resuming import is_done

    options = _options(given)
    with LoadedModel(given.model) as model:
        targets = _targets(model, given, options)
        failed = 0
        for image, files in zip(given.images, targets, strict=True):
            others = [other.partition("=")[2] for other in given.input]
            if given.resume and is_done(files.values(), [image, *others], model.description):
                say_beside(f"{image}: its results are there.")
                continue
            try:
                _predict_one(model, image, files, given, options)
            except IJBridgeError as error:
                # one image that cannot be used does not keep the others from being run
                if isinstance(error, OptionError) or len(given.images) == 1:
                    raise
                failed += 1
                say_error(error, given.debug, image)
    return 1 if failed else 0


def _predict_one(model: LoadedModel, image: str, files: dict[str, Path], given: argparse.Namespace, options: Options) -> None:
    from ijbridge.findings import warnings
    from ijbridge.image_io import write_image
    from ijbridge.object_tables import narrow_labels, write_table
    from ijbridge.provenance import provenance_text

    images = model.images(_inputs(model.description, image, given.input), given.axes)
    plan = model.plan({name: one.header for name, one in images.items()}, options)
    before = warnings(plan.findings)
    for warning in before:
        say_beside(f"warning: {warning}")
    with progress_bar(Path(image).name) as progress:
        results = model.run(images, plan, progress=progress)
    for warning in results.warnings:
        if warning not in before:
            say_beside(f"warning: {warning}")
    for name, file in files.items():
        if name in results.images:
            image_of = narrow_labels(results.images[name]) if results.objects is not None else results.images[name]
            write_image(file, image_of, provenance_text(results.record))
        else:
            write_table(file, results.objects or ())


def _test(given: argparse.Namespace) -> int:
    from ijbridge.loaded import LoadedModel
    from ijbridge.options import Options
    from ijbridge.testing import report_dict, test_model

    with LoadedModel(given.model) as model:
        report = test_model(model, Options.read(device=given.device, trust=given.trust))
    saved = _save_failures(report, given.output)
    if given.json:
        say_json({**report_dict(report), "saved": [str(file) for file in saved]})
    elif report.error is not None:
        say(f"{report.model}: does not run")
    else:
        say(f"{report.model}: runs, and {'reproduces' if report.reproduces else 'does not reproduce'} its test outputs")
        for one in report.outputs:
            say(
                f"  {one.output}: largest difference {one.max_difference:.3g}; {one.mismatched} of {one.elements} values "
                f"beyond {one.tolerance.absolute:g} + {one.tolerance.relative:g} × |expected|"
            )
    if report.error is not None:
        say_beside(f"error: {report.error}")
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
        say_beside(f"error: The output {one.output!r} {how_far}; it is saved as {file}.")
    return 0 if report.reproduces else 1


def _convert(given: argparse.Namespace) -> int:
    from ijbridge.conversion import convert, convert_all, is_folder_of_models, summary
    from ijbridge.loaded import LoadedModel
    from ijbridge.options import Options

    if (given.input or given.axes) and not given.test_image:
        raise OptionError("--input and --axes go with --test-image, the image for the model's first input.")
    options = Options.read(**_on_model(given))
    if is_folder_of_models(given.model):
        if given.test_image:
            raise OptionError(f"{given.model} is a folder of models, for which no one image will do: leave --test-image out.")
        done = []
        for report in convert_all(given.model, given.output, options, overwrite=given.overwrite):
            done.append(report)
            if not given.json:
                say(report.line)
        say_json(summary(done)) if given.json else say("{converted} converted, {failed} failed".format_map(summary(done)))
        return 1 if any(one.outcome == "failed" for one in done) or not any(one.target for one in done) else 0
    images = None
    if given.test_image:
        images = _inputs(LoadedModel(given.model).described(options), given.test_image, given.input)
    report = convert(given.model, given.output, options, images=images, axes=given.axes, overwrite=given.overwrite)
    say_json(report.to_dict()) if given.json else say(report)
    return 0


def _migrate(given: argparse.Namespace) -> int:
    from ijbridge.migration import migrate
    from ijbridge.migration.report import html, text

    target = Path(given.report) if given.report is not None else None
    if target is not None and (target.suffix.lower() not in (".html", ".htm") or not os.path.isdir(target.parent)):  # noqa: PTH112
        raise OptionError(f"--report {target} is no HTML file in a folder that is there: write --report report.html.")
    shown = sys.stderr.isatty()
    report = migrate(given.folder, (lambda name: say_beside(f"  {name}")) if shown else None)
    say(text(report))
    if target is not None:
        try:
            target.write_text(html(report), encoding="utf-8")
        except OSError as error:
            raise ResultError(f"The report {target} cannot be written: {error.strerror or error}.") from error
    return 0 if report.is_done else 1


def _formats(given: argparse.Namespace) -> int:
    from ijbridge.supported import supported, supported_text

    say_json(supported()) if given.json else say(supported_text())
    return 0


def _tune(given: argparse.Namespace) -> int:
    from ijbridge.loaded import LoadedModel
    from ijbridge.options import Options
    from ijbridge.tuning import tune, tuned_text

    with LoadedModel(given.model) as model:
        found = tune(model, Options.read(device=given.device, memory=given.memory, **_on_model(given)))
    say_json([one.to_dict() for one in found]) if given.json else say(tuned_text(found))
    return 0


def _devices(given: argparse.Namespace) -> int:
    from ijbridge.supported import devices, devices_text

    say_json(devices()) if given.json else say(devices_text())
    return 0


def _install_fiji(given: argparse.Namespace) -> int:
    from ijbridge.installing import install, uninstall

    if given.uninstall and (given.python is not None or given.shared):
        raise OptionError("--uninstall goes with neither --python nor --shared: leave them out.")
    if given.uninstall:
        lines = uninstall(given.folder, dry_run=given.dry_run)
    else:
        lines = install(given.folder, python=given.python, shared=given.shared, dry_run=given.dry_run)
    for line in lines:
        say(line)
    return 0


_COMMANDS = {
    "inspect": _inspect,
    "check": _check,
    "plan": _plan,
    "predict": _predict,
    "test": _test,
    "convert": _convert,
    "migrate": _migrate,
    "formats": _formats,
    "devices": _devices,
    "tune": _tune,
    "install-fiji": _install_fiji,
}


# --- their parts -----------------------------------------------------------------------------------------------------


def _options(given: argparse.Namespace) -> Options:
    from ijbridge.options import Options

    of_run = {name: getattr(given, name) for name in ("tile", "halo", "device", "channel", "rescale", "memory")}
    of_objects = {name: getattr(given, name) for name in ("objects", "prob_thresh", "nms_thresh")}
    return Options.read(**of_run, **of_objects, **_on_model(given))


def _on_model(given: argparse.Namespace) -> dict[str, Any]:
    return {
        name: getattr(given, name)
        for name in ("normalize", "model_axes", "model_pixel_size", "min_confidence", "macros", "trust")
    }


def _inputs(description: ModelDescription, image: str, others: Sequence[str]) -> Any:
    if not others:
        return image
    inputs = {description.inputs[0].id: image}
    for other in others:
        name, equals, path = other.partition("=")
        if not equals or not path:
            raise OptionError(f"--input {other} is not understood: write the input's name, =, and the image's path.")
        inputs[name] = path
    return inputs


#: The result that is no image but a table.
_TABLE = "objects"


def _targets(model: LoadedModel, given: argparse.Namespace, options: Options) -> list[dict[str, Path]]:
    """Decide, before anything is computed, which file each result goes to."""
    from ijbridge.image_io import SUFFIXES, check_writable
    from ijbridge.object_plans import gives_objects, result_names

    names = [*result_names(model.description, options)]
    has_table = gives_objects(model.description, options)
    out = Path(given.output)
    # Path's own methods raise for a folder that may not be entered
    is_file = out.suffix.lower() in SUFFIXES and not os.path.isdir(out)  # noqa: PTH112
    if is_file or (out.suffix and not os.path.exists(out)):  # noqa: PTH110
        if len(given.images) * len(names) > 1:
            what = f"{len(given.images)} images" if len(given.images) > 1 else f"{len(names)} outputs ({', '.join(names)})"
            raise OptionError(f"{out} is one file, but there are {what}: give a folder.")
        check_writable(out)
        if not names:
            raise OptionError(f"objects=rois gives no image but a table, for which {out} is no name: give a folder.")
        targets = [{names[0]: out, **({_TABLE: out.with_name(f"{out.stem}-{_TABLE}.csv")} if has_table else {})}]
    else:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultError(f"The folder {out} cannot be made: {error.strerror}.") from error
        targets = [{name: out / f"{Path(image).stem}-{_file_name(name)}.tif" for name in names} for image in given.images]
        if has_table:
            for image, files in zip(given.images, targets, strict=True):
                files[_TABLE] = out / f"{Path(image).stem}-{_TABLE}.csv"
        for files in targets:
            for name, file in files.items():
                if name in names:
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
