"""What is released: the wheel with its jars, the sdist and the zips; the wheel is installed into an empty environment."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import make_release
from ijbridge._version import __version__
from setup_environment import ALIASES, JAR, ROOT, _level_rights
from uv_wheels import this_platform, uv_wheels


def libraries() -> set[str]:
    return {jar.name for jar in (ROOT / "java" / "target" / "dependency").glob("*.jar")}


def names(archive: Path) -> set[str]:
    with zipfile.ZipFile(archive) as file:
        return set(file.namelist())


def test_the_wheel_and_the_zips_carry_what_they_need(released: Path) -> None:
    (wheel,) = released.glob("*.whl")
    jars = {f"ijbridge/jars/dependency/{name}" for name in libraries()}
    assert len(jars) == 5
    assert {name for name in names(wheel) if name.endswith(".jar")} == jars | {
        "ijbridge/jars/IJBridge_.jar",
        "ijbridge/jars/IJBridge_-DeepImageJ.jar",
    }
    (uv,) = uv_wheels([this_platform()])
    wheels = {f"wheels/{name}" for name in (wheel.name, uv.name, "environment.txt")}
    beside = {"IJBridge_.jar", "IJBridge.sha256", "README.txt", "LICENSE.txt", "THIRD-PARTY.txt"} | wheels
    for kind, jars in (("ImageJ", libraries()), ("Fiji", set())):
        archive = released / f"IJBridge-{__version__}-{kind}.zip"
        assert names(archive) == {f"IJBridge/{name}" for name in jars | beside}
        with zipfile.ZipFile(archive) as file:
            assert file.read(f"IJBridge/wheels/{wheel.name}") == wheel.read_bytes()
            manifest = file.read("IJBridge/IJBridge.sha256").decode().splitlines()[1:]
        assert {line.split("  ")[1] for line in manifest} == (jars | beside) - {"IJBridge.sha256"}


def test_what_the_plugin_makes_python_of_is_what_ci_tests() -> None:
    def pinned(file: str) -> dict[str, set[str]]:
        """Give the versions of each package, which may be another on another platform."""
        versions: dict[str, set[str]] = {}
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
            if re.match(r"[a-zA-Z]", line):
                requirement = Requirement(line.split("#")[0].rstrip(" \\"))
                versions.setdefault(canonicalize_name(requirement.name), set()).add(str(requirement.specifier))
        return versions

    tested, environment, uv = pinned("constraints.txt"), pinned("environment.txt"), pinned("scripts/uv.txt")
    assert uv == {"uv": tested["uv"]}
    # what a platform alone needs is in no list of what CI, on another one, has installed
    assert {name: tested.get(name, versions) for name, versions in environment.items()} == environment
    assert len(set(environment) & set(tested)) >= 20
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for line in project["dependencies"]:
        needed = Requirement(line)
        versions = environment[canonicalize_name(needed.name)]
        assert all(needed.specifier.contains(version.removeprefix("==")) for version in versions), line


def test_the_sdist_has_what_builds_the_jars(released: Path) -> None:
    (sdist,) = released.glob("*.tar.gz")
    with tarfile.open(sdist) as file:
        inside = {name.split("/", 1)[1] for name in file.getnames()}
    java = {path.relative_to(ROOT).as_posix() for path in (ROOT / "java" / "src").rglob("*") if path.is_file()}
    assert (
        java | {"java/pom.xml", "hatch_build.py", "scripts/setup_environment.py", "pyproject.toml", "environment.txt"} <= inside
    )
    assert not [name for name in inside if name.endswith(".jar")]


def test_two_builds_give_the_same_bytes_and_another_time_gives_others(
    released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, time in (("again", None), ("later", "1700000000")):
        if time is not None:
            monkeypatch.setenv("SOURCE_DATE_EPOCH", time)
        make_release.make_release(tmp_path / name, [this_platform()])
        for path in released.iterdir():
            same = path.read_bytes() == (tmp_path / name / path.name).read_bytes()
            assert same == (time is None), (path.name, time)


@pytest.mark.parametrize("built_jar", [JAR, ALIASES])
def test_a_jar_does_not_tell_the_rights_of_whoever_built_it(released: Path, tmp_path: Path, built_jar: Path) -> None:
    jars = []
    for umask in (0o022, 0o077):
        jar = tmp_path / f"{umask}.jar"
        with zipfile.ZipFile(built_jar) as built, zipfile.ZipFile(jar, "w") as archive:
            for entry in built.infolist():
                content = built.read(entry)
                entry.external_attr &= ~(umask << 16)
                archive.writestr(entry, content)
        assert jar.read_bytes() not in jars
        _level_rights(jar)
        jars.append(jar.read_bytes())
    assert jars[0] == jars[1]
    with zipfile.ZipFile(tmp_path / "63.jar") as level, zipfile.ZipFile(built_jar) as built:
        assert [(one.filename, one.CRC) for one in level.infolist()] == [(one.filename, one.CRC) for one in built.infolist()]


def test_the_wheel_installs_the_plugin_from_an_empty_environment(released: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", symlinks=sys.platform != "win32")
    scripts = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    (wheel,) = released.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    (tmp_path / "ImageJ" / "plugins").mkdir(parents=True)
    command = [str(scripts / "ijbridge"), "install-fiji", str(tmp_path / "ImageJ")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    folder = tmp_path / "ImageJ" / "plugins" / "IJBridge"
    assert {jar.name for jar in folder.glob("*.jar")} == {"IJBridge_.jar", "IJBridge_-DeepImageJ.jar"} | libraries()
    assert f"python={scripts / 'python'}\n" in (folder / "IJBridge.properties").read_text(encoding="utf-8")


def test_parts_of_two_versions_are_not_released(released: Path, tmp_path: Path) -> None:
    (wheel,) = released.glob("*.whl")
    (archive,) = released.glob("IJBridge-*-ImageJ.zip")

    def edited(source: Path, name: str, content: bytes) -> Path:
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(tmp_path / source.name, "w") as new:
            for entry in old.infolist():
                new.writestr(entry, content if entry.filename == name else old.read(entry))
        return tmp_path / source.name

    other = tmp_path / "other.jar"
    with zipfile.ZipFile(other, "w") as jar:
        jar.writestr("org/ijbridge/jar.properties", "version=9.9.9\n")
    with pytest.raises(SystemExit, match=r"the jar of 9\.9\.9"):
        make_release.check_versions(wheel, edited(archive, "IJBridge/IJBridge_.jar", other.read_bytes()))
    metadata = f"ijbridge-{__version__}.dist-info/METADATA"
    with pytest.raises(SystemExit, match=r"The wheel is of version 9\.9\.9"):
        make_release.check_versions(edited(wheel, metadata, b"Version: 9.9.9\n"), archive)
    changed = edited(wheel, "ijbridge/jars/IJBridge_.jar", b"")
    with pytest.raises(SystemExit, match="are not the same"):
        make_release.check_versions(changed, archive)


def test_without_maven_a_wheel_says_what_is_missing(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for folder in ("src", "java/src", "scripts"):
        shutil.copytree(ROOT / folder, checkout / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("java/pom.xml", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "java/THIRD-PARTY.txt"):
        shutil.copy(ROOT / file, checkout / file)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "built")]
    nothing = {"PATH": str(tmp_path)}  # a path without any program on it
    done = subprocess.run(command, cwd=checkout, env=nothing, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr == "error: the plugin's jar has to be built, and mvn is not found: install maven.\n"


def test_an_editable_installation_needs_no_jar(released: Path) -> None:
    spec = spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    build_data: dict[str, dict[str, str]] = {"force_include": {}}
    hook = module.JarHook(str(ROOT), {}, None, None, str(ROOT), "wheel")
    hook.initialize("editable", build_data)
    assert build_data == {"force_include": {}}
    hook.initialize("standard", build_data)
    assert len(build_data["force_include"]) == 2 + len(libraries())
