"""More of BN017: twins that read a blob which no layer writes."""

from protolint.lint.rule import Invalid

_HEAD = 'input: "x" input_dim: [1, 3, 8, 8]\nlayer { name: "d" type: "Data" top: "z" }\n'
_LAYER = 'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y"%s }\n'
_TRAIN, _TEST = (_LAYER % f" include {{ phase: {phase} }}" for phase in ("TRAIN", "TEST"))
INVALID = (Invalid("bvlc", _HEAD + _TRAIN + _TEST, (3,), fixed=_HEAD + _LAYER % ""),)
