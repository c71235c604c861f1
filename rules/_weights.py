"""Words and advice that the rules on weights share."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from typing import TYPE_CHECKING

from protolint.diagnostic import Label
from protolint.edit import Applicability, Fix
from protolint.words import listed, plural

if TYPE_CHECKING:
    from protolint.lint.weights import NormReading, StoredLayer, Weights

#: How many channels a message names.
_NAMED = 3


def channels(found: Sequence[int]) -> str:
    """Channels by number, the first few: `channel 3`, `channels 3, 4, 5 and 9 more`."""
    return f"{plural(len(found), 'channel')} {listed([*map(str, found)], _NAMED)}"


def shape(dims: Sequence[int | None]) -> str:
    """Return a shape as in `1x64x1x1`, `(64)` and `()`; `?` for an axis that is not known."""
    words = "x".join("?" if dim is None else str(dim) for dim in dims)
    return words if len(dims) > 1 else f"({words})"


def advice(text: str) -> Fix:
    """Return what to do, to be shown: weights are not changed by a check."""
    return Fix(text, (), Applicability.DISPLAY_ONLY)


def conversion(weights: Weights, *options: str) -> Fix:
    """Return the command that gives the file the form the target needs, and that the net has."""
    net = None if weights.net is None else weights.net.source.path
    words = ["--to", weights.dialect.name, *options]
    if weights.file.hdf5:
        words.append(net or "NET.prototxt")  # says what the layers are
    elif net is not None:
        words += ["--like", net]
    words.append(weights.path)
    return advice(f"protolint convert {' '.join(map(quote, words))}")


def needs_no_cudnn(weights: Weights, layer: StoredLayer) -> bool:
    """Whether a BatchNorm fits the net in a Caffe without cuDNN, whose default engine is CAFFE.

    The two engines of 0.14 and 0.15 have blobs of other numbers and shapes.
    """
    wanted = weights.wanted.get(layer.name)
    if wanted is None or weights.net is None or not weights.dialect.engines_differ_in_layout:
        return False
    if wanted.layer.batchnorm.engine == "CUDNN":
        return False
    if weights.net.traits(wanted.layer).engine != "CUDNN":
        return False
    kind = weights.dialect.engines["CAFFE"]
    flat = all(len(dims) == 1 for dims in layer.shapes)
    return flat and len(layer.shapes) == len(kind.blobs or kind.affine_blobs)


def in_net(weights: Weights, name: str, text: str) -> tuple[Label, ...]:
    """Return the layer of this name in the net, as a second place."""
    wanted = weights.wanted.get(name)
    if wanted is None or weights.net is None:
        return ()
    return (Label(wanted.layer.head, text, weights.net.source),)


def is_sums(reading: NormReading) -> bool:
    """Whether the layer has three blobs with a factor that makes the others sums."""
    factor = reading.single
    finite = factor is not None and factor - factor == 0
    return len(reading.sizes) == 3 and finite and factor not in (0.0, 1.0)
