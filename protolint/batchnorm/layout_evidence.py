"""Single pieces of evidence about the layout of a BatchNorm; detect.py weighs them.

A function gives its finding as text for a person, and "" where it finds nothing.
"""

from __future__ import annotations

import numpy as np

from protolint.batchnorm.base import Layout, Role
from protolint.batchnorm.facts import LayerFacts
from protolint.batchnorm.state import Array

__all__ = [
    "doubt",
    "factor_of",
    "fits",
    "intel_mark",
    "is_wide",
    "negative",
    "no_inverse",
    "nvidia_mark",
    "param_order",
    "sizes",
    "trained",
]

# Below this no variance of a net that works can be: every eps in use is smaller.
_IMPOSSIBLE = -1e-4
# 1/sqrt(var) below this would need a variance above 1e24.
_TOO_SMALL = 1e-12


def fits(layout: Layout, blobs: tuple[Array, ...]) -> bool:
    """Whether the numbers of values are those of the layout, whatever the shapes."""
    counts = [values.size for values in blobs]
    if len(counts) != len(layout.roles) or 0 in counts:
        return False
    single = (Role.FACTOR, Role.RESERVED)
    roles = list(zip(counts, layout.roles, strict=True))
    channels = {count for count, role in roles if role not in single}
    return len(channels) == 1 and all(count == 1 for count, role in roles if role in single)


def is_wide(blobs: tuple[Array, ...]) -> bool:
    """Whether the first blob is 1 x C x 1 x 1, as the cuDNN layers write it."""
    return blobs[0].shape == (1, blobs[0].size, 1, 1)


def sizes(facts: LayerFacts) -> str:
    """Return the number of blobs and their shapes."""
    shapes = ", ".join("x".join(map(str, values.shape)) or "()" for values in facts.blobs)
    return f"{len(facts.blobs)} blobs ({shapes})"


def factor_of(values: Array) -> float:
    """Return the value of a blob of one element."""
    return float(values.reshape(-1)[0])


def trained(blobs: tuple[Array, ...]) -> bool:
    """Whether anything in these statistics is not zero."""
    return any(values.any() for values in blobs)


def nvidia_mark(facts: LayerFacts) -> str:
    """Return what shows that NVIDIA Caffe 0.16.1 or later wrote the layer."""
    if facts.norm.scale_bias is not None:
        return "batch_norm_param has scale_bias"
    if facts.raw_data:
        return "its values are in raw_data"
    return facts.marks.nvidia or ""


def intel_mark(facts: LayerFacts) -> str:
    """Return what shows that Intel's fork wrote the layer."""
    if facts.norm.is_intels:
        return "batch_norm_param has use_weight_bias or bias_term"
    return f"layer '{facts.marks.intel}' has an engine" if facts.marks.intel is not None else ""


def param_order(facts: LayerFacts) -> str:
    """Where the five `param` blocks put the frozen statistics: "first", "last" or "".

    0.16 and 0.17 write 0, 0, 0, 1, 1 into every five-blob layer; 0.14 and 0.15 keep the
    user's, whose right order freezes the last three.
    """
    rates = [1.0 if param.lr_mult is None else param.lr_mult for param in facts.params]
    if len(rates) == 5 and not any(rates[:3]) and any(rates[3:]):
        return "first"
    if len(rates) == 5 and not any(rates[2:]) and any(rates[:2]):
        return "last"
    return ""


def negative(values: Array, what: str) -> str:
    """Why a blob cannot hold variances."""
    lowest = float(values.min())
    return f"{what} goes down to {lowest:g}, which no variance does" if lowest < _IMPOSSIBLE else ""


def no_inverse(layout: Layout, facts: LayerFacts) -> str:
    """Why the second statistic cannot be an inverse deviation.

    1/sqrt(var + eps) is at most 1/sqrt(eps), and so is any average of it.
    """
    values = facts.blobs[layout.roles.index(Role.SPREAD)]
    limit = float(1 / np.sqrt(layout.eps.effective(facts.norm.eps)))
    if values.max() > limit * 1.001:
        return f"{values.max():g} is more than 1/sqrt(eps) = {limit:g}: a variance"
    if values.any() and values.min() < _TOO_SMALL:
        return f"{values.min():g} is too small for an inverse deviation: a variance"
    return ""


def doubt(layout: Layout, facts: LayerFacts) -> str:
    """Return the question that remains about the second statistic."""
    values = facts.blobs[layout.roles.index(Role.SPREAD)]
    return (
        f"the second statistic ({values.min():g} to {values.max():g}, median"
        f" {float(np.median(values)):g}) is a variance if cuDNN 5 or later wrote it, an"
        " inverse deviation if cuDNN 4 did; the file does not say which"
    )
