"""Names that are not taken: one book of them for whoever adds blobs or layers."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Names"]


class Names:
    """The names that are taken, by a net and by what is being added to it."""

    __slots__ = ("_added", "_taken")

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = frozenset(taken)  # That of a whole net is not copied.
        self._added: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._taken or name in self._added

    def free(self, wanted: str) -> str:
        """Return the wanted name, or `wanted_2`, `wanted_3` if it is taken, and take it."""
        name, number = wanted, 2
        while name in self:
            name, number = f"{wanted}_{number}", number + 1
        self._added.add(name)
        return name
