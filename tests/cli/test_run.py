"""`protolint run` as a user meets it: the table, the files it writes, the errors."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from protolint.batchnorm.state import Array
from protolint.caffe.registry import DIALECTS
from protolint.execution.weights import load_weights

from .command import run, write

BROOK = "golden/bvlc-master-9b89154/brook"
NET = """\
layer { name: "in" type: "Input" top: "a" top: "b"
  input_param { shape { dim: 2 dim: 3 } shape { dim: 2 dim: 3 } } }
layer { name: "sum" type: "Eltwise" bottom: "a" bottom: "b" top: "file" }
"""


@pytest.fixture
def brook(fixtures: Path) -> tuple[Path, Path, Path]:
    """A deploy net, its weights and an input."""
    ends = (".prototxt", ".caffemodel", ".input.npy")
    net, weights, data = (fixtures / f"{BROOK}{end}" for end in ends)
    return net, weights, data


def test_the_table_has_a_row_for_each_output(brook: tuple[Path, Path, Path]) -> None:
    net, weights, data = brook
    done = run("run", net, weights, "--data", data)
    assert done.returncode == 0, done.stderr
    head, _, row = done.stdout.splitlines()
    wanted = np.load(net.with_name("brook.output.npy"))
    assert head.split() == ["blob", "shape", "min", "mean", "max"]
    assert row.split()[:2] == ["mix_b", "2x6x8x8"]
    assert float(row.split()[4]) == pytest.approx(wanted.max(), rel=1e-5)


def test_every_blob_is_written_under_its_own_name(
    brook: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    net, weights, data = brook
    done = run("run", net, weights, "--data", data, "-o", tmp_path / "out.npz")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out.npz") as found:
        assert set(found.files) == {"pix", "mix_a", "mix_b"}
        assert np.array_equal(found["pix"], np.load(data))
    again = run("run", net, weights, "--data", data, "--blob", "mix_a", "-o", tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as found:
        assert found.files == ["mix_a"]
    assert again.stdout.splitlines()[-1].startswith("mix_a")


def test_a_blob_may_have_any_name(tmp_path: Path) -> None:
    net = write(tmp_path, "net.prototxt", NET)
    np.savez(tmp_path / "in.npz", a=np.ones((2, 3)), b=np.ones((2, 3)))
    done = run("run", net, "--data", tmp_path / "in.npz", "-o", tmp_path / "out.npz")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out.npz") as found:
        assert (found["file"] == 2).all()


def test_training_passes_leave_a_snapshot(brook: tuple[Path, Path, Path], tmp_path: Path) -> None:
    net, weights, data = brook
    after = tmp_path / "after.caffemodel"
    options = ("--state", "TRAIN", "--iterations", "3", "--snapshot", after)
    done = run("run", net, weights, "--data", data, *options)
    assert done.returncode == 0, done.stderr
    before, now = (load_weights(str(p), DIALECTS["bvlc"]) for p in (weights, after))
    assert before.keys() == now.keys()
    changed = {name for name in now if not _same(before[name], now[name])}
    assert changed == {name for name in now if len(now[name]) == 3}
    for name in changed:
        factor = before[name][2][0]
        for _ in range(3):
            factor = factor * np.float32(0.999) + 1
        assert now[name][2][0] == pytest.approx(factor, rel=1e-5)
    again = run("run", net, weights, "--data", data)
    assert run("run", net, after, "--data", data).stdout != again.stdout


def _same(first: list[Array], second: list[Array]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_npz_may_go_to_standard_output(tmp_path: Path) -> None:
    import subprocess
    import sys

    net = write(tmp_path, "net.prototxt", NET)
    command = [sys.executable, "-m", "protolint", "run", str(net), "-o", "-"]
    done = subprocess.run(command, capture_output=True, timeout=120)
    assert done.returncode == 0
    with np.load(io.BytesIO(done.stdout)) as found:
        assert set(found.files) == {"a", "b", "file"}
    assert b"2x3" in done.stderr


def test_wrong_input_is_one_clear_message(brook: tuple[Path, Path, Path], tmp_path: Path) -> None:
    net, weights, _ = brook
    flat, text = tmp_path / "flat.npy", write(tmp_path, "x.npy", "no array")
    np.save(flat, np.zeros((3, 8, 8), np.float32))
    np.savez(tmp_path / "other.npz", pics=np.zeros((2, 3, 8, 8)))
    two = write(tmp_path, "net.prototxt", NET)
    odd = write(tmp_path, "odd.prototxt", NET + 'layer { name: "x" type: "Mirror" bottom: "a" }\n')
    cases = (
        ((net,), "layer 'mix_a' (Convolution): no weights are given for a layer of this name"),
        ((net, weights, "--data", flat), "the data for 'pix' is 3x8x8, and the net says 2x3x8x8"),
        ((net, weights, "--data", text), "is no .npy and no .npz file of numbers"),
        ((net, weights, "--data", tmp_path / "no.npy"), "cannot be read: No such file"),
        ((net, weights, "--data", tmp_path / "other.npz"), "the net has no input 'pics'"),
        ((net, weights, "--blob", "mix_c"), "no blob 'mix_c' in TEST; did you mean"),
        ((net, weights, "--state", "VAL"), "'VAL' is no phase and no stage of the net"),
        ((net, weights, "-o", weights), "is used already; give the result a name of its own"),
        ((two, "--data", flat), "an array alone is for a net of one input, and this has a, b"),
        ((two, "--snapshot", tmp_path / "s"), "--snapshot needs WEIGHTS, of which it is a copy"),
        ((odd,), "layer 'x' is of type 'Mirror', which cannot be run"),
        ((tmp_path / "gone.prototxt",), "cannot be read"),
    )
    for arguments, message in cases:
        done = run("run", *arguments)
        assert done.returncode == 2, (arguments, done.stdout)
        assert message in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == 1 or "Usage" in done.stderr, done.stderr


def test_results_replace_no_other_file_unless_forced(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text('input: "x" input_shape { dim: 1 }\n')
    made = tmp_path / "out.npz"
    made.write_text("mine")
    done = run("run", net, "-o", made)
    assert (done.returncode, made.read_text()) == (2, "mine")
    assert "--force to replace it" in done.stderr
    assert run("run", net, "-o", made, "--force").returncode == 0
    assert np.load(made).files == ["x"]
