"""Check weight files: find which Caffe they are for, run the rules on weights."""

from __future__ import annotations

import os
from collections.abc import Iterable

from protolint.batchnorm.detect import Detection
from protolint.batchnorm.facts import LayerFacts
from protolint.batchnorm.numbers import Numbers
from protolint.batchnorm.origin import writer_of
from protolint.batchnorm.reading import Norm, StoredLayer, WeightsFile
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DEFAULT
from protolint.diagnostic import Diagnostic, Severity
from protolint.lint.file_report import FileReport
from protolint.lint.registry import all_rules, find_rule
from protolint.lint.rule import Finding, Rule, Scope
from protolint.lint.select import Selection, selection_of
from protolint.lint.weights import NormReading, StoredWeights, Weights
from protolint.net.net import Net
from protolint.record import NamedTuple
from protolint.source import Span
from protolint.weights.kinds import FileKind
from protolint.weights.scan import Progress
from protolint.workspace.reading import Readings
from protolint.workspace.settings import Settings
from protolint.workspace.target import Target
from protolint.workspace.thresholds import Thresholds
from protolint.workspace.workspace import Workspace

__all__ = ["GivenNet", "check_numbers", "check_weights", "one_for_each_cause"]

#: What is wrong with a file as a whole: nothing in it matters before that, the first least.
_WHOLE_FILE = ("WT016", "WT017", "WT015", "WT020")
#: An error, and what follows from it in the same layer.
_OF_LAYER = {
    "WT003": frozenset({"WT007", "WT008", "WT011"}),
    "WT004": frozenset({"WT009", "WT019", "WT021"}),
    "WT011": frozenset({"WT007", "WT008"}),
}
#: Where the order of the blobs is not known, WT001 alone reports on their values.
_UNKNOWN_ORDER = "WT010"
_ON_VALUES = frozenset({"WT002", "WT003", "WT006", "WT007", "WT008", "WT009", "WT011", "WT014"})


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
        """Return the net, or the one the solver trains; None where there is no sound one."""
        file = self._readings.read(dialect)
        if file.tree.broken:
            return None
        nets = file.nets if file.solver is None else file.solver.nets
        return nets[0] if nets else None


def check_weights(
    workspace: Workspace,
    path: str,
    given: GivenNet | None = None,
    *,
    progress: Progress | None = None,
) -> list[FileReport]:
    """Return one report on a weight file for each target.

    The targets are those chosen, else those of the net that is given, else the configured ones,
    else the one whose file it seems to be. `progress` is called with how far the pass over the
    values is. Raises InputError for a file that is damaged or no caffemodel, UsageError where
    h5py is needed and missing.
    """
    settings, build = workspace.settings(path), workspace.build(path)
    selection = selection_of(workspace, path)
    stored = StoredWeights(path, progress)
    rules = [rule for rule in all_rules() if rule.scope is Scope.WEIGHTS]
    reports = []
    for target in _targets(stored.plain, workspace.choices.targets, settings, given):
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
        found = [
            (rule, finding)
            for rule in rules
            if rule.applies_to(weights.dialect.name)
            for finding in rule.check(weights)
        ]
        chosen = tuple(_diagnostics(weights, found, selection))
        broken = frozenset(filter(None, (f.layer for rule, f in found if _is_broken(rule, f))))
        kind = FileKind.MODEL
        reports.append(FileReport(stored.source, kind, target, True, chosen, broken=broken))
    return reports


#: NaN, a negative variance, a factor of 0, a gain that explodes, nothing learned.
_BROKEN = ("WT001", "WT002", "WT003", "WT008", "WT011")
#: The rules that look at the numbers of BatchNorms alone, whatever they were stored in.
_OF_NUMBERS = ("WT002", "WT007", "WT008", "WT011")


class _Loose(NamedTuple):
    """BatchNorms that belong to no weight file of Caffe, as those rules see them."""

    norms: tuple[NormReading, ...]
    thresholds: Thresholds


def check_numbers(path: str, layers: Iterable[Numbers], selection: Selection) -> list[Diagnostic]:
    """Return what is wrong with numbers of any origin, by the rules that need nothing else.

    The findings name their layer and have no place in the file.
    """
    readings = []
    for numbers in layers:
        if not numbers.problem:
            layer = StoredLayer(numbers.name, "BatchNorm", (), (), (), Span(0, 0))
            facts = LayerFacts(numbers.name, "BatchNorm", ())
            readings.append(NormReading(Norm(layer, facts, Detection(()), None), numbers))
    view = _Loose(tuple(readings), Thresholds.of(selection.settings.thresholds))
    found = [
        (rule, finding) for rule in map(find_rule, _OF_NUMBERS) for finding in rule.check(view)
    ]
    order = {reading.name: place for place, reading in enumerate(readings)}
    chosen = _chosen(found, path, selection)
    diagnostics = [selection.diagnostic(rule, finding, path, None) for rule, finding in chosen]
    return sorted(diagnostics, key=lambda d: (order.get(d.layer or "", 0), d.code))


def _chosen(
    found: Iterable[tuple[Rule, Finding]], path: str, selection: Selection
) -> list[tuple[Rule, Finding]]:
    """Return the findings to report: the causes among them, then those that are selected.

    A cause that is ignored does not bring out what follows from it.
    """
    selected = selection.selector(path)
    return [(rule, finding) for rule, finding in one_for_each_cause(found) if selected(rule.code)]


def _is_broken(rule: Rule, finding: Finding) -> bool:
    """Whether a finding says that stored statistics are not to be used."""
    return rule.code in _BROKEN and (finding.severity or rule.severity) is not Severity.INFO


def _diagnostics(
    weights: Weights, found: Iterable[tuple[Rule, Finding]], selection: Selection
) -> list[Diagnostic]:
    diagnostics = [
        selection.diagnostic(rule, finding, weights.path, weights.dialect.name)
        for rule, finding in _chosen(found, weights.path, selection)
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
    writer = writer_of(file.norms, file.marks)
    if writer.is_dialect:
        return [Target(writer.dialect, writer.reason)]
    return [Target(DEFAULT, "nothing in the file points to another")]


def one_for_each_cause(found: Iterable[tuple[Rule, Finding]]) -> list[tuple[Rule, Finding]]:
    """Return the findings that have no other finding as their cause, in the order given."""
    all_found = list(found)
    codes = {rule.code for rule, _ in all_found}
    for code in _WHOLE_FILE:
        if code in codes:
            return [(rule, finding) for rule, finding in all_found if rule.code == code]
    caused: set[tuple[str, str | None]] = set()
    for rule, finding in all_found:
        if (finding.severity or rule.severity) is Severity.ERROR:
            caused |= {(code, finding.layer) for code in _OF_LAYER.get(rule.code, ())}
        if rule.code == _UNKNOWN_ORDER:
            caused |= {(code, finding.layer) for code in _ON_VALUES}
    return [(r, finding) for r, finding in all_found if (r.code, finding.layer) not in caused]
