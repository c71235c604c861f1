"""The rules on weights do what the examples in their modules say."""

from __future__ import annotations

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.lint import manual
from protolint.lint.check_weights import GivenNet, check_weights
from protolint.lint.file_report import FileReport
from protolint.lint.registry import all_rules
from protolint.lint.rule import Rule, Scope
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.source import BinarySource, Source
from protolint.stats.run import Options, collect
from protolint.workspace.reading import Readings
from protolint.workspace.target import Target
from protolint.workspace.workspace import Choices, Workspace

from .conftest import Maker
from .more import examples

RULES = [rule for rule in all_rules() if rule.scope in (Scope.WEIGHTS, Scope.SNAPSHOTS)]


def cases(which: int, scope: Scope = Scope.WEIGHTS) -> list[object]:
    return [
        pytest.param(rule, example, id=f"{rule.code}-{number}")
        for rule in RULES
        if rule.scope is scope
        for number, example in enumerate(examples(rule)[which])
    ]


def checked(example: WeightsExample | InvalidWeights, make: Maker) -> FileReport:
    path = make(example.text, example.name, hdf5=example.hdf5)
    dialect = DIALECTS[example.target]
    given = None
    if example.net:
        readings = Readings.of(Source("net.prototxt", example.net.encode()))
        assert readings.read(dialect).accepted
        given = GivenNet(readings, [Target(dialect, "as asked")])
    (report,) = check_weights(Workspace(Choices(targets=(dialect,))), str(path), given=given)
    return report


@pytest.mark.parametrize(("rule", "example"), cases(0))
def test_quiet_on_look_alikes(rule: Rule, example: WeightsExample, weights: Maker) -> None:
    assert rule.code not in {d.code for d in checked(example, weights).diagnostics}


@pytest.mark.parametrize(("rule", "example"), cases(1))
def test_one_finding_for_each_fault_and_no_other_on_a_page(
    rule: Rule, example: InvalidWeights, weights: Maker
) -> None:
    report = checked(example, weights)
    own = [d for d in report.diagnostics if d.code == rule.code]
    assert [d.layer for d in own] == list(example.layers)
    if example in manual.examples(rule)[1]:
        assert len(own) == len(report.diagnostics)
    for finding in own:
        assert finding.path.endswith(example.name)
        assert 0 <= finding.span.start <= finding.span.end <= (weights_size(report))
        assert finding.layer is None or finding.layer in finding.message


def weights_size(report: FileReport) -> int:
    assert isinstance(report.source, BinarySource)
    assert report.source.data == b""
    return report.source.size


@pytest.mark.parametrize(("rule", "example"), cases(1, Scope.SNAPSHOTS))
def test_snapshots_are_not_compared_by_a_check(
    rule: Rule, example: InvalidWeights, weights: Maker
) -> None:
    assert checked(example, weights).diagnostics == ()
    for name, text in example.others.items():
        other = InvalidWeights(example.target, text, (), name=name)
        assert checked(other, weights).diagnostics == ()


@pytest.mark.parametrize(
    ("rule", "example"), [*cases(0, Scope.SNAPSHOTS), *cases(1, Scope.SNAPSHOTS)]
)
def test_snapshots_are_compared_by_stats(
    rule: Rule, example: WeightsExample | InvalidWeights, weights: Maker
) -> None:
    models = {example.name: example.text, **example.others}
    paths = [str(weights(text, name)) for name, text in models.items()]
    found = [d.layer for d in collect(paths, Options()).findings if d.code == rule.code]
    assert found == list(example.layers if isinstance(example, InvalidWeights) else ())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_shows_weights(rule: Rule) -> None:
    valid, invalid = examples(rule)
    assert valid
    assert invalid
    assert all(isinstance(example, WeightsExample) for example in valid)
    assert all(isinstance(example, InvalidWeights) for example in invalid)
    assert rule.code.startswith("WT")
