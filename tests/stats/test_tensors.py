"""Statistics in safetensors files and PyTorch checkpoints, and files that are neither."""

from __future__ import annotations

import json
import pickle
import struct
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from protolint.batchnorm.state import Age
from protolint.errors import InputError, ProtolintError, UsageError
from protolint.stats.model import Snapshot
from protolint.stats.reading import Reading, read_snapshots
from protolint.weights.kinds import FileKind

VARIANCE = np.array([0.25, 1.5, 3.0], np.float32)
MEAN = np.array([-1.0, 0.5, 2.0], np.float32)
COUNT = np.array(300, np.int64)


def state(name: str = "bn", **changes: Any) -> dict[str, Any]:
    """The tensors of one layer as PyTorch names them."""
    tensors = {
        "running_mean": MEAN,
        "running_var": VARIANCE,
        "weight": np.array([1, 2, 0], np.float32),
        "bias": np.array([0, 0.5, 1], np.float32),
        "num_batches_tracked": COUNT,
        **changes,
    }
    return {f"{name}.{kind}": values for kind, values in tensors.items() if values is not None}


def saved(folder: Path, tensors: Mapping[str, Any], name: str = "net.safetensors") -> str:
    numpy = pytest.importorskip("safetensors.numpy")
    path = folder / name
    numpy.save_file(dict(tensors), path)
    return str(path)


def stored(path: Path, tensors: Mapping[str, tuple[str, bytes, tuple[int, ...]]]) -> str:
    """A safetensors file written by hand: type, bytes and shape of each tensor."""
    header: dict[str, Any] = {}
    at = 0
    for name, (kind, data, shape) in tensors.items():
        offsets = [at, at + len(data)]
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": offsets}
        at += len(data)
    text = json.dumps(header).encode()
    content = b"".join(data for _, data, _ in tensors.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)
    return str(path)


def one(path: str, **reading: Any) -> Snapshot:
    return read_snapshots([path], Reading(**reading))[0][0]


def test_a_layer_has_its_tensors_its_age_and_the_eps_that_is_given(tmp_path: Path) -> None:
    (layer,) = one(saved(tmp_path, state()), eps=1e-3).layers
    assert (layer.name, layer.layout, layer.eps, layer.age) == ("bn", "PyTorch", 1e-3, Age(300))
    np.testing.assert_array_equal(layer.mean, MEAN)
    np.testing.assert_array_equal(layer.variance, VARIANCE)
    np.testing.assert_allclose(
        layer.gain, [1, 2, 0] / np.sqrt(VARIANCE.astype(float) + 1e-3), rtol=1e-12
    )
    assert all(a.dtype == np.float64 for a in (layer.mean, layer.variance, layer.gamma, layer.beta))


def test_a_layer_without_weight_and_count_has_gamma_1_and_no_age(tmp_path: Path) -> None:
    tensors = state(weight=None, bias=None, num_batches_tracked=None)
    (layer,) = one(saved(tmp_path, tensors)).layers
    assert not layer.affine
    assert layer.age == Age(None)
    np.testing.assert_array_equal(layer.gamma, 1)
    np.testing.assert_array_equal(layer.beta, 0)


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_every_float_is_read_exactly(tmp_path: Path, kind: type) -> None:
    tensors = state(running_var=VARIANCE.astype(kind), running_mean=MEAN.astype(kind))
    (layer,) = one(saved(tmp_path, tensors)).layers
    np.testing.assert_array_equal(layer.variance, VARIANCE)
    np.testing.assert_array_equal(layer.mean, MEAN)


def test_bfloat16_is_read_exactly_also_behind_other_tensors(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    halves = (VARIANCE.view(np.uint32) >> 16).astype("<u2").tobytes()
    path = stored(
        tmp_path / "bf.safetensors",
        {
            "conv.weight": ("F32", bytes(40), (10,)),
            "bn.running_mean": ("F32", MEAN.tobytes(), (3,)),
            "bn.running_var": ("BF16", halves, (3,)),
        },
    )
    np.testing.assert_array_equal(one(path).layers[0].variance, VARIANCE)


def test_a_type_without_plain_values_is_named(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    parts = {f"bn.running_{kind}": ("F8_E4M3", bytes(3), (3,)) for kind in ("mean", "var")}
    with pytest.raises(InputError, match=r"tensor 'bn.running_mean' has the type F8_E4M3"):
        one(stored(tmp_path / "f8.safetensors", parts))


def test_layers_come_in_the_order_people_count(tmp_path: Path) -> None:
    names = ["layer10.bn", "layer2.bn", "layer1.0.bn10", "layer1.0.bn9"]
    tensors = {key: value for name in names for key, value in state(name).items()}
    found = [layer.name for layer in one(saved(tmp_path, tensors)).layers]
    assert found == ["layer1.0.bn9", "layer1.0.bn10", "layer2.bn", "layer10.bn"]


@pytest.mark.parametrize("before", ["module.", "_orig_mod.", "module._orig_mod."])
def test_what_wraps_the_whole_net_is_no_part_of_a_name(tmp_path: Path, before: str) -> None:
    tensors = {f"{before}{name}": values for name, values in state("stem.bn").items()}
    tensors[f"{before}conv.weight"] = np.zeros(2, np.float32)
    assert [layer.name for layer in one(saved(tmp_path, tensors)).layers] == ["stem.bn"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"running_mean": None}, "running_mean is missing"),
        ({"running_var": None}, "running_var is missing"),
        ({"weight": np.ones(4, np.float32)}, "weight has the shape 4 and running_var 3"),
        ({"running_mean": np.ones((3, 1), np.float32)}, "running_mean has the shape 3x1"),
    ],
)
def test_tensors_that_do_not_fit_are_shown_as_such(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    tensors = {**state("odd", **changes), **state("sound")}
    odd, sound = one(saved(tmp_path, tensors)).layers
    assert problem in odd.problem
    assert (odd.channels, sound.problem, sound.channels) == (0, "", 3)


def test_a_file_without_statistics_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, {"conv.weight": np.zeros(3, np.float32)})
    with pytest.raises(InputError, match="no BatchNorm statistics: 1 tensor, none called"):
        one(path)


