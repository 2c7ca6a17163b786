"""Run stardist's ``predict_instances`` on the networks of tests/reference/csbdeep_cases.py, and keep the objects it finds.

It needs the environment of scripts/compare_csbdeep.py, which made the networks.

::

    tensorflow-env/bin/python scripts/compare_stardist.py

Kept per network, in ``objects.npz`` beside its weights: both thresholds; of the whole image and of its tiles the label image,
centres, probabilities, vertices (2D) and classes. Thresholds of random networks lie in the widest gap between probabilities
near the one that leaves some hundred candidates, so that rounding moves none over it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from reference.csbdeep_cases import WITH_OBJECTS, Array, Network, image, with_objects  # noqa: E402 - found by the line above

#: A random network is left with one candidate for so many positions.
POSITIONS = 6
#: What random networks' objects may overlap by.
NMS = 0.3


def main() -> None:
    """Make what was asked for (all), each in a process of its own: a process has one version of Keras."""
    if sys.argv[1:2] == ["--here"]:
        make(next(one for one in WITH_OBJECTS if one.name == sys.argv[2]))
        return
    for network in WITH_OBJECTS:
        if network.name in (sys.argv[1:] or [network.name]):
            environment = {**os.environ, "TF_USE_LEGACY_KERAS": str(int(network.keras == 2)), "CUDA_VISIBLE_DEVICES": ""}
            environment |= {"TF_CPP_MIN_LOG_LEVEL": "3"}
            subprocess.run([sys.executable, __file__, "--here", network.name], env=environment, check=True)


def make(network: Network) -> None:
    """Write what stardist finds."""
    from csbdeep.data import PercentileNormalizer
    from stardist.models import StarDist2D, StarDist3D

    with tempfile.TemporaryDirectory() as folder:
        with_objects(network, Path(folder, network.name))
        model = (StarDist2D if network.kind == "StarDist2D" else StarDist3D)(None, network.name, folder)
        given: dict[str, Any] = {"axes": network.axes, "normalizer": PercentileNormalizer(1, 99.8, do_after=False)}
        given |= {"show_tile_progress": False}
        prob, nms = model.thresholds
        if not network.trained:
            prob, nms = _between(model.predict(image(network), **given)[0]), NMS
        given |= {"prob_thresh": prob, "nms_thresh": nms}
        kept: dict[str, Any] = {"prob_thresh": np.float64(prob), "nms_thresh": np.float64(nms)}
        for name, tiles in (("whole", None), ("tiles", network.tiles or None)):
            if name == "whole" or tiles:
                labels, found = model.predict_instances(image(network), n_tiles=tiles, **given)
                kept[f"{name}/labels"] = labels.astype(np.uint16)
                kept |= {f"{name}/{key}": found[key] for key in ("points", "prob", "coord", "class_id") if key in found}
    np.savez_compressed(network.folder / "objects.npz", **kept)
    whole = kept["whole/labels"]
    print(network.name, f"above {prob:.4f}: {len(kept['whole/prob'])} objects, {np.mean(whole > 0):.0%} of {whole.shape}")


def _between(prob: Array) -> float:
    """Give a threshold in the widest gap between the probabilities around that of the last candidate."""
    highest = np.sort(prob.ravel())[::-1].astype(np.float64)
    last = len(highest) // POSITIONS
    near = highest[last - 20 : last + 20]
    widest = int(np.argmin(np.diff(near)))
    return float((near[widest] + near[widest + 1]) / 2)


if __name__ == "__main__":
    main()
