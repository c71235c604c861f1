"""Layers in which every output has a weight for every input.

Sources: inner_product_layer.cpp, embed_layer.cpp in src/caffe/layers and their headers @ BVLC
master, NVIDIA v0.14.5 to v0.17.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from protolint.layers.base import ONE, Backward, Blob, InPlace, LayerType, Setup
from protolint.layers.checks import above_zero
from protolint.layers.convolution import products_per_place
from protolint.layers.fields import flag, integer, size
from protolint.layers.fillers import fill
from protolint.layers.setup_check import SetupCheck
from protolint.layers.shape import UNKNOWN, Shape, canonical, product

__all__ = ["TYPES"]

_IP, _EMBED = "inner_product_param", "embed_param"


def _inner_product(setup: Setup, _i: int) -> Shape:
    """Return the axes before `axis`, and the outputs."""
    axis = canonical(integer(setup.layer, _IP, "axis", 1), setup.first)
    outputs = size(setup.layer, _IP, "num_output")
    return UNKNOWN if axis is None else Shape.of((*setup.first.lead(axis), outputs))


def _inner_product_blobs(setup: Setup) -> Iterator[Blob]:
    bottom = setup.first
    axis = canonical(integer(setup.layer, _IP, "axis", 1), bottom)
    known = axis is not None and bottom.complete
    inputs = product(bottom.dims[axis:]) if known else None
    outputs = size(setup.layer, _IP, "num_output")
    turned = flag(setup.layer, _IP, "transpose")
    yield Blob("weights", Shape.of((inputs, outputs) if turned else (outputs, inputs)))
    yield from _bias(setup, _IP, outputs)


def _products(setup: Setup, tops: Sequence[Shape], blobs: Sequence[Shape]) -> int | None:
    """Each weight is used once for every row."""
    return products_per_place(blobs[0], tops, size(setup.layer, _IP, "num_output"))


def _embed(setup: Setup, _i: int) -> Shape:
    """Return a vector for each index."""
    outputs = size(setup.layer, _EMBED, "num_output")
    bottom = setup.first
    return Shape.of((*bottom.dims, outputs)) if bottom.complete else bottom


def _embed_blobs(setup: Setup) -> Iterator[Blob]:
    outputs = size(setup.layer, _EMBED, "num_output")
    yield Blob("weights", Shape.of((size(setup.layer, _EMBED, "input_dim"), outputs)))
    yield from _bias(setup, _EMBED, outputs)


def _bias(setup: Setup, parameter: str, outputs: int | None) -> Iterator[Blob]:
    if flag(setup.layer, parameter, "bias_term", True):
        yield Blob("bias", Shape.of((outputs,)))


def _check_inner_product(setup: SetupCheck) -> None:
    """Demand an axis; weights and a batch that hold something."""
    axis = setup.axis(_IP, "axis", 1)
    outputs: int | None = setup.integer(_IP, "num_output", 0)
    bias = setup.flag(_IP, "bias_term", True)
    if setup.faults:
        return
    if setup.around.template and not setup.given(_IP, "num_output"):
        outputs, setup.unsure = None, True
    elif not above_zero(setup, _IP, "num_output"):
        return
    bottom = setup.bottom()
    inputs = None if axis is None else setup.count(bottom, axis)
    turned = setup.flag(_IP, "transpose")
    weights = (inputs, outputs) if turned else (outputs, inputs)
    fill(setup, _IP, "weight_filler", Shape(weights, True), "weights")
    if bias:
        fill(setup, _IP, "bias_filler", Shape((outputs,), True), "biases")
    if setup.faults:
        return
    if axis is not None and inputs is not None:
        before = setup.count(bottom, 0, axis)
        if before == 0 and bias:
            setup.empty(f"{setup.called()} is empty", bottoms=(0,))


def _check_embed(setup: SetupCheck) -> None:
    """Demand num_output and input_dim."""
    if not above_zero(setup, _EMBED, "num_output", "input_dim"):
        return
    outputs = setup.integer(_EMBED, "num_output", 0)
    inputs = setup.integer(_EMBED, "input_dim", 0)
    fill(setup, _EMBED, "weight_filler", Shape((inputs, outputs), True), "weights")
    if setup.flag(_EMBED, "bias_term", True):
        fill(setup, _EMBED, "bias_filler", Shape((outputs,), True), "biases")
        if not setup.faults and setup.count(setup.bottom()) == 0:
            setup.empty(f"{setup.called()} is empty", bottoms=(0,))


TYPES = (
    LayerType(
        "InnerProduct", (_IP,), ONE, ONE, _inner_product, _inner_product_blobs, _products,
        InPlace.WRONG_OUTPUT_OR_CRASH, Backward(weights=True), check=_check_inner_product,
    ),
    LayerType("Embed", (_EMBED,), ONE, ONE, _embed, _embed_blobs, check=_check_embed),
)  # fmt: skip
