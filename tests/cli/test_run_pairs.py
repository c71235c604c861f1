"""`protolint run` refuses a net with weights that are not its own, and says what is between."""

from __future__ import annotations

import pytest

from tests.conftest import SHARED

from .command import run

CASES = SHARED / "cases" / "more"


@pytest.mark.parametrize(
    ("folder", "net", "weights", "message"),
    [
        ("14-fold-deploy-is-folded-weights-are-not", "deploy_folded", "trained", "net is folded"),
        ("24-deploy-layer-renamed-in-weights", "deploy", "weights", "'y_fc2_club' in the weights"),
    ],
)
def test_a_pair_that_is_no_model_is_not_run(
    folder: str, net: str, weights: str, message: str
) -> None:
    if not CASES.exists():
        pytest.skip("the cases of public reports are not beside this checkout")
    path = CASES / folder
    done = run("run", path / f"{net}.prototxt", path / f"{weights}.caffemodel")
    assert done.returncode == 2
    assert message in done.stderr
