"""BN012 looks at the weights that are given with the net."""

from __future__ import annotations

from pathlib import Path

import pytest

import protolint
from protolint.edit import Applicability
from tests.cli.command import run
from tests.rules.conftest import Maker

NET = """\
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: [4, 2, 3, 3] } } }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  batch_norm_param {
    use_global_stats: false
  }
}
"""
WEIGHTS = """
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 2 } data: [0.1, 0.2] }
  blobs { shape { dim: 2 } data: [1, %s] }
  blobs { shape { dim: 1 } data: %s }
}
"""
BROKEN = [(1, 0), (-2, 1), ("nan", 1)]


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "deploy.prototxt"
    path.write_text(NET)
    return path


@pytest.mark.parametrize("select", ["BN012", "BN012,WT"])
@pytest.mark.parametrize(("variance", "factor"), BROKEN)
def test_a_fix_that_would_break_a_working_net_is_unsafe(
    net: Path, weights: Maker, variance: object, factor: int, select: str
) -> None:
    model = weights(WEIGHTS % (variance, factor))
    (found,) = protolint.check(net, target="bvlc", select=select, weights=model)[:1]
    assert found.code == "BN012"
    assert "protolint recalibrate" in found.message
    assert found.fix is not None
    assert found.fix.applicability is Applicability.UNSAFE
    run("check", "--isolated", "--target", "bvlc", "--fix", "--weights", model, net)
    assert net.read_text() == NET


def test_with_sound_statistics_the_setting_goes(net: Path, weights: Maker) -> None:
    model = weights(WEIGHTS % (1, 1))
    (found,) = protolint.check(net, target="bvlc", select="BN012", weights=model)
    assert "the phase decides" in found.message
    run("check", "--isolated", "--target", "bvlc", "--fix", "--weights", model, net)
    assert "use_global_stats" not in net.read_text()
