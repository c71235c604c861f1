"""The proof and the second opinions: what is wrong is found, and then nothing is written."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protolint.caffe.registry import DIALECTS
from protolint.conversion.numbers import encode, rewrite
from protolint.conversion.prove.opinions import Case, compare
from protolint.conversion.prove.ways import TOLERANCE
from protolint.conversion.prove.weights import Proof, ProofError, as_loaded, check_proofs
from protolint.conversion.run import convert
from protolint.errors import UsageError

GOLDEN = Path(__file__).resolve().parents[2] / "fixtures" / "golden"
BVLC = GOLDEN / "bvlc-master-9b89154"
FILES = [BVLC / "brook.prototxt", BVLC / "brook.caffemodel"]


def written(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("damage", ["gamma", "order", "missing"])
def test_a_wrong_result_is_never_written(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = encode.encode_norm

    def wrong(*arguments: Any, **more: Any) -> Any:
        made = right(*arguments, **more)
        blobs = list(made.blobs)
        if damage == "gamma":
            blobs[3] = blobs[3] * np.float32(1.00001)
        elif damage == "order":
            blobs[0], blobs[4] = blobs[4], blobs[0]
        else:
            blobs.pop()
        return made._replace(blobs=tuple(blobs))

    monkeypatch.setattr(rewrite, "encode_norm", wrong)
    with pytest.raises(ProofError, match="nothing was written") as caught:
        convert(FILES[1], FILES[0], to="nvidia-0.17", output=f"{tmp_path}/out/")
    assert caught.value.exit_code == 1
    assert written(tmp_path) == []
    assert not (tmp_path / "out").exists()


def proofs(*differences: float) -> list[Proof]:
    return [Proof(f"bn{i}", found, found / 2) for i, found in enumerate(differences)]


@pytest.mark.parametrize(
    ("tolerance", "asks"), [(0, False), (9e-7, False), (TOLERANCE, True), (1e-3, True)]
)
def test_a_failed_proof_tells_the_worst_layer_and_asks_for_a_report_if_it_is_a_fault(
    tolerance: float, asks: bool
) -> None:
    with pytest.raises(ProofError) as caught:
        check_proofs(proofs(0.0, 0.25, 0.5, 0.0), tolerance)
    shown = str(caught.value)
    assert "layer 'bn2' would differ by 0.5, absolute 0.25" in shown
    assert f"2 of 4 BatchNorm layers differ by more than {tolerance:g}" in shown
    assert ("Please report this" in shown) is asks
    assert ("Rounding alone may come to 1e-06" in shown) is not asks


def test_a_difference_that_is_no_number_fails_the_proof() -> None:
    with pytest.raises(ProofError, match="'bn1' would differ by nan"):
        check_proofs(proofs(0.0, float("nan")))


@pytest.mark.parametrize(("gain", "passes"), [(1.00001, 1e-4), (1.0, 1e-6), (1.1, 0.2)])
def test_the_tolerance_is_the_users(
    gain: float, passes: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gamma that is wrong by a known factor passes with a larger tolerance, and is told."""
    right = encode.encode_norm

    def wrong(*arguments: Any, **more: Any) -> Any:
        made = right(*arguments, **more)
        blobs = list(made.blobs)
        blobs[3] = (blobs[3] * gain).astype(np.float32)
        return made._replace(blobs=tuple(blobs))

    monkeypatch.setattr(rewrite, "encode_norm", wrong)
    made = tmp_path / "made.caffemodel"
    if gain != 1:
        with pytest.raises(ProofError, match=f"more than {passes / 100:g}"):
            convert(FILES[1], to="nvidia-0.17", output=made, tolerance=passes / 100)
    report = convert(FILES[1], to="nvidia-0.17", output=made, tolerance=passes)
    rows = report.files[0].layers
    for row in rows:
        assert row.difference == pytest.approx(1 - 1 / gain, rel=0.05, abs=2e-7)
        assert row.absolute is not None
        assert 0 < row.absolute < 10 * max(gain - 1, 1e-7)
    largest = max(row.absolute for row in rows if row.absolute is not None)
    assert report.files[0].summary.endswith(f", absolute {largest:.1e}")


@pytest.mark.parametrize("tolerance", [-1e-9, 1.0, float("nan"), float("inf")])
def test_a_tolerance_is_a_small_number(tolerance: float) -> None:
    with pytest.raises(UsageError, match="from 0 to below 1"):
        convert(FILES[1], to="nvidia-0.17", tolerance=tolerance)


def test_the_loader_of_016_reorders_what_ends_in_a_single_value() -> None:
    new, old = DIALECTS["nvidia-0.17"], DIALECTS["nvidia-0.15"]
    mean, variance, gamma, beta = (np.arange(3, dtype=np.float32) + 3 * i for i in range(4))
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    layout, blobs = as_loaded(new, "CUDNN", [gamma, beta, mean, variance, zero])
    assert layout.name == "N16-5"
    for values, right in zip(blobs, [mean, variance, zero, gamma, beta], strict=True):
        assert np.array_equal(values, right)
    blobs = as_loaded(new, "CUDNN", [mean, variance, one, gamma, beta])[1]
    assert np.array_equal(blobs[0], mean)
    assert as_loaded(old, "CAFFE", [gamma, beta, mean, variance, zero])[0].name == "N15A"
    # In HDF5 nothing is reordered, whatever it looks like.
    given = [gamma, beta, mean, variance, zero]
    assert as_loaded(new, "CUDNN", given, binary=False)[1] == given


