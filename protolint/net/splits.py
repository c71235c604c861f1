"""Who uses a blob: Caffe gives each further user a copy of its own.

Source: src/caffe/util/insert_splits.cpp @ BVLC master.
"""

from __future__ import annotations

from protolint.diagnostic import Label
from protolint.net.view import BlobVersion, View
from protolint.source import Span

__all__ = ["made_at", "read_at", "uses"]


def made_at(view: View, version: BlobVersion | None) -> Span | None:
    """Return where a blob is made; None for an input."""
    producer = None if version is None else version.producer
    if version is None or producer is None:
        return None
    return producer.tops[view.tops[producer.index].index(version)].span


def read_at(version: BlobVersion) -> tuple[Label, ...]:
    """Return the places where the first two layers read a blob."""
    return tuple(
        Label(bottom.span, "read here")
        for reader in dict.fromkeys(version.readers[:2])
        for bottom in reader.bottoms
        if bottom.name == version.name
    )


def uses(version: BlobVersion) -> int:
    """Return how often a blob is used: by readers, and as a loss (InsertSplits)."""
    found = len(version.readers)
    producer = version.producer
    if producer is not None and "loss_weight" in producer.message.given:
        weights = [value for value, _ in producer.message.given["loss_weight"]]
        for top, weight in zip(producer.tops, weights, strict=False):
            if top.name == version.name and weight:
                found += 1
                break
    return found
