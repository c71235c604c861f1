"""More of BN004: whose filler is that of a gamma."""

from protolint.lint.rule import Example, Invalid

_NET = """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" }
layer { name: "r" type: "%s" bottom: "y" top: "r" %s }
"""
VALID = (
    # The messages of other layers are not looked at.
    Example("nvidia-0.15", _NET % ("ReLU", "batch_norm_param { scale_filler { } }")),
    Example("bvlc", _NET % ("ReLU", "scale_param { filler { } }")),
)
#: In both states as in training.
_TRAINS = """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" phase: TRAIN }
layer { name: "s" type: "Scale" bottom: "y" top: "y" scale_param { filler { value: %s } } }
"""
INVALID = (Invalid("bvlc", _TRAINS % "0", (3,), fixed=_TRAINS % "1"),)
