"""What becomes of a macro's lines that call DeepImageJ, CSBDeep or StarDist, and the line to put in their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ijbridge.agreements import is_agreed
from ijbridge.deepimagej.keys import COMMAND, read
from ijbridge.deepimagej.lines import arrange
from ijbridge.description import Macro
from ijbridge.errors import IJBridgeError, OptionError
from ijbridge.loaded import LoadedModel
from ijbridge.macro_choice import code_of
from ijbridge.migration.scanning import Call, Text, has_hole, option, quoted, values_of
from ijbridge.options import Options

#: Finds a model by what a line calls it; raises `ijbridge.errors.IJBridgeError` where it is not there.
Finder: TypeAlias = Callable[[str], LoadedModel]

#: What becomes of a line: it runs as it is; it runs once something is done; it does not, and another line stands in its place.
Verdict = Literal["runs", "needs", "replace", "unknown"]

#: Other commands of DeepImageJ, and what to use.
_OTHERS = {
    "DeepImageJ Explore": "Plugins > IJBridge > Run Model... lists models",
    "DeepImageJ Validate": "Plugins > IJBridge > Test Model... compares a model with its own test images",
    "DeepImageJ Build BundledModel": "ijbridge convert makes a bioimage.io package",
    "DeepImageJ Install Model": "Plugins > IJBridge > Install Model...",
    "DeepImageJ StarDist": 'run("Run Model...", "model=[the folder of the network]")',
    "DeepImageJ Cellpose": "nothing: Cellpose is not run",
}

_CSBDEEP = "Run your network"
_FROM_MACRO = "Command From Macro"
_STARDIST = re.compile(r"de\.csbdresden\.stardist\.StarDist2D\b")

#: What StarDist's command gives, and the keys that give it here.
_OUTPUTS = {
    "roi manager": {"objects": "rois", "outlines": "manager"},
    "both": {"objects": "both", "outlines": "manager"},
}

#: The commands that are looked for; the last runs many others, too.
COMMANDS = (COMMAND, *_OTHERS, _CSBDEEP, _FROM_MACRO)


@dataclass(frozen=True)
class Line:
    """One line: where it is, what becomes of it, why, and what to write in its place (empty where nothing is better)."""

    number: int
    source: str
    command: str
    verdict: Verdict
    why: str
    replacement: str = ""


def examine(call: Call, find: Finder) -> Line | None:
    """Say what becomes of a call; None where it is none of those commands."""
    if call.command == COMMAND:
        return _deepimagej(call, find)
    if call.command in _OTHERS:
        return _line(call, "unknown", f"It does nothing but name what to use: {_OTHERS[call.command]}.")
    if call.command == _CSBDEEP:
        return _csbdeep(call, find)
    if call.command == _FROM_MACRO and _STARDIST.search(call.options.text):
        return _stardist(call)
    return None


def _line(call: Call, verdict: Verdict, why: str, replacement: str = "") -> Line:
    return Line(call.line, call.source, call.command, verdict, why, replacement)


# --- DeepImageJ ------------------------------------------------------------------------------------------------------


def _deepimagej(call: Call, find: Finder) -> Line:
    if not call.options.text.strip():
        return _line(call, "runs", "It has no options and does nothing, as in DeepImageJ 3.1.")
    try:
        values = values_of(call.options.text)
    except OptionError as error:
        return _line(call, "needs", str(error))
    named = values.get("model") or values.get("model_path") or ""
    if any(map(has_hole, values)) or not named:
        return _line(call, "unknown", "Its options are computed: it runs as it is if what they come to does.")
    known = {key: value for key, value in values.items() if not has_hole(value)}
    if len(known.keys() & {"axes", "tile"}) == 1:
        known = {key: value for key, value in known.items() if key not in ("axes", "tile")}
    files = {key: values.get(theirs, "null") for key, theirs in (("input", "input_path"), ("output", "output_folder"))}
    files = files if "null" not in files.values() else {}
    command = "Batch Run Model..." if files else "Run Model..."
    plain = _run_line(call.options, {"model": named, **files}, command)
    if has_hole(named):
        return _line(call, "unknown", "The model is computed: it runs as it is if that is there.", plain)
    try:
        asked = read(known)
        model = find(asked.model)
        keys = {"model": _name(model), **files, **({"trust": asked.trust} if asked.trust else {})}
        plain = _run_line(call.options, keys, command)
        model.variant(Options())  # not with what the line says yes to: nobody has said it by asking for a report
        arranged = arrange(model, asked)
    except IJBridgeError as error:
        return _line(call, "needs", str(error), plain)
    wanted = {key: arranged.options[key] for key in ("normalize",) if key in arranged.options}
    if arranged.macros:
        wanted["macros"] = ",".join(arranged.macros)
    yes = asked.may_run_macros or all(is_agreed(code_of(model.description, one)) for one in _macros(model, arranged.macros))
    named = ", ".join(arranged.macros)
    first = "It runs as it is." if yes else f"It runs once somebody has said yes to {named}, which ImageJ runs: read it before."
    why = " ".join([first, *arranged.notes])
    return _line(call, "runs" if yes else "needs", why, _run_line(call.options, {**keys, **wanted}, command))


def _macros(model: LoadedModel, files: Sequence[str]) -> list[Macro]:
    return [one for one in model.description.macros if one.source in files]


def _name(model: LoadedModel) -> str:
    """Give what Run Model... finds a model by, once it lies in ImageJ's folder of models."""
    location = Path(model.description.location)
    return location.stem if location.is_file() else location.name


