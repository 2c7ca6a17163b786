"""ijbridge: run any described neural network on any microscopy image, from ImageJ, Python or a shell.

::

    import ijbridge

    result = ijbridge.predict("model.zip", "image.tif")   # an xarray.DataArray
    print(ijbridge.plan("model.zip", "image.tif"))

What is named here is public; everything else may change. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ijbridge._version import __version__

if TYPE_CHECKING:
    from ijbridge.api import Model, check, load, plan, predict, read_model
    from ijbridge.description import ModelDescription
    from ijbridge.errors import IJBridgeError
    from ijbridge.findings import Finding
    from ijbridge.plans import Plan

__all__ = [
    "Finding",
    "IJBridgeError",
    "Model",
    "ModelDescription",
    "Plan",
    "__version__",
    "check",
    "load",
    "plan",
    "predict",
    "read_model",
]

_ROOMS = {
    "Finding": "findings",
    "IJBridgeError": "errors",
    "Model": "api",
    "ModelDescription": "description",
    "Plan": "plans",
    "check": "api",
    "load": "api",
    "plan": "api",
    "predict": "api",
    "read_model": "api",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'ijbridge' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"ijbridge.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return __all__
