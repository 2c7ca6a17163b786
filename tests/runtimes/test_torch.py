"""TorchScript: refused by what is in the file, run after a yes where PyTorch is installed, by its own numbers."""

from __future__ import annotations

import importlib.util
import io
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ijbridge
from builders import Network, one_conv, write_model
from commandline import Run, pixels
from descriptions import check_refusal
from ijbridge import agreements
from ijbridge.errors import AgreementError, CannotRunError, IJBridgeError, NetworkError, OptionError

HAS_TORCH = importlib.util.find_spec("torch") is not None
with_torch = pytest.mark.skipif(not HAS_TORCH, reason="PyTorch, gigabytes, is not installed")
without_torch = pytest.mark.skipif(HAS_TORCH, reason="PyTorch is installed")

#: What a TorchScript file has for names, and one with numbers only.
SCRIPT, NUMBERS = ("m/data.pkl", "m/constants.pkl", "m/code/n.py"), ("m/data.pkl", "m/data/0")


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IJBRIDGE_CONFIG", str(tmp_path / "settings"))
    return tmp_path / "settings"


def packed(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return file.getvalue()


def with_script(folder: Path, data: bytes, network: Network | None = None, **more: Any) -> Path:
    """Write a model whose only weights are that file."""
    model = write_model(folder, network or one_conv(), weights={"torchscript": {"source": "weights.pt"}}, **more)
    (model / "weights.onnx").unlink()
    (model / "weights.pt").write_bytes(data)
    return model


def refused(model: Path, **options: Any) -> IJBridgeError:
    with pytest.raises(IJBridgeError) as caught:
        ijbridge.predict(model, pixels(20, 24), axes="yx", **options)
    return caught.value


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            packed(*NUMBERS),
            ["weights.pt", "a network without the network (a state_dict)", "torch.jit.trace", "torch.onnx.export"],
        ),
        (b"\x80\x02a pickle of old", ["weights.pt", "are no TorchScript", "ask its author for TorchScript"]),
    ],
)
def test_a_file_that_is_no_torchscript_is_refused_by_its_kind(tmp_path: Path, data: bytes, words: list[str]) -> None:
    error = refused(with_script(tmp_path / "m", data), trust="torchscript")
    assert isinstance(error, CannotRunError)
    check_refusal(error, *words)
    assert not agreements.place().exists()


def test_it_is_not_loaded_without_a_yes_that_is_asked_for_by_name(tmp_path: Path) -> None:
    error = refused(with_script(tmp_path / "m", packed(*SCRIPT)))
    assert isinstance(error, AgreementError)
    check_refusal(error, "weights.pt of the model", "is a program (TorchScript program)", "say trust=torchscript")


def test_it_is_not_converted_and_the_way_is_named(tmp_path: Path, run: Run) -> None:
    status, _, said = run("convert", with_script(tmp_path / "m", packed(*SCRIPT)), "-o", tmp_path / "converted")
    assert status == 1
    assert "are TorchScript, which is not made into ONNX here: export the network with PyTorch (torch.onnx.export)" in said
    assert not (tmp_path / "converted").exists()


@without_torch
def test_where_pytorch_is_missing_the_command_that_installs_it_is_named(tmp_path: Path) -> None:
    error = refused(with_script(tmp_path / "m", packed(*SCRIPT)), trust="torchscript")
    assert isinstance(error, CannotRunError)
    check_refusal(error, "weights.pt", 'pip install "ijbridge[torch]"')


def test_a_changed_file_needs_another_yes(tmp_path: Path) -> None:
    model = with_script(tmp_path / "m", packed(*SCRIPT))
    agreements.agree(agreements.Code(str(model), "weights.pt", "TorchScript program", "0" * 64))
    for options in ({}, {"trust": "torchscript"}):
        error = refused(model, **options)
        assert isinstance(error, AgreementError)
        check_refusal(error, "weights.pt of the model", "is not the TorchScript program any more that was agreed to")


def test_where_another_network_is_run_there_is_nothing_to_trust(tmp_path: Path) -> None:
    error = refused(write_model(tmp_path / "m", one_conv()), trust="torchscript")
    assert isinstance(error, OptionError)
    check_refusal(error, "trust=torchscript", "weights.onnx (onnx)", "leave it out")


def test_what_is_trusted_is_named(tmp_path: Path, run: Run) -> None:
    np.save(tmp_path / "i.npy", pixels(20, 24))
    model = write_model(tmp_path / "m", one_conv())
    status, _, said = run("plan", model, tmp_path / "i.npy", "--trust", "everything")
    assert (status, said) == (2, "error: trust=everything is not understood: use torchscript, or leave it out.\n")


# --- with PyTorch ----------------------------------------------------------------------------------------------------


