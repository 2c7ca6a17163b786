"""How good the network is: on held-out simulated fields, and on a real image that nothing was trained or tuned on."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from skimage.data import cell
from skimage.draw import polygon
from skimage.filters import gaussian, threshold_otsu
from skimage.measure import EllipseModel, label, ransac, regionprops
from skimage.transform import warp_polar

from sample_model.network import INPUT, STRIDE
from sample_model.simulation import blur

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnxruntime
    from numpy.typing import NDArray

    from sample_model.simulation import Field

EPS = 1e-6
"""Of `zero_mean_unit_variance`, as the description states it."""

THRESHOLD = 0.5


@dataclass(frozen=True)
class SimulatedQuality:
    """Figures on simulated fields, network against Otsu's threshold.

    ``pooled`` is one IoU over the pixels of all fields, ``mean`` the mean of the IoUs of the fields that hold a cell,
    ``false`` the share of pixels called cell in the fields without one.
    """

    fields: int
    empty: int
    pooled: tuple[float, float]
    mean: tuple[float, float]
    false: tuple[float, float]


@dataclass(frozen=True)
class RealQuality:
    """Figures on ``skimage.data.cell()``, network first, Otsu's threshold second.

    ``reference`` is the IoU with the reference contour, ``away`` the number of cell pixels not connected to the cell,
    ``areas`` the areas of the two masks and ``axes`` those of the reference, all in pixels. ``ideal`` is the range of the
    IoU that the reference contour itself has with the truth on simulated bodies.
    """

    reference: tuple[float, float]
    away: tuple[int, int]
    areas: tuple[int, int]
    axes: tuple[float, float]
    ideal: tuple[float, float]


def normalise(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """`zero_mean_unit_variance` over y and x."""
    values = image.astype(np.float32)
    return (values - values.mean(dtype=np.float64)) / (values.std(dtype=np.float64) + EPS)


def predict(session: onnxruntime.InferenceSession, image: NDArray[np.generic]) -> NDArray[np.float32]:
    """Cell probability ``(Y, X)`` of a raw image ``(Y, X)``, in one piece, mirrored up to the next valid size."""
    missing = [(0, -size % STRIDE) for size in image.shape]
    padded = np.pad(normalise(image), missing, mode="symmetric").astype(np.float32)
    (logits,) = session.run(None, {INPUT: padded[None, None]})
    # The sigmoid, written so that it does not overflow for strongly negative logits.
    return np.exp(-np.logaddexp(0, -logits[0, 0, : image.shape[0], : image.shape[1]]))


def intersection_over_union(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """IoU of two masks, 1 where both are empty."""
    union = np.count_nonzero(first | second)
    return float(np.count_nonzero(first & second) / union) if union else 1.0


def on_simulated(session: onnxruntime.InferenceSession, fields: Sequence[Field]) -> SimulatedQuality:
    """Compare the network and Otsu's threshold with the true masks."""
    network = [predict(session, field.image) > THRESHOLD for field in fields]
    otsu = [field.image > threshold_otsu(field.image) for field in fields]
    truth = [field.mask for field in fields]
    holds_cell = [bool(mask.any()) for mask in truth]

    def mean(masks: list[NDArray[np.bool_]]) -> float:
        pairs = zip(masks, truth, holds_cell, strict=True)
        return float(np.mean([intersection_over_union(mask, true) for mask, true, held in pairs if held]))

    def pooled(masks: list[NDArray[np.bool_]]) -> float:
        return intersection_over_union(*(np.concatenate([mask.ravel() for mask in all_]) for all_ in (masks, truth)))

    def false(masks: list[NDArray[np.bool_]]) -> float:
        return float(np.mean([mask.mean() for mask, held in zip(masks, holds_cell, strict=True) if not held]))

    return SimulatedQuality(
        len(fields),
        holds_cell.count(False),
        (pooled(network), pooled(otsu)),
        (mean(network), mean(otsu)),
        (false(network), false(otsu)),
    )


