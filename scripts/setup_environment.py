"""What the scripts share: a virtual environment with ijbridge in it, the plugin's jar, a display. Standard library only."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
JAR = ROOT / "java" / "target" / "IJBridge_.jar"

#: DeepImageJ's commands for where DeepImageJ is not: a jar of its own, beside the other.
ALIASES = JAR.with_name("IJBridge_-DeepImageJ.jar")
XVFB_HELP = "install Xvfb (Debian, Ubuntu: apt install xvfb; Fedora: dnf install xorg-x11-server-Xvfb) or set DISPLAY"


def fail(sentence: str) -> None:
    """End the script with one sentence."""
    raise SystemExit(f"error: {sentence}")


def say(what: str) -> None:
    """Say what is being done."""
    print(f"== {what}", flush=True)


def python_with(extra: str) -> Path:
    """Make the project's virtual environment if needed, with ijbridge and one of its extras, and give its Python."""
    if sys.version_info < (3, 11):  # noqa: UP036 - a script is started by whatever python3 is
        fail(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: start the script with a newer python3.")
    python = _python_in(VENV)
    locked = ["-c", str(ROOT / "constraints.txt")] if os.environ.get("CI") else []
    wanted = _digest([ROOT / "pyproject.toml", ROOT / "constraints.txt"], extra, *locked)
    stamp = VENV / f"installed-{extra}"
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    _make(VENV)
    say(f"installing ijbridge[{extra}] into {VENV.name}")
    run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *locked, "--editable", f"{ROOT}[{extra}]"],
        "pip could not install what ijbridge needs",
    )
    stamp.write_text(wanted)
    return python


def environment_of(folder: Path, requirements: Path) -> Path:
    """Make a virtual environment of a file of requirements if needed, and give its Python."""
    python, stamp, wanted = _python_in(folder), folder / "installed", _digest([requirements])
    if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
        _make(folder)
        say(f"installing {requirements.name} into {folder.name}")
        pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "-r", requirements], f"pip could not install {requirements.name}")
        stamp.write_text(wanted)
    return python


def _python_in(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _make(environment: Path) -> None:
    made = environment / "made"  # a python in it does not say that pip is there too
    if not (made.exists() and _python_in(environment).exists()):
        say(f"making the virtual environment {environment.name}")
        run(
            [sys.executable, "-m", "venv", "--clear", environment],
            "no virtual environment could be made (Debian: apt install python3-venv)",
        )
        made.touch()


def build_jar(*, with_tests: bool = False) -> Path:
    """Build the plugin's jar with Maven if its sources changed, and give its path; its dependencies lie beside it."""
    sources = [ROOT / "java" / "pom.xml", *(file for file in (ROOT / "java" / "src").rglob("*") if file.is_file())]
    wanted = _digest(sources)
    stamp = ROOT / "java" / "target" / "built"
    stamped = stamp.exists() and stamp.read_text() == wanted
    built = JAR.exists() and ALIASES.exists() and any(JAR.parent.glob("dependency/*.jar"))
    if not with_tests and (stamped or _newer_than_its_sources()) and built:
        _level_rights(JAR)
        _level_rights(ALIASES)
        return JAR
    maven = shutil.which("mvn") or ""
    if not maven:
        fail("the plugin's jar has to be built, and mvn is not found: install maven.")
    if not (os.environ.get("JAVA_HOME") or shutil.which("javac")):
        fail(
            "the plugin's jar has to be built, and javac is not found: install a JDK of version 11 or newer, such as "
            "default-jdk, or set JAVA_HOME."
        )
    say("building the plugin" + (" and running its tests" if with_tests else ""))
    options = [] if with_tests else ["-DskipTests"]
    # clean: else jars of an earlier version stay beside the new ones
    command = [maven, "-q", "-B", "-f", str(ROOT / "java" / "pom.xml"), *options, "clean", "package"]
    run(command, "Maven could not build the plugin")
    _level_rights(JAR)
    _level_rights(ALIASES)
    stamp.write_text(wanted)
    return JAR


def _newer_than_its_sources() -> bool:
    """Whether the jar is one that Maven built outside of these scripts, after the last change of what goes into it."""
    # folders too: their time tells of a file that was removed
    main = ROOT / "java" / "src" / "main"
    sources = [ROOT / "java" / "pom.xml", main, *main.rglob("*")]
    return JAR.exists() and JAR.stat().st_mtime > max(source.stat().st_mtime for source in sources)


def _level_rights(jar: Path) -> None:
    """Give all entries of a jar the same rights: Maven takes them from files, where each person's umask makes others."""
    level = io.BytesIO()
    with zipfile.ZipFile(jar) as built, zipfile.ZipFile(level, "w") as archive:
        for entry in built.infolist():
            copied = zipfile.ZipInfo(entry.filename, entry.date_time)
            copied.external_attr = (0o40755 << 16) | 0x10 if entry.is_dir() else 0o100644 << 16
            copied.create_system = 3
            archive.writestr(copied, built.read(entry), zipfile.ZIP_STORED if entry.is_dir() else zipfile.ZIP_DEFLATED)
    if level.getvalue() != jar.read_bytes():
        part = jar.with_suffix(".part")
        part.write_bytes(level.getvalue())
        part.replace(jar)


@contextmanager
def display(*, hidden: bool = False) -> Iterator[dict[str, str]]:
    """Give an environment with a display: the one there is, else one of Xvfb's that ends with the block.

    ``hidden`` prefers Xvfb's, so that windows do not come up in front of somebody at work.
    """
    xvfb = shutil.which("Xvfb")
    there = bool(os.environ.get("DISPLAY")) or sys.platform in ("win32", "darwin")
    if there and not (hidden and xvfb):
        yield {"DISPLAY": "", **os.environ}
        return
    if xvfb is None:
        fail(f"there is no display and no Xvfb: {XVFB_HELP}.")
    # -noreset: else the server starts anew when the first window closes, and a second ImageJ may meet it half-way
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp", "-noreset"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            number = server.stdout.readline().strip() if server.stdout is not None else ""
            if not number:
                fail(f"Xvfb did not start: {XVFB_HELP}.")
            yield {**os.environ, "DISPLAY": f":{number}"}
        finally:
            server.terminate()


def run(command: Sequence[str | Path], otherwise: str, **more: object) -> None:
    """Run a command whose output is shown; end the script with a sentence if it fails."""
    status = subprocess.run([str(part) for part in command], check=False, cwd=ROOT, **more).returncode  # type: ignore[call-overload]
    if status != 0:
        fail(f"{otherwise} (exit status {status}; its output is above).")


def timed(what: str, command: Sequence[str | Path], otherwise: str) -> None:
    """Run a step and say how long it took."""
    say(what)
    started = time.monotonic()
    run(command, otherwise)
    print(f"   {time.monotonic() - started:.0f} s", flush=True)


def _digest(files: Sequence[Path], *words: str) -> str:
    digest = hashlib.sha256("\0".join(words).encode())
    for file in sorted(files):
        if file.exists():
            digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
