"""Measure what each BatchNorm of a net reads, in net order, each behind the ones measured before.

Mean and variance are those of all items together, biased, in float64 (the batches are joined as
Chan, Golub and LeVeque do), so that TEST on the same data computes what TRAIN on all of them at
once would.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from protolint.batchnorm.base import Role
from protolint.batchnorm.layouts import LAYOUTS
from protolint.errors import UsageError
from protolint.execution.executor import Executor
from protolint.execution.step import Array
from protolint.layers.layer import Layer
from protolint.recalibration.batches import Batches
from protolint.words import counted

__all__ = ["Moments", "Progress", "measure"]

#: Called with a layer's name, the batches done and the batches in all.
Progress = Callable[[str, int, int], None]


@dataclass(eq=False)
class Moments:
    """Mean and biased variance of each channel, float64 (C), over `count` values."""

    mean: Array
    squares: Array
    count: int = 0

    @classmethod
    def of(cls, values: Array) -> Moments:
        """Return the moments of a blob with its channels on axis 1."""
        channels = values.shape[1] if values.ndim > 1 else 1
        rows = values.reshape(len(values), channels, -1)
        count = rows.shape[0] * rows.shape[2]
        mean = rows.mean((0, 2), np.float64)
        squares = np.zeros(channels)
        for item in rows:
            squares += ((item - mean[:, None]) ** 2).sum(1)
        return cls(mean, squares, count)

    def add(self, other: Moments) -> None:
        """Join the moments of more values."""
        total = self.count + other.count
        step = other.mean - self.mean
        self.squares += other.squares + step**2 * (self.count * other.count / total)
        self.mean += step * (other.count / total)
        self.count = total

    @property
    def variance(self) -> Array:
        """The mean square distance from the mean."""
        found: Array = self.squares / self.count
        return found


def measure(
    executor: Executor,
    batches: Batches,
    wanted: Collection[str],
    least: int,
    progress: Progress | None = None,
) -> dict[str, Moments]:
    """Return the moments of the inputs of some BatchNorms, and give the executor these statistics.

    BatchNorms that do not read each other are measured in one pass over the data; where all data
    are one batch, all of them are. Raises UsageError for a layer with fewer than `least` values
    per channel, or an input that is not finite.
    """
    levels = _levels(executor, wanted)
    if batches.count == 1:
        levels = [[layer for level in levels for layer in level]]
    found: dict[str, Moments] = {}
    done, total = 0, len(levels) * batches.count
    for level in levels:
        here: dict[str, Moments] = {}
        names = {layer.name for layer in level}
        last = max(layer.index for layer in level)

        def before(
            layer: Layer,
            bottoms: Sequence[Array],
            names: Collection[str] = names,
            here: dict[str, Moments] = here,
        ) -> None:
            if layer.name not in names or layer.type != "BatchNorm":
                return
            moments = Moments.of(bottoms[0])
            if layer.name in here:
                here[layer.name].add(moments)
            else:
                here[layer.name] = moments
            if batches.count == 1:
                _check(layer.name, moments, least)
                _put(executor, layer, moments)

        for batch in batches:
            for layer in executor.passing(batch, before):
                if layer.index >= last:
                    break
            done += 1
            if progress is not None:
                progress(level[0].name, done, total)
        for layer in level:
            _check(layer.name, here[layer.name], least)
            _put(executor, layer, here[layer.name])
        found.update(here)
    return found


def _levels(executor: Executor, wanted: Collection[str]) -> list[list[Layer]]:
    """Return the BatchNorms to measure in groups: each reads only what earlier groups decide."""
    view = executor.view
    depth: dict[int, int] = {}
    levels: dict[int, list[Layer]] = {}
    for layer in view.layers:
        makers = [v.producer for v in view.bottoms[layer.index] if v is not None]
        above = max((depth[maker.index] for maker in makers if maker is not None), default=0)
        if layer.type == "BatchNorm" and layer.name in wanted:
            levels.setdefault(above, []).append(layer)
            above += 1
        depth[layer.index] = above
    return [levels[level] for level in sorted(levels)]


def _check(name: str, moments: Moments, least: int) -> None:
    if not (np.isfinite(moments.mean).all() and np.isfinite(moments.squares).all()):
        raise UsageError(
            f"layer '{name}': its input has NaN or infinite values, so that nothing can be"
            " estimated; a layer above it has broken weights (protolint check)"
        )
    if moments.count < max(least, 2):
        off = f"{100 * (2 / max(moments.count - 1, 1)) ** 0.5:.0f}"
        raise UsageError(
            f"layer '{name}': {counted(moments.count, 'value')} per channel"
            f" {'is' if moments.count == 1 else 'are'} too few: a variance estimated"
            f" from them is off by about {off} %; give more data, at least {max(least, 2)} values"
        )


def _put(executor: Executor, layer: Layer, moments: Moments) -> None:
    """Let a layer go on with these statistics."""
    traits = executor.net.traits(layer)
    roles = LAYOUTS[traits.kind.layout_of(affine=traits.affine)].roles
    stored = executor.parameters[layer.name]
    blobs = dict(zip(roles, stored, strict=False))
    if len(stored) != len(roles) or blobs[Role.MEAN].size != len(moments.mean):
        sizes = ", ".join(str(blob.size) for blob in stored)
        raise UsageError(
            f"layer '{layer.name}': the weights have blobs of {sizes} values, which its Caffe does"
            " not load; convert them (protolint convert --like)"
        )
    blobs[Role.MEAN].reshape(-1)[:] = moments.mean
    blobs[Role.SPREAD].reshape(-1)[:] = moments.variance
    if Role.FACTOR in blobs:
        blobs[Role.FACTOR][...] = 1
