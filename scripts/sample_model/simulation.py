"""Simulated quantitative phase images of cells with their true masks.

A field starts as a phase map in radians (cells are bodies of higher refractive index), gets what an instrument adds to
it (high-pass, fringes, dust, defocused debris, tilt, speckle, camera noise) and ends as 8-bit grey values of arbitrary
contrast and offset. No real image enters here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXEL_SIZE = 0.107
"""Micrometers per pixel."""

_WAVELENGTH = 0.633
_MARGIN = 96
"""Pixels simulated around the visible field: cells there are cut by the border or only cast their halo into it."""


@dataclass(frozen=True)
class Field:
    """One simulated field of view.

    Attributes
    ----------
    image
        Grey values, uint8, ``(Y, X)``.
    mask
        True inside a cell, bool, ``(Y, X)``.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]


def simulate_field(rng: np.random.Generator, height: int, width: int) -> Field:
    """Simulate one field; three in ten hold no cell.

    Parameters
    ----------
    rng
        Source of all randomness.
    height, width
        Size of the visible field in pixels.
    """
    shape = (height + 2 * _MARGIN, width + 2 * _MARGIN)
    phase = np.zeros(shape)
    mask = np.zeros(shape, bool)
    if rng.random() > 0.3:
        density = np.exp(rng.uniform(np.log(1.0), np.log(7.0))) / 512**2
        texture = _smooth_noise(rng, shape, rng.uniform(2, 7))
        for _ in range(1 + rng.poisson(density * phase.size)):
            _add_cell(rng, phase, mask, texture)
    for _ in range(rng.poisson(3)):
        _add_debris(rng, phase)
    # Holographic microscopes of numerical aperture 0.3 to 1 resolve 0.3 to 1.1 um: these standard deviations in pixels.
    phase = blur(phase, np.exp(rng.uniform(np.log(1.0), np.log(4.5))))
    # What the instrument loses of slow phase changes comes back as the dark halo around a cell, uneven along its edge.
    wide = 0.9 * np.sqrt(rng.random()) * blur(phase, np.exp(rng.uniform(np.log(30), np.log(100))))
    narrow = rng.uniform(0, 0.2) * blur(phase, np.exp(rng.uniform(np.log(6), np.log(20))))
    phase -= (wide + narrow) * (1 + rng.uniform(0, 0.2) * _smooth_noise(rng, shape, rng.uniform(4, 20)))
    for _ in range(rng.poisson(1.5)):
        _add_defocused(rng, phase)
    phase += _background(rng, shape)
    visible = (slice(_MARGIN, -_MARGIN), slice(_MARGIN, -_MARGIN))
    return Field(_to_camera(rng, phase[visible]), mask[visible])


