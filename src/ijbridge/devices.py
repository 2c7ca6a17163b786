"""The devices that a network can be run on, and which package of onnxruntime brings each: one table.

``auto`` takes `AUTOMATIC` only, whose numbers are those of the CPU but for rounding. The others are for a person to choose:
CoreML and TensorRT may compute in half precision, and TensorRT first builds an engine of its own, which takes minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Device:
    """A device by the name that options have for it.

    ``providers`` are onnxruntime's execution providers, the device's own first; ``package`` has them; ``machine`` is what else
    is needed; ``settings`` are the first provider's options, in its own words.
    """

    name: str
    providers: tuple[str, ...]
    package: str
    machine: str
    settings: Mapping[str, str] = field(default_factory=dict)


#: TF32 keeps 10 of the 23 bits of a number; a search among algorithms by time takes now this one and now that one, and their
#: roundings differ. Both are CUDA's defaults.
_CUDA = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}

DEVICES = {
    one.name: one
    for one in (
        Device("cpu", ("CPUExecutionProvider",), "onnxruntime", "any machine"),
        Device(
            "cuda", ("CUDAExecutionProvider",), "onnxruntime-gpu[cuda,cudnn]",
            "Linux or Windows, an NVIDIA GPU and its driver", _CUDA,
        ),
        Device(
            "tensorrt", ("TensorrtExecutionProvider", "CUDAExecutionProvider"), "onnxruntime-gpu[cuda,cudnn] tensorrt",
            "as cuda; it builds an engine for every size of tile, and may round more",
        ),
        Device("coreml", ("CoreMLExecutionProvider",), "onnxruntime", "a Mac; it may compute in half precision"),
        Device("directml", ("DmlExecutionProvider",), "onnxruntime-directml", "Windows, any GPU with DirectX 12"),
    )
}  # fmt: skip

#: Those that are chosen without being asked for, best first.
AUTOMATIC = ("cuda", "cpu")


def install_command(device: Device) -> str:
    """Give the command that installs what a device needs; onnxruntime's packages exclude each other."""
    wanted = " ".join(f'"{one}"' if "[" in one else one for one in device.package.split())
    if device.package == "onnxruntime":
        return f"pip install {wanted}"
    return f"pip uninstall onnxruntime, then pip install {wanted}"
