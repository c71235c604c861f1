"""Layers that belong to no family: what they do is outside the net or written elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from protolint.layers.base import ANY, NONE, ONE, TWO, Blob, LayerType, Setup, at_least, unknown
from protolint.layers.checks import left_open
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import UNKNOWN, Shape

__all__ = ["TYPES"]


def _shape(setup: Setup) -> Shape:
    message = setup.layer.parameter("parameter_param")
    shape = message.message("shape") if message is not None else None
    return UNKNOWN if shape is None else Shape.of(shape.integers("dim"))


def _parameter(setup: Setup, _i: int) -> Shape:
    """Return the shape of the blob that a Parameter layer is."""
    return _shape(setup)


def _parameter_blobs(setup: Setup) -> Iterator[Blob]:
    yield Blob("values", _shape(setup))


def _check_parameter(setup: SetupCheck) -> None:
    """Demand a shape."""
    message = setup.message("parameter_param")
    shape = message.message("shape") if message is not None else None
    if shape is not None:
        setup.sized(shape.integers("dim"), at=("parameter_param", "shape"))


def _check_python(setup: SetupCheck) -> None:
    """Demand a module and a class; what they demand is outside the text."""
    for field in ("module", "layer"):
        if not setup.word("python_param", field):
            setup.fault(Kind.MISSING, f"no {field}", at=("python_param", field))
            return
    setup.unsure = True


TYPES = (
    LayerType("HDF5Output", ("hdf5_output_param",), TWO, NONE, unknown, check=left_open),
    # Intel's (mn_activation_layer.hpp @ intel/caffe 1.1.6).
    LayerType("MnActivation", ("mn_activation_param",), at_least(1), ONE, unknown),
    LayerType(
        "Parameter",
        ("parameter_param",),
        NONE,
        ONE,
        _parameter,
        _parameter_blobs,
        check=_check_parameter,
    ),
    LayerType("Python", ("python_param",), ANY, ANY, unknown, blobs=None, check=_check_python),
    LayerType("Silence", (), at_least(1), NONE, unknown),
    LayerType("TRT", ("trt_param",), TWO, ONE, unknown),
)
