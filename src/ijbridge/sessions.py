"""How a network is opened: by which engine, and whether it may be."""

from __future__ import annotations

from ijbridge.agreements import check_agreed, check_unchanged
from ijbridge.description import ModelDescription
from ijbridge.errors import OptionError
from ijbridge.options import Options
from ijbridge.runtimes import Session
from ijbridge.weights import OnnxNetwork
from ijbridge.weights.torchscript import TorchScript


def new_session(file: OnnxNetwork | TorchScript, device: str, description: ModelDescription) -> Session:
    """Load a network into the engine that runs it.

    Raises
    ------
    NetworkError, DeviceError
        If the engine refuses it, or the device.
    """
    if isinstance(file, TorchScript):
        from ijbridge.runtimes.torch import TorchSession

        names = ([one.id for one in tensors] for tensors in (description.inputs, description.outputs))
        return TorchSession(file.data, device, description.name, *names)
    from ijbridge.runtimes.onnx import OnnxSession

    return OnnxSession(file.source, device, description.name)


def check_trusted(file: TorchScript, options: Options) -> None:
    """Refuse a program that nobody has said yes to, or that PyTorch is missing for; the option ``trust`` is a yes to a run.

    Raises
    ------
    AgreementError, CannotRunError
        With a sentence that names the file and the way.
    """
    from ijbridge.runtimes.torch import check_installed

    if options.trust:
        check_unchanged(file.code)
    else:
        check_agreed(file.code, "say trust=torchscript (in a shell: --trust torchscript)")
    check_installed(file.code.file)


def check_untrusted(file: OnnxNetwork, options: Options) -> None:
    """Refuse the option ``trust`` where there is nothing to trust.

    Raises
    ------
    OptionError
        If it is given.
    """
    if options.trust:
        raise OptionError(
            f"trust={options.trust} is for weights in TorchScript, but {file.weights.file.source} ({file.weights.format}) is "
            "run, which needs no trust: leave it out."
        )
