"""TorchScript: a program in a zip, which PyTorch runs. Nothing of it is looked into here but what kind of file it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ijbridge.agreements import Code
from ijbridge.description import ModelDescription, Weights
from ijbridge.errors import CannotRunError, NotAModelError
from ijbridge.formats.archive import Archive, Limits
from ijbridge.formats.package import package_of
from ijbridge.weights import read_weights

#: What to do with a file of PyTorch that holds numbers without a network.
_NO_NETWORK = (
    "ask its author for TorchScript (torch.jit.trace) or ONNX (torch.onnx.export), which can be exported by those who have the "
    "network's Python code"
)


@dataclass(frozen=True)
class TorchScript:
    """A TorchScript file. ``weights`` are those that it is, with its SHA-256; ``code`` is what a person says yes to."""

    weights: Weights
    data: bytes
    code: Code

    @property
    def size(self) -> int:
        """Bytes that it has."""
        return len(self.data)


def read_torchscript(description: ModelDescription, weights: Weights) -> TorchScript:
    """Read the file, and refuse what is none by its kind.

    Raises
    ------
    PackageError
        If the file is missing or altered.
    CannotRunError
        If it is no TorchScript.
    """
    known, data = read_weights(package_of(description), weights)
    name = weights.file.source
    try:
        names = {PurePosixPath(one).name for one in Archive(Path(name), Limits.read(), data).names}
    except NotAModelError:
        names = set()
    if "constants.pkl" not in names:
        what = "the numbers of a network without the network (a state_dict)" if "data.pkl" in names else "no TorchScript"
        raise CannotRunError(f"The weights {name} of {description.name!r} are {what}: {_NO_NETWORK}.")
    return TorchScript(known, data, Code(description.location, name, "TorchScript program", known.file.sha256 or ""))
