"""Named tuples that cost nothing to define.

A class of typing.NamedTuple takes a quarter of a millisecond to make: its constructor is compiled
from text and every annotation is looked at. Checking one small file defines some eighty, which
would be a sixth of the time that it takes. Those of this module behave alike, and their
constructors are the ones below under other names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["NamedTuple"]

if TYPE_CHECKING:
    from typing import NamedTuple
else:
    try:
        from _collections import _tuplegetter
    except ImportError:  # Not CPython.
        from operator import itemgetter

        def _tuplegetter(i: int, _doc: None) -> property:
            return property(itemgetter(i))

    from collections.abc import Mapping
    from types import FunctionType, MappingProxyType

    _new = tuple.__new__
    #: A constructor for each number of fields; what its arguments are called is replaced.
    _CONSTRUCTORS = (
        lambda _, a: _new(_, (a,)),
        lambda _, a, b: _new(_, (a, b)),
        lambda _, a, b, c: _new(_, (a, b, c)),
        lambda _, a, b, c, d: _new(_, (a, b, c, d)),
        lambda _, a, b, c, d, e: _new(_, (a, b, c, d, e)),
        lambda _, a, b, c, d, e, f: _new(_, (a, b, c, d, e, f)),
        lambda _, a, b, c, d, e, f, g: _new(_, (a, b, c, d, e, f, g)),
        lambda _, a, b, c, d, e, f, g, h: _new(_, (a, b, c, d, e, f, g, h)),
        lambda _, a, b, c, d, e, f, g, h, i: _new(_, (a, b, c, d, e, f, g, h, i)),
    )

    def _constructor(name: str, fields: tuple[str, ...], defaults: tuple[Any, ...]) -> FunctionType:
        """Return `__new__` of a class with these fields, the last of which have defaults."""
        if len(fields) <= len(_CONSTRUCTORS):
            code = _CONSTRUCTORS[len(fields) - 1].__code__
        else:
            given = ", ".join(fields)
            code = eval(f"lambda _, {given}: _new(_, ({given}))").__code__
        code = code.replace(co_varnames=("_cls", *fields), co_name="__new__")
        made = FunctionType(code, {"_new": _new}, "__new__", defaults or None)
        made.__qualname__ = f"{name}.__new__"
        return made

    class _Maker(type):
        """Makes the class of a named tuple from its annotations."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            body["__slots__"] = ()
            fields = tuple(body.get("__annotations__", ()))
            if bases == (tuple,) or bases[0]._fields:  # The base of all, and what inherits fields.
                return super().__new__(cls, name, bases, body)
            given = {field: body[field] for field in fields if field in body}
            if fields[len(fields) - len(given) :] != tuple(given):
                raise TypeError(f"{name}: a field without a default follows one with a default")
            for i, field in enumerate(fields):
                body[field] = _tuplegetter(i, None)
            body["_fields"] = body["__match_args__"] = fields
            body["_field_defaults"] = given
            body["__new__"] = _constructor(name, fields, tuple(given.values()))
            return super().__new__(cls, name, bases, body)

    class NamedTuple(tuple, metaclass=_Maker):
        """A tuple whose items have names, as typing.NamedTuple makes them."""

        _fields: tuple[str, ...] = ()
        _field_defaults: Mapping[str, Any] = MappingProxyType({})

        @classmethod
        def _make(cls, values: Any) -> Any:
            made = _new(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"expected {len(cls._fields)} values, got {len(made)}")
            return made

        def _replace(self, /, **values: Any) -> Any:
            made = self._make(map(values.pop, self._fields, self))
            if values:
                raise ValueError(f"no such fields: {list(values)!r}")
            return made

        def _asdict(self) -> dict[str, Any]:
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self) -> str:
            inside = ", ".join(f"{n}={v!r}" for n, v in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({inside})"

        def __getnewargs__(self) -> tuple[Any, ...]:
            return tuple(self)
