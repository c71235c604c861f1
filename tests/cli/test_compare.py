"""`protolint compare` as a user meets it: table, verdict, JSON, exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import SHARED

from .command import run, write

CASE = SHARED / "cases" / "more" / "21-compare-pooling-rounds"
NET = """\
input: "x" input_shape { dim: [1, 2, 4, 4] }
layer { name: "p" type: "Pooling" bottom: "x" top: "p" pooling_param { pool: MAX kernel_size: 2 } }
layer { name: "s" type: "Softmax" bottom: "p" top: "s" }
"""


def test_the_first_layer_that_differs_is_named_with_its_shapes() -> None:
    if not CASE.exists():
        pytest.skip("the cases of public reports are not beside this checkout")
    nets = (CASE / "a.prototxt", CASE / "b.prototxt")
    weights, data = CASE / "weights.caffemodel", CASE / "shot.npy"
    done = run("compare", *nets, weights, "--data", data, "--target", "bvlc")
    assert done.returncode == 1, done.stderr
    end = "differ from layer 't2_max' (Pooling) on: its shape is 1x10x4x4 against 1x10x3x3"
    assert done.stdout.splitlines()[-1] == end
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert "differs" not in rows["t2"]
    assert "1.4e-01" in rows["t_avg"]
    assert "5.3e-01" in rows["t_fc"]
    done = run("compare", *nets, "--target", "bvlc")
    assert done.returncode == 1
    assert "'t2_max': pooling_param.round_mode: CEIL → FLOOR" in done.stdout


def test_one_net_may_have_two_weight_files(fixtures: Path) -> None:
    folder = fixtures / "golden" / "bvlc-master-9b89154"
    net, weights = folder / "brook.prototxt", folder / "brook.caffemodel"
    done = run("compare", net, weights, weights)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("equal within rounding: ")


def test_a_caffemodel_stands_for_the_net_inside_it(fixtures: Path, tmp_path: Path) -> None:
    folder = fixtures / "golden" / "bvlc-master-9b89154"
    net, weights = folder / "brook.prototxt", folder / "brook.caffemodel"
    for arguments in ((weights, weights), (weights, net), (net, weights)):
        done = run("compare", *arguments)
        assert done.returncode == 0, (arguments, done.stderr)
        assert done.stdout.startswith("equal within rounding: 9 layers")
    # The writer of each shows, so nobody has to name the two Caffes.
    other = tmp_path / "other.caffemodel"
    assert run("convert", "--to", "nvidia-0.15", weights, "-o", other).returncode == 0
    done = run("compare", weights, other, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert max(row["relative"] for row in json.loads(done.stdout)["layers"]) < 1e-6
    done = run("compare", weights, other, "--tolerance", "0")
    assert done.returncode == 1, done.stdout
    # A net that was edited is not the one that the weights carry.
    edited = write(tmp_path, "edited.prototxt", net.read_text().replace("ReLU", "TanH"))
    done = run("compare", weights, edited)
    assert done.returncode == 1, done.stderr
    assert "differ from layer 'act_a' (ReLU) on" in done.stdout


def test_weights_without_a_net_are_refused_by_their_own_name(
    fixtures: Path, tmp_path: Path
) -> None:
    h5py = pytest.importorskip("h5py")
    weights = fixtures / "golden" / "bvlc-master-9b89154" / "brook.caffemodel"
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["data/ip/0"] = [[1.0]]
    done = run("compare", weights, tmp_path / "w.h5")
    assert done.returncode == 2
    assert "w.h5: an HDF5 model, which holds no net; give its prototxt" in done.stderr
    done = run("compare", weights)
    assert done.returncode == 2
    assert "0 nets and 1 weight file: give two nets" in done.stderr


def test_a_model_and_its_conversion_are_equal(fixtures: Path, tmp_path: Path) -> None:
    folder = fixtures / "golden" / "bvlc-master-9b89154"
    pair = (folder / "brook.prototxt", folder / "brook.caffemodel")
    done = run("convert", "--to", "nvidia-0.15", *pair, "-o", f"{tmp_path}/")
    assert done.returncode == 0, done.stderr
    made = (tmp_path / "brook.prototxt", tmp_path / "brook.caffemodel")
    targets = ("--target", "bvlc", "--target", "nvidia-0.15")
    done = run("compare", *pair, *made, *targets, "--format", "json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["equal"]
    assert document["first"] is None
    assert max(row["relative"] for row in document["layers"]) < 1e-6


def test_wrong_input_is_one_clear_message(tmp_path: Path) -> None:
    net = write(tmp_path, "net.prototxt", NET)
    cases = (
        ((net,), "1 net and 0 weight files: give two nets"),
        ((net, tmp_path / "no.prototxt"), "no.prototxt"),
        ((net, net, "--data", net), "is no .npy and no .npz file"),
        ((net, net, "--target", "bvlc", "--target", "bvlc", "--target", "bvlc"), "--target"),
    )
    for arguments, message in cases:
        done = run("compare", *arguments)
        assert done.returncode == 2
        assert message in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def test_many_changes_are_counted(tmp_path: Path) -> None:
    layers = [f'layer {{ name: "r{i}" type: "ReLU" bottom: "x" top: "y{i}" }}\n' for i in range(25)]
    head = 'input: "x" input_shape { dim: 1 }\n'
    (tmp_path / "a.prototxt").write_text(head + "".join(layers))
    (tmp_path / "b.prototxt").write_text(head + "".join(layers).replace("ReLU", "TanH"))
    done = run("compare", tmp_path / "a.prototxt", tmp_path / "b.prototxt")
    lines = done.stdout.splitlines()
    more = [line for line in lines if line.endswith("more; --all shows them")]
    assert more
    done = run("compare", "--all", tmp_path / "a.prototxt", tmp_path / "b.prototxt")
    hidden = sum(int(line.split()[1]) for line in more)
    assert len(done.stdout.splitlines()) == len(lines) - len(more) + hidden
