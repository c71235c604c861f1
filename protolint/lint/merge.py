"""One finding for what is alike in a file, with its number."""

from __future__ import annotations

import re
from collections.abc import Sequence

from protolint.diagnostic import Diagnostic, Repeat

__all__ = ["merged"]

#: Where the number goes: behind the first clause. Compiled when something is alike.
_CLAUSE = r"[:;] |$"


def merged(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Return the findings, those that are alike as one at the first place."""
    groups: dict[tuple[str, str], list[Diagnostic]] = {}
    for diagnostic in diagnostics:
        if diagnostic.alike:
            groups.setdefault((diagnostic.code, diagnostic.alike), []).append(diagnostic)
    found = [diagnostic for diagnostic in diagnostics if not diagnostic.alike]
    for group in groups.values():
        first = min(group, key=lambda one: one.span.start)
        found.append(first if len(group) == 1 else _one(first, group))
    return found


def _one(first: Diagnostic, group: list[Diagnostic]) -> Diagnostic:
    place = re.search(_CLAUSE, first.message)
    at = place.start() if place is not None else len(first.message)
    message = f"{first.message[:at]} ({len(group)} times){first.message[at:]}"
    fix = first.fix
    if fix is not None:
        fixes = [one.fix for one in group if one.fix is not None and one.fix.title == fix.title]
        fix = fix._replace(edits=tuple(dict.fromkeys(e for f in fixes for e in f.edits)))
    repeats = tuple(Repeat(one.span, one.layer) for one in group if one is not first)
    return first._replace(message=message, fix=fix, repeats=repeats)
