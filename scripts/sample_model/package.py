"""The model package: description, documentation, cover, weights and test tensors, each with its hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from PIL import Image
from skimage.data import cell
from skimage.segmentation import find_boundaries

from sample_model import network
from sample_model.quality import EPS, THRESHOLD, predict
from sample_model.simulation import PIXEL_SIZE

if TYPE_CHECKING:
    from pathlib import Path

    import onnxruntime
    from numpy.typing import NDArray

    from sample_model.quality import RealQuality, SimulatedQuality

HALO = -(-network.reach() // network.STRIDE) * network.STRIDE
SMALLEST = 2 * HALO + 2 * network.STRIDE
TEST_SHAPE = (176, 208)
"""Not square, so that swapped axes do not pass the test."""

_AUTHORS = [{"name": "The ijbridge authors"}]
_LICENSE = "CC0-1.0"
_UNET = "10.1007/978-3-319-24574-4_28"
_PHASE = "10.1364/OE.26.010729"


@dataclass(frozen=True)
class Facts:
    """What was done and what came out, as the documentation states it."""

    steps: int
    batch: int
    patch: int
    fields: int
    learning_rate: float
    seed: int
    seconds: float
    parameters: int
    simulated: SimulatedQuality
    real: RealQuality


class _PlainDumper(yaml.SafeDumper):
    """Writes repeated parts out, as not every reader of descriptions knows anchors."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def write(folder: Path, model: bytes, session: onnxruntime.InferenceSession, image: NDArray[np.uint8], facts: Facts) -> None:
    """Write the whole package; ``image`` is the test input."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model)
    probability = predict(session, image)
    np.save(folder / "test_input.npy", image.astype(np.float32)[None, None])
    np.save(folder / "test_output.npy", probability[None, None])
    Image.fromarray(image).save(folder / "sample_input.png", optimize=True)
    Image.fromarray(np.rint(255 * probability).astype(np.uint8)).save(folder / "sample_output.png", optimize=True)
    (folder / "README.md").write_text(_documentation(facts), encoding="utf-8")
    _write_cover(folder / "cover.png", session)
    text = yaml.dump(_description(folder, facts), Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=110)
    (folder / "bioimageio.yaml").write_text(text, encoding="utf-8")


def _write_cover(path: Path, session: onnxruntime.InferenceSession) -> None:
    image = cell()
    # A square of each, side by side: a cover is twice as wide as high.
    side = min(image.shape)
    gray, probability = (
        np.asarray(Image.fromarray(array[-side:]).resize((400, 400), Image.Resampling.BILINEAR))
        for array in (image, predict(session, image))
    )
    # One palette of 128 greys and 127 tinted greys keeps both halves exact and the file small.
    inside = probability > THRESHOLD
    tinted = np.minimum(gray // 2, 126) + 128 * inside
    tinted[find_boundaries(inside, mode="inner")] = 255
    ramp = np.arange(128) * 2
    plain = np.stack([ramp] * 3, axis=1)
    orange = plain[:-1] * 0.55 + np.array([255, 140, 0]) * 0.45
    cover = Image.fromarray(np.hstack([gray // 2, tinted]).astype(np.uint8), mode="P")
    cover.putpalette(np.vstack([plain, orange, [[255, 190, 60]]]).astype(np.uint8).tobytes())
    cover.save(path, optimize=True)


def _file(folder: Path, name: str) -> dict[str, str]:
    return {"source": name, "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}


def _description(folder: Path, facts: Facts) -> dict[str, Any]:
    def space(identifier: str, **size: Any) -> dict[str, Any]:
        return {"type": "space", "id": identifier, "unit": "micrometer", "scale": PIXEL_SIZE, **size}

    def axes(channel: str, *spaces: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"type": "batch"}, {"type": "channel", "channel_names": [channel]}, *spaces]

    size = {"size": {"min": SMALLEST, "step": network.STRIDE}}
    source = {
        "id": network.INPUT,
        "description": "Quantitative phase image, cells brighter than the background, in any grey scale.",
        "axes": axes("phase", space("y", **size), space("x", **size)),
        "data": {"type": "float32"},
        "preprocessing": [
            {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}},
            {"id": "zero_mean_unit_variance", "kwargs": {"axes": ["y", "x"], "eps": EPS}},
        ],
        "test_tensor": _file(folder, "test_input.npy"),
        "sample_tensor": _file(folder, "sample_input.png"),
    }
    follows = [space(axis, size={"tensor_id": network.INPUT, "axis_id": axis, "offset": 0}, halo=HALO) for axis in "yx"]
    result = {
        "id": network.OUTPUT,
        "description": f"Probability that a pixel lies in a cell; {THRESHOLD} is the threshold that was evaluated.",
        "axes": axes("cell", *follows),
        "data": {"type": "float32", "range": [0.0, 1.0]},
        "postprocessing": [{"id": "sigmoid"}],
        "test_tensor": _file(folder, "test_output.npy"),
        "sample_tensor": _file(folder, "sample_output.png"),
    }
    return {
        "format_version": "0.5.14",
        "type": "model",
        "name": "Phase cell U-Net",
        "description": "Segments cells (foreground probability) in two-dimensional quantitative phase images. "
        "A small U-Net trained on simulated images; the sample model of ijbridge.",
        "version": "0.1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "authors": _AUTHORS,
        "license": _LICENSE,
        "cite": [
            {"text": "Ronneberger et al., U-Net: networks for biomedical image segmentation", "doi": _UNET},
            {"text": "Müller et al., size and refractive index of spherical objects", "doi": _PHASE},
        ],
        "tags": [
            "2d",
            "cells",
            "quantitative-phase-imaging",
            "label-free",
            "semantic-segmentation",
            "unet",
            "simulated",
        ],
        "documentation": _file(folder, "README.md"),
        "covers": [_file(folder, "cover.png")],
        "inputs": [source],
        "outputs": [result],
        "weights": {"onnx": {**_file(folder, "model.onnx"), "opset_version": network.OPSET}},
        "training_data": {
            # Later versions want the address of a stored data set; a simulated one has none.
            "format_version": "0.2.4",
            "type": "dataset",
            "name": "Simulated quantitative phase images of cells",
            "description": f"{facts.fields} fields of 384 to 640 pixels a side at {PIXEL_SIZE} um, simulated with "
            f"seed {facts.seed} by scripts/sample_model/simulation.py of ijbridge; not stored.",
            "authors": _AUTHORS,
            "license": _LICENSE,
            "cite": [{"text": "Müller et al., sphere models of phase", "doi": _PHASE}],
            "tags": ["simulated", "quantitative-phase-imaging"],
        },
        "config": {
            "bioimageio": {
                "reproducibility_tolerance": [
                    {"relative_tolerance": 1e-3, "absolute_tolerance": 1e-4, "mismatched_elements_per_million": 0}
                ],
                "architecture_type": "2D U-Net",
                "modality": "quantitative phase imaging",
                "target_structure": ["cells"],
                "task": "semantic segmentation",
                "model_parameter_count": facts.parameters,
                "training": {
                    "training_preprocessing": "zero mean and unit variance of each whole field, then random patches "
                    f"of {facts.patch} x {facts.patch} pixels in the eight orientations of the square",
                    "training_batch_size": facts.batch,
                    "training_epochs": round(facts.steps * facts.batch / facts.fields, 1),
                    "initial_learning_rate": facts.learning_rate,
                    "learning_rate_schedule": "linear warm-up, then cosine decay to a hundredth",
                    "loss_function": "binary cross-entropy + 0.5 * Dice loss over the batch",
                    "optimizer": "AdamW",
                    "optimizer_kwargs": {"weight_decay": 1e-4},
                    "training_duration": round(facts.seconds / 3600, 3),
                },
            }
        },
    }


def _documentation(facts: Facts) -> str:
    simulated, real = facts.simulated, facts.real
    with_cells = simulated.fields - simulated.empty
    return f"""\
