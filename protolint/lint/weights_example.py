"""Examples in the modules of rules on weights: what a model holds, as text."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from protolint.record import NamedTuple

__all__ = ["InvalidWeights", "WeightsExample"]


class WeightsExample(NamedTuple):
    """Weights on which the rule must stay quiet, for one target.

    `text` is the model as a NetParameter in text format, with its blobs, from which the
    caffemodel `name` is made; with `hdf5` an HDF5 model is made of it. `net` is the prototxt
    that is checked with the weights, "" for weights alone. `others` are more models, name
    to text, for the rule that compares snapshots.
    """

    target: str
    text: str
    net: str = ""
    name: str = "model.caffemodel"
    hdf5: bool = False
    others: Mapping[str, str] = MappingProxyType({})


class InvalidWeights(NamedTuple):
    """Weights on which the rule fires, once for each of `layers` (None: the whole file)."""

    target: str
    text: str
    layers: tuple[str | None, ...]
    net: str = ""
    name: str = "model.caffemodel"
    hdf5: bool = False
    others: Mapping[str, str] = MappingProxyType({})

    @property
    def lines(self) -> tuple[int, ...]:
        """None: weights have no lines."""
        return ()

    @property
    def fixed(self) -> str | None:
        """None: a check does not change weights."""
        return None
