"""A weight file as a Caffe loads it: what rules on weights see."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cached_property

from protolint.batchnorm.fit import Gap, Wanted, fit, wanted_layers
from protolint.batchnorm.in_net import layers_in_net
from protolint.batchnorm.numbers import Numbers, numbers_of
from protolint.batchnorm.reading import Norm, StoredLayer, WeightsFile, read_weights
from protolint.batchnorm.state import LayoutError
from protolint.caffe.dialect import Dialect
from protolint.net.net import Net
from protolint.record import NamedTuple
from protolint.source import BinarySource, Span
from protolint.weights.files import mapped
from protolint.weights.index import LayerEntry
from protolint.weights.scan import BlobScan, Progress, scan_hdf5, scan_model
from protolint.workspace.thresholds import Thresholds

__all__ = ["Gap", "NormReading", "StoredLayer", "StoredWeights", "Wanted", "Weights"]


class NormReading(NamedTuple):
    """A BatchNorm of the file and its numbers as the target uses them.

    The numbers have a `problem` and no channel where the order of the blobs is not known.
    """

    norm: Norm
    numbers: Numbers

    @property
    def layer(self) -> StoredLayer:
        """The layer in the file."""
        return self.norm.layer

    @property
    def name(self) -> str:
        """The layer's name, fit to be shown."""
        return self.norm.name

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of values of each blob."""
        return tuple(int(blob.size) for blob in self.norm.facts.blobs)

    @property
    def single(self) -> float | None:
        """The value of the third of three blobs, or of five, where it holds a single one."""
        sizes = self.sizes
        if len(sizes) not in (3, 5) or sizes[2] != 1:
            return None
        return float(self.norm.facts.blobs[2].reshape(-1)[0])

    @property
    def wide(self) -> bool:
        """Whether the first blob has four axes, as the cuDNN layers of 0.14 and 0.15 write it."""
        return bool(self.sizes) and len(self.norm.facts.blobs[0].shape) == 4

    @property
    def in_old_order(self) -> bool:
        """Whether the blobs are in the order of 0.15: the last of five has a single value."""
        sizes = self.sizes
        return len(sizes) == 5 and sizes[4] == 1 and sizes[0] > 1


class Weights:
    """A weight file as one target loads it: what rules on weights are given.

    `file` is what it holds, `net` the net it is for, if one was given. `trains` says that
    training starts from the file, `fine_tunes` that new layers are to be expected.
    """

    def __init__(
        self,
        stored: StoredWeights,
        file: WeightsFile,
        dialect: Dialect,
        net: Net | None,
        thresholds: Thresholds,
        *,
        trains: bool = False,
        fine_tunes: bool = False,
    ) -> None:
        self._stored = stored
        self.file = file
        self.path = file.path
        self.source = stored.source
        self.dialect = dialect
        self.net = net
        self.thresholds = thresholds
        self.trains = trains
        self.fine_tunes = fine_tunes

    @cached_property
    def norms(self) -> tuple[NormReading, ...]:
        """Every BatchNorm of the file; with a net only those that it has, and so loads."""
        return tuple(
            NormReading(norm, self._numbers(norm))
            for norm in self.file.norms
            if self.net is None or norm.name in self.wanted
        )

    @cached_property
    def as_stored(self) -> dict[str, Norm]:
        """Every BatchNorm by its name, as the file alone shows it, whatever the net has."""
        return {norm.name: norm for norm in self._stored.plain.norms}

    @property
    def scans(self) -> tuple[tuple[BlobScan, ...], ...]:
        """What the one pass over all values found, for each blob of each layer of the file."""
        return self._stored.scans

    @property
    def with_blobs(self) -> list[StoredLayer]:
        """The layers of the file that have blobs."""
        return [layer for layer in self.file.layers if layer.shapes]

    def entry(self, position: int) -> LayerEntry | None:
        """Return the layer at a position of a binary file, as its index has it."""
        index = self.file.index
        return None if index is None else index.layers[position]

    def span_of(self, position: int, blob: int) -> Span:
        """Where a blob lies; the layer's place in an HDF5 file, which has none."""
        entry = self.entry(position)
        return self.file.layers[position].span if entry is None else entry.blobs[blob].field

    @cached_property
    def wanted(self) -> dict[str, Wanted]:
        """The layers of the net by name: of several of one name the first gets the weights."""
        return {} if self.net is None else wanted_layers(self.net)

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """What stands between the net and the file."""
        return () if self.net is None else fit(self.net, self._stored.plain)

    @property
    def divides(self) -> bool:
        """Whether the target divides the statistics of three blobs by the third."""
        if self.dialect.loading.divides:
            return not self.file.hdf5
        return self.dialect.keeps_sums

    @property
    def writes_half(self) -> bool:
        """Whether the net asks for half precision somewhere."""
        if self.net is None:
            return False
        layers = (layer.message for layer in self.net.layers)
        return any(
            message.text(f"{default}{way}_type") == "FLOAT16"
            for message, default in ((self.net.message, "default_"), *((m, "") for m in layers))
            for way in ("forward", "backward")
        )

    def _numbers(self, norm: Norm) -> Numbers:
        numbers = numbers_of(self._decided(norm))
        # The target adds its own eps at least, whatever the file was made with.
        kind = self.dialect.kind_of(norm.layout_name)
        return replace(numbers, eps=kind.eps.effective(numbers.eps))

    def _decided(self, norm: Norm) -> Norm:
        """Return the BatchNorm as the target reads it, where the file does not say how it is meant.

        A second statistic that may be an inverse deviation, which only cuDNN 4 kept, is taken
        for a variance. Three blobs are sums for a Caffe that divides them.
        """
        candidates = norm.detection.candidates
        if not norm.problem or not candidates:
            return norm
        layout = candidates[0].layout
        if len({c.layout.roles for c in candidates}) > 1:
            return norm
        if len(layout.roles) == 3 and len({c.layout.sums for c in candidates}) > 1:
            layout = next(c.layout for c in candidates if c.layout.sums == self.divides)
        try:
            state = layout.decode(norm.facts.blobs, norm.facts.norm.eps, norm.facts.fraction)
        except LayoutError:
            return norm
        return norm._replace(decoded=state, problem="")


class StoredWeights:
    """A weight file on the disk: read for one net after the other, its values scanned once."""

    def __init__(self, path: str, progress: Progress | None) -> None:
        self.path = path
        self.progress = progress
        self.plain = read_weights(path)
        size = 0 if self.plain.index is None else self.plain.index.size
        self.source = BinarySource(path, size or os.path.getsize(path))

    def read(self, net: Net | None) -> WeightsFile:
        """Return what the file holds, with what a net says of it."""
        return self.plain if net is None else read_weights(self.path, layers_in_net(net))

    @cached_property
    def scans(self) -> tuple[tuple[BlobScan, ...], ...]:
        """The scan of each blob of each layer."""
        index = self.plain.index
        if index is None:
            found = scan_hdf5(self.path)
            return tuple(found.get(layer.name, ()) for layer in self.plain.layers)
        with mapped(self.path) as (data, _):
            return scan_model(data, index, self.progress)
