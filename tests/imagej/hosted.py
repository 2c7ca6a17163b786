"""Runs macros in an ImageJ that lives in this very process: a program of its own, because a JVM starts only once.

``python hosted.py FOLDER [OPTION ...]`` runs the macros of ``FOLDER/macros.json`` in the ImageJ of that folder, with these
options of Java, and leaves ``ran.json``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jpype

import ijbridge.imagej


def main(folder: Path, *java: str) -> None:
    """Run the macros one after the other; one that is stopped does not stop the others."""
    options = [f"-Duser.home={folder}", f"-Dijbridge.log={folder / 'ijbridge.log'}", *java]
    ijbridge.imagej.init(folder, mode="interactive", java_options=options)
    ij = jpype.JClass("ij.IJ")
    ran = {}
    for name, macro in json.loads((folder / "macros.json").read_text(encoding="utf-8")).items():
        value = ij.runMacro(macro)
        ran[name] = ["" if value is None else str(value), str(ij.getLog() or "")]
        ij.runMacro('print("\\\\Clear"); close("*");')
    (folder / "ran.json").write_text(json.dumps(ran), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
