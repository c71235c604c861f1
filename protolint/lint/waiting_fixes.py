"""Fixes that wait until the spelling of a field is mended: it may be what they would add."""

from __future__ import annotations

from collections.abc import Iterable

from protolint.diagnostic import Diagnostic
from protolint.edit import Applicability

__all__ = ["misspelt_layers", "waits", "with_waiting_fixes"]


def with_waiting_fixes(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return the findings, their fixes unsafe where they wait for the spelling of a field."""
    found = list(diagnostics)
    misspelt = misspelt_layers(found)
    return [
        d._replace(fix=d.fix._replace(applicability=Applicability.UNSAFE))
        if d.fix is not None and d.fix.applicability is Applicability.SAFE and waits(d, misspelt)
        else d
        for d in found
    ]


def misspelt_layers(found: Iterable[Diagnostic]) -> set[str | None]:
    """Return the layers with a field that nobody knows."""
    unknown = [d for d in found if d.code == "PT002"]
    return {d.layer for d in unknown} | {r.layer for d in unknown for r in d.repeats}


def waits(diagnostic: Diagnostic, misspelt: set[str | None]) -> bool:
    """Return whether a fix would add to, or take from, a layer with a field that nobody knows.

    That field may be what seems to be missing.
    """
    return diagnostic.layer in misspelt and not diagnostic.code.startswith(("PT", "PL"))
