"""What mutants of nets and weights showed: each is one message, and no fault of protolint."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

from .command import run, write

GOLDEN = REPOSITORY / "fixtures" / "golden"
BVLC, NEWEST = GOLDEN / "bvlc-master-9b89154", GOLDEN / "nvcaffe-0.17.4"


def _copy(name: str, source: Path, target: Path, old: bytes = b"", new: bytes = b"") -> Path:
    """Copy a model with some bytes replaced by as many."""
    assert len(old) == len(new)
    path = target / f"{name}.caffemodel"
    data = (source / path.name).read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


@pytest.mark.parametrize("verb", [("compare",), ("deploy", "-o", "made/")])
def test_names_of_a_carried_net_that_are_no_text(verb: tuple[str, ...], tmp_path: Path) -> None:
    model = _copy("brook", BVLC, tmp_path, b"mix_a", b"\xff\xfemix")
    models = [model, BVLC / model.name] if verb == ("compare",) else [model]
    done = run(*verb, "--isolated", *models, cwd=tmp_path)
    assert done.returncode == 2
    assert "has names in bytes that are no UTF-8; give the prototxt before it" in done.stderr
    assert not (tmp_path / "made").exists()


def test_a_layer_that_gives_fewer_tops_than_it_names(tmp_path: Path) -> None:
    net = (
        'input: "x" input_shape { dim: 1 dim: 6 }\n'
        'layer { name: "s" type: "Slice" bottom: "x" top: "a" top: "b" top: "c" '
        "slice_param { slice_point: 2 } }\n"
    )
    write(tmp_path, "net.prototxt", net)
    done = run("run", "--isolated", "net.prototxt", cwd=tmp_path)
    assert done.returncode == 2
    assert "layer 's' (Slice): gives only 2 of its 3 tops" in done.stderr


def _recalibrated(model: Path, net: Path, *options: str) -> str:
    data = ("--data", str(net.with_name("brook.input.npy")), "--least", "2", "--diff")
    done = run("recalibrate", "--isolated", *options, *data, net, model)
    assert done.returncode == 2
    return done.stderr


def test_recalibrate_needs_weights_of_each_batchnorm(tmp_path: Path) -> None:
    model = _copy("brook", BVLC, tmp_path, b"BatchNorm", b"BatchNarm")
    shown = _recalibrated(model, BVLC / "brook.prototxt", "--target", "bvlc")
    assert "has no BatchNorm weights for 'norm_a'" in shown


def test_recalibrate_needs_weights_that_the_caffe_loads() -> None:
    shown = _recalibrated(
        NEWEST / "brook.caffemodel", NEWEST / "brook.prototxt", "--target", "nvidia-0.15"
    )
    assert "the weights have blobs of 8, 8, 1, 8, 8 values, which its Caffe does not load" in shown
