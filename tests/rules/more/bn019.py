"""More of BN019: an engine that cannot have gamma and beta in a Caffe whose other one can."""

from protolint.lint.rule import Invalid

_NET = """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" batch_norm_param { engine: CAFFE } }%s
layer { name: "r" type: "ReLU" bottom: "y" top: "r" }
"""
_SCALE = """
layer { name: "bn_scale" type: "Scale" bottom: "y" top: "y" scale_param { bias_term: true } }"""
INVALID = (Invalid("intel", _NET % "", (2,), fixed=_NET % _SCALE),)
