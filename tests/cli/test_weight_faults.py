"""Weights that are broken in themselves: what is told, and that nothing else is lost by it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from protolint.weights.blobs import encode_blob
from protolint.wire import length_delimited

from .command import run
from .test_check_weights import BVLC, MODEL, check

VARIED = np.arange(1, 5, dtype=np.float32)


def layer(name: str, type: str, *blobs: object) -> bytes:
    """A LayerParameter as NetParameter holds it."""
    fields = length_delimited(1, name.encode()) + length_delimited(2, type.encode())
    fields += b"".join(
        length_delimited(7, encode_blob(np.asarray(blob, np.float32))) for blob in blobs
    )
    return length_delimited(100, fields)


def batchnorm(name: str, factor: float, *, mean: object = VARIED, spread: object = VARIED) -> bytes:
    return layer(name, "BatchNorm", mean, spread, [factor])


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), 1e-45])
def test_a_factor_that_cannot_be_divided_by_stops_nothing(factor: float, tmp_path: Path) -> None:
    (tmp_path / "bad.caffemodel").write_bytes(batchnorm("bn", factor))
    (tmp_path / "young.caffemodel").write_bytes(batchnorm("bn", 3.0))
    code, found, shown = check("bad.caffemodel", "young.caffemodel", cwd=tmp_path)
    lost = ["WT001 bn"] if not np.isfinite(factor) else []
    assert (code, found, shown) == (1, [*lost, "WT011 bn"], "")
    done = run("stats", "--from", "bvlc", "--exit-code", "bad.caffemodel", cwd=tmp_path)
    assert done.returncode == 1
    assert "cannot be divided by" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_cause_that_is_ignored_keeps_its_effects_quiet(tmp_path: Path) -> None:
    (tmp_path / "net.caffemodel").write_bytes(batchnorm("bn", 0.0))
    assert check("net.caffemodel", cwd=tmp_path)[1] == ["WT003 bn"]
    assert check("net.caffemodel", "--ignore", "WT003", cwd=tmp_path) == (0, [], "")
    assert check("net.caffemodel", "--select", "WT011", cwd=tmp_path) == (0, [], "")


def test_blobs_that_no_layer_of_the_target_has(tmp_path: Path) -> None:
    (tmp_path / "two.caffemodel").write_bytes(layer("bn", "BatchNorm", VARIED, VARIED))
    assert check("two.caffemodel", cwd=tmp_path)[:2] == (1, ["WT004 bn"])


def test_no_gamma_is_held_against_a_layer_whose_scale_is_not_known(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="HDF5 needs h5py")
    spread = np.array([1e-6, 1, 1, 1], np.float32)
    with h5py.File(tmp_path / "net.caffemodel.h5", "w") as file:
        for name, blobs in {
            "bn": (VARIED, spread, np.ones(1, np.float32)),
            "scale": (np.full(4, 1e-4, np.float32), VARIED),
        }.items():
            for i, values in enumerate(blobs):
                file[f"data/{name}/{i}"] = values
    assert check("net.caffemodel.h5", cwd=tmp_path) == (0, [], "")
    (tmp_path / "net.caffemodel").write_bytes(batchnorm("bn", 1.0, spread=spread))
    assert check("net.caffemodel", cwd=tmp_path)[1] == ["WT008 bn"]
    shown = run("stats", "net.caffemodel.h5", cwd=tmp_path).stdout
    assert "give the net with --net" in shown


def test_hdf5_that_is_no_model_is_told(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="HDF5 needs h5py")
    with h5py.File(tmp_path / "train.h5", "w") as file:
        file["data"] = np.zeros((4, 3), np.float32)
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("data/conv/0", (1 << 40,), np.float32, chunks=(1024,))
    for name, words in (("train.h5", "/data is an array"), ("huge.h5", "/data/conv/0 claims")):
        for verb in ("check", "stats"):
            done = run(verb, name, cwd=tmp_path)
            assert done.returncode == 2
            assert words in done.stderr
            assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["-o", "--html"])
@pytest.mark.parametrize("victim", ["net.prototxt", "protolint.toml", "net.caffemodel"])
def test_stats_replaces_nothing_that_it_reads(option: str, victim: str, tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_bytes((BVLC / "brook.prototxt").read_bytes())
    (tmp_path / "net.caffemodel").write_bytes(MODEL.read_bytes())
    (tmp_path / "protolint.toml").write_text("[thresholds]\nfew-batches = 2\n", "utf-8")
    before = (tmp_path / victim).read_bytes()
    done = run("stats", "net.caffemodel", "--net", "net.prototxt", option, victim, cwd=tmp_path)
    assert done.returncode == 2
    assert "is used already" in done.stderr
    assert (tmp_path / victim).read_bytes() == before


def test_weights_given_twice_are_checked_once(tmp_path: Path) -> None:
    net = BVLC / "brook.prototxt"
    once = check(net, "--weights", MODEL)
    assert check(net, "--weights", MODEL, "--weights", MODEL) == once
    shown = run("check", "--show-files", str(net), "--weights", str(MODEL)).stdout
    assert shown.splitlines() == [str(net), str(MODEL)]
    done = run("check", "--output-format", "json", str(MODEL), "--threshold", "zero-gamma-share=1")
    assert [d["code"] for d in json.loads(done.stdout)["diagnostics"]] == ["WT011", "WT011"]
