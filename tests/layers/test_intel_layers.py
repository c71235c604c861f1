"""What the layers demand that Intel Caffe alone has, by its sources."""

from __future__ import annotations

import pytest

import protolint
from protolint.net.init import construction

INPUT = """\
layer { name: "i" type: "Input" top: "map" top: "rois" top: "row"
  input_param { shape { dim: [2, 8, 6, 6] } shape { dim: [4, 5] } shape { dim: [4, 1] } } }
"""


def faults(layer: str) -> list[str]:
    net = protolint.load(INPUT + layer, target="intel")
    return [fault.message for fault in construction(net, net.views[0]).faults]


def _roi(param: str, bottom: str = "map") -> str:
    return (
        f'layer {{ name: "r" type: "ROIPooling" bottom: "{bottom}" bottom: "rois" top: "r" '
        f"roi_pooling_param {{ {param} }} }}"
    )


def _psroi(outputs: int, group: int) -> str:
    return (
        'layer { name: "r" type: "PSROIPooling" bottom: "map" bottom: "rois" top: "r" '
        f"psroi_pooling_param {{ spatial_scale: 1 output_dim: {outputs} group_size: {group} }} }}"
    )


def _ohem(*bottoms: str, images: int = 1) -> str:
    given = " ".join(f'bottom: "{bottom}"' for bottom in bottoms)
    return (
        f'layer {{ name: "o" type: "BoxAnnotatorOHEM" {given} top: "a" top: "b" '
        f"box_annotator_ohem_param {{ roi_per_img: {images} }} }}"
    )


def _two(type: str, first: str, second: str) -> str:
    return f'layer {{ name: "l" type: "{type}" bottom: "{first}" bottom: "{second}" top: "l" }}'


@pytest.mark.parametrize(
    "layer",
    [
        _roi("pooled_h: 7 pooled_w: 7"),
        _roi("pooled_size: 7"),
        _roi("pooled_size: [7, 5]"),
        _psroi(2, 2),
        'layer { name: "r" type: "Reorg" bottom: "map" top: "r" reorg_param { stride: 2 } }',
        _ohem("rois", "row", "row", "rois"),
        _two("SmoothL1LossOHEM", "map", "map"),
        _two("SoftmaxWithLossOHEM", "rois", "row"),
        # The third top has the loss of each item.
        _two("SoftmaxWithLossOHEM", "rois", "row").replace(
            "}", 'top: "p" top: "each" loss_weight: [1, 0, 0] }'
        )
        + 'layer { name: "e" type: "Eltwise" bottom: "each" bottom: "row" top: "e" }',
    ],
)
def test_right(layer: str) -> None:
    assert faults(layer) == []


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (_roi("pooled_h: 7"), "no pooled_w"),
        (_roi("pooled_size: [7, 7, 7]"), "3 pooled_size; give one or 2"),
        (_roi("pooled_size: 0"), "a pooled_size of 0; it must be above 0"),
        (_roi("pooled_size: 7", "row"), "ROIPooling takes four axes or five"),
        (_psroi(3, 2), "needs 12 channels: output_dim 3 times group_size 2 squared"),
        (_psroi(0, 2), "output_dim 0; it must be above 0"),
        ('layer { name: "r" type: "Reorg" bottom: "map" top: "r" }', "no stride"),
        (_ohem("row", "row", "row", "rois"), "must have 5 in axis 1"),
        (_ohem("rois", "rois", "row", "rois"), "must have 1 in axis 1"),
        (_ohem("rois", "row", "row", "map"), "differ in axis 0"),
        (_ohem("rois", "row", "row", "rois", images=0), "roi_per_img 0; it must be above 0"),
        (_two("SmoothL1LossOHEM", "rois", "row"), "differ in axis 1"),
        (_two("SoftmaxWithLossOHEM", "map", "row"), "have not as many items"),
    ],
)
def test_wrong(layer: str, message: str) -> None:
    (found,) = faults(layer)
    assert message in found