def _run_line(options: Text, keys: Mapping[str, str], command: str = "Run Model...") -> str:
    """Write the line that does the same natively; tiles are left to be chosen."""
    written = " ".join(option(key, value) for key, value in keys.items())
    return f'run("{command}", {quoted(Text(written, options.holes))});'


# --- CSBDeep and StarDist --------------------------------------------------------------------------------------------


def _csbdeep(call: Call, find: Finder) -> Line:
    try:
        values = {key.lower(): value for key, value in values_of(call.options.text).items()}
    except OptionError as error:
        return _line(call, "needs", str(error))
    file = values.get("modelfile") or values.get("_modelfile") or ""
    wanted = _normalised(values, "normalizeinput", "percentilebottom", "percentiletop", ("3", "99.8"))
    why = f"{_CSBDEEP} is CSBDeep's own command: the line in its place runs the same network here."
    if values.get("clip") == "true":
        why += " clip=true has no counterpart."
    if not file:
        why += " It names no file of a model: write its path."
        return _line(call, "replace", why, _run_line(call.options, {"model": "PATH", **wanted}))
    if not has_hole(file):
        try:
            file = _name(find(file))
        except IJBridgeError as error:
            why += f" {error}"
    return _line(call, "replace", why, _run_line(call.options, {"model": file, **wanted}))


def _stardist(call: Call) -> Line:
    values = {key.lower(): value for key, value in re.findall(r"'(\w+)'\s*:\s*'([^']*)'", call.options.text)}
    wanted = _normalised(values, "normalizeinput", "percentilebottom", "percentiletop", ("1", "99.8"))
    keys = {"prob_thresh": "probthresh", "nms_thresh": "nmsthresh"}
    wanted |= {ours: values[theirs] for ours, theirs in keys.items() if theirs in values}
    wanted |= _OUTPUTS.get(values.get("outputtype", "").lower(), {})
    choice, file = values.get("modelchoice", ""), values.get("modelfile", "")
    why = "It is StarDist's own command: the line in its place runs the same network here."
    if not file:
        why += f" {choice or 'Its model'} comes with StarDist's plugin: write the path of the folder of the network."
    elif file.lower().endswith(".zip"):
        why += " The folder in which the network was trained is better than its export, which needs TensorFlow."
    return _line(
        call, "replace", why, _run_line(call.options, {"model": file or f"PATH OF {choice or 'THE NETWORK'}", **wanted})
    )


def _normalised(values: Mapping[str, str], flag: str, bottom: str, top: str, usual: tuple[str, str]) -> dict[str, str]:
    if values.get(flag, "true").lower() == "false":
        return {"normalize": "none"}
    low, high = (values.get(key, otherwise) for key, otherwise in ((bottom, usual[0]), (top, usual[1])))
    return {"normalize": ",".join(one.removesuffix(".0") for one in (low, high))}
