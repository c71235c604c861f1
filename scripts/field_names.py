"""Fields that no schema has: a slip in protolint's own code, which a test run refuses.

A rule that asks a layer for `scale_bais` would be quiet for ever.
"""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from protolint.caffe import binder
from protolint.caffe.descriptors import MessageType, load_schema
from protolint.caffe.registry import DIALECTS

__all__ = ["FieldNameError", "check_field_names"]

_LAYER = "LayerParameter"
_T = TypeVar("_T")


class FieldNameError(AssertionError):
    """A message is asked for a field that it has in no schema."""


class _Checked(dict[str, _T]):
    """The values of a message, which can only be asked for fields that some schema has."""

    __slots__ = ("type",)

    def __init__(self, type: MessageType) -> None:
        super().__init__()
        self.type = type

    def __contains__(self, name: object) -> bool:
        self._check(name)
        return super().__contains__(name)

    def __getitem__(self, name: str) -> _T:
        self._check(name)
        return super().__getitem__(name)

    def get(self, name: str, default: object = None) -> object:  # type: ignore[override]
        self._check(name)
        return super().get(name, default)

    def _check(self, name: object) -> None:
        if name not in self.type.fields and name not in _known(self.type.name):
            raise FieldNameError(f"no schema has a field '{name}' in {self.type.name}")


@cache
def _known(message: str) -> frozenset[str]:
    """Return the fields that a message has in any Caffe's schema.

    The generations of a layer are read alike; the oldest, V0LayerParameter, keeps the fields of
    every parameter message itself.
    """
    every = message == "V0LayerParameter"
    names = {f"V1{_LAYER}", _LAYER} if message.endswith(_LAYER) else {message}
    return frozenset(
        field
        for dialect in DIALECTS.values()
        for name, kind in load_schema(dialect.schema).messages.items()
        if every or name in names
        for field in kind.fields
    )


def check_field_names() -> None:
    """Refuse, from now on, to look up a field that no schema has; tests switch it on."""
    binder.new_values = _Checked
