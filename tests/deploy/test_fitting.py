"""Weights leave some sizes of an image open, and no others."""

from __future__ import annotations

import protolint
from protolint.deployment.inputs import square_sizes

DATA = 'layer { name: "d" type: "Data" top: "x" }\n'
HEAD = f"""\
{DATA}layer {{ name: "c" type: "Convolution" bottom: "x" top: "c"
  convolution_param {{ num_output: 4 kernel_size: 3 }} }}
"""
POOL = """\
layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { %s } }
layer { name: "i" type: "InnerProduct" bottom: "p" top: "i" inner_product_param { num_output: 5 } }
"""


def sizes(text: str, **weights: tuple[int, ...]) -> list[int] | None:
    net = protolint.load(text, target="bvlc", isolated=True)
    blobs = {name: [shape] for name, shape in weights.items()}
    found = square_sizes(net, net.views[0], "x", 3, blobs)
    return None if found is None else list(found)


def test_sizes_are_those_that_an_inner_product_has_weights_for() -> None:
    text = HEAD + POOL % "kernel_size: 3 stride: 3"
    # Rounded up, 7 to 9 pixels of the convolution become 3.
    assert sizes(text, i=(5, 36)) == [9, 10, 11]
    assert sizes(text, i=(1, 1, 5, 36)) == [9, 10, 11]
    assert sizes(text, i=(5, 37)) is None
    assert sizes(HEAD + POOL % "kernel_size: 1", i=(5, 36)) == [5]


def test_nothing_is_said_where_every_size_fits_or_none_is_known() -> None:
    assert sizes(HEAD + POOL % "global_pooling: true", i=(5, 4)) is None
    assert sizes(HEAD + POOL % "kernel_size: 3") is None
    assert sizes(HEAD + POOL % "kernel_size: 3", c=(4, 3, 3, 3)) is None
    other = 'layer { name: "o" type: "Own" bottom: "x" top: "c" }\n'
    assert sizes(DATA + other + POOL % "kernel_size: 3", i=(5, 36)) is None


def test_two_inner_products_have_to_agree() -> None:
    text = (
        HEAD
        + POOL % "kernel_size: 2 stride: 2"
        + 'layer { name: "j" type: "InnerProduct" bottom: "c" top: "j"'
        " inner_product_param { num_output: 2 } }\n"
    )
    assert sizes(text, i=(5, 36), j=(2, 4 * 25)) == [7]
    assert sizes(text, i=(5, 36), j=(2, 4 * 49)) is None
