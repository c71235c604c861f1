"""Weight files: which Caffe they are for, what a rule on weights is given, and the reports."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from protolint.batchnorm.detect import Detection
from protolint.batchnorm.facts import LayerFacts
from protolint.batchnorm.norms import Norm, StoredLayer, WeightsFile, read_weights
from protolint.batchnorm.numbers import Numbers, numbers_of
from protolint.batchnorm.state import LayoutError
from protolint.caffe.build import Build
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DEFAULT, NEWEST, writer_of_zero_factor, writers_of
from protolint.diagnostic import Diagnostic
from protolint.layers.layer import Layer
from protolint.lint.known import known_of
from protolint.lint.precedence import one_for_each_cause
from protolint.lint.registry import all_rules, find_rule
from protolint.lint.rule import Finding, Rule, Scope
from protolint.lint.runner import FileReport
from protolint.net.net import Net
from protolint.net.parameters import Parameter, parameters
from protolint.source import BinarySource, Span
from protolint.weights.files import mapped
from protolint.weights.index import LayerEntry
from protolint.weights.kinds import FileKind
from protolint.weights.scan import BlobScan, Progress, scan_hdf5, scan_model
from protolint.workspace.config import Settings
from protolint.workspace.reading import Readings
from protolint.workspace.target import Target
from protolint.workspace.thresholds import Thresholds

__all__ = [
    "GivenNet", "NormReading", "StoredLayer", "Wanted", "Weights", "check_numbers",
    "check_weights",
]  # fmt: skip


class GivenNet:
    """The net that weights are checked with: a net's file, or that of a solver."""

    def __init__(self, readings: Readings, targets: Iterable[Target]) -> None:
        self._readings = readings
        self.path = readings.tree.source.path
        self.targets = tuple(targets)

    @property
    def is_solver(self) -> bool:
        """Whether a solver was given, so that training starts from the weights."""
        return self._readings.kind is FileKind.SOLVER

    def net(self, dialect: Dialect) -> Net | None:
        """The net, or the one the solver trains; None where there is no sound one."""
        file = self._readings.read(dialect)
        if file.tree.broken:
            return None
        nets = file.nets if file.solver is None else file.solver.nets
        return nets[0] if nets else None


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


class Wanted(NamedTuple):
    """A layer of the net and its learnable blobs; None where it is not known which."""

    layer: Layer
    parameters: tuple[Parameter, ...] | None


