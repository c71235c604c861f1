"""More of SV008: a net that is found and cannot be read is for the rules on nets."""

from protolint.lint.rule import Example

VALID = (Example("bvlc", 'net: "net.prototxt"\nbase_lr: 0.1\n', {"net.prototxt": "layer {\n"}),)
