"""More of BN025: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_NET = """\
layer { name: "d" type: "Data" top: "x" }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  batch_norm_param {
    eps: %s
%s  }
}
"""

_CAFFE = "    engine: CAFFE\n"

VALID = (
    # 1e-5 as a 32-bit float, as tools print it.
    Example("nvidia-0.17", _NET % ("9.99999974738e-06", "")),
    Example("nvidia-0.14", _NET % ("1e-7", _CAFFE)),
    Example("nvidia-0.15", _NET % ("1e-7", _CAFFE)),
    Example("nvidia-0.15", _NET % ("0.00001", "")),
    Example("nvidia-0.17", _NET % ("1e-5", _CAFFE)),
    Example("nvidia-0.16", _NET % ("0.001", "")),
    Example("bvlc", (_NET % ("0", "")).replace("BatchNorm", "MVN")),
    Example("bvlc", (_NET % ("0", "")).replace('top: "y"', 'top: "y" include { min_level: 1 }')),
    Example("bvlc", _NET % ("1e-9", "")),
)
INVALID = (
    Invalid("bvlc", _NET % ("-1e-5", ""), (5,), fixed=_NET % ("1e-5", "")),
    Invalid("nvidia-0.14", _NET % ("0", _CAFFE), (5,), fixed=_NET % ("1e-5", _CAFFE)),
    Invalid("nvidia-0.15", _NET % ("-2", _CAFFE), (5,), fixed=_NET % ("1e-5", _CAFFE)),
    Invalid("nvidia-0.15", _NET % ("1e-7", ""), (5,), fixed=_NET % ("1e-5", "")),
    Invalid("nvidia-0.17", _NET % ("0", _CAFFE), (5,), fixed=_NET % ("1e-5", _CAFFE)),
    Invalid("nvidia-0.16", _NET % ("-0.1", ""), (5,), fixed=_NET % ("1e-5", "")),
    Invalid("nvidia-0.16.1", _NET % ("1e-5", ""), (5,), fixed=_NET % ("1e-4", "")),
    Invalid("nvidia-0.14", _NET % ("1e-3", ""), (5,)),
)
