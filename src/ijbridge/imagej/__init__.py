"""ImageJ in the process of a Python script: the same plugin, macros, keys and results, with this process as their server.

::

    import ijbridge.imagej

    ij = ijbridge.imagej.init("/path/to/Fiji.app")      # as imagej.init of pyimagej, which it calls
    image = ij.io().open("cells.tif")                   # a Java image is an image like any other
    result = ijbridge.predict("model.zip", image)       # and gives one
    ij.py.run_macro('run("Run Model...", "model=[model.zip] tile=auto");')

    array = ijbridge.imagej.to_numpy(image)             # shares the pixels where it can
    image = ijbridge.imagej.to_java(array, copy=False)  # or says why it cannot

Without ImageJ2: ``init("net.imagej:ij")``. In a Java that runs already, however it was started: ``attach()``.

Needs the extra ``ijbridge[imagej]`` and a Java of version 11 or newer; nothing of them is imported before it is used.
"""

from __future__ import annotations

from ijbridge.converters import Converter, register_converter
from ijbridge.imagej.images import from_java, give_back, is_java_image, to_imageplus, to_java, to_numpy, to_xarray
from ijbridge.imagej.session import ImageJ, attach, init, release

register_converter(Converter(is_java_image, from_java, give_back))

__all__ = ["ImageJ", "attach", "init", "release", "to_imageplus", "to_java", "to_numpy", "to_xarray"]
