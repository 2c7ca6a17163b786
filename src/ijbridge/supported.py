"""What this installation can do: formats that are read, weights and devices that are run, extras that are there."""

from __future__ import annotations

import re
from importlib import metadata
from typing import Any

from ijbridge.devices import AUTOMATIC, DEVICES, install_command
from ijbridge.extras import install_command as install_extra
from ijbridge.formats import readers
from ijbridge.planning import HELP
from ijbridge.runtimes.onnx import why_not
from ijbridge.weights import FORMATS

#: What an extra of the package adds; those that serve its development are not named.
_EXTRAS = {
    "imagej": "ImageJ in the process of a Python script",
    "stardist": "objects from the networks of StarDist",
    "tensorflow": "SavedModels of TensorFlow, which are converted once (3 GB)",
    "torch": "TorchScript, which PyTorch runs after a yes to the file (3 GB)",
}


#: Weights that take an extra, and when.
_NEEDED = {
    "tensorflow_saved_model_bundle": ("tensorflow", "the first time"),
    "torchscript": ("torch", "after a yes (trust=torchscript)"),
}


def supported() -> dict[str, Any]:
    """Say what this installation can do, as plain data (JSON).

    Returns
    -------
    dict
        ``formats``: per format ``name``, ``versions``, ``told_by``, ``weights``; ``weights``: per kind ``format``, ``runs``,
        ``extra`` (that it takes, else None) and, where they are not run, ``advice``; ``extras``: per extra
        ``name``, ``purpose``, ``installed``, ``missing`` (packages) and ``install`` (the command).
    """
    known = dict.fromkeys(weights for reader in readers() for weights in reader.INFO.weights)
    return {
        "formats": [
            {
                "name": reader.INFO.name,
                "versions": reader.INFO.versions,
                "told_by": reader.INFO.looked_for,
                "weights": list(reader.INFO.weights),
            }
            for reader in readers()
        ],
        "weights": [
            {
                "format": one,
                "runs": one in FORMATS,
                "extra": _NEEDED.get(one, (None, ""))[0],
                "advice": None if one in FORMATS else HELP.get(one),
            }
            for one in sorted(known, key=lambda one: one not in FORMATS)
        ],
        "extras": [_extra(name, purpose) for name, purpose in _EXTRAS.items()],
    }


def missing_extra(weights: str) -> str | None:
    """Give the command that installs what weights of this format take to be run, None where nothing is missing."""
    extra = _extra(_NEEDED[weights][0], "") if weights in _NEEDED else None
    return None if extra is None or extra["installed"] else str(extra["install"])


def supported_text() -> str:
    """Say it for a person."""
    found = supported()
    lines = ["formats"]
    lines += [f"  {one['name']:<16} {one['versions']:<20} told by: {one['told_by']}" for one in found["formats"]]
    lines += ["", "weights"]
    lines += [f"  {one['format']:<30} {_how(one)}" for one in found["weights"]]
    lines += ["", "extras"]
    for one in found["extras"]:
        state = "installed" if one["installed"] else f"not installed ({one['install']})"
        lines.append(f"  {one['name']:<16} {state}: {one['purpose']}")
    return "\n".join(lines)


def devices() -> list[dict[str, Any]]:
    """Say which devices can be used here, as plain data (JSON).

    Returns
    -------
    list
        Per device ``name``, ``usable``, ``automatic`` (whether it is the one that ``auto`` takes), ``why_not`` (None where it
        can be used), ``machine`` (what it needs), ``install`` (the command that installs onnxruntime's package for it).
    """
    found = {name: why_not(name) for name in DEVICES}
    taken = next(name for name in AUTOMATIC if found[name] is None)
    return [
        {
            "name": name,
            "usable": found[name] is None,
            "automatic": name == taken,
            "why_not": found[name],
            "machine": one.machine,
            "install": install_command(one),
        }
        for name, one in DEVICES.items()
    ]


def devices_text() -> str:
    """Say it for a person."""
    lines = []
    for one in devices():
        state = "can be used" if one["usable"] else f"cannot be used: {one['why_not']}"
        lines.append(f"{one['name']:<9} {state}{', and auto takes it' if one['automatic'] else ''}")
        lines.append(f"{'':<9} needs {one['machine']}")
        if not one["usable"]:
            lines.append(f"{'':<9} {one['install']}")
    return "\n".join(lines)


def _how(weights: dict[str, Any]) -> str:
    if not weights["runs"]:
        return f"not run: {weights['advice']}" if weights["advice"] else "not run"
    return f"run, with the extra {' '.join(_NEEDED[weights['format']])}" if weights["extra"] else "run"


def _extra(name: str, purpose: str) -> dict[str, Any]:
    missing = [one for one in _packages(name) if not _is_installed(one)]
    install = install_extra(name)
    return {"name": name, "purpose": purpose, "installed": not missing, "missing": missing, "install": install}


def _packages(extra: str) -> list[str]:
    """Give the packages that an extra asks for."""
    wanted = [
        re.fullmatch(rf"([\w.-]+)[^;]*;\s*extra == ['\"]{extra}['\"]", line) for line in metadata.requires("ijbridge") or ()
    ]
    return [found[1] for found in wanted if found]


def _is_installed(package: str) -> bool:
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True
