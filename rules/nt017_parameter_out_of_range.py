"""A parameter outside the range that the layer takes.

What it does
    Reports an even `local_size` of LRN, a kernel size, stride, `num_output` or group of 0, a
    padding of Pooling as large as its kernel, a base of Exp or Log that is not above 0, a `top_k`
    above the number of classes, slice points that do not rise or lie outside the axis, and sizes,
    steps, variances and thresholds of SSD layers that must be above 0, and in SSD and Intel a
    `resize_param` without sizes or a `max_expand_ratio` not above 1. With `--without-cudnn`, or
    `cudnn = false` in the configuration, also an `engine` that such a build does not have.

Why it matters
    Set-up aborts: `LRN only supports odd values for local_size`, `Filter dimensions must be
    nonzero.`, `Stride dimensions must be nonzero.`, `Check failed: pad_h_ < kernel_h_`, `base must
    be strictly positive.`, `top_k must be less than or equal to the number of classes.`,
    `max_size must be greater than min_size.`, `Layer conv1 has unknown engine.`
    A group of 0 kills the process (SIGFPE).

Which Caffe
    All that have the layer.

Evidence
    LayerSetUp and Reshape of each layer in src/caffe/layers; verdicts of real builds of BVLC,
    SSD, Intel and NVIDIA 0.14 to 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._construction import findings


@net_rule("NT017", "parameter-out-of-range", Severity.ERROR, faults=(Kind.RANGE, Kind.ENGINE))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.RANGE, Kind.ENGINE)


_BOXES = """\
layer { name: "d" type: "AnnotatedData" top: "x" top: "t" data_param { source: "s" }
  transform_param { %s } }
"""
VALID = (Example("ssd", _BOXES % "resize_param { height: 300 width: 300 }"),)
INVALID = (Invalid("ssd", _BOXES % "resize_param { height: 300 }", (2,)),)
