"""What a layer type demands before a Caffe builds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protolint.layers.catalogue import ALL_TYPES

if TYPE_CHECKING:
    from protolint.layers.base import Check

__all__ = ["demands_of"]


def demands_of(layer_type: str) -> Check | None:
    """Return the checks of LayerSetUp and Reshape of a type, in Caffe's order; None for none."""
    known = ALL_TYPES.get(layer_type)
    return None if known is None else known.check
