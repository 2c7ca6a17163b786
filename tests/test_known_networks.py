"""What a network's graph told is kept by the network's content; what is kept is what the graph tells."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from builders import one_conv, unet, write_model
from commandline import shell
from generated_layers import Drawn
from generated_networks import KINDS
from ijbridge import caching
from ijbridge.graph import Network
from ijbridge.known_networks import KnownNetwork
from ijbridge.loaded import LoadedModel
from ijbridge.options import Options
from processes import cannot_mount, unshare

DIGEST = "0" * 64

NETWORKS = [(kind, ndim, seed) for kind, (_, ndims) in KINDS.items() for ndim in ndims for seed in range(2)]


def never() -> Network:
    raise AssertionError("the network was parsed again")


@pytest.mark.parametrize(("kind", "ndim", "seed"), NETWORKS)
def test_what_is_kept_of_a_network_is_what_its_graph_tells(cache: None, kind: str, ndim: int, seed: int) -> None:
    net = Drawn(np.random.default_rng(seed), ndim)
    for number, name in enumerate(KINDS[kind][0](net)):
        net.output(name, f"out{number}")
    parsed = Network(net.model().SerializeToString())
    sizes = {name: [None, None, *[(16, 8)] * ndim] for name in parsed.inputs}
    told = parsed.signature, parsed.facts(sizes), parsed.facts({})
    first = KnownNetwork(DIGEST, lambda: parsed)
    assert (first.signature, first.facts(sizes), first.facts({})) == told
    again = KnownNetwork(DIGEST, never)
    assert (again.signature, again.facts(sizes), again.facts({})) == told


def test_a_network_is_parsed_in_the_first_run_only(little_model: Path, little_image: Path, tmp_path: Path, cache: None) -> None:
    code = (
        "import sys; from ijbridge.cli import main; "
        f"status = main(['predict', {str(little_model)!r}, {str(little_image)!r}, '-o', sys.argv[1]]); "
        "print('onnx' in sys.modules); sys.exit(status)"
    )
    results = [tmp_path / "first.tif", tmp_path / "second.tif"]
    parsed = []
    for result in results:
        done = subprocess.run([sys.executable, "-c", code, result], capture_output=True, text=True, check=True)
        parsed.append(done.stdout.split()[-1])
    assert parsed == ["True", "False"]
    assert pixels_of(results[0]) == pixels_of(results[1])


def pixels_of(file: Path) -> bytes:
    from ijbridge.image_io import read_image

    return read_image(file).array.tobytes()


def test_another_network_in_the_same_file_is_parsed(tmp_path: Path, cache: None) -> None:
    told = []
    for net in (one_conv(), unet(1), one_conv()):
        with LoadedModel(write_model(tmp_path / "model", net)) as model:
            told.append(model.variant(Options()).facts)
    assert told[0] == told[2] != told[1]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"signature": 3}', b'{"signature": {"inputs": [[]]}}', b"\xff", b"[" * 10**5]
)
def test_a_kept_file_that_is_none_of_ours_is_made_anew(cache: None, content: bytes) -> None:
    parsed = Network(unet().model().SerializeToString())
    KnownNetwork(DIGEST, lambda: parsed).facts({})
    (kept,) = (caching.cache_folder() / "networks").iterdir()
    kept.write_bytes(content)
    assert KnownNetwork(DIGEST, lambda: parsed).signature == parsed.signature
    assert KnownNetwork(DIGEST, never).signature == parsed.signature


def test_without_a_place_for_it_nothing_is_kept_and_all_runs(little_model: Path, little_image: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    done = shell(
        "predict", little_model, little_image, "-o", tmp_path / "out.tif",
        env={**os.environ, "IJBRIDGE_CACHE": str(tmp_path / "file" / "cache")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.tif").is_file()


@pytest.mark.skipif(bool(cannot_mount()), reason=cannot_mount())
def test_a_full_disk_leaves_no_part_of_a_file(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from ijbridge import caching; import os, sys; "
        "folder = Path(sys.argv[1], 'kind'); "
        "caching.keep(folder / 'large', bytes(2 << 20)); caching.keep(folder / 'small', b'1'); "
        "print(os.listdir(folder))"
    )
    small = f'mount -t tmpfs -o size=1m ijbridge {tmp_path} && {sys.executable} -c "$0" {tmp_path}'
    done = subprocess.run([*unshare(), "sh", "-c", small, code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["['small']"]


def test_the_oldest_files_make_room(cache: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "_MOST_FILES", 3)
    folder = caching.cache_folder() / "kind"
    for number in range(5):
        caching.keep(folder / str(number), b"")
        os.utime(folder / str(number), (number, number))
    assert sorted(file.name for file in folder.iterdir()) == ["2", "3", "4"]
