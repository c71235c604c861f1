"""Edits and fixes: the only way protolint changes text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, overload

from protolint.record import NamedTuple

if TYPE_CHECKING:
    from typing import ParamSpec

    _P = ParamSpec("_P")

__all__ = ["Applicability", "Edit", "Fix", "LaterEdits", "apply_edits", "overlap"]


class Applicability(Enum):
    """How far a fix may be trusted; ordered from most to least."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    DISPLAY_ONLY = "display-only"


class Edit(NamedTuple):
    """Replace the bytes `start` to `end` (not included) by `text`, written as UTF-8.

    Surrogate escapes are bytes of the file that are no UTF-8.
    """

    start: int
    end: int
    text: str


class LaterEdits(Sequence[Edit]):
    """Edits that a function makes of its arguments when somebody looks at them, and once.

    They are equal to the tuple that they are then. Most reports say what fixes there are and not
    what they change.
    """

    def __init__(
        self, make: Callable[_P, Iterable[Edit]], *args: _P.args, **kwargs: _P.kwargs
    ) -> None:
        self._make = partial(make, *args, **kwargs)
        self._made: tuple[Edit, ...] | None = None

    @property
    def _edits(self) -> tuple[Edit, ...]:
        if self._made is None:
            self._made = tuple(self._make())
        return self._made

    def __len__(self) -> int:
        return len(self._edits)

    @overload
    def __getitem__(self, index: int) -> Edit: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Edit, ...]: ...
    def __getitem__(self, index: int | slice) -> Edit | tuple[Edit, ...]:
        return self._edits[index]

    def __eq__(self, other: object) -> bool:
        return self._edits == (other._edits if isinstance(other, LaterEdits) else other)

    def __hash__(self) -> int:
        return hash(self._edits)


class Fix(NamedTuple):
    """Edits that belong together: all are applied, or none."""

    title: str
    edits: Sequence[Edit]
    applicability: Applicability = Applicability.SAFE


def overlap(first: Edit, second: Edit) -> bool:
    """Whether two edits cannot both be applied.

    Two insertions at one place do not overlap: they are made in the order given.
    """
    if first.start == first.end and second.start == second.end:
        return False
    return first.start < second.end and second.start < first.end


def apply_edits(data: bytes, edits: Iterable[Edit]) -> bytes:
    """Return `data` with every edit made; bytes outside the edits stay as they are.

    Insertions at one offset keep their order, and come before a replacement that
    begins there. Raises ValueError where two edits overlap or one leaves the data.
    """
    pieces: list[bytes] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < at or edit.end < edit.start or edit.end > len(data):
            raise ValueError(f"edit {edit.start}..{edit.end} overlaps another or is out of range")
        pieces += (data[at : edit.start], edit.text.encode("utf-8", "surrogateescape"))
        at = edit.end
    pieces.append(data[at:])
    return b"".join(pieces)
