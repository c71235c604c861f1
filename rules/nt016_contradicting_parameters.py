"""Parameters of one layer that exclude each other.

What it does
    Reports `axis` beside `concat_dim` or `slice_dim`, DummyData with `shape` and the old `num`,
    `channels`, `height` and `width`, coefficients of an Eltwise that are not one for each bottom
    or stand beside `PROD`, slice points that are not one fewer than the tops, lists of a window
    that are neither one value nor one for each axis, a `do_neg_mining` against `mining_type`,
    mining without `share_location`, `mean_file` beside `mean_value`, sizes and variances of a
    PriorBox that do not go together. NT011 does so for kernels, strides and padding.

Why it matters
    Set-up aborts: `Either axis or concat_dim should be specified; not both.`, `Both shape and
    legacy fields were specified`, `Eltwise Layer takes one coefficient per bottom blob.`, `Check
    failed: slice_point_.size() == top.size() - 1`, `Currently only support negative mining if
    share_location is true.`, `there are duplicate orders`.

Which Caffe
    All that have the layer.

Evidence
    LayerSetUp of each layer in src/caffe/layers; verdicts of real builds of BVLC, SSD, Intel and
    NVIDIA 0.14 to 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._construction import findings


@net_rule("NT016", "contradicting-parameters", Severity.ERROR, faults=(Kind.CONTRADICTION,))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.CONTRADICTION)


_DATA = """\
layer { name: "d" type: "Data" top: "x" data_param { source: "s" }
  transform_param { mirror: true %s } }
"""
VALID = (Example("bvlc", _DATA % "mean_value: 3"),)
INVALID = (Invalid("bvlc", _DATA % "mean_file: 'm' mean_value: 3", (2,)),)
