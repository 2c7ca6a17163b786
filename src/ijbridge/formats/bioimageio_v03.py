"""bioimage.io 0.3 descriptions (0.3.0 to 0.3.6), brought into the form of 0.4.

What has another name or place: ``reference_input`` (``reference_tensor`` from 0.3.3 on), ``halo`` inside ``shape`` (0.3.0),
people as texts (until 0.3.1), ``pytorch_script`` (later ``torchscript``), the architecture of PyTorch weights at the root. An
output may have the name of an input. ``eps`` of zero_mean_unit_variance, left out, is 1e-7 until 0.3.1.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

#: What an output is called that has the name of an input.
_RENAMED = "{} (output)"


def as_v04(content: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Give a 0.3 description in the form of 0.4; what is broken stays as it is, for the reader of 0.4 to name.

    Returns
    -------
    dict, dict
        The description, and the network's name of each output that is renamed.
    """
    root: dict[Any, Any] = copy.deepcopy(dict(content))
    patch = int([*str(root.get("format_version")).split("."), "0"][2])
    _people(root)
    for output in _mappings(root.get("outputs")):
        shape = output.get("shape")
        if isinstance(shape, dict):
            if "reference_input" in shape:
                shape.setdefault("reference_tensor", shape.pop("reference_input"))
            if "halo" in shape:
                output.setdefault("halo", shape.pop("halo"))
    if patch < 2:
        _old_eps(root)
    _weights(root)
    return root, _renamed(root)


def _mappings(value: Any) -> list[dict[Any, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _people(root: dict[Any, Any]) -> None:
    """Make mappings of people that are texts, with what is told of them for later versions under ``config.future``."""
    told = _at(root, "config", "future", "0.3.2")
    weights = root.get("weights")
    entries = weights.items() if isinstance(weights, dict) else ()
    for holder, more in [(root, told), *((entry, _at(told, "weights", name)) for name, entry in entries)]:
        for key in ("authors", "packaged_by"):
            people = holder.get(key) if isinstance(holder, dict) else None
            if isinstance(people, list):
                details = _mappings(more.get(key))
                holder[key] = [
                    {"name": one, **(details[number] if number < len(details) else {})} if isinstance(one, str) else one
                    for number, one in enumerate(people)
                ]
    if "version" in told:
        root.setdefault("version", told["version"])


def _at(mapping: Any, *keys: str) -> dict[Any, Any]:
    """Give the mapping that lies there, an empty one where there is none."""
    for key in keys:
        mapping = mapping.get(key) if isinstance(mapping, dict) else None
    return mapping if isinstance(mapping, dict) else {}


def _old_eps(root: dict[Any, Any]) -> None:
    for key, processing in (("inputs", "preprocessing"), ("outputs", "postprocessing")):
        for tensor in _mappings(root.get(key)):
            for operation in _mappings(tensor.get(processing)):
                if operation.get("name") == "zero_mean_unit_variance" and isinstance(operation.get("kwargs"), dict):
                    operation["kwargs"].setdefault("eps", 1e-7)


def _weights(root: dict[Any, Any]) -> None:
    weights = root.get("weights")
    architecture = {key: root.pop(key) for key in ("source", "sha256", "kwargs") if key in root}
    if not isinstance(weights, dict):
        return
    if "pytorch_script" in weights:
        weights.setdefault("torchscript", weights.pop("pytorch_script"))
    for entry in weights.values():
        if isinstance(entry, dict) and entry.get("parent") == "pytorch_script":
            entry["parent"] = "torchscript"
    state = weights.get("pytorch_state_dict")
    if isinstance(state, dict):
        names = {"source": "architecture", "sha256": "architecture_sha256", "kwargs": "kwargs"}
        for key, value in architecture.items():
            state.setdefault(names[key], value)


def _renamed(root: dict[Any, Any]) -> dict[str, str]:
    """Give outputs that have the name of an input names of their own."""
    inputs = [one.get("name") for one in _mappings(root.get("inputs"))]
    sources = {}
    for output in _mappings(root.get("outputs")):
        name = output.get("name")
        if isinstance(name, str) and name in inputs:
            output["name"] = _RENAMED.format(name)
            sources[output["name"]] = name
    return sources