class Weights:
    """A weight file as one target loads it: what rules on weights are given.

    `file` is what it holds, `net` the net it is for, if one was given. `trains` says that
    training starts from the file, `fine_tunes` that new layers are to be expected.
    """

    def __init__(
        self,
        stored: _Stored,
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
        """Every BatchNorm by its name as the file alone tells it, whatever the net says."""
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
        """The layer at a position of a binary file, as its index has it."""
        index = self.file.index
        return None if index is None else index.layers[position]

    def span_of(self, position: int, blob: int) -> Span:
        """Where a blob lies; the layer's place in an HDF5 file, which has none."""
        entry = self.entry(position)
        return self.file.layers[position].span if entry is None else entry.blobs[blob].field

    @cached_property
    def wanted(self) -> dict[str, Wanted]:
        """The layers of the net by name: of several of one name the first gets the weights."""
        found: dict[str, Wanted] = {}
        if self.net is None:
            return found
        for view in self.net.views:
            for layer in view.layers:
                if layer.name not in found:
                    blobs = parameters(self.net, view)[layer.index]
                    found[layer.name] = Wanted(layer, blobs)
        return found

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
        # The target adds at least its own least eps, whatever the file was made with.
        return replace(numbers, eps=max(numbers.eps, self.dialect.eps_floor))

    def _decided(self, norm: Norm) -> Norm:
        """The BatchNorm as the target reads it, where the file does not say how it is meant.

        A second statistic that may be an inverse deviation, which only cuDNN 4 kept, is taken
        for a variance. Three blobs are sums for a Caffe that divides them.
        """
        candidates = norm.detection.candidates
        if norm.state is not None or not candidates:
            return norm
        layout = candidates[0].layout
        if {c.layout.name for c in candidates} == {"B3", "N16-3"}:
            layout = next(c.layout for c in candidates if c.layout.sums == self.divides)
        elif len({c.layout.roles for c in candidates}) > 1:
            return norm
        try:
            state = layout.decode(norm.facts.blobs, norm.facts.norm.eps, norm.facts.fraction)
        except LayoutError:
            return norm
        return replace(norm, state=state, problem="")


class _Stored:
    """A weight file on the disk: read for one net after the other, its values scanned once."""

    def __init__(self, path: str, progress: Progress | None) -> None:
        self.path = path
        self.progress = progress
        self.plain = read_weights(path)
        size = 0 if self.plain.index is None else self.plain.index.size
        self.source = BinarySource(path, size or os.path.getsize(path))

    def read(self, net: Net | None) -> WeightsFile:
        """What the file holds, with what a net says of it."""
        return self.plain if net is None else read_weights(self.path, known_of(net))

    @cached_property
    def scans(self) -> tuple[tuple[BlobScan, ...], ...]:
        """The scan of each blob of each layer."""
        index = self.plain.index
        if index is None:
            found = scan_hdf5(self.path)
            return tuple(found.get(layer.name, ()) for layer in self.plain.layers)
        with mapped(self.path) as (data, _):
            return scan_model(data, index, self.progress)


def check_weights(
    path: str,
    *,
    targets: tuple[Dialect, ...] = (),
    settings: Settings | None = None,
    build: Build | None = None,
    given: GivenNet | None = None,
    progress: Progress | None = None,
) -> list[FileReport]:
    """One report for each target.

    The targets are those asked for, else those of the net that is given, else the configured
    ones, else the one whose file it seems to be. `progress` is told how far the pass over the
    values is. Raises InputError for a file that is damaged or no caffemodel, UsageError where
    h5py is needed and missing.
    """
    settings = settings or Settings()
    build = build or settings.build()
    stored = _Stored(path, progress)
    rules = [rule for rule in all_rules() if rule.scope is Scope.WEIGHTS]
    reports = []
    for target in _targets(stored.plain, targets, settings, given):
        net = None if given is None else given.net(target.dialect)
        weights = Weights(
            stored,
            stored.read(net),
            target.dialect,
            net,
            Thresholds.of(settings.thresholds),
            trains=given is not None and net is not None and (given.is_solver or not net.is_deploy),
            fine_tunes=build.fine_tunes,
        )
        found = tuple(_diagnostics(weights, rules, settings))
        reports.append(FileReport(stored.source, FileKind.MODEL, target, True, found))
    return reports


#: The rules that look at the numbers of BatchNorms alone, whatever they were stored in.
_OF_NUMBERS = ("WT002", "WT007", "WT008", "WT011")


class _Loose(NamedTuple):
    """BatchNorms that belong to no weight file of Caffe, as those rules see them."""

    norms: tuple[NormReading, ...]
    thresholds: Thresholds


def check_numbers(path: str, layers: Iterable[Numbers], settings: Settings) -> list[Diagnostic]:
    """What is wrong with numbers of any origin, by the rules that need nothing else.

    The findings name their layer and have no place in the file.
    """
    readings = []
    for numbers in layers:
        if not numbers.problem:
            layer = StoredLayer(numbers.name, "BatchNorm", (), (), (), Span(0, 0))
            facts = LayerFacts(numbers.name, "BatchNorm", ())
            readings.append(NormReading(Norm(layer, facts, Detection(()), None), numbers))
    view = _Loose(tuple(readings), Thresholds.of(settings.thresholds))
    found = [
        (rule, finding) for rule in map(find_rule, _OF_NUMBERS) for finding in rule.check(view)
    ]
    order = {reading.name: place for place, reading in enumerate(readings)}
    told = [_diagnostic(r, f, path, None, settings) for r, f in _chosen(found, path, settings)]
    return sorted(told, key=lambda d: (order.get(d.layer or "", 0), d.code))


def _chosen(
    found: Iterable[tuple[Rule, Finding]], path: str, settings: Settings
) -> list[tuple[Rule, Finding]]:
    """What is told of all findings: causes first, then what is selected.

    A cause that is ignored does not bring out what follows from it.
    """
    selected = settings.selector(path)
    return [(rule, finding) for rule, finding in one_for_each_cause(found) if selected(rule.code)]


def _diagnostic(
    rule: Rule, finding: Finding, path: str, target: str | None, settings: Settings
) -> Diagnostic:
    return Diagnostic(
        code=rule.code,
        name=rule.name,
        severity=settings.severity.get(rule.code) or finding.severity or rule.severity,
        message=finding.message,
        path=path,
        span=finding.span,
        layer=finding.layer,
        target=target,
        related=finding.related,
        fix=finding.fix,
    )


def _diagnostics(weights: Weights, rules: list[Rule], settings: Settings) -> list[Diagnostic]:
    found: list[tuple[Rule, Finding]] = []
    for rule in rules:
        if rule.applies_to(weights.dialect.name):
            found += ((rule, finding) for finding in rule.check(weights))
    diagnostics = [
        _diagnostic(rule, finding, weights.path, weights.dialect.name, settings)
        for rule, finding in _chosen(found, weights.path, settings)
    ]
    return sorted(diagnostics, key=lambda diagnostic: diagnostic.sort_key)


def _targets(
    file: WeightsFile, asked: tuple[Dialect, ...], settings: Settings, given: GivenNet | None
) -> list[Target]:
    if asked:
        return [Target(d, "as asked") for d in {d.name: d for d in asked}.values()]
    if given is not None:
        name = os.path.basename(given.path)
        return [Target(t.dialect, f"as for {name}") for t in given.targets]
    configured = settings.targets_of(file.path)
    if configured and settings.path is not None:
        reason = f"as {os.path.basename(settings.path)} says"
        return [Target(d, reason) for d in {d.name: d for d in configured}.values()]
    return [_writer(file)]


def _writer(file: WeightsFile) -> Target:
    """The Caffe that seems to have written the file."""
    marks = file.marks.nvidia
    for norm in file.norms:
        blobs = norm.facts.blobs
        unset = len(blobs) == 3 and blobs[2].size == 1 and not blobs[2].any()
        if marks and unset and blobs[1].any():
            # The factor started at 0 up to v0.16.4, and nothing ever set it.
            return Target(writer_of_zero_factor(), f"from the factor 0 of '{norm.name}'")
    if marks:
        return Target(NEWEST, f"as {marks}")
    for norm in file.norms:
        for candidate in norm.detection.candidates[:1]:
            writers = writers_of(candidate.layout.name) if candidate.layout.affine else []
            if writers:
                return Target(writers[0], f"from the blobs of '{norm.name}'")
    return Target(DEFAULT, "nothing in the file points to another")
