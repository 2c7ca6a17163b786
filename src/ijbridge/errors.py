"""Every error that ijbridge raises on purpose, as one tree.

::

    IJBridgeError
    ├── OptionError            an option, macro key or argument that is unknown or malformed
    ├── AgreementError         code of a model that nobody has said yes to
    ├── ModelError             the model cannot be used
    │   ├── ModelNotFoundError     there is nothing at that path
    │   ├── NotAModelError         something is there, but no description that ijbridge reads
    │   ├── DescriptionError       the description contradicts itself or its format
    │   ├── PackageError           a file of the package is missing, unsafe or altered
    │   └── CannotRunError         described correctly, but not runnable here (weights, operations)
    ├── ImageError             the image cannot be used
    │   ├── ImageNotFoundError     there is nothing at that path
    │   ├── ImageFormatError       something is there, but no image that ijbridge reads or writes
    │   ├── SharingError           its pixels would have to be copied, and that was forbidden
    │   ├── AxesError              the axes are unknown or do not fit the model's
    │   └── PixelValueError        the pixels cannot be processed (none, NaN, infinite)
    ├── PlanError              model and image are fine, yet no way to run one on the other
    ├── ResultError            the result cannot be written
    ├── ConversionError        the model cannot be converted, or the package not be written
    ├── InstallError           the plugin cannot be put into an ImageJ, or taken out of it
    ├── ImageJError            ImageJ cannot be started in this process, or its plugin is not there
    └── RunError               something failed while running
        ├── NetworkError           the inference engine refused or failed
        ├── DeviceError            the device asked for is not there
        └── Cancelled              stopped on request

Each message is one sentence (or two) for the person who meets it: what was found, what is allowed, what to do. Anything
else that is raised is a defect of ijbridge, not of its input.

This room knows nothing of models, images or ImageJ, so that every other room may import it.
"""

from __future__ import annotations

from ijbridge.printable import one_line

#: Characters that a dialog still shows; what quotes more of a stranger's file is cut in its middle.
_LONGEST = 2000


class IJBridgeError(Exception):
    """The root of the tree; catch it to catch everything that ijbridge raises on purpose."""

    def __init__(self, sentence: str = "") -> None:
        # what is quoted from a stranger's file may have line breaks, or move a terminal's cursor
        super().__init__(one_line(sentence, _LONGEST))


class OptionError(IJBridgeError):
    """An option, macro key or argument is unknown or malformed."""


class AgreementError(IJBridgeError):
    """Code that comes with a model is to be run, and nobody has said yes to it, or to what it is by now."""


class ModelError(IJBridgeError):
    """The model cannot be used."""


class ModelNotFoundError(ModelError):
    """There is nothing at the model's path."""


class NotAModelError(ModelError):
    """There is something at the path, but no description that ijbridge reads."""


class DescriptionError(ModelError):
    """The description contradicts itself or the specification of its format."""


class PackageError(ModelError):
    """A file of the model package is missing, lies outside the package or is not the one described."""


class CannotRunError(ModelError):
    """The description is understood, but the model cannot be run here."""


class ImageError(IJBridgeError):
    """The image cannot be used."""


class ImageNotFoundError(ImageError):
    """There is nothing at the image's path."""


class ImageFormatError(ImageError):
    """The file is no image that ijbridge reads, or the array no image that the format can hold."""


class SharingError(ImageError):
    """Python and Java cannot look at the same pixels, and copying them was forbidden (``copy=False``)."""


class AxesError(ImageError):
    """The image's axes are unknown, or do not fit those of the model."""


class PixelValueError(ImageError):
    """The pixels cannot be processed: there are none, or they are not finite."""


class PlanError(IJBridgeError):
    """Model and image are valid, yet there is no way to run the one on the other."""


class ResultError(IJBridgeError):
    """The result cannot be written."""


class ConversionError(IJBridgeError):
    """The model cannot be converted into another format, or the package cannot be written."""


class InstallError(IJBridgeError):
    """The plugin cannot be put into an ImageJ or Fiji, or taken out of it."""


class ImageJError(IJBridgeError):
    """ImageJ cannot be started in this process, or the plugin is not there or is another's."""


class RunError(IJBridgeError):
    """Something failed while running."""


class NetworkError(RunError):
    """The inference engine refused the network or failed to run it."""


class DeviceError(RunError):
    """The device that was asked for cannot be used."""


class Cancelled(RunError):  # noqa: N818 - an outcome that was asked for, not a fault
    """The run was stopped on request."""
