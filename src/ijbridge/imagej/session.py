"""ImageJ started in this process, or found in it, and this process registered as the server of its plugin.

Which ImageJ: a plain ImageJ 1.x is started here; Fiji and ImageJ2, with all their ways of being found, by pyimagej.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ijbridge.errors import ImageJError, OptionError, RunError
from ijbridge.imagej.jvm import JAR, extra, find_class, has_imagej, jar_folder, java_class, running, start_jvm

if TYPE_CHECKING:
    from ijbridge.imagej.host import Host

#: The plain ImageJ that is taken where no version is given.
IMAGEJ = ("net.imagej", "ij", "1.54p")

_MODES = ("headless", "interactive", "gui")

#: What ImageJ gives for a macro that was stopped.
_ABORTED = "[aborted]"


class ImageJ:
    """The ImageJ 1.x in this process, for those who have no gateway of pyimagej's. Made by `init` and `attach`."""

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
        with _serving().interruptible():
            value = jpype.JClass("ij.IJ").runMacro(macro, argument)
        if value is None or str(value) != _ABORTED:
            return "" if value is None else str(value)
        reason = str(in_process.takeFailure())
        if not reason and jpype.JClass("java.awt.GraphicsEnvironment").isHeadless():
            reason = (
                "The macro was stopped: a plain ImageJ without windows cannot call commands by run(); start it with "
                'mode="interactive" (by xvfb-run where there is no display).'
            )
        raise RunError(reason or "The macro was stopped: ImageJ's Log window may say why.")

    def active_image(self) -> Any:
        """Give the ``ij.ImagePlus`` that is active, or None where no image is open."""
        import jpype

        return jpype.JClass("ij.WindowManager").getCurrentImage()


#: The server that the plugin asks, once it is registered.
_host: Host | None = None


def init(
    ij_dir_or_version_or_endpoint: str | Path | Sequence[str] | None = None,
    mode: str = "headless",
    add_legacy: bool = True,
    *,
    java_options: Sequence[str] = (),
) -> Any:
    """Start ImageJ in this process, with the plugin, whose models this process runs.

    Parameters
    ----------
    ij_dir_or_version_or_endpoint
        What ``imagej.init`` of pyimagej takes: the folder of a Fiji or ImageJ2, a version of ImageJ2, one or several Maven
        coordinates (``"sc.fiji:fiji"``), or nothing for the newest ImageJ2. Besides, for a plain ImageJ 1.x: an ``ij.jar``, a
        folder with one, or ``"net.imagej:ij"`` with or without a version, which is ImageJ 1.54p where it is without.
    mode
        ``"headless"``: without windows; macros of a plain ImageJ cannot call commands then. ``"interactive"``: with windows,
        and the script goes on. ``"gui"``: with windows, and the script waits until they are closed.
    add_legacy
        Whether ImageJ2 has ImageJ 1.x in it, which the macro command and the SciJava command need.
    java_options
        Options of the Java virtual machine, such as ``-Xmx8g``.

    Returns
    -------
    net.imagej.ImageJ or ImageJ
        pyimagej's gateway, or an `ImageJ` for a plain ImageJ 1.x; None from pyimagej where its windows were waited for.

    Raises
    ------
    ImageJError
        If ImageJ cannot be started, in one sentence that says what to do.
    """
    jpype = extra("jpype")
    if jpype.isJVMStarted():
        raise ImageJError(
            "A Java virtual machine runs already in this process, and there can be one only: call ijbridge.imagej.attach() to "
            "use it."
        )
    wanted = str(getattr(mode, "value", mode))  # pyimagej's imagej.Mode is one of these too
    if wanted.removesuffix(":force") not in _MODES:
        raise OptionError(f"mode is {wanted!r}: give one of {', '.join(_MODES)}.")
    plain = _find_plain(ij_dir_or_version_or_endpoint)
    if plain is None:
        return _init_imagej2(ij_dir_or_version_or_endpoint, wanted, add_legacy, java_options)
    mode = wanted.removesuffix(":force")
    _start_plain(plain, mode, java_options)
    gateway = attach()
    while mode == "gui" and jpype.JClass("ij.IJ").getInstance() is not None:
        time.sleep(0.1)
    return gateway


def attach(ij: Any = None) -> Any:
    """Join the Java virtual machine that runs in this process, however it was started, and serve the plugin from here.

    The plugin's jar is added where it is not on the class path. Called again, it does no more.

    Parameters
    ----------
    ij
        The gateway that ``imagej.init`` of pyimagej gave, or another one of SciJava's; its command service learns the plugin's
        command.

    Returns
    -------
    net.imagej.ImageJ or ImageJ
        ``ij``; an `ImageJ` where it is left out.

    Raises
    ------
    ImageJError
        If no JVM runs, or the plugin in it is another's.
    """
    running()
    if has_imagej():
        _serving()
        if ij is not None and not isinstance(ij, ImageJ):
            _add_command(ij.context())
    else:
        java_class("InProcess")
    return ImageJ() if ij is None else ij


def release() -> None:
    """Give the memory of all models that macros and commands have used back."""
    if _host is not None:
        _host.close()


