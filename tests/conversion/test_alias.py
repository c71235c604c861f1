"""A Reshape shares the memory of its bottom: what reads that bottom still has to find it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import protolint
from protolint.execution.step import Array

HEAD = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 10 } } }
layer { name: "fc1" type: "InnerProduct" bottom: "data" top: "fc1"
  inner_product_param { num_output: 8 } }
"""
BESIDE = HEAD + 'layer { name: "bn" type: "BatchNorm" bottom: "fc1" top: "bn" }\n'
SCALE = (
    'layer { name: "sc" type: "Scale" bottom: "bn" top: "bn" scale_param { bias_term: true } }\n'
)
SUM = 'layer { name: "sum" type: "Eltwise" bottom: "fc1" bottom: "bn" top: "sum" }\n'
IN_PLACE = HEAD + 'layer { name: "bn" type: "BatchNorm" bottom: "fc1" top: "fc1" }\n'


def _weights(*, affine: bool) -> dict[str, list[Array]]:
    rng = np.random.default_rng(3)

    def floats(*shape: int) -> Array:
        return np.asarray(rng.uniform(0.5, 1.5, shape), np.float32)

    found = {"fc1": [floats(8, 10), floats(8)]}
    norm = [floats(8), floats(8), np.ones(1, np.float32)]
    gamma = [floats(8), floats(8)]
    found["bn"] = [*norm, *gamma] if affine else norm
    found["sc"] = gamma
    return found


@pytest.mark.parametrize("target", ["nvidia-0.16", "nvidia-0.17"])
@pytest.mark.parametrize("text", [BESIDE + SCALE + SUM, BESIDE + SUM, IN_PLACE])
def test_readers_find_what_the_batchnorm_read(text: str, target: str, tmp_path: Path) -> None:
    source = tmp_path / "n.prototxt"
    source.write_text(text)
    report = protolint.convert(source, to=target)
    result = report.files[0].output
    merged = "scale_bias" in Path(result).read_text()
    data = np.asarray(np.random.default_rng(1).standard_normal((4, 10)), np.float32)
    before = protolint.run(source, _weights(affine=False), data=data, target="bvlc")
    after = protolint.run(result, _weights(affine=merged), data=data, target=target)
    last = "sum" if "sum" in before else "fc1"
    # What worked in place has a name of its own now.
    wanted = after.get(last) if last == "sum" else after["bn"]
    assert wanted is not None
    assert np.abs(before[last] - wanted).max() < 1e-5
    assert not protolint.check(result, target=target, select=["NT040"])


@pytest.mark.parametrize("scale", [SCALE, ""])
def test_it_comes_back_as_it_was(scale: str, tmp_path: Path) -> None:
    """Without --from: the Reshape layers show that it is for a Caffe which needs four axes."""
    source = tmp_path / "n.prototxt"
    source.write_text(BESIDE + scale + SUM)
    there = protolint.convert(source, to="nvidia-0.17").files[0].output
    back = protolint.convert(there, to="bvlc", output=tmp_path / "back.prototxt")
    text = Path(back.files[0].output).read_text()
    assert text == source.read_text() or scale
    assert "Reshape" not in text
    assert "normalised" not in text


CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "alias"


@pytest.mark.skipif(not CASES.is_dir(), reason="needs the shared cases")
@pytest.mark.parametrize("name", ["two_readers", "native15", "relu_then_bn"])
@pytest.mark.parametrize("target", ["nvidia-0.16", "nvidia-0.17"])
def test_the_cases_get_a_blob_of_their_own(name: str, target: str, tmp_path: Path) -> None:
    source = CASES / f"{name}.prototxt"
    protolint.convert(source, to=target, output=f"{tmp_path}/", isolated=True)
    made = tmp_path / source.name
    assert "_normalised" in made.read_text()
    assert not protolint.check(made, target=target, select=["NT040"])


@pytest.mark.skipif(not CASES.is_dir(), reason="needs the shared cases")
@pytest.mark.parametrize(("name", "code"), [("o", "NT040"), ("o17", "NT040"), ("r17", "NT004")])
def test_what_an_older_conversion_wrote_is_found(name: str, code: str) -> None:
    """A later reader finds other values, or the gradient of a ReLU does."""
    assert protolint.check(CASES / f"{name}.prototxt", target="nvidia-0.17", select=[code])
