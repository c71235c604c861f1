"""More of PT009: which files have an old form."""

from protolint.lint.rule import Example, Invalid

_OLD = 'layers { name: "r" type: RELU bottom: "x" top: "y" }\n'
_NEW = 'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }\n'
VALID = (
    Example("bvlc", '# no layers\nitem { name: "a" }\n'),
    Example("bvlc", _NEW + _OLD),
)
INVALID = (Invalid("nvidia-0.14", _OLD, (1,), fixed=_NEW),)