def _serving() -> Host:
    """Give the server, registered."""
    global _host
    if _host is None:
        from ijbridge.imagej.host import Host

        in_process = java_class("InProcess")
        host = Host(int(java_class("InProcess").reach()))
        try:
            in_process.register(host.proxy())
        except running().JException as error:
            raise ImageJError(str(error.getMessage())) from error
        _host = host
    return _host


def _add_command(context: Any) -> None:
    """Add the SciJava command to a context that was made before the plugin's jar was on the class path."""
    command, kind = java_class("RunModelCommand"), find_class("org.scijava.command.Command")
    service = context.service(find_class("org.scijava.plugin.PluginService").class_)
    if service.getPlugin(command.class_) is None:
        service.addPlugin(find_class("org.scijava.plugin.PluginInfo")(command.class_, kind.class_))


# --- ImageJ2 and Fiji ------------------------------------------------------------------------------------------------


def _init_imagej2(given: Any, mode: str, add_legacy: bool, java_options: Sequence[str]) -> Any:
    imagej, config = extra("imagej"), extra("scyjava").config
    if config.get_fetch_java() == "always":
        config.set_java_constraints(fetch="auto")  # a Java that is there goes before one from the network
    config.add_options(list(java_options))
    if not _holds(given, f"plugins/**/{JAR}"):
        extra("jpype").addClassPath(jar_folder() / JAR)
    if _holds(given, "jars/**/imglib2-imglyb*.jar"):
        # imglyb asks for this jar by the network when it is imported, although it is there
        extra("imglyb")
        config.endpoints[:] = [one for one in config.endpoints if "imglib2-imglyb" not in one]
    served: list[Any] = []
    imagej.when_imagej_starts(lambda ij: served.append(attach(ij)))  # before a window can be used
    try:
        ij = imagej.init(str(given) if isinstance(given, Path) else given, mode=mode, add_legacy=add_legacy)
    except (RuntimeError, OSError, ValueError, TypeError) as error:
        raise ImageJError(f"ImageJ2 cannot be started ({' '.join(str(error).split())}).") from error
    return ij if ij is None or served else attach(ij)


def _holds(given: Any, pattern: str) -> bool:
    """Whether what was given is a folder with such a file in it."""
    return isinstance(given, str | Path) and any(Path(given).expanduser().glob(pattern))


# --- plain ImageJ ----------------------------------------------------------------------------------------------------


def _find_plain(given: Any) -> Path | None:
    """Give an ij.jar, or a folder with one; None for what is not a plain ImageJ 1.x."""
    if isinstance(given, str) and given.split(":")[:2] == list(IMAGEJ[:2]):
        version = given.split(":")[2] if given.count(":") > 1 else IMAGEJ[2]
        built = jar_folder() / "imagej" / "ij.jar"
        return built if version == IMAGEJ[2] and built.is_file() else _fetch_imagej(version)
    if not isinstance(given, str | Path):
        return None
    path = Path(given).expanduser()
    if path.is_file() and path.suffix == ".jar":
        return path
    if (path / "ij.jar").is_file():
        return path
    if path.is_dir() and not (path / "jars").is_dir():
        raise ImageJError(
            f"{path} is no ImageJ: give the folder of a Fiji or ImageJ2 (with jars/ in it), or that of a plain ImageJ "
            "(with ij.jar)."
        )
    if (isinstance(given, Path) or "/" in given or "\\" in given) and not path.exists():
        raise ImageJError(f"There is no ImageJ {path}: give an ij.jar, or the folder of an ImageJ or Fiji.")
    return None


def _fetch_imagej(version: str) -> Path:
    group, name, _ = IMAGEJ
    maven = extra("jgo").maven
    try:
        # the jar alone: an environment of jgo's own would fetch a JDK as well
        jar: Path = maven.MavenContext().project(group, name).at_version(version).artifact().resolve()
    except Exception as error:  # whatever jgo raises of network and cache
        raise ImageJError(
            f"ImageJ ({group}:{name}:{version}) cannot be fetched ({type(error).__name__}: {' '.join(str(error).split())}): "
            "give the path of an ij.jar."
        ) from error
    return jar


def _start_plain(imagej: Path, mode: str, java_options: Sequence[str]) -> None:
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
    headless = ["-Djava.awt.headless=true"] if mode == "headless" else []
    start_jvm(class_path, [f"-Dplugins.dir={home}", "-Dfile.encoding=UTF-8", *headless, *java_options])
    if headless:
        return
    atexit.register(_close_windows)
    window_class = jpype.JClass("ij.ImageJ")
    try:
        # embedded: quitting ImageJ must not end this process
        window_class(None, window_class.EMBEDDED)
    except jpype.JException as error:
        raise ImageJError(
            f"ImageJ cannot open its windows ({' '.join(str(error).split())}): set DISPLAY, or start Python by xvfb-run, "
            'use a Java that is not a headless one, or mode="headless", where no macro calls commands.'
        ) from error


def _close_windows() -> None:
    """Let Java end with this process: it waits for its windows."""
    import jpype

    if not jpype.isJVMStarted():
        return
    for one in jpype.JClass("java.awt.Window").getWindows():
        one.dispose()
