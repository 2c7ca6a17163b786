"""The rooms of the package and who may import whom; what an import costs; what is public."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import ijbridge

SOURCE = Path(ijbridge.__file__).parent

#: Every room imports only from the lines above its own. A package is one room; inside it any direction goes, but no circle.
LEVELS = (
    ("printable",),
    ("errors", "_version", "macro_text", "typing", "platforms", "architectures", "devices", "extras", "star_convex"),
    ("axes", "units", "findings", "caching"),
    ("operations", "profiles", "agreements"),
    ("description",),
    ("normalization",),
    ("image", "options", "interpreters", "segments", "packing"),
    ("own_process",),
    ("tiff_safety",),
    ("tiff_trial",),
    ("tiff_metadata",),
    ("image_io", "views", "statistics", "tiling", "receptive_field", "onnx_operators"),
    ("network_facts", "network_memory", "network_sizes", "network_safety"),
    ("network_knowledge",),
    ("network_layers", "network_axes"),
    ("graph",),
    ("processing", "formats", "describing", "known_networks"),
    ("macro_choice",),
    ("checks", "resampling", "weights", "stating", "cards", "downloads"),
    ("preparation",),
    ("mapping", "runtimes"),
    ("sessions",),
    ("geometry",),
    ("halo", "tile_choice", "object_plans"),
    ("plans",),
    ("plan_findings", "plan_words"),
    ("planning",),
    ("measuring", "resources", "pixel_checks", "resuming", "about"),
    ("prediction",),
    ("provenance", "converters", "objects"),
    ("loaded",),
    ("testing", "supported", "model_folder", "model_names", "deepimagej", "object_tables"),
    ("testing_views", "examples", "covers", "tuning"),
    ("server", "package_writer"),
    ("protocol",),
    ("appose_worker", "imagej", "installing", "conversion", "migration"),
    ("results",),
    ("api",),
    ("arguments", "console"),
    ("cli",),
    ("__main__", "ijbridge"),
)
LEVEL = {room: number for number, rooms in enumerate(LEVELS) for room in rooms}

HEAVY = (
    "numpy",
    "onnxruntime",
    "onnx",
    "xarray",
    "pandas",
    "scipy",
    "yaml",
    "tifffile",
    "h5py",
    "scyjava",
    "jpype",
    "appose",
    "tqdm",
)


def module_name(file: Path) -> str:
    parts = ["ijbridge", *file.relative_to(SOURCE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file): file for file in sorted(SOURCE.rglob("*.py"))}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else module


@cache
def imports_of(module: str) -> frozenset[str]:
    """Give the modules of ijbridge that a module imports, inside functions and for type checking too."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "ijbridge"}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relatively: write the whole name"
            if node.module and node.module.split(".")[0] == "ijbridge":
                whole = (f"{node.module}.{alias.name}" for alias in node.names)
                found |= {name if name in MODULES else node.module for name in whole}
    return frozenset(found - {module})


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_the_levels_below_or_its_own_package(module: str) -> None:
    room = room_of(module)
    assert room in LEVEL, f"{room} is not in the table of levels: decide where it belongs"
    wrong = [
        other
        for other in imports_of(module)
        if room_of(other) != room and LEVEL.get(room_of(other), len(LEVELS)) >= LEVEL[room]
    ]
    assert not wrong, f"{module} (level {LEVEL[room]}) imports {', '.join(sorted(wrong))}, on its own level or above it"


def test_the_table_of_levels_names_only_rooms_that_are_there() -> None:
    assert {room_of(module) for module in MODULES} == set(LEVEL)


def test_no_modules_import_each_other_in_a_circle() -> None:
    TopologicalSorter({module: imports_of(module) for module in MODULES if module != "ijbridge"}).prepare()


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("ijbridge", HEAVY),
        ("ijbridge.errors", HEAVY),
        ("ijbridge.description", HEAVY),
        ("ijbridge.image", HEAVY),
        ("ijbridge.cli", HEAVY),
        ("ijbridge.formats", [name for name in HEAVY if name != "yaml"]),
        (
            "ijbridge.api",
            ["onnxruntime", "onnx", "xarray", "pandas", "scipy", "tifffile", "scyjava", "jpype", "appose", "tqdm"],
        ),
        (
            "ijbridge.imagej",
            ["onnxruntime", "onnx", "xarray", "pandas", "scipy", "tifffile", "scyjava", "jpype", "jgo", "imagej", "appose"],
        ),
    ],
)
def test_an_import_loads_nothing_heavy(module: str, absent: list[str]) -> None:
    code = f"import sys, {module}; print(*(name for name in {[*absent]!r} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_the_public_names_are_these_and_no_others() -> None:
    assert ijbridge.__all__ == [
        "Finding",
        "IJBridgeError",
        "Model",
        "ModelDescription",
        "Plan",
        "__version__",
        "check",
        "load",
        "plan",
        "predict",
        "read_model",
    ]
    assert dir(ijbridge) == ijbridge.__all__


@pytest.mark.parametrize("name", ijbridge.__all__)
def test_a_public_name_can_be_imported(name: str) -> None:
    namespace: dict[str, object] = {}
    exec(f"from ijbridge import {name}", namespace)
    assert namespace[name] is getattr(ijbridge, name)
    assert namespace[name] is not None


def test_a_name_that_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="'ijbridge' has no attribute 'prediction_of'"):
        _ = ijbridge.prediction_of


@pytest.mark.parametrize("module", [name for name in MODULES if name != "ijbridge.console"])
def test_only_the_command_line_prints(module: str) -> None:
    calls = [node for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    assert not [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
