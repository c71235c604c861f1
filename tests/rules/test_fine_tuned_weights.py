"""WT013 says less of weights that a net for fine-tuning need not have."""

from __future__ import annotations

from pathlib import Path

import pytest

import protolint
from protolint.diagnostic import Severity

from .conftest import Maker

NET = """\
input: "x" input_dim: [1, 1, 1, 1]
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" inner_product_param { num_output: 1 } }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" inner_product_param { num_output: 1 } }
"""
STORED = """
layer { name: "a" blobs { shape { dim: [1, 1] } data: 1 } blobs { shape { dim: 1 } data: 0 } }
"""


@pytest.mark.parametrize(("fine_tune", "severity"), [(False, "WARNING"), (True, "INFO")])
def test_a_layer_without_weights(
    fine_tune: bool, severity: str, tmp_path: Path, weights: Maker
) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(NET)
    found = protolint.check(
        net, target="bvlc", select="WT013", weights=weights(STORED), fine_tune=fine_tune
    )
    assert [(d.layer, d.severity) for d in found] == [("b", Severity[severity])]
