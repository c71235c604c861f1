"""Facts of a view: computed when first asked for, and once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar, cast

from protolint.net.net import Net
from protolint.net.view import View

__all__ = ["fact"]

_T = TypeVar("_T")


def fact(find: Callable[[Net, View], _T]) -> Callable[[Net, View], _T]:
    """Make a function of a net and one of its views keep its result in the view.

    Whoever asks again gets the same object, so a result is never changed. It must not refer
    to the view or the net: such a cycle would keep the whole tree alive.
    """

    @wraps(find)
    def ask(net: Net, view: View) -> _T:
        try:
            found = view.facts[find]
        except KeyError:  # None may be what was found
            found = view.facts[find] = find(net, view)
        return cast("_T", found)

    return ask
