"""A model that is loaded once and used many times."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ijbridge import geometry, planning, prediction
from ijbridge.agreements import agree
from ijbridge.converters import ImageLike, to_image
from ijbridge.description import ModelDescription, Tensor
from ijbridge.errors import CannotRunError, IJBridgeError, ImageError, OptionError, PixelValueError, PlanError
from ijbridge.findings import SEVERITIES, Finding, warnings
from ijbridge.formats import read_model
from ijbridge.formats.package import package_of
from ijbridge.image import Header, Image
from ijbridge.measuring import measure
from ijbridge.network_facts import NetworkFacts
from ijbridge.objects import Candidates, FoundObject, find_objects, load_stardist
from ijbridge.options import Options
from ijbridge.pixel_checks import check_pixels
from ijbridge.plans import Plan
from ijbridge.profiles import Profile, read_profile
from ijbridge.provenance import provenance
from ijbridge.resampling import resample
from ijbridge.resources import PeakMemory, find_resources
from ijbridge.runtimes import Session
from ijbridge.sessions import check_trusted, check_untrusted, new_session
from ijbridge.stating import sized, stated
from ijbridge.typing import Array
from ijbridge.weights import OnnxNetwork, onnx_network
from ijbridge.weights.torchscript import TorchScript, read_torchscript


@dataclass(frozen=True)
class Results:
    """What a run gave: images in the plan's order, the record of how, and objects where they were looked for (else None)."""

    images: Mapping[str, Image]
    record: Mapping[str, Any]
    warnings: tuple[str, ...]
    objects: tuple[FoundObject, ...] | None = None


@dataclass(frozen=True)
class Variant:
    """A model as options complete it: its description, what the network calls its tensors and says of itself.

    Channels that the description leaves free are as many as the network has; ``facts`` are those for the sizes that it gives,
    None for a network that is not followed.
    """

    description: ModelDescription
    names: Mapping[str, str]
    facts: NetworkFacts | None

    @property
    def types(self) -> Mapping[str, str]:
        """The types that the network's inputs take, as far as it tells."""
        return self.facts.types if self.facts is not None else {}