def blur(array: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Blur with a Gaussian of ``sigma`` pixels; the array is taken as periodic."""
    return np.fft.irfft2(np.fft.rfft2(array) * _gaussian_transfer(array.shape, sigma), array.shape)


def _add_cell(
    rng: np.random.Generator, phase: NDArray[np.float64], mask: NDArray[np.bool_], texture: NDArray[np.float64]
) -> None:
    radius = rng.uniform(3, 10) / PIXEL_SIZE
    window, y, x = _window(rng, phase.shape, 1.5 * radius)
    elongation = np.sqrt(rng.uniform(1, 1.35))
    turn = rng.uniform(0, np.pi)
    along = (x * np.cos(turn) + y * np.sin(turn)) / elongation
    across = (y * np.cos(turn) - x * np.sin(turn)) * elongation
    angle = np.arctan2(across, along)
    outline = np.ones_like(angle)
    for order in range(2, 6):
        outline += rng.exponential(0.02) / (order - 1) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    rho = np.hypot(along, across) / (radius * outline)
    # An exponent of 0.5 is a sphere, 2 * sqrt(r^2 - d^2); a lower one is a cell flattened between two surfaces.
    thickness = 2 * radius * PIXEL_SIZE * np.clip(1 - rho**2, 0, None) ** rng.uniform(0.2, 0.55)

    index = 1 + rng.uniform(0.02, 0.15) * texture[window]
    for _ in range(rng.integers(0, 12)):
        size = rng.uniform(1.5, 0.2 * radius)
        distance, direction = radius * 0.8 * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
        offset = (y - distance * np.sin(direction)) ** 2 + (x - distance * np.cos(direction)) ** 2
        index += rng.normal(0.05, 0.15) * np.exp(-offset / (2 * size**2))
    if rng.random() < 0.5:
        size = radius * rng.uniform(0.3, 0.6)
        shift = rng.uniform(-0.25, 0.25, 2) * radius
        nucleus = np.hypot(y - shift[0], x - shift[1]) / size
        index += rng.uniform(-0.2, 0.25) / (1 + np.exp((nucleus - 1) * 12))
    difference = np.exp(rng.uniform(np.log(0.012), np.log(0.04)))
    phase[window] += 2 * np.pi / _WAVELENGTH * difference * index * thickness
    mask[window] |= rho < 1


def _add_debris(rng: np.random.Generator, phase: NDArray[np.float64]) -> None:
    size = np.exp(rng.uniform(np.log(1.0), np.log(9.0)))
    window, y, x = _window(rng, phase.shape, 3 * size + 2)
    stretch = rng.uniform(0.6, 1.6)
    distance = (y * stretch) ** 2 + (x / stretch) ** 2
    phase[window] += rng.normal(0, 0.9) * np.exp(-((distance / (2 * size**2)) ** rng.uniform(0.8, 2)))


def _add_defocused(rng: np.random.Generator, phase: NDArray[np.float64]) -> None:
    reach = rng.uniform(15, 130)
    window, y, x = _window(rng, phase.shape, 2 * reach)
    distance = np.hypot(y, x * rng.uniform(0.7, 1.4)) / reach
    rings = np.cos(distance**2 * rng.uniform(2, 30) + rng.uniform(0, 2 * np.pi))
    lit_from = rng.uniform(0, 2 * np.pi)
    one_sided = 1 + rng.uniform(0, 1) * (y * np.sin(lit_from) + x * np.cos(lit_from)) / (np.hypot(y, x) + 5)
    envelope = np.exp(-((distance / 0.8) ** rng.uniform(2, 4))) * one_sided
    phase[window] += np.exp(rng.uniform(np.log(0.05), np.log(0.8))) * (rings + rng.uniform(-0.5, 0.5)) * envelope


def _background(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    y, x = np.indices(shape) / max(shape) - 0.5
    tilt = rng.normal(0, 0.5, 5) * rng.random()
    background = tilt[0] * y + tilt[1] * x + tilt[2] * y * x + tilt[3] * y**2 + tilt[4] * x**2
    for _ in range(rng.integers(0, 4)):
        period = np.exp(rng.uniform(np.log(7), np.log(150))) / max(shape)
        turn = rng.uniform(0, np.pi)
        bend = _smooth_noise(rng, shape, 60) * rng.uniform(0, 1.5)
        place = _smooth_noise(rng, shape, rng.uniform(40, 120)) + rng.uniform(-0.5, 2)
        wave = np.sin(2 * np.pi * (y * np.sin(turn) + x * np.cos(turn)) / period + bend)
        background += np.exp(rng.uniform(np.log(0.01), np.log(0.3))) * wave * np.clip(place, 0, 1.5)
    background += np.exp(rng.uniform(np.log(0.01), np.log(0.12))) * _smooth_noise(rng, shape, rng.uniform(1, 5))
    background += np.exp(rng.uniform(np.log(0.01), np.log(0.15))) * _smooth_noise(rng, shape, rng.uniform(8, 50))
    return background


def _to_camera(rng: np.random.Generator, phase: NDArray[np.float64]) -> NDArray[np.uint8]:
    low, high = np.percentile(phase, [rng.uniform(0, 0.5), rng.uniform(99.7, 100)])
    # Fields without a cell span little phase; the floor keeps some of them at low contrast, as a fixed gain would.
    span = max(high - low, rng.uniform(0, 1.5))
    gray = rng.uniform(0, 60) + (phase - low) / span * rng.uniform(80, 230)
    gray += rng.normal(0, np.exp(rng.uniform(np.log(0.3), np.log(6))), phase.shape)
    return np.clip(np.rint(gray), 0, 255).astype(np.uint8)


def _window(
    rng: np.random.Generator, shape: tuple[int, ...], reach: float
) -> tuple[tuple[slice, slice], NDArray[np.float64], NDArray[np.float64]]:
    centre = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
    rows, columns = (
        slice(max(0, int(at - reach)), min(size, int(at + reach) + 1)) for at, size in zip(centre, shape, strict=True)
    )
    y, x = np.mgrid[rows, columns]
    return (rows, columns), y - centre[0], x - centre[1]


def _gaussian_transfer(shape: tuple[int, ...], sigma: float) -> NDArray[np.float64]:
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    return np.exp(-2 * (np.pi * sigma) ** 2 * (fy**2 + fx**2))


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> NDArray[np.float64]:
    noise = blur(rng.standard_normal(shape), sigma)
    return noise / noise.std()
