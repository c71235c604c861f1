"""For which Caffes each rule is: a table, since the rules say it by facts."""

from __future__ import annotations

from protolint.caffe.registry import DIALECTS
from protolint.lint.registry import all_rules

#: Columns: bvlc, nvidia-0.14, nvidia-0.15, nvidia-0.16, nvidia-0.16.1,
#: nvidia-0.17, ssd, intel. Rules that are not here are for every one.
TABLE = """
BN001 . x x . . . . .
BN002 . . . x x x . .
BN003 . x x . . . . .
BN005 x . . . . . x x
BN006 . x x . . . . .
BN007 . x x . . . . .
BN009 . . . x x x . .
BN010 x . . . . . x .
BN011 . x x x x x . .
BN012 x x x . . . x x
BN013 x x x . . . x x
BN015 x x x . . . x x
BN019 x x . x x x x x
BN020 x . . x x x x x
BN021 . . x x x x . .
BN026 x x . . . . x x
BN027 . x x . . . . .
BN028 . . x . . . . .
BN029 . . . x x x . .
BN030 . . . x x x . .
BN032 . . x . . . . .
NT007 . . . . . x . .
NT008 . x x x x x . .
NT013 . . . x x x . .
NT038 . . . . . x x x
NT039 . . . . . x x x
SV003 . . . x x x . .
SV004 . x . . . . . .
SV007 . . . x x x . .
SV009 x . x x x x x x
SV015 . x x x x x x x
SV018 x . . . . . . .
WT009 . . . x x . . .
WT014 . . . x x x . .
WT016 . x x x x x x x
WT017 . x x x x x x x
WT018 . . . x x x . .
WT019 . . . x x x . .
WT020 x x x . . . x x
"""


def test_each_rule_is_for_the_caffes_of_the_table() -> None:
    found = {rule.code: rule.dialects for rule in all_rules() if rule.dialects}
    shown = {}
    for line in TABLE.split("\n")[1:-1]:
        code, *marks = line.split()
        shown[code] = {name for name, mark in zip(DIALECTS, marks, strict=True) if mark == "x"}
    assert found == shown
