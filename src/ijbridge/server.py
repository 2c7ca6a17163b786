"""The inference server: one object that both hosts talk to.

``describe``, ``plan``, ``predict`` and ``release`` take and give plain data (what JSON has), and pixels as arrays that lie
where the caller put them. Models stay loaded, as many as memory has room for; the least recently used goes first, and never one
that is in use. Which host the arrays come from is not known here.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ijbridge import agreements, downloads, macro_choice, model_folder, model_names, platforms
from ijbridge.about import about
from ijbridge.cards import card
from ijbridge.deepimagej import keys, lines
from ijbridge.describing import description_dict, description_text, plain
from ijbridge.errors import InstallError, OptionError
from ijbridge.findings import warnings
from ijbridge.image import Header, Image, checked_origin, is_pixel_size
from ijbridge.image_io import check_file, imagej_dtype, to_imagej_dtype
from ijbridge.loaded import LoadedModel
from ijbridge.object_tables import table_text
from ijbridge.options import Options
from ijbridge.plan_words import model_pixel_size, plan_words
from ijbridge.plans import ResultPlan, tile_text
from ijbridge.prediction import Progress
from ijbridge.provenance import provenance_text
from ijbridge.testing import report_dict
from ijbridge.testing_views import describe_views, fill_views, report_words
from ijbridge.tile_choice import tile_pixels
from ijbridge.typing import Array

#: What an image's title may end with that says nothing of it.
_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".npy")


class InferenceServer:
    """Runs models for a host. Calls from several threads are taken one after the other.

    At most ``max_models`` stay loaded; those that wait to be used again hold at most ``max_memory`` bytes, or a quarter of what
    they leave free.
    """

    def __init__(self, max_models: int = 4, max_memory: int | None = None) -> None:
        self._max_models = max_models
        self._max_memory = max_memory
        self._models: OrderedDict[str, LoadedModel] = OrderedDict()
        self._lock = threading.Lock()
        self._download: tuple[str, tempfile.TemporaryDirectory[str]] | None = None

    def describe(self, model: str) -> dict[str, Any]:
        """Give a model's description as plain data, with ``digest``, ``card`` (`ijbridge.cards`), ``text`` and ``pixel_sizes``.

        ``digest`` is its SHA-256; ``text`` is a page for people; ``pixel_sizes`` has, by input, the pixel size it was made for.
        """
        with self._lock:
            description = self._model(model).description
        return {
            **description_dict(description),
            "digest": description.digest,
            "card": card(description),
            "text": description_text(description),
            "pixel_sizes": {tensor.id: model_pixel_size(tensor) for tensor in description.inputs},
        }

    def check(self, model: str, image: Mapping[str, Any], options: Mapping[str, Any], pixels: Array) -> dict[str, Any]:
        """Look for what is worth knowing before a run; the parameters are those of `predict`.

        Returns
        -------
        dict
            ``findings``, errors first: per finding ``id``, ``severity``, ``message``, ``found``, ``expected``, ``advice``.
        """
        with self._lock:
            loaded = self._model(model)
            found = loaded.check({_only_input(loaded): Image(pixels, header_of(image))}, _options(options))
        return {"findings": [finding.to_dict() for finding in found]}

    def plan(self, model: str, image: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        """Plan a run.

        Parameters
        ----------
        image
            ``name``, ``shape``, ``axes``, ``dtype``, ``pixel_size``, ``units``, ``origin``; where they are known,
            ``channel_names``, one for each channel; where the pixels are a part of the image, ``part``, a text that says which.
        options
            ``tile``, ``halo``, ``device`` and the others of `ijbridge.options`, each optional.

        Returns
        -------
        dict
            ``outputs``: per result ``name``, ``title``, ``axes``, ``shape``, ``dtype`` (one ImageJ has), ``pixel_size``,
            ``units``, ``origin``, ``channel_names``, ``labels`` (whether the values number things), ``shown`` (what the
            values are between, where that is known); ``objects``, what the table of the objects is called, empty where none
            are looked for; ``warnings``; ``tile_pixels``, the pixels of one run of the network;
            ``tile``, as the option ``tile`` takes it; ``summary``, and in plain words ``words``: pairs of texts;
            ``findings`` as `check`.
        """
        with self._lock:
            loaded = self._model(model)
            plan = loaded.plan({_only_input(loaded): header_of(image)}, _options(options))
        return {
            "outputs": [_output_dict(name, one) for name, one in plan.results.items()],
            "objects": plan.objects.title if plan.objects is not None else "",
            "warnings": warnings(plan.findings),
            "tile_pixels": tile_pixels(plan.lines),
            "tile": tile_text(plan.lines),
            "summary": str(plan),
            "words": [list(pair) for pair in plan_words(plan)],
            "findings": [finding.to_dict() for finding in plan.findings],
        }

    def predict(
        self,
        model: str,
        image: Mapping[str, Any],
        options: Mapping[str, Any],
        pixels: Array,
        results: Sequence[Array],
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        attempt: int = 0,
        tried: int | None = None,
    ) -> dict[str, Any]:
        """Run a model on ``pixels`` and fill ``results``, whose shapes and types are those `plan` gave.

        An ``attempt`` after one in which the system ended the process takes smaller tiles, than ``tried`` pixels where it is
        known how many were.

        Returns
        -------
        dict
            ``provenance`` (text), ``warnings``, ``objects`` (`ijbridge.object_tables`; empty where none were looked for).
        """
        with self._lock:
            loaded = self._model(model)
            header = header_of(image)
            name, checked = _only_input(loaded), _options(options)
            plan = loaded.plan({name: header}, checked)
            if attempt:
                plan = plan.smaller("the system ended the process, mostly for want of memory", tried)
            headers = {name: one.header for name, one in plan.results.items()}
            arrays = dict(zip(headers, results, strict=True))
            into = {name: array for name, array in arrays.items() if array.dtype.name == headers[name].dtype}
            given = loaded.run({name: Image(pixels, header)}, plan, into=into, progress=progress, cancelled=cancelled)
            for result, array in arrays.items():
                if result not in into:
                    array[...] = to_imagej_dtype(given.images[result].array, headers[result].name)
        return {
            "provenance": provenance_text(given.record),
            "warnings": list(given.warnings),
            "objects": table_text(given.objects) if given.objects is not None else "",
        }

    def deepimagej(self, values: Mapping[str, str], folders: Sequence[str], image: Mapping[str, Any] | None) -> dict[str, Any]:
        """Say how a line that was written for DeepImageJ is run here (see `ijbridge.deepimagej`).

        Parameters
        ----------
        values
            The keys of the line.
        folders
            Where models are looked for by name.
        image
            As for `plan`; None where the line names files.

        Returns
        -------
        dict
            ``model``: its path; ``name``, ``outputs``: what it calls itself and them; ``options`` of the run; ``macros`` of
            the model that the line asks for, and ``macros_agreed``, whether it is a yes to them; ``notes``: what is done
            otherwise than it says; ``dialect``; ``input``, ``output``: paths, empty for none; ``shown``.
        """
        asked = keys.read(values)
        found = model_names.find(asked.model, [*([asked.folder] if asked.folder else []), *folders])
        with self._lock:
            loaded = self._model(str(found.path))
            arranged = lines.arrange(loaded, asked, header_of(image) if image is not None else None)
        return {
            "model": str(found.path),
            "name": loaded.description.name,
            "outputs": [one.id for one in loaded.description.outputs],
            "options": dict(arranged.options),
            "macros": list(arranged.macros),
            "macros_agreed": asked.may_run_macros,
            "notes": [*([found.note] if found.note else []), *arranged.notes],
            "dialect": asked.dialect,
            "input": asked.input,
            "output": asked.output,
            "shown": asked.shown,
        }

    def macros(self, model: str, macros: str, yes: str) -> dict[str, Any]:
        """Give the macros of a model that are to be run, in their order.

        Parameters
        ----------
        macros
            The option ``macros``.
        yes
            ``"given"``: somebody has just said yes to them, which is remembered; ``"remembered"``: only those that somebody
            said yes to before are given; ``"look"``: they are only shown.

        Returns
        -------
        dict
            ``macros``: per macro ``when`` (before, after), ``source``, ``sha256``, ``text``, ``agreed``; ``axes``: the letters
            of the model's input.

        Raises
        ------
        AgreementError
            If nobody has said yes to one, or it has changed since.
        """
        names = Options.named({"macros": macros}).macros
        with self._lock:
            loaded = self._model(model)
            description = loaded.description
            tensor = next(one for one in description.inputs if one.id == _only_input(loaded))
            found = [
                {
                    "when": one.when,
                    "source": one.source,
                    "sha256": one.sha256,
                    "text": macro_choice.text_of(description, one),
                    "agreed": _agreed(macro_choice.code_of(description, one), yes),
                }
                for one in macro_choice.chosen(description, names or ())
            ]
        return {"macros": found, "axes": "".join(axis.letter or "" for axis in tensor.axes)}

    def agree(self, model: str, sha256: Sequence[str]) -> None:
        """Remember that somebody who saw them said yes to the macros of a model that have these hashes."""
        with self._lock:
            description = self._model(model).description
        for one in description.macros:
            if one.sha256 in sha256:
                agreements.agree(macro_choice.code_of(description, one), again=True)

    def test_views(self, model: str) -> dict[str, Any]:
        """Describe the pictures of a model's own test, so that there is room for them.

        Returns
        -------
        dict
            ``views``: per picture what ``outputs`` of a plan has, and ``view``: input, expected, found or difference.
        """
        with self._lock:
            return {"views": describe_views(self._model(model))}

    def test(self, model: str, options: Mapping[str, Any], arrays: Sequence[Array]) -> dict[str, Any]:
        """Run a model's own test, and fill the pictures that `test_views` describes.

        Returns
        -------
        dict
            `ijbridge.testing.report_dict`, and ``words``: lines for people, the verdict first.
        """
        with self._lock:
            report = fill_views(self._model(model), _options(options), arrays)
        return {**plain(report_dict(report)), "words": report_words(report)}

    def look_at(self, source: str, progress: downloads.Progress, cancelled: Callable[[], bool]) -> dict[str, Any]:
        """Say what would be installed (see `ijbridge.model_folder`): ``name``, ``license``, ``file``, ``files``, size, hash.

        What an address leads to is fetched, and kept until `forget` or until something else is looked at.
        """
        self.forget()
        if downloads.is_address(source):
            kept = tempfile.TemporaryDirectory(prefix="ijbridge-")
            self._download = (source, kept)
            downloads.download(downloads.address_of(source), Path(kept.name), progress, cancelled)
        found = model_folder.look(self._downloaded(source))
        return {
            "name": found.description.name,
            "license": found.description.license or "",
            "file": found.source.name,
            "files": len(found.files),
            "bytes": found.size,
            "sha256": found.sha256,
        }

    def install(self, source: str, folder: str) -> dict[str, Any]:
        """Copy a model into a folder of models and give the ``path`` of the copy; of an address, what `look_at` fetched."""
        return {"path": str(model_folder.install(self._downloaded(source), folder))}

    def forget(self) -> None:
        """Delete what `look_at` fetched."""
        if self._download is not None:
            self._download[1].cleanup()
            self._download = None

    def _downloaded(self, source: str) -> str:
        if not downloads.is_address(source):
            return source
        if self._download is None or self._download[0] != source:
            raise InstallError(f"{source} was not looked at before: ask for it first.")
        return str(next(Path(self._download[1].name).iterdir()))

    def check_file(self, path: str) -> dict[str, Any]:
        """Refuse an image file that is damaged (see `ijbridge.image_io.check_file`)."""
        check_file(path)
        return {}

    def about(self) -> dict[str, Any]:
        """Give ``words``, pairs of texts: what a bug report needs to know."""
        return {"words": [list(pair) for pair in about()]}

    def release(self) -> None:
        """Give the memory of all models back."""
        with self._lock:
            while self._models:
                self._models.popitem()[1].close()

    def _model(self, source: str) -> LoadedModel:
        key = os.path.realpath(os.path.expanduser(source))  # noqa: PTH111 - Path.expanduser raises for an unknown user
        if key in self._models and self._models[key].has_changed():
            self._models.pop(key).close()
        if key not in self._models:
            self._models[key] = LoadedModel(source)
        self._models.move_to_end(key)
        self._make_room()
        return self._models[key]

    def _make_room(self) -> None:
        """Let go of models until those that are left may stay beside the last one, which is about to be used."""
        waiting = sum(one.memory for one in self._models.values()) - next(reversed(self._models.values())).memory
        most = self._max_memory if self._max_memory is not None else platforms.free_memory() // 4
        while len(self._models) > self._max_models or (len(self._models) > 1 and waiting > most):
            _, oldest = self._models.popitem(last=False)
            waiting -= oldest.memory
            oldest.close()


def header_of(image: Mapping[str, Any]) -> Header:
    """Read what the plugin says of an image (see `InferenceServer.plan`)."""
    name = str(image["name"])
    stem = next((name[: -len(one)] for one in _SUFFIXES if name.lower().endswith(one)), name) or name
    part = f" ({image['part']})" if image.get("part") else ""
    channel_names = tuple(str(one) for one in image.get("channel_names") or ())
    header = Header(
        shape=tuple(int(size) for size in image["shape"]),
        dtype=str(image["dtype"]),
        axes=str(image["axes"]),
        pixel_size={
            axis: float(size) for axis, size in dict(image.get("pixel_size") or {}).items() if is_pixel_size(float(size))
        },
        unit={axis: str(unit) for axis, unit in dict(image.get("units") or {}).items()},
        origin=checked_origin({axis: float(one) for axis, one in dict(image.get("origin") or {}).items()}),
        channel_names=channel_names,
        name=stem + part,
    )
    if channel_names and len(channel_names) != header.size("c"):
        raise OptionError(
            f"The image {name!r} comes with {len(channel_names)} names for its {header.size('c') or 'no'} channels: give one "
            "name for each, or none."
        )
    return header


def _options(options: Mapping[str, Any]) -> Options:
    # who asks is ImageJ, which has run the macros, or will
    return replace(Options.named({key: value for key, value in options.items() if value is not None}), in_imagej=True)


def _agreed(code: agreements.Code, yes: str) -> bool:
    """Take a yes as `InferenceServer.macros` says, and tell whether there is one."""
    if yes == "given":
        agreements.agree(code)
    elif yes == "remembered":
        agreements.check_agreed(code, f"run the model once with macros={code.file}")
    return agreements.is_agreed(code)


def _only_input(loaded: LoadedModel) -> str:
    inputs = loaded.description.inputs
    if len(inputs) != 1:
        raise OptionError(
            f"The model {loaded.description.name!r} has {len(inputs)} inputs ({', '.join(one.id for one in inputs)}), but "
            "from ImageJ it gets the active image only: use `ijbridge predict` or Python."
        )
    return inputs[0].id


def _output_dict(name: str, one: ResultPlan) -> dict[str, Any]:
    header = one.header
    return {
        "name": name,
        "title": header.name,
        "axes": header.axes,
        "shape": list(header.shape),
        "dtype": imagej_dtype(header.dtype),
        "pixel_size": dict(header.pixel_size),
        "units": dict(header.unit),
        "origin": dict(header.origin),
        "channel_names": list(header.channel_names),
        "labels": one.is_label_image,
        "shown": list(one.shown_range or ()),
    }
