"""More of BN006: a statistic that is masked already stays as it is written."""

from protolint.lint.rule import Invalid

_NET = """\
layer { name: "d" type: "Data" top: "data" }
layer { name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  param { } param { } param { decay_mult: 0 } param { %s } }
"""
INVALID = (Invalid("nvidia-0.15", _NET % "", (3,), fixed=_NET % " lr_mult: 0 decay_mult: 0"),)
