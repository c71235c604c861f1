"""Applying fixes: round after round, until nothing is left to fix."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable

from protolint.diagnostic import Diagnostic
from protolint.edit import Applicability, Edit, Fix, apply_edits
from protolint.errors import ProtolintError
from protolint.lint.suppress import is_broken_syntax
from protolint.lint.waiting_fixes import misspelt_layers, waits
from protolint.record import NamedTuple
from protolint.source import Source

__all__ = ["FixResult", "fix_source", "select_edits"]

#: More rounds than fixes ever need one after the other; beyond, two rules undo each other.
MAX_ROUNDS = 50


class FixResult(NamedTuple):
    """The fixed source, and how often a fix of each rule was applied."""

    source: Source
    applied: Counter[str]


def fix_source(
    source: Source,
    check: Callable[[Source], Iterable[Diagnostic]],
    *,
    unsafe: bool = False,
) -> FixResult:
    """Apply what fixes are allowed, check again, and so on until none is left.

    Fixes that touch the same bytes wait for the next round. Raises ProtolintError, with the
    source left as it was, where fixes never come to an end or one breaks the syntax.
    """
    applied: Counter[str] = Counter()
    found = list(check(source))
    sound = not any(map(is_broken_syntax, found))
    for _ in range(MAX_ROUNDS):
        chosen = select_edits(found, unsafe=unsafe)
        if not chosen:
            return FixResult(source, applied)
        edits = {edit for _, fix in chosen for edit in fix.edits}
        applied.update(code for code, _ in chosen)
        source = Source(source.path, apply_edits(source.data, sorted(edits)))
        found = list(check(source))
        if sound and any(map(is_broken_syntax, found)):
            codes = ", ".join(sorted(applied))
            raise ProtolintError(
                f"{source.path}: a fix of {codes} broke the file; nothing was changed. "
                "This is a fault of protolint: please report it"
            )
    codes = ", ".join(sorted({code for code, _ in chosen}))
    raise ProtolintError(
        f"{source.path}: the fixes of {codes} never come to an end; nothing was changed. "
        "This is a fault of protolint: please report it"
    )


def select_edits(diagnostics: Iterable[Diagnostic], *, unsafe: bool) -> list[tuple[str, Fix]]:
    """Return the fixes that may be applied at once: allowed, and not in each other's way.

    Two fixes may share an edit that is the same to the letter. What waits for the spelling of a
    field is left for the round after it.
    """
    found = list(diagnostics)
    misspelt = misspelt_layers(found)
    chosen: list[tuple[str, Fix]] = []
    taken: set[Edit] = set()
    places: list[tuple[int, int]] = []
    for diagnostic in found:
        fix = diagnostic.fix
        if fix is None or not _is_allowed(fix, unsafe) or waits(diagnostic, misspelt):
            continue
        fresh = [edit for edit in fix.edits if edit not in taken]
        if not fresh or any(_is_taken(edit, places) for edit in fresh):
            continue
        taken.update(fresh)
        for edit in fresh:
            insort(places, (edit.start, edit.end))
        chosen.append((diagnostic.code, fix))
    return chosen


def _is_allowed(fix: Fix, unsafe: bool) -> bool:
    if fix.applicability is Applicability.UNSAFE:
        return unsafe
    return fix.applicability is Applicability.SAFE


def _is_taken(edit: Edit, places: list[tuple[int, int]]) -> bool:
    """Whether an edit cannot be made in one round with those at some places, which are in order.

    That is where it overlaps one, or both insert at one place.
    """
    start, end = place = (edit.start, edit.end)
    at = max(0, bisect_left(places, (start, start)) - 1)
    while at < len(places) and places[at][0] <= end:
        first, last = other = places[at]
        insertions = first == last and start == end
        if other == place or (first < end and start < last and not insertions):
            return True
        at += 1
    return False
