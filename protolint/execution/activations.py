"""Layers that change each value by itself, and Eltwise, which joins blobs value by value.

Sources: the layer's own file in src/caffe/layers @ BVLC master, NVIDIA v0.15.14 and v0.17.4.
"""

from __future__ import annotations

import math

import numpy as np

from protolint.execution.step import Array, Function, Step
from protolint.layers.eltwise import is_plain_sum

__all__ = ["FUNCTIONS", "sigmoid"]

_LEAST = np.finfo(np.float32).min


def sigmoid(values: Array) -> Array:
    """Return 1 / (1 + exp(-x)), as Caffe's tanh of half of it does."""
    result: Array = 0.5 * np.tanh(0.5 * values) + 0.5
    return result


def _relu(step: Step) -> list[Array]:
    bottom, slope = step.bottom(), np.float32(step.param("relu_param").number("negative_slope"))
    top = np.maximum(bottom, 0)
    return [top + slope * np.minimum(bottom, 0)] if slope else [top]


def _prelu(step: Step) -> list[Array]:
    bottom = step.bottom()
    if step.param("prelu_param").flag("channel_shared"):
        slope = step.blob(0, (1,) * bottom.ndim)
    else:
        slope = step.blob(0, (1, bottom.shape[1], *[1] * (bottom.ndim - 2)))
    return [np.maximum(bottom, 0) + slope * np.minimum(bottom, 0)]


def _elu(step: Step) -> list[Array]:
    bottom, alpha = step.bottom(), np.float32(step.param("elu_param").number("alpha"))
    return [np.maximum(bottom, 0) + alpha * (np.exp(np.minimum(bottom, 0)) - 1)]


def _bnll(step: Step) -> list[Array]:
    bottom = step.bottom()
    return [np.maximum(bottom, 0) + np.log(1 + np.exp(-np.abs(bottom)))]


def _swish(step: Step) -> list[Array]:
    beta = np.float32(step.param("swish_param").number("beta"))
    return [step.bottom() * sigmoid(beta * step.bottom())]


def _clip(step: Step) -> list[Array]:
    param = step.param("clip_param")
    return [
        np.clip(step.bottom(), np.float32(param.number("min")), np.float32(param.number("max")))
    ]


def _threshold(step: Step) -> list[Array]:
    limit = np.float32(step.param("threshold_param").number("threshold"))
    return [(step.bottom() > limit).astype(np.float32)]


def _power(step: Step) -> list[Array]:
    param = step.param("power_param")
    scale, shift, power = (np.float32(param.number(n)) for n in ("scale", "shift", "power"))
    top = step.bottom() * scale + shift
    return [top if power == 1 else top**power]


def _exp(step: Step) -> list[Array]:
    """Return base -1 is e: base ^ (shift + scale x)."""
    param = step.param("exp_param")
    base, scale, shift = (param.number(n) for n in ("base", "scale", "shift"))
    rate = 1.0 if base == -1 else math.log(base)
    inner, outer = np.float32(rate * scale), np.float32(math.exp(rate * shift))
    return [outer * np.exp(inner * step.bottom())]


def _log(step: Step) -> list[Array]:
    param = step.param("log_param")
    base, scale, shift = (param.number(n) for n in ("base", "scale", "shift"))
    rate = 1.0 if base == -1 else 1 / math.log(base)
    return [np.float32(rate) * np.log(np.float32(scale) * step.bottom() + np.float32(shift))]


def _dropout(step: Step) -> list[Array]:
    """In TEST a copy; in TRAIN what is left is divided by its share."""
    if step.tests:
        return [step.bottom().copy()]
    param = step.param("dropout_param")
    ratio = param.number("dropout_ratio")
    if ratio >= 1:
        raise step.error("its dropout_ratio leaves nothing")
    kept = step.random.random(step.bottom().shape) >= ratio
    return [step.bottom() * kept * np.float32(1 / (1 - ratio))]


def _eltwise(step: Step) -> list[Array]:
    param = step.param("eltwise_param")
    operation, given = param.text("operation"), param.numbers("coeff")
    bottoms = step.bottoms
    if any(bottom.shape != bottoms[0].shape for bottom in bottoms):
        raise step.error(f"its bottoms are {', '.join(str(b.shape) for b in bottoms)}")
    if operation == "PROD":
        top = bottoms[0] * bottoms[1]
        for bottom in bottoms[2:]:
            top *= bottom
        return [top]
    # SUM and MAX clear the top before they read, which in place is a bottom.
    own = _overwritten(step)
    if operation == "MAX":
        if own is not None:
            own[...] = _LEAST
        return [np.maximum.reduce(bottoms)]
    coefficients = [np.float32(value) for value in given] or [np.float32(1)] * len(bottoms)
    if len(coefficients) != len(bottoms):
        raise step.error(f"has {len(bottoms)} bottoms and {len(coefficients)} coefficients")
    if is_plain_sum(step.layer) and _shares(step):
        for bottom in bottoms[1:]:
            bottoms[0] += bottom
        return [bottoms[0]]
    top = np.empty_like(bottoms[0]) if own is None else own
    top[...] = 0
    for value, bottom in zip(coefficients, bottoms, strict=True):
        top += value * bottom
    return [top]


def _overwritten(step: Step) -> Array | None:
    """Return the bottom that an Eltwise in place writes into."""
    top = step.layer.tops[0].name
    names = [bottom.name for bottom in step.layer.bottoms]
    return step.bottoms[names.index(top)] if top in names else None


def _shares(step: Step) -> bool:
    """Return whether a plain sum is made in the memory of its first bottom."""
    message = step.net.message
    unless = "eltwise_mem_sharing"
    kept_apart = unless in message and not message.flag(unless)
    return step.dialect.shares_eltwise_memory and not kept_apart


FUNCTIONS: dict[str, Function] = {
    "AbsVal": lambda step: [np.abs(step.bottom())],
    "BNLL": _bnll,
    "Clip": _clip,
    "Dropout": _dropout,
    "Eltwise": _eltwise,
    "ELU": _elu,
    "Exp": _exp,
    "Log": _log,
    "Power": _power,
    "PReLU": _prelu,
    "ReLU": _relu,
    "Sigmoid": lambda step: [sigmoid(step.bottom())],
    "Swish": _swish,
    "TanH": lambda step: [np.tanh(step.bottom())],
    "Threshold": _threshold,
}
