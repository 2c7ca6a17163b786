"""Run bioimageio.core on little models and images, and keep what it gives in tests/reference/ for the tests to hold against.

It needs an environment of its own, without ijbridge: bioimageio.core pins another bioimageio.spec than the tests use.

::

    python3 -m venv core-env
    core-env/bin/pip install -r scripts/bioimageio_core_requirements.txt
    core-env/bin/python scripts/compare_bioimageio_core.py

The networks of the little models give what they get, so that a result shows what the operations around them do. Each model is a
whole package on disk and is run as a user runs it. Two real models are run on a larger image too.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import bioimageio.core
import numpy as np
from bioimageio.spec import load_model_description
from loguru import logger

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from reference.cases import Case, cases  # noqa: E402 - found by the line above
from reference.models import KEPT, Array, cells, images, write_package  # noqa: E402

#: The repository's own sample model, and a published one beside the repository, which may not be there.
PACKAGES = {
    "phase-cell-unet": REPOSITORY / "samples" / "phase-cell-unet",
    "unet2d_nuclei_broad": REPOSITORY.parent / "shared" / "samples" / "unet2d_nuclei_broad",
}
VERSIONS = ("bioimageio.core", "bioimageio.spec", "onnxruntime", "numpy", "xarray", "scipy")


def main() -> None:
    """Run all cases and write the reference."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=REPOSITORY / "tests" / "reference", help="folder to write to (%(default)s)")
    parser.add_argument("--whole", type=Path, help="a folder to write the large results to with all their pixels")
    arguments = parser.parse_args()
    for model, folder in PACKAGES.items():
        if not folder.is_dir():
            parser.exit(1, f"error: the model {model} is not there: {folder}\n")
    logger.disable("bioimageio")
    warnings.simplefilter("ignore")
    pictures = images()
    arrays: dict[str, Array] = {f"image/{name}": array for name, array in pictures.items()}
    records, large = [], []
    for case in cases():
        record, results = run(case, pictures)
        records.append(record)
        arrays |= {f"{case.name}/{key}": array for key, array in results.items()}
    for record, result in run_large():
        large.append(record)
        if result is not None:
            arrays[record["name"]] = result[KEPT].astype(np.float32)
            if arguments.whole:
                arguments.whole.mkdir(parents=True, exist_ok=True)
                np.save(arguments.whole / f"{record['name'].replace(', ', '-')}.npy", result)
    about = {"made by": "scripts/compare_bioimageio_core.py", "versions": {name: version(name) for name in VERSIONS}}
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(arguments.out / "bioimageio_core.npz", **arrays)  # type: ignore[arg-type] # numpy's own stub
    (arguments.out / "bioimageio_core.json").write_text(as_text(about, cases=records, large=large), encoding="utf-8")
    print(f"{len(records)} little cases, {sum('error' in one for one in records)} of which fail, and {len(large)} large ones")


def as_text(about: Mapping[str, Any], **lists: list[dict[str, Any]]) -> str:
    """Write JSON with one line per case, so that a change of one shows as one."""
    parts = [json.dumps(about, indent=1)[1:-2].strip("\n")]
    for key, found in lists.items():
        lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in found)
        parts.append(f' "{key}": [\n{lines}\n ]')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def run(case: Case, pictures: Mapping[str, Array]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Run one case; give its record, with the error if it fails, and its results by output and, after a space, number."""
    record = case.record()
    results: dict[str, Array] = {}
    with tempfile.TemporaryDirectory() as folder:
        package = write_package(Path(folder) / "model", record, pictures)
        try:
            for number, sample in enumerate(_predicted(case, package, pictures)):
                for name, tensor in sample.members.items():
                    results[f"{name} {number}" if number else str(name)] = tensor.to_numpy()
        except Exception as error:  # noqa: BLE001 - whatever it raises is what is recorded
            record["error"] = f"{type(error).__name__}: {' '.join(str(error).replace(folder, '').split())[:160]}"
    return record, results


def _predicted(case: Case, package: Path, pictures: Mapping[str, Array]) -> Iterator[Any]:
    given = [
        {name: pictures[names[number]].copy() for name, names in case.images.items()}
        for number in range(len(next(iter(case.images.values()))))
    ]
    match case.how:
        case "predict":
            yield bioimageio.core.predict(model=package, inputs=given[0])
        case "converted":
            converted = load_model_description(package, format_version="latest")
            yield bioimageio.core.predict(model=converted, inputs=given[0])
        case "blocks":
            shape = {name: dict(zip(("batch", "channel", "y", "x"), (2, 2, 5, 5), strict=True)) for name in given[0]}
            yield bioimageio.core.predict(model=package, inputs=given[0], input_block_shape=shape)
        case "pipeline":
            pipeline = bioimageio.core.create_prediction_pipeline(load_model_description(package))
            for one in given:
                yield bioimageio.core.predict(model=pipeline, inputs=one)


def run_large() -> Iterator[tuple[dict[str, Any], Array | None]]:
    """Run the real models on an image of 512 x 512 pixels: as `predict` does, and without the halo it adds to the image."""
    for model, folder in PACKAGES.items():
        description = load_model_description(folder / "bioimageio.yaml", perform_io_checks=False)
        for dtype, padded in (("uint8", False), ("uint16", False), ("float32", False), ("uint8", True)):
            record = {
                "name": f"{model}, {dtype}{', padded' if padded else ''}",
                "model": model,
                "image": dtype,
                "padded": padded,
            }
            pipeline = bioimageio.core.create_prediction_pipeline(description, weights_format="onnx")
            sample = bioimageio.core.digest_spec.create_sample_for_model(description, inputs=cells(dtype)[None, None])
            try:
                found = pipeline.predict_sample_without_blocking(
                    sample, skip_input_padding=not padded, skip_output_cropping=not padded
                )
            except Exception as error:  # noqa: BLE001
                yield {**record, "error": f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"}, None
            else:
                yield record, next(iter(found.members.values())).to_numpy()[0, 0]


if __name__ == "__main__":
    main()
