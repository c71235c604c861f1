"""One cause, one finding: which findings on weights follow from another.

A rule on weights finds what is wrong by itself; this module decides which findings to report.
"""

from __future__ import annotations

from collections.abc import Iterable

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, Rule

__all__ = ["one_for_each_cause"]

#: What is wrong with a file as a whole: nothing in it matters before that, the first least.
_WHOLE_FILE = ("WT016", "WT017", "WT015", "WT020")
#: An error, and what follows from it in the same layer.
_OF_LAYER = {
    "WT003": frozenset({"WT007", "WT008", "WT011"}),
    "WT004": frozenset({"WT009", "WT019", "WT021"}),
    "WT011": frozenset({"WT007", "WT008"}),
}
#: Where the order of the blobs is not known, WT001 alone reports on their values.
_UNKNOWN_ORDER = "WT010"
_ON_VALUES = frozenset({"WT002", "WT003", "WT006", "WT007", "WT008", "WT009", "WT011", "WT014"})


def one_for_each_cause(found: Iterable[tuple[Rule, Finding]]) -> list[tuple[Rule, Finding]]:
    """Return the findings that have no other finding as their cause, in the order given."""
    all_found = list(found)
    codes = {rule.code for rule, _ in all_found}
    for code in _WHOLE_FILE:
        if code in codes:
            return [(rule, finding) for rule, finding in all_found if rule.code == code]
    caused: set[tuple[str, str | None]] = set()
    for rule, finding in all_found:
        if (finding.severity or rule.severity) is Severity.ERROR:
            caused |= {(code, finding.layer) for code in _OF_LAYER.get(rule.code, ())}
        if rule.code == _UNKNOWN_ORDER:
            caused |= {(code, finding.layer) for code in _ON_VALUES}
    return [(r, finding) for r, finding in all_found if (r.code, finding.layer) not in caused]
