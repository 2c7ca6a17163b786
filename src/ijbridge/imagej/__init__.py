"""ImageJ in the process of a Python script: the same plugin, macros, keys and results, with this process as their server.

::

    import ijbridge.imagej

    ij = ijbridge.imagej.start()
    ij.run_macro('open("cells.tif"); run("Run Model...", "model=[model.zip] tile=auto");')
    result = ijbridge.predict("model.zip", ij.active_image())   # a Java ImagePlus is an image like any other
    ijbridge.imagej.show(result)                                # and a result becomes one again

With pyimagej: ``add_to_classpath()`` before ``imagej.init(...)``, ``start()`` after it, and everything else as ever.

Needs the extra ``ijbridge[imagej]`` and a Java of version 11 or newer; nothing of them is imported before it is used.
"""

from __future__ import annotations

from ijbridge.converters import Converter, register_converter
from ijbridge.imagej.images import from_imageplus, is_imageplus, show, to_imageplus
from ijbridge.imagej.jvm import add_to_classpath
from ijbridge.imagej.session import ImageJ, start

register_converter(Converter(is_imageplus, from_imageplus))

__all__ = ["ImageJ", "add_to_classpath", "from_imageplus", "show", "start", "to_imageplus"]
