"""Whose a field or a layer type is that the target does not know.

The public forks stand in `fork_table`, which is read only where something is not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from protolint.record import NamedTuple
from protolint.text.tree import Block, Node

if TYPE_CHECKING:
    from protolint.caffe.fork_table import Fork

__all__ = [
    "FORK_LAYOUTS",
    "Unknown",
    "fork_of",
    "forks_that_know",
    "new_name_of",
    "replacement_for",
    "unknown_field",
]

#: Layouts of BatchNorms in the weight files of forks, in groups: the first that fits counts.
FORK_LAYOUTS = {
    "segnet": (("SEG",),),
    "yjxiong": (("YJX", "YJX-inv-std"),),
    "pspnet": (("PSP",),),
}


class Unknown(NamedTuple):
    """A field, by its message and name, or a layer type, in `message` "" ("V1" for an old word).

    In `message` "more" it is a field, as MESSAGE.FIELD, that is given more than a Caffe takes.
    `inside` are the names of the fields in it.
    """

    message: str
    name: str
    inside: frozenset[str] = frozenset()


def unknown_field(message: str, node: Node) -> Unknown:
    """Return a field that a message does not have, with the names of what is in it."""
    children = node.children if isinstance(node, Block) else ()
    return Unknown(message, node.name, frozenset(child.name for child in children))


#: Fields under which forks have messages of their own, and what the table calls those.
_MEANT_DIFFERENTLY = {"bn_param": "BNParameter", "quantization_param": "QuantizationParameter"}


@lru_cache(maxsize=4096)
def forks_that_know(thing: Unknown) -> tuple[Fork, ...]:
    """Return the public forks that have a field or layer type, the nearest to its home first.

    Of those with a `bn_param`, say, only they count that know what is in it.
    """
    from protolint.caffe.fork_table import FORKS

    message, name, inside = thing
    if message == "V1":
        # Old words are few; a fork that has the type is named for the word, too.
        plain = name.replace("_", "").lower()
        return tuple(
            fork
            for fork in FORKS
            if name in fork.old_types or any(t.lower() == plain for t in fork.types)
        )
    if not message:
        return tuple(fork for fork in FORKS if name in fork.types)
    home = "LayerParameter" if message == "V1LayerParameter" else message
    found = [f for f in FORKS if f.has_field(message, name) or f.has_field(home, name)]
    if name in _MEANT_DIFFERENTLY and inside:
        own = _MEANT_DIFFERENTLY[name]
        fitting = [f for f in found if inside <= f.fields.get(own, frozenset())]
        found = fitting or [f for f in found if own not in f.fields]
    return tuple(found)


def fork_of(things: Iterable[Unknown]) -> Fork | None:
    """Return the fork that knows most of what is not known in a file, or None.

    Only those count that something in the file comes from, not those that have merged it,
    unless only such a one knows all of it.
    """
    known = [forks_that_know(thing) for thing in things]
    whole = [fork for fork in known[0] if all(fork in forks for forks in known)] if known else []
    if whole:
        return whole[0]
    homes = {forks[0].name: forks[0] for forks in known if forks}
    return max(homes.values(), key=lambda fork: sum(fork in forks for forks in known), default=None)


#: Fields of NVIDIA 0.16.3 and 0.16.4, and what they are called since (caffe.proto @ these tags).
_RENAMED = {
    "local_lr_auto": "larc",
    "local_gw_ratio": "larc_eta",
    "var_sz_img_rand_resize_lower": "img_rand_resize_lower",
    "var_sz_img_rand_resize_upper": "img_rand_resize_upper",
}


def new_name_of(field: str) -> str | None:
    """Return what a field is called today in the Caffe that it comes from, or None."""
    return _RENAMED.get(field)


def replacement_for(layer_type: str) -> tuple[str, str, bool] | None:
    """Return the type that computes what a fork's type does, how, and whether that is all."""
    from protolint.caffe.fork_table import EQUIVALENT_TYPES

    return EQUIVALENT_TYPES.get(layer_type)
