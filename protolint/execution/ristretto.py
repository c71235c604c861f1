"""Layers of Ristretto: a layer as another Caffe has it, on numbers of few bits.

In TEST the values before and behind are rounded too, those before in their own memory. Sources:
src/caffe/ristretto @ pmgysel/caffe 614963c.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from protolint.execution.convolution import FUNCTIONS as LAYERS
from protolint.execution.step import Array, Foreign, Function, Step

__all__ = ["FUNCTIONS"]

#: The bits behind the leading one of a float32, and what is added to its exponent.
_MANTISSA, _BIAS = 23, 127


def _rounded(function: Function) -> Function:
    """Return what runs a layer on rounded numbers."""

    def run(step: Step) -> list[Array]:
        given = step.foreign("quantization_param")
        if any(field.startswith("th_") for field in given.fields):
            raise step.error("the thresholds of Xilinx's Caffe, th_layer_in and so on, are not run")
        chance = given.text("rounding_scheme", "NEAREST") == "STOCHASTIC"
        if step.tests:
            for bottom in step.bottoms:
                bottom[...] = _values(given, bottom, "layer_in", chance=chance)
        # While it learns, weights are rounded by chance, and the values are not.
        blobs = [
            _values(given, blob, "params", chance=chance or not step.tests, bias=i > 0)
            for i, blob in enumerate(step.blobs)
        ]
        tops = function(replace(step, blobs=blobs))
        if step.tests:
            tops = [_values(given, top, "layer_out", chance=chance) for top in tops]
        return tops

    return run


def _values(
    given: Foreign, values: Array, which: str, *, chance: bool, bias: bool = False
) -> Array:
    """Return values with as few bits as the layer says."""
    precision = given.text("precision", "DYNAMIC_FIXED_POINT")
    if precision == "DYNAMIC_FIXED_POINT":
        bits, unit = given.integer(f"bw_{which}", 32), 2.0 ** -given.integer(f"fl_{which}", 16)
        limit = 2.0 ** (bits - 1)
        kept = (values.astype(np.float64) / unit).clip(-limit, limit - 1)
        return (_whole(given, kept, chance=chance) * unit).astype(np.float32)
    if precision == "MINIFLOAT":
        return _minifloats(given, values, chance=chance)
    if precision == "INTEGER_POWER_OF_2_WEIGHTS":
        if which != "params" or bias:
            return values
        with np.errstate(divide="ignore"):
            exponents = np.log2(np.abs(values))
        exponents = _whole(given, exponents, chance=chance)
        exponents = exponents.clip(given.integer("exp_min", -8), given.integer("exp_max", -1))
        return np.where(values >= 0, 1, -1) * np.exp2(exponents).astype(np.float32)
    raise given.step.error(f"its precision {precision} is none of Ristretto's")


def _whole(given: Foreign, values: Array, *, chance: bool) -> Array:
    """Return whole numbers: the nearest, a half away from 0, or one beside by chance."""
    if chance:
        made: Array = np.floor(values + given.step.random.random(values.shape))
    else:
        made = np.sign(values) * np.floor(np.abs(values) + 0.5)
    return made


def _minifloats(given: Foreign, values: Array, *, chance: bool) -> Array:
    """Return numbers of a few bits; those behind one that is too small stay as they are.

    That is what Trim2MiniFloat_cpu does: it returns where it should go on.
    """
    mantissa, exponent = given.integer("mant_bits", _MANTISSA), given.integer("exp_bits", 8)
    bias = 2 ** (exponent - 1) - 1
    flat = values.astype(np.float32).reshape(-1)
    bits = flat.view(np.uint32)
    powers = (bits >> _MANTISSA & 0xFF).astype(np.int64)
    small = np.flatnonzero((powers == 0) | (powers - _BIAS + bias < 0))
    end = int(small[0]) if len(small) else len(flat)
    powers = powers[:end] - _BIAS + bias
    parts = (bits[:end] & ((1 << _MANTISSA) - 1)) / 2.0 ** (_MANTISSA - mantissa)
    parts = _whole(given, parts, chance=chance)
    most = 2**exponent - 1
    parts = np.where(powers > most, 2.0**mantissa - 1, parts)
    made = (parts / 2.0**mantissa + 1) * np.exp2(np.minimum(powers, most) - float(bias))
    top: Array = flat.copy()
    top[:end] = np.where(bits[:end] >> 31, -made, made)
    top[end : end + 1] = 0
    return top.reshape(values.shape)


FUNCTIONS: dict[str, Function] = {
    "ConvolutionRistretto": _rounded(LAYERS["Convolution"]),
    "DeconvolutionRistretto": _rounded(LAYERS["Deconvolution"]),
    "FcRistretto": _rounded(LAYERS["InnerProduct"]),
}
