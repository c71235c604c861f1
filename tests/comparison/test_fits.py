"""A net and weights that are not one model: what stands between them is named."""

from __future__ import annotations

from pathlib import Path

import pytest

import protolint
from protolint.batchnorm.fit import PairError, between, fit
from protolint.batchnorm.reading import read_weights
from tests.conftest import SHARED

CASES = SHARED / "cases" / "more"
FOLD = "14-fold-deploy-is-folded-weights-are-not"
RENAMED = "24-deploy-layer-renamed-in-weights"
RESHAPED = "26-weights-inner-product-into-convolution"


@pytest.mark.parametrize(
    ("folder", "net", "weights", "wanted"),
    [
        (FOLD, "deploy_folded", "trained", "the net is folded and the weights are not"),
        (FOLD, "deploy_folded", "right_folded", None),
        (FOLD, "deploy_unfolded", "right_folded", "the weights are folded and the net is not"),
        (FOLD, "deploy_unfolded", "trained", None),
        (RENAMED, "deploy", "weights", "'y_fc2' is 'y_fc2_club' in the weights"),
        (RENAMED, "deploy", "right", None),
        (
            RESHAPED,
            "fully_convolutional",
            "weights",
            "'j6', blob 0: 1x1x12x180 of InnerProduct",
        ),
        (RESHAPED, "fully_convolutional", "right", None),
    ],
)
def test_what_stands_between_a_net_and_weights(
    folder: str, net: str, weights: str, wanted: str | None
) -> None:
    if not CASES.exists():
        pytest.skip("the cases of public reports are not beside this checkout")
    read = protolint.load(CASES / folder / f"{net}.prototxt", isolated=True)
    path = CASES / folder / f"{weights}.caffemodel"
    found = between(fit(read, read_weights(str(path))))
    assert found is None if wanted is None else found is not None and wanted in found
    if wanted is not None:
        with pytest.raises(PairError, match="does not fit"):
            protolint.compare(read, read, path)


def test_a_layer_with_other_blobs_is_named(fixtures: Path) -> None:
    folder = fixtures / "golden" / "bvlc-master-9b89154"
    net = protolint.load(folder / "brook.prototxt", target="nvidia-0.15", isolated=True)
    found = between(fit(net, read_weights(str(folder / "brook.caffemodel"))))
    assert found is not None
    assert "`protolint convert`" in found
