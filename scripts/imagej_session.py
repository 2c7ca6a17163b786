"""Starts a plain ImageJ with the plugin in it, runs macros, and brings back what they left behind: for demo and tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from setup_environment import JAR, ROOT, XVFB_HELP

JARS = JAR.parent
IMAGEJ = JARS / "imagej" / "ij.jar"

#: What runs macros in an ImageJ of its own process.
HOSTED = ROOT / "tests" / "imagej" / "hosted.py"

#: What `ij.IJ.runMacro` gives for a macro that was stopped.
ABORTED = "[aborted]"

_TIMEOUT_S = 120


@dataclass(frozen=True)
class Ran:
    """What one macro left behind.

    ``value`` is what it returned, `ABORTED` if it was stopped; ``log`` are the lines of ImageJ's Log window.
    """

    value: str
    log: tuple[str, ...]


@dataclass(frozen=True)
class Session:
    """What one run of ImageJ left behind: each macro's remains by name, and the plugin's log file."""

    ran: Mapping[str, Ran]
    log_file: str

    @property
    def workers(self) -> int:
        """The number of Python workers that were started."""
        return self.log_file.count("worker started:")


class ImageJ:
    """A folder with a plain ImageJ in which the plugin and the jars beside it are installed, and nothing else.

    ``installed`` says that they are there already; ``class_path`` are jars that are loaded before any plugin's, beside ImageJ;
    ``before`` is a command that runs the one that stands behind it; ``java`` are options of the Java that runs ImageJ.
    """

    #: The workers that any number of macros of one session start.
    workers = 1

    def __init__(
        self,
        folder: Path,
        display: str,
        before: Sequence[str] = (),
        java: Sequence[str] = (),
        *,
        installed: bool = False,
        class_path: Sequence[Path] = (),
    ) -> None:
        self.folder = folder
        self._display, self._before, self._java = display, before, java
        self._class_path = os.pathsep.join(str(jar) for jar in (IMAGEJ, *class_path))
        if installed:
            return
        plugins = folder / "plugins" / "IJBridge"
        plugins.mkdir(parents=True)
        for jar in (JAR, *(JARS / "dependency").glob("*.jar")):
            shutil.copy(jar, plugins)

    def run(self, macros: Mapping[str, str], *, status: int = 0) -> Session:
        """Run macros one after the other in one ImageJ with windows; one that is stopped does not stop the others.

        Of an ImageJ that is to end with another exit status than 0, only the macros that were done have left something.
        """
        arguments = []
        for name, macro in macros.items():
            path = self._file(f"{name}.ijm")
            path.write_text(macro, encoding="utf-8")
            value, log = self._file(f"{name}.value"), self._file(f"{name}.log")
            # an -eval of its own for each, because a macro that is stopped takes the state of its caller along
            arguments += [
                "-eval",
                f'File.saveString("" + runMacro("{path}"), "{value}");',
                "-eval",
                f'File.saveString("" + getInfo("log"), "{log}"); print("\\\\Clear"); close("*");',
            ]
            value.unlink(missing_ok=True)
        self._start([*arguments, "-eval", 'run("Quit");'], os.environ, status)
        done = [name for name in macros if status == 0 or self._file(f"{name}.value").exists()]
        return Session({name: self._ran(name) for name in done}, self._log_file())

    def run_without_windows(self, macro: str, environment: Mapping[str, str]) -> list[str]:
        """Run one macro by ``-batch`` and give what ImageJ prints, which is what would be in its Log window."""
        path = self._file("batch.ijm")
        path.write_text(macro, encoding="utf-8")
        return self._start(["-batch", str(path)], environment).splitlines()

    def _start(self, arguments: Sequence[str], environment: Mapping[str, str], status: int = 0) -> str:
        self._file("ijbridge.log").unlink(missing_ok=True)
        command = [
            *self._before,
            str(find_java()),
            *self._java,
            "-Dfile.encoding=UTF-8",
            f"-Duser.home={self.folder}",
            f"-Dijbridge.log={self._file('ijbridge.log')}",
            *("-cp", self._class_path, "ij.ImageJ"),
            "-port0",  # else an ImageJ that is open already would be given the macros
            *("-ijpath", str(self.folder)),
            *arguments,
        ]
        given = {"IJBRIDGE_PYTHON": sys.executable, **environment, "DISPLAY": self._display}
        java = subprocess.Popen(
            command, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace"
        )
        try:
            said, complained = java.communicate(timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(
                f"ImageJ did not end (a dialog?); log: {self._log_file()}; its threads: {_threads(java)}"
            ) from error
        assert java.returncode == status, f"exit status {java.returncode}: {said}{complained}"
        return said

    def _file(self, name: str) -> Path:
        return self.folder / name

    def _ran(self, name: str) -> Ran:
        value = self._file(f"{name}.value").read_text(encoding="utf-8").strip()
        return Ran(value, tuple(self._file(f"{name}.log").read_text(encoding="utf-8").splitlines()))

    def _log_file(self) -> str:
        path = self._file("ijbridge.log")
        return path.read_text(encoding="utf-8") if path.exists() else ""


def _threads(java: subprocess.Popen[str]) -> str:
    """Ask a Java what its threads are at, and end it."""
    java.send_signal(signal.SIGQUIT)
    try:
        java.wait(2)
    except subprocess.TimeoutExpired:
        java.kill()
    return java.communicate()[0]


class HostedImageJ(ImageJ):
    """The same folder, but its ImageJ runs in a Python process, whose own server the plugin uses."""

    workers = 0

    def __init__(self, folder: Path, display: str, *, java: Sequence[str] = ()) -> None:
        super().__init__(folder, display, java=java)
        shutil.copy(IMAGEJ, folder)

    def run(self, macros: Mapping[str, str], *, status: int = 0) -> Session:
        """Run macros one after the other; one that is stopped does not stop the others."""
        if status:
            raise ValueError("a Python process that hosts ImageJ ends as Python does")
        self._file("ijbridge.log").unlink(missing_ok=True)
        self._file("macros.json").write_text(json.dumps(macros), encoding="utf-8")
        self.run_python(HOSTED, str(self.folder), *self._java)
        ran = json.loads(self._file("ran.json").read_text(encoding="utf-8"))
        return Session({name: Ran(value, tuple(log.splitlines())) for name, (value, log) in ran.items()}, self._log_file())

    def run_python(self, script: Path, *arguments: str) -> str:
        """Run a script in a Python process of its own and give what it prints."""
        given = {**os.environ, "DISPLAY": self._display}
        given.pop("IJBRIDGE_PYTHON", None)  # no worker could be started
        command = [sys.executable, str(script), *arguments]
        try:
            done = subprocess.run(
                command, env=given, capture_output=True, text=True, encoding="utf-8", timeout=_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            said = (error.stdout or b"").decode(errors="replace") + (error.stderr or b"").decode(errors="replace")
            raise AssertionError(f"Python did not end (a dialog?); it said: {said}; log: {self._log_file()}") from error
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def missing() -> list[str]:
    """Say what a run of ImageJ lacks on this machine, and how to get it."""
    lacks = []
    if find_java() is None:
        lacks.append("no java: install a JDK, such as Debian's openjdk-17-jdk, or set JAVA_HOME")
    if not JAR.exists() or not IMAGEJ.exists():
        lacks.append(f"no {JAR.relative_to(ROOT)}: run `mvn -q -B -f java/pom.xml package`")
    if shutil.which("Xvfb") is None and not os.environ.get("DISPLAY"):
        lacks.append(f"no display: {XVFB_HELP}")
    return lacks


def find_java() -> Path | None:
    """Find the Java that JAVA_HOME names, else the one on the path."""
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin" / "java").exists():
        return Path(home) / "bin" / "java"
    found = shutil.which("java")
    return Path(found) if found else None
