"""ONNX networks through onnxruntime."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ijbridge.description import Tensor
from ijbridge.devices import AUTOMATIC, DEVICES, Device
from ijbridge.errors import CannotRunError, DeviceError, NetworkError
from ijbridge.runtimes import NetworkTensor, failure, processors, shortened

if TYPE_CHECKING:
    from ijbridge.typing import Array

_DTYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(bool)": "bool",
    **{f"tensor({sign}int{bits})": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}  # fmt: skip

#: What fails is raised; the engine's own log would be printed.
_SILENT = 4

#: Which files are taken for networks (else also onnxruntime's own format, which nobody has looked into); how large a constant
#: may become that is computed while a network is loaded; how long a thread looks out for the next piece of work before it
#: sleeps (its own measure, up to milliseconds, takes a quarter more of the processors and gives no result sooner:
#: docs/performance.md). Versions that do not know a key pass it over.
_CONFIGURATION = {
    "session.load_model_format": "ONNX",
    "optimization.constant_folding_max_output_size_in_bytes": str(256 << 20),
    "session.intra_op.spin_duration_us": "200",
}

#: A network of one node, which gives the number that it gets.
_LEAST_NETWORK = (
    b'\x08\x08\x12\x00:;\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x05leastZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01'
    b"b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\x11"
)

_MEMORY_WORDS = ("failed to allocate memory", "bad_alloc", "out of memory", "cuda_error_out_of_memory")


def engine() -> Any:
    """Import onnxruntime, with its telemetry off.

    Newer versions (1.32 has it, 1.23 has not) write an identifier of the machine and a database of events below the user's
    cache folder as soon as they are imported. Only the environment can say no before that; a value that is set there stays.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    onnxruntime.set_default_logger_severity(_SILENT)
    return onnxruntime


def engine_name() -> str:
    """Give the library with its version."""
    return f"onnxruntime {engine().__version__}"


def usable_devices() -> tuple[str, ...]:
    """Give the devices that can be used here, those first that are chosen by themselves, best first."""
    order = dict.fromkeys((*AUTOMATIC, *DEVICES))
    return tuple(name for name in order if why_not(name) is None)


def refused_devices() -> dict[str, str]:
    """Give the devices that this onnxruntime has and yet cannot use here, and why."""
    listed = engine().get_available_providers()
    found = {name: why_not(name) for name, one in DEVICES.items() if one.providers[0] in listed}
    return {name: why for name, why in found.items() if why is not None}


@cache
def why_not(name: str) -> str | None:
    """Say why a device cannot be used; None where it can.

    That onnxruntime lists it does not say that its driver and libraries are there: a network of one node is loaded on it.
    """
    device, ort = DEVICES[name], engine()
    if device.providers[0] not in ort.get_available_providers():
        return f"onnxruntime {ort.__version__} here has no {device.providers[0]}"
    if name == "cpu":
        return None
    try:
        session = _load(_LEAST_NETWORK, device)
    except _engine_errors() as error:
        return _reason(error).rstrip(".")
    used = session.get_providers()[0]
    if used == device.providers[0]:
        return None
    return f"onnxruntime {ort.__version__} falls back to {used}: the driver or a library that it needs cannot be loaded"


def _load(source: str | bytes, device: Device) -> Any:
    """Make onnxruntime's session; errors are its own."""
    ort = engine()
    if device.providers[-1] == "CUDAExecutionProvider" and hasattr(ort, "preload_dlls"):
        with contextlib.redirect_stdout(io.StringIO()):
            ort.preload_dlls()  # those that pip installed, which it prints
    options = ort.SessionOptions()
    options.log_severity_level = _SILENT
    for key, value in _CONFIGURATION.items():
        options.add_session_config_entry(key, value)
    options.intra_op_num_threads = processors()
    # what it holds would be as much again, from the second tile on, and nothing faster for it (docs/performance.md)
    options.enable_mem_pattern = False
    # what TensorRT leaves to CUDA is computed as CUDA computes it by itself
    settings = {one.providers[0]: dict(one.settings) for one in DEVICES.values()}
    return ort.InferenceSession(
        source,
        options,
        providers=list(device.providers),
        provider_options=[settings.get(one, {}) for one in device.providers],
        enable_fallback=0,  # it would print, and try the same again
    )


class OnnxSession:
    """A network in onnxruntime, from a file (external data lie beside it) or from bytes."""

    def __init__(self, source: Path | bytes, device: str, name: str) -> None:
        ort = engine()
        self._name = name
        try:
            self._session = _load(str(source) if isinstance(source, Path) else source, DEVICES[device])
            self.inputs = tuple(_tensor(one) for one in self._session.get_inputs())
            self.outputs = tuple(_tensor(one) for one in self._session.get_outputs())
        except _engine_errors() as error:
            raise NetworkError(f"onnxruntime {ort.__version__} refuses the network of {name!r}: {_reason(error)}") from error
        used = self._session.get_providers()[0]
        if used != DEVICES[device].providers[0]:
            raise DeviceError(f"onnxruntime runs {name!r} on {used} although {device} was asked for.")
        self.device = device
        self.engine = engine_name()

    def run(self, feeds: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Run the network once (see `Session.run`)."""
        try:
            results: list[Array] = self._session.run(list(outputs), dict(feeds))
        except _engine_errors() as error:
            if any(word in str(error).lower() for word in _MEMORY_WORDS):
                raise MemoryError("onnxruntime did not get the memory it asked for") from error
            raise failure(self._name, feeds, _reason(error)) from error
        return results


def bind(tensors: Sequence[Tensor], names: Sequence[str], side: str, model: str) -> dict[str, str]:
    """Find the network's tensor for each described one: by name or, where names differ and leave no doubt, by place.

    The name of an output that is made of another's tensor is that of its ``source``.

    Returns
    -------
    dict
        The network's name for each described id.

    Raises
    ------
    CannotRunError
        If names differ and there are several.
    """
    wanted = {tensor.id: tensor.source or tensor.id for tensor in tensors}
    if all(name in names for name in wanted.values()):
        return wanted
    if len(set(wanted.values())) == 1 and len(names) == 1:
        return dict.fromkeys(wanted, names[0])
    raise CannotRunError(
        f"The {side}s that {model!r} describes ({', '.join(wanted.values())}) are not those of its network "
        f"({', '.join(names)}): they are matched by name, so the description has to use the network's names."
    )


def _tensor(value: Any) -> NetworkTensor:
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    return NetworkTensor(value.name, _DTYPES.get(value.type, value.type), shape)


def _engine_errors() -> tuple[type[BaseException], ...]:
    """Give the exceptions of onnxruntime, which share no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = [one for one in vars(state).values() if isinstance(one, type) and issubclass(one, Exception)]
    return (*own, RuntimeError, ValueError)


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    text = re.sub(r"^/\S+:\d+ .*?\) (?=[A-Z])", "", text)  # the place in onnxruntime's own source
    return shortened(text)