def test_files_that_are_cut_or_something_else_are_refused(tmp_path: Path) -> None:
    whole = Path(saved(tmp_path, state())).read_bytes()
    pickled = pickle.dumps({"x": 1}, 2)
    archive = tmp_path / "z"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a", "b")
    cases = {
        whole[:-5]: "cannot be read as safetensors",
        b"": "is empty",
        pickled: "a Python pickle",
        archive.read_bytes(): "a zip archive",
        archive.read_bytes()[:20]: "a damaged zip archive",
        b"version https://git-lfs.github.com/spec/v1\n": "a Git LFS pointer",
        b'layer { name: "bn" }': "goes with --net",
    }
    for content, message in cases.items():
        path = tmp_path / "file"
        path.write_bytes(content)
        with pytest.raises(InputError, match=message) as caught:
            one(str(path))
        assert str(caught.value).startswith(f"{path}: ")
    with pytest.raises(UsageError, match="is a folder"):
        one(str(tmp_path))


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, state())
    checkpoint = tmp_path / "net.pt"
    with zipfile.ZipFile(checkpoint, "w") as file:
        file.writestr("net/data.pkl", b"")
    for module, given in (("safetensors", path), ("torch", str(checkpoint))):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(UsageError, match=rf"needs {module}: pip install .*\[{module}\]"):
            one(given)


def test_a_torch_that_may_run_code_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fixtures: Path
) -> None:
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(__version__="2.5.1+cpu"))
    with pytest.raises(UsageError, match=r"torch 2\.5\.1\+cpu may run code.*torch>=2\.6"):
        one(str(fixtures / "stats" / "epoch_1015.pt"))


class _Tensor:
    """As much of torch.Tensor as is used, where torch is not installed."""

    def __init__(self, values: Any) -> None:
        self.array = np.asarray(values)
        self.shape = self.array.shape

    def detach(self) -> _Tensor:
        return self

    cpu = detach

    def double(self) -> _Tensor:
        return _Tensor(self.array.astype(np.float64))

    def numpy(self) -> Any:
        return self.array


def test_a_checkpoint_is_asked_for_tensors_only_and_its_dictionaries_are_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fixtures: Path
) -> None:
    asked: dict[str, Any] = {}
    model = {f"module.{name}": _Tensor(values) for name, values in state("stem").items()}
    content = {"epoch": 7, "nested": {"state_dict": model}, "optimizer": {0: {"step": _Tensor(3)}}}

    def load(path: str, **options: Any) -> Any:
        asked.update(options)
        return content

    torch = SimpleNamespace(__version__="2.6.0", load=load, Tensor=_Tensor)
    monkeypatch.setitem(sys.modules, "torch", torch)
    path = str(fixtures / "stats" / "epoch_1015.pt")
    (layer,) = one(path).layers
    assert asked == {"map_location": "cpu", "weights_only": True}
    assert (layer.name, layer.age) == ("stem", Age(300))
    np.testing.assert_array_equal(layer.variance, VARIANCE)

    content["ema"] = {name: _Tensor(values) for name, values in state("stem").items()}
    snapshots, _, notes = read_snapshots([path])
    names = [numbers.name for numbers in snapshots[0].layers]
    assert names == ["nested.state_dict.stem", "ema.stem"]
    assert "'nested.state_dict', 'ema'" in notes[0]


def test_a_checkpoint_of_torch_itself_says_what_its_safetensors_twin_says(fixtures: Path) -> None:
    pytest.importorskip("torch")
    folder = fixtures / "stats"
    ours = one(str(folder / "epoch_1015.pt"))
    twin = one(str(folder / "epoch_1015.safetensors"))
    assert ours.kind is FileKind.CHECKPOINT
    for a, b in zip(ours.layers, twin.layers, strict=True):
        assert (a.name, a.age) == (b.name, b.age)
        np.testing.assert_array_equal(a.variance, b.variance)
        # The .pt has the first layer's mean as bfloat16.
        np.testing.assert_allclose(a.mean, b.mean, rtol=2**-8)


class _Program:
    """What runs code where a pickle is loaded without care."""

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return exec, ("raise SystemExit('code of the file was run')",)


def test_no_code_of_a_checkpoint_is_run(tmp_path: Path) -> None:
    torch: Any = pytest.importorskip("torch")
    path = str(tmp_path / "evil.pt")
    for modern in (True, False):
        torch.save({"x": _Program()}, path, _use_new_zipfile_serialization=modern)
        with pytest.raises(InputError, match="holds Python objects"):
            one(path)
    for content, message in (
        (torch.zeros(3), "holds a Tensor"),
        ({"w": torch.ones(2)}, "no Batch"),
    ):
        torch.save(content, path)
        with pytest.raises(InputError, match=message):
            one(path)
    torch.save(torch.nn.BatchNorm2d(4).half().state_dict(), path)
    (layer,) = one(path).layers
    assert (layer.name, layer.channels, layer.age) == ("(batchnorm)", 4, Age(0))


def test_every_refusal_is_one_of_ours(tmp_path: Path) -> None:
    whole = Path(saved(tmp_path, state())).read_bytes()
    path = tmp_path / "cut"
    for length in range(1, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ProtolintError):
            one(str(path))
