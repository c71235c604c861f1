"""More of BN024: when a net is trained, and what says the size of its batches."""

from protolint.lint.rule import Example, Invalid

_DATA = 'layer { name: "d" type: "%s" top: "x" top: "label" %s }\n'
_TWO = _DATA % ("Data", "data_param { batch_size: 2 }")
_BN = 'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" }\n'
_END = 'layer { name: "l" type: "%s" bottom: "y" bottom: "label" top: "l" %s }\n'
VALID = (
    Example("bvlc", _TWO + _BN + _END % ("Eltwise", "")),
    Example("bvlc", _TWO + _BN + _END % ("EuclideanLoss", "include { phase: TEST }")),
    Example("bvlc", _DATA % ("Data", "") + _BN + _END % ("EuclideanLoss", "")),
    Example(
        "bvlc",
        _DATA % ("DummyData", "dummy_data_param { shape { dim: 2 } }")
        + _BN
        + _END % ("EuclideanLoss", ""),
    ),
)
INVALID = (
    Invalid("bvlc", _TWO + _BN + _END % ("EuclideanLoss", ""), (1,)),
    Invalid("bvlc", _TWO + _BN + _END % ("Python", ""), (1,)),
)
