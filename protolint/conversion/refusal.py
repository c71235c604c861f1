"""Why a net is not converted: the value, and the error it ends in (refusals has the words)."""

from __future__ import annotations

from collections.abc import Sequence

from protolint.errors import InputError
from protolint.record import NamedTuple

__all__ = ["Refusal", "refuse"]

#: The most refusals that one error lists.
_MOST = 3


class Refusal(NamedTuple):
    """Why a net cannot be converted: where, what was found, and what settles it."""

    layer: str
    evidence: str
    switch: str = ""

    def __str__(self) -> str:
        place = f"'{self.layer}': " if self.layer else ""
        return f"{place}{self.evidence}" + (f"; {self.switch}" if self.switch else "")


def refuse(path: str, refusals: Sequence[Refusal]) -> None:
    """Raise InputError for what cannot be converted, if there is anything."""
    if refusals:
        shown = "; also ".join(map(str, refusals[:_MOST]))
        rest = len(refusals) - _MOST
        raise InputError(path, f"{shown}; and {rest} more reasons" if rest > 0 else shown)
