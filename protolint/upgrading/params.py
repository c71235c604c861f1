"""`blobs_lr`, `weight_decay`, `param` and `blob_share_mode` as `param` blocks."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from protolint.caffe.legacy import V1_PARAM_FIELDS
from protolint.record import NamedTuple
from protolint.text.tree import Block, ListValue, Node, Scalar

__all__ = ["OldParams", "old_params"]


class OldParams(NamedTuple):
    """The `param` blocks of an old layer, and the field at whose values they go.

    `blocks` are the lines inside each. The field is the one with most values, so that every
    block has a place, and the blocks stand in order.
    """

    anchor: str
    blocks: tuple[tuple[str, ...], ...]


def old_params(nodes: Iterable[Node]) -> OldParams:
    """Return the `param` blocks that the fields of an old layer become.

    Block i has what each field says of blob i (UpgradeV1LayerParameter in
    src/caffe/util/upgrade_proto.cpp @ BVLC master).
    """
    given: dict[str, list[str]] = {}
    for node in nodes:
        if node.name in V1_PARAM_FIELDS:
            given.setdefault(node.name, []).extend(values_of(node))
    return _blocks_of(tuple((name, tuple(values)) for name, values in given.items()))


@lru_cache(maxsize=256)
def _blocks_of(fields: tuple[tuple[str, tuple[str, ...]], ...]) -> OldParams:
    """Return the blocks that fields of these values become: most layers have the same few."""
    given = dict(fields)
    count = max(map(len, given.values()), default=0)
    anchor = next((name for name in _ORDER if len(given.get(name, ())) == count), "")
    blocks = tuple(
        tuple(
            f"{new}: {given[old][i]}"
            for old, new in V1_PARAM_FIELDS.items()
            if i < len(given.get(old, ()))
        )
        for i in range(count)
    )
    return OldParams(anchor, blocks)


#: Where the blocks go, if two fields have as many values.
_ORDER = ("blobs_lr", "weight_decay", "param", "blob_share_mode")


def values_of(node: Node) -> list[str]:
    """Return the values of a field as written, one or those of a list."""
    found: list[Scalar | Block] = list(node.items) if isinstance(node, ListValue) else []
    if not isinstance(node, ListValue):
        found = [node]
    return [
        value.raw.encode("latin-1").decode("utf-8", "surrogateescape")
        for value in found
        if isinstance(value, Scalar)
    ]
