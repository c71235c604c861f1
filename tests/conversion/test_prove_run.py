"""The proof by running: a conversion that computes something else gets no name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import protolint
from protolint.batchnorm.fit import PairError
from protolint.caffe.registry import DIALECTS
from protolint.conversion.prove.run import Side, prove_by_running
from protolint.conversion.prove.weights import ProofError
from protolint.errors import UsageError
from protolint.weights.blobs import encode_blob
from protolint.wire import length_delimited
from tests.cli.command import run
from tests.conftest import REPOSITORY, SHARED

BROOK = REPOSITORY / "fixtures" / "golden" / "bvlc-master-9b89154"
NET, MODEL = BROOK / "brook.prototxt", BROOK / "brook.caffemodel"
FOLD = SHARED / "cases" / "more" / "14-fold-deploy-is-folded-weights-are-not"


def side(text: bytes) -> Side:
    return Side(protolint.load(NET, target="bvlc"), text, str(MODEL), str(MODEL))


def test_a_conversion_is_run_before_and_after(tmp_path: Path) -> None:
    report = protolint.convert(NET, MODEL, to="nvidia-0.15", output=tmp_path)
    assert report.checks == ("run before and after: equal within rounding in 7 layers",)
    plain = protolint.convert(
        NET, MODEL, to="nvidia-0.15", output=tmp_path, force=True, prove="none"
    )
    assert plain.checks == ()


def test_a_text_that_computes_something_else_is_no_conversion() -> None:
    text = NET.read_bytes()
    assert b"ReLU" in text
    assert "equal" in prove_by_running(side(text), DIALECTS["bvlc"], "auto")
    with pytest.raises(ProofError, match=r"differ from layer .*; nothing was written"):
        prove_by_running(side(text.replace(b"ReLU", b"TanH", 1)), DIALECTS["bvlc"], "auto")


def test_a_wider_tolerance_holds_for_what_is_run_too() -> None:
    """A narrower one does not: a layer rounds by itself, whatever its weights are."""
    leaky = b'type: "ReLU"\n  relu_param { negative_slope: 1e-4 }'
    text = NET.read_bytes().replace(b'type: "ReLU"', leaky, 1)
    with pytest.raises(ProofError, match="differ from layer 'act_a'"):
        prove_by_running(side(text), DIALECTS["bvlc"], "auto")
    assert "equal" in prove_by_running(side(text), DIALECTS["bvlc"], "auto", None, 1e-3)
    same = side(NET.read_bytes())
    assert "equal" in prove_by_running(same, DIALECTS["bvlc"], "auto", None, 0.0)


def test_what_would_take_long_is_run_when_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("protolint.conversion.prove.run._MACS", 10)
    found = prove_by_running(side(NET.read_bytes()), DIALECTS["bvlc"], "auto")
    assert found.startswith("not run: a pass takes")
    assert found.endswith("--prove run does it")
    assert "equal" in prove_by_running(side(NET.read_bytes()), DIALECTS["bvlc"], "run")
    monkeypatch.setattr("protolint.conversion.prove.ways._BYTES", 10)
    report = protolint.convert(NET, MODEL, to="nvidia-0.15", output=tmp_path)
    assert report.checks == ("not run: the weights have 0 MiB; --prove run does it",)


def test_two_wrong_sides_prove_nothing(tmp_path: Path) -> None:
    if not FOLD.exists():
        pytest.skip("the cases of public reports are not beside this checkout")
    pair = FOLD / "deploy_folded.prototxt", FOLD / "trained.caffemodel"
    read = protolint.load(pair[0], isolated=True)
    wrong = Side(read, pair[0].read_bytes(), str(pair[1]), str(pair[1]))
    found = prove_by_running(wrong, read.dialect, "auto")
    assert "the net is folded and the weights are not" in found
    assert found.startswith("not run: ")
    with pytest.raises(PairError):
        prove_by_running(wrong, read.dialect, "run")


def test_a_layer_that_chooses_is_no_proof_against_a_conversion(tmp_path: Path) -> None:
    text = (
        b'input: "x" input_shape { dim: [1, 3, 4, 4] }\n'
        b'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "b" }\n'
        b'layer { name: "arg" type: "ArgMax" bottom: "b" top: "a" argmax_param { axis: 1 } }\n'
    )
    ones = [np.ones(size, np.float32) for size in (3, 3, 1)]
    body = length_delimited(1, b"bn") + length_delimited(2, b"BatchNorm")
    body += b"".join(length_delimited(7, encode_blob(blob)) for blob in ones)
    model = tmp_path / "net.caffemodel"
    model.write_bytes(length_delimited(100, body))
    net = protolint.load(text, target="bvlc")
    turned = text.replace(b"axis: 1", b"axis: 1 out_max_val: true")
    found = prove_by_running(Side(net, turned, str(model), str(model)), net.dialect, "auto")
    assert found.endswith("equal within rounding up to 'arg', which rounding turns")


@pytest.mark.parametrize("verb", ["convert", "deploy"])
def test_both_nets_are_run_on_given_data(verb: str, tmp_path: Path) -> None:
    batch = tmp_path / "batch.npy"
    np.save(batch, np.load(BROOK / "brook.input.npy"))
    to = "nvidia-0.15" if verb == "convert" else "bvlc"
    words: list[str | Path] = [verb, NET, MODEL, "-o", f"{tmp_path}/o/", "--to", to]
    done = run(*words, "--data", batch, "--isolated")
    assert done.returncode == 0
    assert "run before and after: equal within rounding in" in done.stdout + done.stderr
    np.save(batch, np.zeros((1, 2, 8, 8), np.float32))
    done = run(*words, "--data", batch, "--isolated", "--force")
    assert done.returncode == 2
    assert "the data for 'pix' is 1x2x8x8, and the net says 2x3x8x8" in done.stderr
    call: Any = {"convert": protolint.convert, "deploy": protolint.deploy}[verb]
    with pytest.raises(UsageError, match="prove is none"):
        call(NET, MODEL, to="bvlc", output=tmp_path, data=batch, prove="none")
    lacks = {"convert": "a net and its weights", "deploy": "run with their weights"}[verb]
    with pytest.raises(UsageError, match=lacks):
        call(NET, to="bvlc", output=tmp_path / "p", data=batch)


def test_a_difference_that_random_data_do_not_show_is_found_by_data() -> None:
    text = NET.read_bytes()
    assert b'type: "ReLU"' in text
    clipped = text.replace(b'type: "ReLU"', b'type: "Clip" clip_param { min: 0 max: 1000 }')
    found = prove_by_running(side(clipped), DIALECTS["bvlc"], "run")
    assert "equal" in found
    large = np.load(BROOK / "brook.input.npy") * np.float32(1e5)
    with pytest.raises(ProofError, match="nothing was written"):
        prove_by_running(side(clipped), DIALECTS["bvlc"], "run", large)
