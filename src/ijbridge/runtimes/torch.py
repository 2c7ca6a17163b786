"""TorchScript through PyTorch, which is an extra: it takes gigabytes."""

from __future__ import annotations

import importlib.util
import io
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ijbridge.devices import AUTOMATIC, DEVICES
from ijbridge.errors import CannotRunError, NetworkError
from ijbridge.extras import install_command
from ijbridge.runtimes import NetworkTensor, failure, processors, shortened

if TYPE_CHECKING:
    from ijbridge.typing import Array

_MEMORY_WORDS = ("out of memory", "not enough memory", "can't allocate memory", "bad_alloc")


def check_installed(file: str) -> None:
    """Refuse to run a file where PyTorch is not installed.

    Raises
    ------
    CannotRunError
        If it is not, with the command that installs it.
    """
    if importlib.util.find_spec("torch") is None:
        raise CannotRunError(
            f"The weights {file} are TorchScript, which PyTorch runs; torch cannot be found: {install_command('torch')} "
            "(about 3 GB; less from PyTorch's own index for machines without a GPU)."
        )


def usable_devices() -> tuple[str, ...]:
    """Give the devices PyTorch can use here, best first."""
    import torch

    return ("cuda", "cpu") if torch.cuda.is_available() else ("cpu",)


def refused_devices() -> dict[str, str]:
    """Give the devices on which PyTorch is not asked to run TorchScript, and why."""
    return {name: "TorchScript is run on cuda or cpu" for name in DEVICES if name not in AUTOMATIC}


class TorchSession:
    """A network in PyTorch. TorchScript names neither inputs nor outputs: they are taken in the order of the description.

    ``data`` is the file, which somebody has said yes to: loading it runs what it holds.
    """

    def __init__(self, data: bytes, device: str, name: str, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        import torch

        self._torch, self._name = torch, name
        self._inputs, self._outputs = tuple(inputs), tuple(outputs)
        self.inputs = tuple(NetworkTensor(one, "", ()) for one in inputs)
        self.outputs = tuple(NetworkTensor(one, "", ()) for one in outputs)
        self.device, self.engine = device, f"PyTorch {torch.__version__}"
        torch.set_num_threads(processors())
        torch.backends.cudnn.allow_tf32 = False  # as for onnxruntime: it keeps 10 of the 23 bits of a number
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that there are newer formats
                self._module = torch.jit.load(io.BytesIO(data), map_location=device).eval()
        except (RuntimeError, ValueError, OSError) as error:
            raise NetworkError(f"{self.engine} refuses the network of {name!r}: {_reason(error)}") from error

    def run(self, feeds: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Run the network once (see `Session.run`)."""
        import numpy as np

        torch = self._torch
        try:
            with torch.inference_mode():
                given = [torch.from_numpy(np.ascontiguousarray(feeds[one])).to(self.device) for one in self._inputs]
                made = self._module(*given)
        except (RuntimeError, TypeError, ValueError) as error:
            if any(word in str(error).lower() for word in _MEMORY_WORDS):
                raise MemoryError("PyTorch did not get the memory it asked for") from error
            raise failure(self._name, feeds, _reason(error)) from error
        found = dict(zip(self._outputs, self._taken(made), strict=True))
        return [found[one] for one in outputs]

    def _taken(self, made: Any) -> list[Array]:
        tensors = list(made) if isinstance(made, tuple | list) else list(made.values()) if isinstance(made, dict) else [made]
        if len(tensors) != len(self._outputs) or not all(isinstance(one, self._torch.Tensor) for one in tensors):
            raise NetworkError(
                f"The network of {self._name!r} gives {len(tensors)} results, but {len(self._outputs)} outputs are described "
                f"({', '.join(self._outputs)}): the description has to list them in the network's order."
            )
        wide = [one.float() if one.dtype == self._torch.bfloat16 else one for one in tensors]
        return [one.cpu().numpy() for one in wide]


def _reason(error: BaseException) -> str:
    # PyTorch gives a trace first, and says what was wrong in its last line
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return shortened(lines[-1].rstrip("."))