def scripted(module: Any, *inputs: tuple[int, ...]) -> bytes:
    import torch

    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are newer formats
        torch.jit.save(torch.jit.trace(module.eval(), tuple(torch.zeros(shape) for shape in inputs)), file)
    return file.getvalue()


def two_layers(out: int = 1) -> Any:
    import torch

    torch.manual_seed(3)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(4, out, 5, padding=2), torch.nn.Sigmoid()
    )


def by_torch(module: Any, picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import torch

    with torch.inference_mode():
        return np.asarray(module.eval()(torch.from_numpy(picture[None, None])).numpy())


@with_torch
def test_the_numbers_are_those_of_pytorch_whole_and_in_tiles(tmp_path: Path) -> None:
    model = with_script(tmp_path / "m", scripted(two_layers(), (1, 1, 16, 16)), halo=3)
    picture = pixels(70, 90)
    expected = by_torch(two_layers(), picture)[0, 0]
    whole = ijbridge.predict(model, picture, axes="yx", trust="torchscript", tile="whole")
    np.testing.assert_allclose(whole, expected, rtol=1e-6, atol=1e-6)
    assert ijbridge.predict(model, picture, axes="yx").attrs["provenance"]["libraries"]["engine"].startswith("PyTorch ")
    tiled = ijbridge.predict(model, picture, axes="yx", tile=32)
    np.testing.assert_allclose(tiled, whole, rtol=1e-6, atol=1e-6)
    record = tiled.attrs["provenance"]
    assert (record["weights"]["format"], record["halo"]) == ("torchscript", {"raw.y": 3, "raw.x": 3})
    assert record["network_runs"] > 1
    assert len(record["weights"]["sha256"]) == 64


@with_torch
def test_that_nothing_is_known_of_the_network_is_said(tmp_path: Path) -> None:
    model = with_script(tmp_path / "m", scripted(two_layers(), (1, 1, 16, 16)))
    plan = ijbridge.plan(model, pixels(70, 90), axes="yx", tile=32, trust="torchscript")
    assert not agreements.place().exists()  # a plan runs nothing, so that it is no yes
    found = {one.id: one for one in plan.findings}
    assert "so its description is believed" in found["network-not-followed"].sentence
    assert found["halo-missing"].severity == "warning"


@with_torch
def test_several_outputs_are_taken_in_their_order(tmp_path: Path) -> None:
    import torch

    class Two(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return x + 1, x * 2

    outputs = [
        {
            "id": name,
            "axes": [{"type": "batch"}, {"type": "channel", "channel_names": ["c"]}]
            + [{"type": "space", "id": axis, "size": {"tensor_id": "raw", "axis_id": axis}} for axis in "yx"],
            "data": {"type": "float32"},
        }
        for name in ("more", "twice")
    ]
    model = with_script(tmp_path / "m", scripted(Two(), (1, 1, 16, 16)), outputs=outputs)
    picture = pixels(20, 24)
    result = ijbridge.predict(model, picture, axes="yx", trust="torchscript")
    assert np.array_equal(result["more"], picture + 1)
    assert np.array_equal(result["twice"], picture * 2)
    one = with_script(tmp_path / "one", scripted(Two(), (1, 1, 16, 16)))
    error = refused(one, trust="torchscript")
    assert isinstance(error, NetworkError)
    check_refusal(error, "gives 2 results, but 1 outputs are described (out)")


@with_torch
def test_what_fails_is_one_sentence(tmp_path: Path) -> None:
    damaged = refused(with_script(tmp_path / "m", packed(*SCRIPT)), trust="torchscript")
    assert isinstance(damaged, NetworkError)
    check_refusal(damaged, "refuses the network of")
    three = scripted(__import__("torch").nn.Conv2d(3, 1, 3), (1, 3, 16, 16))
    error = refused(with_script(tmp_path / "three", three), trust="torchscript")
    assert isinstance(error, NetworkError)
    check_refusal(error, "failed on an input of 1 x 1 x 20 x 24", "3 channels")


@with_torch
def test_the_models_own_test_is_run(tmp_path: Path) -> None:
    given = pixels(20, 24)
    test = {"test_input": given[None, None], "test_output": by_torch(two_layers(), given)}
    model = with_script(tmp_path / "m", scripted(two_layers(), (1, 1, 16, 16)), **test)
    assert ijbridge.load(model).test(trust="torchscript").reproduces
    assert ijbridge.load(model).test().reproduces


@with_torch
def test_a_device_that_is_not_there_is_refused(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    model = with_script(tmp_path / "m", scripted(two_layers(), (1, 1, 16, 16)))
    check_refusal(refused(model, trust="torchscript", device="cuda"), "cuda")
