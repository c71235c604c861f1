"""More of PT001: a file with an error and nothing else has one finding."""

from protolint.lint.rule import Invalid

INVALID = (Invalid("bvlc", "\n\n}\n", (3,)),)