# Phase cell U-Net

Gives, for every pixel of a quantitative phase image, the probability that it lies in a cell. It is the sample model of
ijbridge: small ({facts.parameters:,} parameters), really trained, completely described. It is made to show how a described
network is run, not to be the best segmentation of your cells.

- Input `{network.INPUT}`: one channel, cells brighter than the background, {PIXEL_SIZE} µm per pixel, cells of 6 to
  20 µm; grey values in any scale (the description normalises each image to zero mean and unit variance). Sides of
  {SMALLEST} + {network.STRIDE} n pixels.
- Output `{network.OUTPUT}`: the network gives logits, the description's sigmoid makes them probabilities.
- A pixel influences outputs up to {network.reach()} pixels away (computed from the layers, and confirmed by changing
  single pixels); the declared halo is {HALO}. No layer looks at the whole image.

## Validation

Intersection over union (IoU) of the pixels above {THRESHOLD}, beside Otsu's threshold on the same image:

| images | measure | network | Otsu |
|---|---|---|---|
| {simulated.fields} held-out simulated fields | IoU over all pixels | {_pair(simulated.pooled)} |
| {with_cells} of them that hold cells | mean IoU per field | {_pair(simulated.mean)} |
| {simulated.empty} of them without a cell | share of pixels called cell | {_pair(simulated.false)} |
| 1 real image, `skimage.data.cell()` | IoU with the reference contour | {_pair(real.reference)} |
| the same | cell pixels away from the cell | {real.away[0]} | {real.away[1]} |