def reference_contour(image: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], tuple[float, float]]:
    """Find the one bright cell of an image without the network.

    Start: the largest connected region above the middle between the image's median and its 99.5th percentile, its
    centroid and its equivalent radius r. The image is smoothed (Gaussian, 1.5 px) and read along 720 rays from the
    centroid; on each, the edge is the steepest fall of brightness between 0.6 r and 1.5 r. An ellipse is fitted to the
    720 edge points (RANSAC, residual up to 2 px, then least squares on the inliers).

    Returns
    -------
    mask
        The inside of the ellipse, bool, ``(Y, X)``.
    axes
        The two full axes of the ellipse in pixels.
    """
    middle = (np.median(image) + np.percentile(image, 99.5)) / 2
    start = max(regionprops(label(image > middle)), key=lambda region: region.area)
    centre, radius = np.array(start.centroid), start.equivalent_diameter_area / 2
    per_pixel, rays = 4, 720
    reach = 1.6 * radius
    smooth = gaussian(image.astype(np.float64), 1.5, preserve_range=True)
    polar = warp_polar(
        smooth, center=tuple(centre), radius=reach, output_shape=(rays, int(reach * per_pixel)), order=3, mode="edge"
    )
    step = reach / polar.shape[1]
    first, last = int(0.6 * radius / step), int(1.5 * radius / step)
    fall = np.diff(polar, axis=1)[:, first:last].argmin(axis=1)
    distance = (fall + first + 0.5) * step
    angle = np.arange(rays) * 2 * np.pi / rays
    edge = np.column_stack([centre[1] + distance * np.cos(angle), centre[0] + distance * np.sin(angle)])
    ellipse, _ = ransac(edge, EllipseModel, min_samples=20, residual_threshold=2, max_trials=200, rng=0)
    outline = ellipse.predict_xy(np.linspace(0, 2 * np.pi, 2000))
    mask = np.zeros(image.shape, bool)
    mask[polygon(outline[:, 1], outline[:, 0], image.shape)] = True
    major, minor = sorted(2 * length for length in ellipse.axis_lengths)[::-1]
    return mask, (float(major), float(minor))


def contour_against_truth() -> tuple[float, float]:
    """Lowest and highest IoU of the reference contour with the known edge of a simulated body of the real cell's size.

    The bodies go from a sphere to nearly a disc, the blur over the range of the simulation, with and without halo. The
    contour falls inside the edge: a blurred body falls steepest before it ends.
    """
    y, x = np.mgrid[-200:200, -200:200]
    rho = np.hypot(y, x * 1.01) / 65
    overlaps = []
    for roundness, sigma, halo in itertools.product((0.2, 0.35, 0.5), (1, 2, 3, 4), (0, 0.9)):
        body = blur(np.clip(1 - rho**2, 0, None) ** roundness, sigma)
        phase = body - halo * blur(body, 30)
        gray = np.rint((phase - phase.min()) / np.ptp(phase) * 255).astype(np.uint8)
        overlaps.append(intersection_over_union(reference_contour(gray)[0], rho < 1))
    return min(overlaps), max(overlaps)


def on_real(session: onnxruntime.InferenceSession) -> RealQuality:
    """Compare the network and Otsu's threshold with the reference contour of ``skimage.data.cell()``."""
    image = cell()
    contour, axes = reference_contour(image)
    masks = predict(session, image) > THRESHOLD, image > threshold_otsu(image)

    def away(mask: NDArray[np.bool_]) -> int:
        regions = label(mask)
        touching = np.unique(regions[contour & mask])
        return int(np.count_nonzero(mask & ~np.isin(regions, touching)))

    network, otsu = masks
    return RealQuality(
        (intersection_over_union(network, contour), intersection_over_union(otsu, contour)),
        (away(network), away(otsu)),
        (int(network.sum()), int(otsu.sum())),
        axes,
        contour_against_truth(),
    )
