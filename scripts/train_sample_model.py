"""Train the sample model of `samples/` and write its complete bioimage.io package.

Everything happens here: fields are simulated, a U-Net is trained on them in jax and exported to ONNX, its quality is
measured, and the description, the documentation, the cover and the test tensors are written. Needs the extra `train`::

    python scripts/train_sample_model.py
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
import onnxruntime
import optax

from sample_model import network, package, quality
from sample_model.simulation import Field, simulate_field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

FOLDER = Path(__file__).parents[1] / "samples" / "phase-cell-unet"
TRAINING_FIELDS, HELD_OUT_FIELDS = 384, 64
BATCH, PATCH = 8, 192
LEARNING_RATE = 3e-3


def main() -> None:
    """Read the arguments and do all steps."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to write the package to (%(default)s)")
    parser.add_argument("--steps", type=int, default=2400, help="training steps (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of all randomness (%(default)s)")
    arguments = parser.parse_args()

    started = time.monotonic()
    training = simulate(arguments.seed, 0, TRAINING_FIELDS)
    print(f"{len(training)} training fields in {time.monotonic() - started:.0f} s")
    parameters = train(training, arguments.steps, arguments.seed)
    seconds = time.monotonic() - started
    print(f"simulated and trained in {seconds:.0f} s")

    model = network.to_onnx(parameters, "phase_cell_unet").SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    image = test_image(arguments.seed)
    check_export(parameters, session, image, arguments.seed)
    held_out = simulate(arguments.seed, 1, HELD_OUT_FIELDS)
    facts = package.Facts(
        steps=arguments.steps,
        batch=BATCH,
        patch=PATCH,
        fields=TRAINING_FIELDS,
        learning_rate=LEARNING_RATE,
        seed=arguments.seed,
        seconds=seconds,
        parameters=sum(array.size for array in parameters.values()),
        simulated=quality.on_simulated(session, held_out),
        real=quality.on_real(session),
    )
    print(facts.simulated, facts.real, sep="\n")
    package.write(arguments.out, model, session, image, facts)
    for path in sorted(arguments.out.iterdir()):
        print(f"{path.stat().st_size:>8} {path}")


def simulate(seed: int, stream: int, count: int) -> list[Field]:
    """Simulate ``count`` fields of 384 to 640 pixels a side; each ``stream`` of a seed is independent of the others."""
    rng = np.random.default_rng([seed, stream])
    sides = network.STRIDE * rng.integers(384 // network.STRIDE, 640 // network.STRIDE + 1, (count, 2))
    return [simulate_field(rng, int(height), int(width)) for height, width in sides]


def test_image(seed: int) -> NDArray[np.uint8]:
    """Return the first small simulated field that is between a tenth and a half cell."""
    rng = np.random.default_rng([seed, 2])
    while True:
        field = simulate_field(rng, *package.TEST_SHAPE)
        if 0.1 < field.mask.mean() < 0.5:
            return field.image


def batches(fields: list[Field], rng: np.random.Generator) -> Iterator[tuple[jax.Array, jax.Array]]:
    """Random patches in random orientation; normalised as whole fields, which is what happens in use."""
    images = [quality.normalise(field.image) for field in fields]
    while True:
        pairs = []
        for index in rng.integers(len(fields), size=BATCH):
            image, mask = images[index], fields[index].mask
            top, left = (rng.integers(size - PATCH + 1) for size in image.shape)
            pair = np.stack([image, mask])[:, top : top + PATCH, left : left + PATCH]
            pair = np.rot90(pair, int(rng.integers(4)), (1, 2))
            pairs.append(pair[..., ::-1] if rng.random() < 0.5 else pair)
        both = jnp.asarray(np.stack(pairs, axis=1)[:, :, None], jnp.float32)
        yield both[0], both[1]


def loss(parameters: network.Parameters, images: jax.Array, masks: jax.Array) -> jax.Array:
    """Binary cross-entropy plus the Dice loss over the whole batch, which is defined where patches hold no cell."""
    logits = network.apply(parameters, images)
    cells = jax.nn.sigmoid(logits)
    dice = 1 - (2 * (cells * masks).sum() + 1) / (cells.sum() + masks.sum() + 1)
    return optax.sigmoid_binary_cross_entropy(logits, masks).mean() + 0.5 * dice


def train(fields: list[Field], steps: int, seed: int) -> dict[str, np.ndarray]:
    """Train with AdamW and a cosine schedule; the parameters of the last step are the result, nothing is selected."""
    schedule = optax.warmup_cosine_decay_schedule(0, LEARNING_RATE, min(100, steps // 10), steps, LEARNING_RATE / 100)
    optimiser = optax.chain(optax.clip_by_global_norm(1), optax.adamw(schedule, weight_decay=1e-4))
    parameters = network.new_parameters(jax.random.key(seed))
    state = optimiser.init(parameters)

    @jax.jit
    def step(
        parameters: network.Parameters, state: optax.OptState, images: jax.Array, masks: jax.Array
    ) -> tuple[network.Parameters, optax.OptState, jax.Array]:
        value, gradient = jax.value_and_grad(loss)(parameters, images, masks)
        updates, state = optimiser.update(gradient, state, parameters)
        return optax.apply_updates(parameters, updates), state, value

    recent: list[jax.Array] = []
    feed = batches(fields, np.random.default_rng([seed, 3]))
    for number, (images, masks) in zip(range(1, steps + 1), feed, strict=False):
        parameters, state, value = step(parameters, state, images, masks)
        recent.append(value)
        if number % 100 == 0 or number == steps:
            print(f"step {number:>5} of {steps}: loss {np.mean(recent):.4f}", flush=True)
            recent.clear()
    return {name: np.asarray(array) for name, array in parameters.items()}


def check_export(
    parameters: dict[str, np.ndarray], session: onnxruntime.InferenceSession, image: NDArray[np.uint8], seed: int
) -> None:
    """Hold the ONNX graph against jax on ``image``, and the halo against the farthest pixel that changes anything.

    Raises
    ------
    RuntimeError
        Where one of the two is wrong.
    """

    def run(array: np.ndarray) -> np.ndarray:
        return session.run([network.OUTPUT], {network.INPUT: array})[0]

    normalised = quality.normalise(image).astype(np.float32)[None, None]
    expected = np.asarray(network.apply(parameters, normalised))
    difference = float(np.abs(run(normalised) - expected).max() / np.abs(expected).max())
    if difference > 1e-5:
        raise RuntimeError(f"logits of onnxruntime and jax differ by {difference} of the largest; 1e-5 is allowed")
    side = 4 * package.HALO
    noise = np.random.default_rng([seed, 4]).standard_normal((1, 1, side, side), np.float32)
    seen = 0
    for position in range(side // 2, side // 2 + network.STRIDE):
        changed = noise.copy()
        changed[..., position, position] += 1e4
        rows, columns = np.nonzero((run(changed) != run(noise))[0, 0])
        seen = max(seen, int(np.abs(np.concatenate([rows, columns]) - position).max()))
    if seen > network.reach() or seen > package.HALO:
        raise RuntimeError(f"a pixel changes the output {seen} pixels away; the halo is {package.HALO}")
    print(f"logits of onnxruntime and jax differ by {difference:.1e} of the largest")
    print(f"a pixel reaches {network.reach()} pixels by the layers, {seen} by trial; the halo is {package.HALO}")


if __name__ == "__main__":
    main()