The held-out fields come from the same simulation as the training data, with another random stream; they say how well
the task was learned, not how well it carries over. The one real image (CC0, a cell floating in saline, Müller et al.
2018) was never trained on. Its reference contour is found without the network: from the centroid of the largest bright
region, 720 rays are read in the smoothed image (Gaussian, 1.5 pixels), the steepest fall of brightness on each ray
between 0.6 and 1.5 times the region's radius is an edge point, and an ellipse is fitted to the edge points (RANSAC,
2 pixels). It measures {real.axes[0]:.1f} x {real.axes[1]:.1f} pixels, {real.axes[0] * PIXEL_SIZE:.1f} x \
{real.axes[1] * PIXEL_SIZE:.1f} µm; the areas of the two masks are those of discs of {_diameter(real.areas[0]):.1f}
(network) and {_diameter(real.areas[1]):.1f} pixels (Otsu).

The contour is a definition of the edge, not a measurement by other means: a blurred body falls steepest somewhat inside
its true edge, and the true edge is what the network learned. On simulated bodies of this size, whose true edge is known,
the same contour has an IoU of {real.ideal[0]:.2f} to {real.ideal[1]:.2f} with the truth, lowest for blurred spheres.
So this figure cannot be expected to come near 1, and it favours Otsu's threshold, which errs to the same side.

To validate on your own images, outline the cells of some of them by hand and compute the same IoU.

## Training

{facts.fields} fields of 384 to 640 pixels a side were simulated: bodies of 6 to 20 µm, spherical to flattened, round to
slightly irregular, with texture, organelles and nuclei; several, overlapping, cut by the border or none (three fields
in ten); blurred by an optical resolution of 0.3 to 1.1 µm, high-passed (the dark halo), with interference fringes, dust,
defocused rings, tilt, speckle and camera noise, scaled to 8 bits at varying contrast and offset.

- Random patches of {facts.patch} x {facts.patch} pixels in batches of {facts.batch}, {facts.steps} steps of AdamW with a
  learning rate of {facts.learning_rate} and cosine decay, binary cross-entropy plus Dice loss.
- {facts.seconds / 60:.0f} minutes on two CPU cores, the simulation included.
- The parameters of the last step were taken; no step was selected.

In ijbridge's repository, `python scripts/train_sample_model.py --seed {facts.seed}` repeats all of it.

The real image was looked at for what a simulation has to contain (halo, bands, dust, defocused objects). Four trial
trainings went before this one, and after each its outline on the real image was looked at. The first lay too far out:
the range of optical blur, until then too sharp, was widened to that of common objectives. The second was ragged where
the dark halo is uneven: the halo of the simulation, until then smooth, was made uneven and deeper at the edge. The third
was worse everywhere: halos that erase large cells and cells too faint to see were taken out, and the network got one
convolution instead of two at full resolution. After the fourth more fields without a cell were simulated, for its false
positives in simulated ones. The IoU on the real image was 0.88, 0.91, 0.88 and 0.90; no number of the simulation was
fitted to it.

## Limits

- One real image is no proof of generalisation. Cells much smaller or larger than 6 to 20 µm, adherent cells with long
  processes, dense layers and other contrasts (phase contrast, DIC, fluorescence) were never shown.
- Other pixel sizes must be resampled to {PIXEL_SIZE} µm first.
- It errs most on faint cells beside bright ones, and on fringes and broad bright patches in fields without a cell.
- It tells cells from background, not cells from each other: touching cells come out as one region.
- On a single, bright, well separated cell a plain threshold serves as well.

## Licence

{_LICENSE}: weights, description, test and sample tensors (the samples are the test tensors as
8-bit pictures). The cover shows `skimage.data.cell()`, itself CC0.
"""


def _diameter(area: float) -> float:
    return 2 * float(np.sqrt(area / np.pi))


def _pair(values: tuple[float, float]) -> str:
    return " | ".join(f"{value:.3f}" for value in values)