class LoadedModel:
    """A model whose network is loaded at its first use and kept, one per device.

    Use it as a context manager, or call `close`, to give the memory back.
    """

    def __init__(self, model: str | Path | ModelDescription) -> None:
        #: The description as the model's files state it; what the options of a run say of the model is not in it.
        self.description = model if isinstance(model, ModelDescription) else read_model(model)
        self._stamps = _stamps(self.description)
        self._sessions: dict[str, Session] = {}
        self._file: OnnxNetwork | TorchScript | None = None
        self._yes = False
        self._variants: dict[tuple[object, ...], Variant] = {}
        # the last one: it is shown, then its results are made room for, then it is run
        self._plans: dict[str, Plan] = {}

    def described(self, options: Options) -> ModelDescription:
        """Give the description as the options complete it.

        Raises
        ------
        OptionError
            If one of them does not apply to the model.
        """
        if options.on_model == Options().on_model:
            return self.description
        description = self.description
        if options.model_axes is not None:
            description = read_model(description.location, model_axes=options.model_axes)
        return stated(description, options)

    def plan(
        self,
        headers: Mapping[str, Header],
        options: Options,
    ) -> Plan:
        """Plan a run from one header per input; see `ijbridge.planning.plan`."""
        variant, file = self.variant(options), self._read_file()
        resources = find_resources(file.weights.format)
        profiles = self._profiles(file, resources.devices)
        asked = repr((headers, options, resources, profiles))
        if asked not in self._plans:
            plan = planning.plan(variant.description, headers, options, resources, variant.facts, profiles)
            if plan.objects is not None:
                load_stardist()
            self._plans = {asked: replace(plan, weights=file.weights)}
        return self._plans[asked]

    def run(
        self,
        images: Mapping[str, Image],
        how: Plan | Options,
        *,
        into: Mapping[str, Array] | None = None,
        progress: prediction.Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Results:
        """Measure, resolve and execute.

        Parameters
        ----------
        images
            One image per input.
        how
            The plan that was made for their headers, or the options to make one from.
        into
            Arrays to fill, by output, of the shapes and types that the plan gives; those that are not given are made.

        Raises
        ------
        IJBridgeError
            Whatever stops it, in one sentence.
        """
        headers = {name: image.header for name, image in images.items()}
        plan = how if isinstance(how, Plan) else self.plan(headers, how)
        names = self._names(plan.description)
        session = self._session(plan)
        started = time.perf_counter()
        with PeakMemory() as memory, _memory_said(self.description.name):
            resolved, prepared = _resolve(plan, images)
            results = prediction.empty_results(plan, into or {})

            def execute(target: Mapping[str, Array] | prediction.Sink) -> prediction.Record:
                return prediction.execute(resolved, prepared, session, names, target, progress, cancelled)

            found = None
            if plan.objects is None:
                record = _fill(plan, results, execute)
            else:
                candidates = Candidates(plan, plan.objects)
                record = execute(candidates)
                labels = results.get("labels")
                labels = np.empty(plan.objects.labels.shape, plan.objects.labels.dtype) if labels is None else labels
                found = find_objects(plan.objects, candidates, plan.loops, labels)
        findings = dict.fromkeys((*resolved.plan.findings_when(record.lines), *resolved.findings))
        said = warnings(findings)
        return Results(
            images={name: Image(results[name], one.header) for name, one in plan.results.items()},
            record=provenance(resolved, record, session, memory, time.perf_counter() - started, said),
            warnings=(
                *said,
                *(f"The run was repeated in smaller tiles: {retry}." for retry in record.retries),
            ),
            objects=found,
        )

    def resolve(self, images: Mapping[str, Image], options: Options) -> prediction.ResolvedPlan:
        """Plan a run and measure what it needs of the pixels; no network is run. Errors are those of `run`."""
        plan = self.plan({name: image.header for name, image in images.items()}, options)
        with _memory_said(self.description.name):
            return _resolve(plan, images)[0]

    def check(self, images: Mapping[str, Image], options: Options) -> tuple[Finding, ...]:
        """Give all findings on the images, those of severity "error" first; an image that does not fit raises nothing."""
        headers = {name: image.header for name, image in images.items()}
        try:
            plan = self.plan(headers, options)
        except (ImageError, PlanError, CannotRunError) as error:
            description = self.described(options)
            found = planning.refusals(description, headers, options)
            found = found or [Finding(_kind(error), "error", str(error).rstrip("."))]
            found += _pixel_findings(description.inputs, images)
        else:
            chosen = _chosen(plan, images)
            found = [*plan.findings, *_pixel_findings((one.tensor for one in plan.inputs), chosen)]
            if all(one.severity != "error" for one in found):
                with _memory_said(self.description.name):
                    found += measure(plan, _resampled(plan, chosen)).findings
        return tuple(sorted(found, key=lambda one: SEVERITIES.index(one.severity)))

    def images(self, value: ImageLike | Mapping[str, ImageLike], axes: str | None = None) -> dict[str, Image]:
        """Take what a caller gave: one image, or one per input by name.

        Raises
        ------
        OptionError
            If a name is none of the model's inputs, or one image is given for several inputs.
        """
        inputs = [tensor.id for tensor in self.description.inputs]
        if isinstance(value, Mapping):
            unknown = [name for name in value if name not in inputs]
            if unknown:
                raise OptionError(
                    f"The model {self.description.name!r} has no input {unknown[0]!r}: its inputs are {', '.join(inputs)}."
                )
            return {name: to_image(one, axes) for name, one in value.items()}
        if len(inputs) > 1:
            raise OptionError(
                f"The model {self.description.name!r} has {len(inputs)} inputs ({', '.join(inputs)}): give an image for each, "
                "by name."
            )
        return {inputs[0]: to_image(value, axes)}

    @property
    def network(self) -> OnnxNetwork:
        """The network that is run in ONNX, read at the first use.

        Raises
        ------
        ModelError
            If its file is missing, or nothing that can be made into one.
        """
        file = self._read_file()
        return file if isinstance(file, OnnxNetwork) else onnx_network(self.description, file.weights)

    def variant(self, options: Options) -> Variant:
        """Give the model as the options complete it.

        Raises
        ------
        OptionError
            If one of them does not apply to the model.
        ModelError
            If it cannot be run.
        """
        which = *options.on_model, options.trust
        if which not in self._variants:
            description = self.described(options)
            planning.check_runnable(description)
            file = self._read_file()
            if isinstance(file, TorchScript):
                check_trusted(file, options)
                self._yes |= bool(options.trust)
                self._variants[which] = Variant(description, self._names(description), None)
                return self._variants[which]
            check_untrusted(file, options)
            known = file.known()
            names = self._names(description)
            description = sized(description, known.signature, names)
            accepted = {names[tensor.id]: geometry.accepted_sizes(description, tensor) for tensor in description.inputs}
            self._variants[which] = Variant(description, names, known.facts(accepted).renamed(names))
        return self._variants[which]

    @property
    def memory(self) -> int:
        """Bytes that its networks hold while they wait, as far as their files tell; 0 where none is loaded."""
        return self._file.size * max(1, len(self._sessions)) if self._file is not None else 0

    def has_changed(self) -> bool:
        """Whether a file that the model was read from is another one since."""
        return _stamps(self.description) != self._stamps

    def close(self) -> None:
        """Give the networks' memory back; the model can be used again."""
        self._sessions.clear()
        self._variants.clear()
        self._plans.clear()
        self._file = None

    def __enter__(self) -> LoadedModel:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _read_file(self) -> OnnxNetwork | TorchScript:
        if self._file is None:
            weights = planning.choose_weights(self.description)
            read = read_torchscript if weights.format == "torchscript" else onnx_network
            self._file = read(self.description, weights)
        return self._file

    def _profiles(self, file: OnnxNetwork | TorchScript, devices: Iterable[str]) -> dict[str, Profile]:
        """Give what `ijbridge.tuning` measured of the network here, per device."""
        if isinstance(file, TorchScript):
            return {}
        from ijbridge.runtimes.onnx import engine_name

        digest, engine = str(file.weights.file.sha256), engine_name()
        found = {device: read_profile(digest, device, engine) for device in devices}
        return {device: one for device, one in found.items() if one is not None}

    def _names(self, description: ModelDescription) -> dict[str, str]:
        """Give the network's name for each tensor of a description."""
        from ijbridge.runtimes.onnx import bind

        network = self._read_file()
        if isinstance(network, TorchScript):  # which has none: its tensors are taken in their order
            return {tensor.id: tensor.id for tensor in (*description.inputs, *description.outputs)}
        return {
            **bind(description.inputs, network.inputs, "input", description.name),
            **bind(description.outputs, network.outputs, "output", description.name),
        }

    def _session(self, plan: Plan) -> Session:
        if plan.device not in self._sessions:
            file = self._read_file()
            if isinstance(file, TorchScript) and self._yes:
                agree(file.code)  # not before it is run
            self._sessions[plan.device] = new_session(file, plan.device, self.description)
        return self._sessions[plan.device]


#: The ids of findings that stand for errors of these kinds.
_ERROR_IDS = {"PlanError": "no-plan", "CannotRunError": "cannot-run"}


def _kind(error: IJBridgeError) -> str:
    return _ERROR_IDS.get(type(error).__name__, "image-refused")


def _fill(
    plan: Plan, results: Mapping[str, Array], execute: Callable[[Mapping[str, Array]], prediction.Record]
) -> prediction.Record:
    """Fill the results with what is computed, back on the image's grid where that was resampled."""
    computed = {
        one.tensor.id: np.empty(one.computed.shape, one.computed.dtype) if one.back else results[one.tensor.id]
        for one in plan.outputs
    }
    record = execute(computed)
    for one in plan.outputs:
        if one.back:
            array = computed.pop(one.tensor.id)
            resample(array, one.computed.axes, one.back, results[one.tensor.id], nearest=one.is_labels)
    return record


@contextmanager
def _memory_said(model: str) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise PlanError(
            f"There is not enough memory for {model!r} on this image ({error}): give a part of the image."
        ) from error


def _resolve(plan: Plan, images: Mapping[str, Image]) -> tuple[prediction.ResolvedPlan, dict[str, Image]]:
    """Measure what a plan needs; give it with the numbers, and the prepared images."""
    chosen = _chosen(plan, images)
    findings = _pixel_findings((one.tensor for one in plan.inputs), chosen)
    for finding in findings:
        if finding.severity == "error":
            raise PixelValueError(finding.sentence)
    prepared = _resampled(plan, chosen)
    return prediction.resolve(plan, measure(plan, prepared), findings), prepared


def _chosen(plan: Plan, images: Mapping[str, Image]) -> dict[str, Image]:
    return {one.tensor.id: one.preparation.chosen(images[one.tensor.id]) for one in plan.inputs}


def _resampled(plan: Plan, images: Mapping[str, Image]) -> dict[str, Image]:
    return {one.tensor.id: one.preparation.resampled(images[one.tensor.id]) for one in plan.inputs}


def _pixel_findings(tensors: Iterable[Tensor], images: Mapping[str, Image]) -> list[Finding]:
    found = [finding for tensor in tensors if tensor.id in images for finding in check_pixels(tensor, images[tensor.id])]
    return list(dict.fromkeys(found))  # one image may serve several inputs


def _stamps(description: ModelDescription) -> list[tuple[int, int] | None]:
    """Give time and size of the files that a model is read from: its description and weights, or the zip they are in."""
    package = package_of(description)
    named = [file for one in description.weights for file in (one.file, one.external_data) if file is not None]
    files = [
        package.location if package.location.is_file() else package.description_path,
        *(package.path(file.source) for file in description.read_from),
        *(package.path(macro.source) for macro in description.macros if macro.sha256 is not None),
        *(package.path(file.source) for file in named if not file.is_url),
    ]
    found = [file.stat() if file is not None and file.is_file() else None for file in files]
    return [(one.st_mtime_ns, one.st_size) if one is not None else None for one in found]


def verify_files(description: ModelDescription) -> None:
    """Hold every file of the package for which the description gives a hash against it.

    Raises
    ------
    PackageError
        If one is not the file that was described.
    """
    package = package_of(description)
    files = [(weights.file, f"{weights.format} weights") for weights in description.weights]
    for tensor in (*description.inputs, *description.outputs):
        for file, what in ((tensor.test_tensor, "test tensor"), (tensor.sample_tensor, "sample tensor")):
            if file is not None:
                files.append((file, f"{what} of {tensor.id!r}"))
    for file, what in files:
        if file.sha256 is not None and package.exists(file.source):
            package.read(file, what)