# OpenCV.


def test_opencv_runs_both_nets(tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    report = convert(*FILES, to="nvidia-0.17", output=f"{tmp_path}/out/", verify_with=["opencv"])
    line, run = report.checks
    assert run.startswith("run before and after: equal within rounding")
    assert line.startswith("opencv: largest difference")
    assert "2x3x8x8" in line
    back = convert(
        *sorted((tmp_path / "out").iterdir()),
        to="bvlc",
        output=f"{tmp_path}/back/",
        verify_with=["opencv"],
    )
    assert len(back.checks) == 2


def test_opencv_agrees_with_the_real_framework(tmp_path: Path) -> None:
    cv2: Any = pytest.importorskip("cv2")
    convert(*FILES, to="nvidia-0.17", output=f"{tmp_path}/")
    net = cv2.dnn.readNetFromCaffe(*(str(tmp_path / path.name) for path in FILES))
    net.setInput(np.load(BVLC / "brook.input.npy"))
    assert np.abs(net.forward() - np.load(BVLC / "brook.output.npy")).max() < 2e-5


def test_a_net_that_computes_something_else_is_found(tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    text = FILES[0].read_bytes()
    same = Case("bvlc", text, str(FILES[1]))
    other = re.sub(rb"(?s)layer \{\s+name: \"act_b\".*?\n\}", b"", text)
    assert other != text
    shape = (2, 3, 8, 8)
    assert compare(["opencv"], same, same, shape)
    with pytest.raises(ProofError, match="nothing was written"):
        compare(["opencv"], same, Case("bvlc", other, str(FILES[1])), shape)


def test_what_opencv_does_not_read_is_said_and_nothing_written(tmp_path: Path) -> None:
    pytest.importorskip("cv2", reason="needs the extra [verify]")
    with pytest.raises(UsageError, match=r"OpenCV does not read .* nvidia-0\.15"):
        convert(
            *FILES,
            to="nvidia-0.15",
            engine="caffe",
            output=f"{tmp_path}/out/",
            verify_with=["opencv"],
        )
    assert written(tmp_path) == []


def test_second_opinions_need_a_deploy_net_and_a_model(tmp_path: Path) -> None:
    for files in ([FILES[0]], [FILES[1]]):
        with pytest.raises(UsageError, match="a deploy prototxt and one binary caffemodel"):
            convert(*files, to="nvidia-0.17", output=f"{tmp_path}/x/", verify_with=["opencv"])
    assert written(tmp_path) == []


# pycaffe, with a stand-in that has the part of its interface that is used.

_STAND_IN = """
import numpy, sys
TEST = 1
def set_mode_cpu():
    pass
class _Blob:
    def __init__(self):
        self.data = numpy.zeros((1,))
    def reshape(self, *shape):
        self.data = numpy.zeros(shape, numpy.float32)
class Net:
    def __init__(self, net, model, phase):
        text = open(net).read()
        if "scale_bias" in text and {old}:
            sys.stderr.write("Check failed: no field named scale_bias\\n")
            import os
            os._exit(134)
        self.inputs, self.outputs = ["data"], ["prob"]
        self.blobs = {{"data": _Blob(), "prob": _Blob()}}
    def forward(self):
        self.blobs["prob"].data = self.blobs["data"].data * 2
"""


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, *, old: bool) -> None:
    (folder / "caffe.py").write_text(_STAND_IN.format(old=old))
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_pycaffe_runs_both_nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, old=False)
    report = convert(*FILES, to="nvidia-0.17", output=f"{tmp_path}/out/", verify_with=["caffe"])
    assert report.checks[0].startswith("caffe: largest difference 0.0e+00")


def test_a_caffe_that_cannot_read_a_net_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, old=True)
    with pytest.raises(UsageError, match=r"your Caffe cannot run .* no field named scale_bias"):
        convert(*FILES, to="nvidia-0.17", output=f"{tmp_path}/out/", verify_with=["caffe"])
    assert not (tmp_path / "out").exists()


def test_without_pycaffe_it_is_said(tmp_path: Path) -> None:
    if "caffe" in sys.modules:
        pytest.skip("pycaffe is here")
    with pytest.raises(UsageError, match=r"pycaffe is not installed|your Caffe cannot run"):
        convert(*FILES, to="nvidia-0.17", output=f"{tmp_path}/out/", verify_with=["caffe"])


#: OpenCV 4's importer crashes on a BatchNorm with use_global_stats: false and without weights.
CRASH = b"""\
input: "data"
input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "b" type: "BatchNorm" bottom: "c" top: "c"
  batch_norm_param { use_global_stats: false } }
"""


def test_a_crash_of_opencv_is_a_message(tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    model = tmp_path / "m.caffemodel"
    model.write_bytes(b"\x0a\x01m")
    case = Case("bvlc", CRASH, str(model))
    with pytest.raises(UsageError, match="OpenCV cannot run the net of bvlc: "):
        compare(["opencv"], case, case, (1, 3, 8, 8))
