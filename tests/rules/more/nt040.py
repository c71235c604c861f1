"""More of NT040: Dropout writes in TRAIN, and each layer is reported once for all states."""

from protolint.lint.rule import Invalid

_NET = """\
layer { name: "d" type: "Data" top: "data" }
layer { name: "fc" type: "ReLU" bottom: "data" top: "fc" }
layer { name: "r" type: "Reshape" bottom: "fc" top: "r" }
layer { name: "w" type: "%s" bottom: "r" top: "r" }
layer { name: "sum" type: "Eltwise" bottom: "fc" bottom: "r" top: "sum" }
"""
INVALID = (
    Invalid("bvlc", _NET % "Dropout", (4,)),
    Invalid("bvlc", _NET % "TanH", (4,)),
)
