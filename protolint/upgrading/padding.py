"""Padding layers of V0 nets, which become the pad of the layer that reads them."""

from __future__ import annotations

from collections.abc import Sequence

from protolint.record import NamedTuple

__all__ = ["OldLayer", "PaddingError", "padding_read"]

PADDING = "padding"


class OldLayer(NamedTuple):
    """What counts of one of `layers` of a V0 net; `type` is "" without a V0 layer inside."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]


class PaddingError(Exception):
    """Why Caffe aborts on the padding layers of a net; `position` is that of the layer."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.position = position


def padding_read(layers: Sequence[OldLayer], inputs: Sequence[str]) -> dict[int, int]:
    """Return which layer reads which padding layer, by position.

    Raises PaddingError as UpgradeV0PaddingLayers in src/caffe/util/upgrade_proto.cpp @ BVLC
    master aborts.
    """
    found: dict[int, int] = {}
    made_by: dict[str, int | None] = dict.fromkeys(inputs)
    for position, layer in enumerate(layers):
        for bottom in layer.bottoms:
            if bottom not in made_by:
                raise PaddingError(position, f"no layer above makes its bottom '{bottom}'")
            above = made_by[bottom]
            if above is None or layers[above].type != PADDING:
                continue
            padding = layers[above]
            if layer.type not in ("conv", "pool"):
                raise PaddingError(
                    position,
                    f"a layer of type '{layer.type}' reads padding layer '{padding.name}';"
                    " only conv and pool can",
                )
            for read, what in (
                (layer.bottoms, f"{len(layer.bottoms)} bottoms, and reads padding"),
                (padding.bottoms, f"padding '{padding.name}' with {len(padding.bottoms)} bottoms"),
                (padding.tops, f"padding '{padding.name}' with {len(padding.tops)} tops"),
            ):
                if len(read) != 1:
                    raise PaddingError(position, f"has {what}; there has to be one")
            found[position] = above
        made_by.update(dict.fromkeys(layer.tops, position))
    return found
