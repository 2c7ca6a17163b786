"""ImageJ started in this process, or found in it, and this process registered as the server of its plugin."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ijbridge.errors import ImageJError, RunError
from ijbridge.imagej.jvm import JAR, extra, jar_folder, java_class, start_jvm

#: The ImageJ that is fetched where none is given.
IMAGEJ = ("net.imagej", "ij", "1.54p")

#: What ImageJ gives for a macro that was stopped.
_ABORTED = "[aborted]"


class ImageJ:
    """ImageJ in this process. Made by `start`."""

    def __init__(self, host: Any) -> None:
        self._host = host

    def run_macro(self, macro: str, argument: str = "") -> str:
        """Run a macro in ImageJ's macro language.

        Parameters
        ----------
        macro
            The macro's text.
        argument
            What the macro gets by ``getArgument()``.

        Returns
        -------
        str
            What the macro returns; empty where it returns nothing.

        Raises
        ------
        RunError
            If the macro was stopped, with the sentence that Run Model... gave as the reason, where it was that.
        KeyboardInterrupt
            If Ctrl-C was pressed meanwhile; a model stops between two tiles.
        """
        import jpype

        in_process = java_class("InProcess")
        in_process.takeFailure()
        with self._host.interruptible():
            value = jpype.JClass("ij.IJ").runMacro(macro, argument)
        if value is None or str(value) != _ABORTED:
            return "" if value is None else str(value)
        raise RunError(str(in_process.takeFailure()) or "The macro was stopped: ImageJ's Log window may say why.")

    def active_image(self) -> Any:
        """Give the ``ij.ImagePlus`` that is active, or None where no image is open."""
        import jpype

        return jpype.JClass("ij.WindowManager").getCurrentImage()

    def release(self) -> None:
        """Give the memory of all models back."""
        self._host.close()


_session: ImageJ | None = None


def start(imagej: str | Path | None = None, *, window: bool = True, java_options: Sequence[str] = ()) -> ImageJ:
    """Start ImageJ in this process, or find the one that pyimagej has started, and serve its plugin from here.

    Parameters
    ----------
    imagej
        An ``ij.jar``, or the folder of an ImageJ 1.x with its plugins and macros. Left out: the ImageJ that runs in this
        process already, else ImageJ 1.54p with this plugin alone, fetched from Maven Central once.
    window
        Whether ImageJ's main window is shown. Images have windows either way, and plain ImageJ needs a display for its macros.
    java_options
        Options of the Java virtual machine, such as ``-Xmx8g``.

    Raises
    ------
    ImageJError
        If ImageJ cannot be started, in one sentence that says what to do.
    """
    global _session
    jpype = extra("jpype")
    if not jpype.isJVMStarted():
        _start_plain(_find_imagej(imagej), window, java_options)
    elif imagej is not None or java_options:
        raise ImageJError(
            "A Java virtual machine runs already in this process, and there can be one only: call ijbridge.imagej.start() "
            "without arguments to use it."
        )
    if _session is None:
        _session = _serve()
    return _session


def _serve() -> ImageJ:
    from ijbridge.imagej.host import Host

    in_process = java_class("InProcess")
    host = Host(int(java_class("InProcessImages").reach()))
    in_process.register(host.proxy())
    return ImageJ(host)


def _find_imagej(given: str | Path | None) -> Path:
    """Give an ij.jar, or a folder with one."""
    if given is None:
        built = jar_folder() / "imagej" / "ij.jar"
        return built if built.is_file() else _fetch_imagej()
    path = Path(given).expanduser()
    if path.is_file() and path.suffix == ".jar":
        return path
    if (path / "ij.jar").is_file():
        return path
    if not path.exists():
        raise ImageJError(f"There is no ImageJ {path}: give an ij.jar, or a folder that holds one.")
    raise ImageJError(
        f"{path} holds no ij.jar: give an ij.jar, or a folder that holds one; for Fiji and ImageJ2 call "
        "ijbridge.imagej.add_to_classpath(), then imagej.init() of pyimagej, then ijbridge.imagej.start()."
    )


def _fetch_imagej() -> Path:
    group, name, version = IMAGEJ
    maven = extra("jgo").maven
    try:
        # the jar alone: an environment of jgo's own would fetch a JDK as well
        jar: Path = maven.MavenContext().project(group, name).at_version(version).artifact().resolve()
    except Exception as error:  # whatever jgo raises of network and cache
        raise ImageJError(
            f"ImageJ ({':'.join(IMAGEJ)}) cannot be fetched ({type(error).__name__}: {' '.join(str(error).split())}): give the "
            "path of an ij.jar."
        ) from error
    return jar


def _start_plain(imagej: Path, window: bool, java_options: Sequence[str]) -> None:
    import jpype

    jar = jar_folder() / JAR
    class_path = [imagej if imagej.is_file() else imagej / "ij.jar"]
    if imagej.is_file():
        home = Path(tempfile.mkdtemp(prefix="ijbridge-imagej-"))
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        (home / "plugins" / "IJBridge").mkdir(parents=True)
        shutil.copy(jar, home / "plugins" / "IJBridge")
    else:
        home = imagej
        if not any((home / "plugins").glob(f"**/{JAR}")):
            class_path.append(jar)
    start_jvm(class_path, [f"-Dplugins.dir={home}", "-Dfile.encoding=UTF-8", *java_options])
    atexit.register(_close_windows)
    window_class = jpype.JClass("ij.ImageJ")
    try:
        # embedded: quitting ImageJ must not end this process
        window_class(None, window_class.EMBEDDED if window else window_class.NO_SHOW)
    except jpype.JException as error:
        raise ImageJError(
            f"ImageJ cannot open its windows ({' '.join(str(error).split())}): set DISPLAY, or start Python by xvfb-run, and "
            "use a Java that is not a headless one."
        ) from error


def _close_windows() -> None:
    """Let Java end with this process: it waits for its windows."""
    import jpype

    if not jpype.isJVMStarted():
        return
    for one in jpype.JClass("java.awt.Window").getWindows():
        one.dispose()
