"""Snapshots side by side: their order, how layers moved, the odd one out, and WT012."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from protolint.batchnorm.numbers import Numbers
from protolint.batchnorm.state import Age, Array
from protolint.diagnostic import Severity
from protolint.lint.select import selection_of
from protolint.stats.compare import Comparison, compare_snapshots
from protolint.stats.model import Snapshot
from protolint.stats.reading import read_snapshots
from protolint.stats.run import Options, collect, drift_findings, layer_findings
from protolint.weights.kinds import FileKind
from protolint.workspace.thresholds import Thresholds
from protolint.workspace.workspace import Choices, Workspace

#: Every rule, as bad as it says.
ALL = selection_of(Workspace(Choices(isolated=True)), "x")


def layer(variance: Array | list[float], mean: float | Array = 0.0, name: str = "bn") -> Numbers:
    values = np.asarray(variance, np.float64)
    ones = np.ones_like(values)
    return Numbers(name, "B3", mean * ones, values, ones, 0 * ones, 1e-5)


def snapshots(*states: Numbers | tuple[Numbers, ...]) -> list[Snapshot]:
    """A snapshot for each state of the net."""
    found = [state if isinstance(state, tuple) else (state,) for state in states]
    return [Snapshot(f"{i}.x", str(i), FileKind.MODEL, layers) for i, layers in enumerate(found)]


def compare(*states: Numbers | tuple[Numbers, ...]) -> Comparison:
    return compare_snapshots(snapshots(*states))


def codes(comparison: Comparison, found: list[Snapshot]) -> list[str]:
    return [d.code for d in drift_findings(found, comparison.drifts, ALL)]


def test_a_drift_is_what_numpy_makes_of_the_two(rng: np.random.Generator) -> None:
    first, second = rng.lognormal(0, 1, 37), rng.lognormal(0, 1, 37)
    moved = rng.normal(0, 1, 37)
    (drift,) = compare(layer(first), layer(second, moved)).drifts
    logs = np.log(second / first)
    assert drift.median_ratio == pytest.approx(np.exp(np.median(np.abs(logs))))
    assert drift.worst_channel == int(np.abs(logs).argmax())
    assert drift.worst_ratio == pytest.approx(
        second[drift.worst_channel] / first[drift.worst_channel]
    )
    shift = np.abs(moved) / np.sqrt(first + 1e-5)
    assert drift.mean_shift == pytest.approx(np.median(shift))
    assert drift.worst_mean_shift == pytest.approx(shift.max())
    assert drift.worst_mean_channel == int(shift.argmax())


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(12)


@pytest.mark.parametrize(
    ("after", "moved"),
    [
        ([3.9] * 40, False),
        ([4.1] * 40, True),
        ([1 / 4.1] * 40, True),
        ([1.0] * 38 + [120.0] * 2, False),
        ([1.0] * 37 + [120.0, 1 / 120.0, 120.0], True),
        ([1.0] * 37 + [90.0] * 3, False),
        ([1.0] * 39 + [2e-10], False),
        ([1.0] * 39 + [9e-11], True),
        ([1.0] * 39 + [0.0], True),
    ],
)
def test_the_thresholds_of_the_rule(after: list[float], moved: bool) -> None:
    found = snapshots(layer([1.0] * 40), layer(after))
    comparison = compare_snapshots(found)
    assert comparison.drifts[0].moved is moved
    assert codes(comparison, found) == ["WT012"] * moved


def test_the_thresholds_can_be_moved() -> None:
    found = snapshots(layer([1.0] * 4), layer([3.0] * 4))
    assert compare_snapshots(found, Thresholds(drift_median=2.5)).first_moved is not None
    assert compare_snapshots(found, Thresholds(drift_median=3.5)).first_moved is None


def test_below_the_least_that_matters_nothing_moves() -> None:
    comparison = compare(layer([0.0, 4.8e-34, 1e-12]), layer([5.6e-45, 0.0, 9e-11]))
    assert comparison.drifts[0].median_ratio == 1
    assert comparison.first_moved is None


@pytest.mark.parametrize("age", [Age(0), Age(9)])
def test_what_was_not_trained_yet_may_move(age: Age) -> None:
    before = replace(layer([1.0] * 4), age=age)
    found = snapshots(before, layer([50.0] * 4))
    comparison = compare_snapshots(found)
    assert comparison.drifts[0].median_ratio == pytest.approx(50)
    assert codes(comparison, found) == []
    assert codes(compare(layer([0.0] * 4), layer([1.0] * 4)), found) == []


def test_dead_and_near_zero_channels_are_counted_as_gained() -> None:
    (drift,) = compare(layer([1, 1e-6, 1, 1]), layer([1, 1, 1e-6, 1e-12])).drifts
    assert (drift.dead_gained, drift.dead_lost) == ((2, 3), (1,))
    assert drift.near_zero_gained == (3,)


def test_channels_that_are_not_finite_are_left_out() -> None:
    nan = float("nan")
    (drift,) = compare(layer([1, nan, 1, 1]), layer([2, 9, 2, float("inf")])).drifts
    assert drift.median_ratio == pytest.approx(2)
    assert drift.left_out == 2
    (drift,) = compare(layer([nan]), layer([1])).drifts
    assert np.isnan(drift.median_ratio)
    assert not drift.moved


def test_the_first_that_moved_is_the_earliest_and_there_the_nearest_to_the_data() -> None:
    def state(a: float, b: float, c: float) -> tuple[Numbers, ...]:
        return tuple(layer([v] * 4, name=n) for n, v in (("a", a), ("b", b), ("c", c)))

    first = compare(state(1, 1, 1), state(1, 5, 50), state(50, 5, 50)).first_moved
    assert first is not None
    assert (first.layer, first.before) == ("b", 0)


def test_a_snapshot_that_does_not_belong_is_found() -> None:
    odd = compare(layer([1] * 4), layer([1.1] * 4), layer([9] * 4), layer([1.2] * 4)).outlier
    assert odd is not None
    assert (odd.snapshot, odd.layer) == (2, "bn")
    assert odd.distance == pytest.approx(9 / 1.2, rel=1e-3)
    assert odd.between == pytest.approx(1.2 / 1.1, rel=1e-3)
    # Only the mean: 3 deviations away.
    assert compare(layer([1] * 4), layer([1] * 4, 3.0), layer([1] * 4)).outlier is not None


@pytest.mark.parametrize(
    "states",
    [
        [1, 9],  # no neighbours on both sides
        [1, 1, 9],  # the last has one neighbour
        [1, 3, 9, 27],  # steady
        [1, 9, 9, 9],  # a step that stays
        [1, 1.5, 1],  # not far
        [1, 9, 4, 1],  # neighbours do not agree
    ],
)
def test_what_moves_on_is_no_outlier(states: list[float]) -> None:
    assert compare(*(layer([value] * 4) for value in states)).outlier is None


def test_wandering_statistics_have_no_outlier(rng: np.random.Generator) -> None:
    for _ in range(20):
        walk = np.exp(np.cumsum(rng.normal(0, 0.8, (8, 64)), axis=0))
        assert compare(*(layer(values) for values in walk)).outlier is None


def test_what_cannot_be_compared_is_told() -> None:
    a = (layer([1], name="x"), layer([1], name="y"), layer([1], name="z"))
    b = (layer([1], name="x"), layer([1, 1], name="y"), layer([1], name="w"))
    comparison = compare(a, b)
    assert [drift.layer for drift in comparison.drifts] == ["x"]
    text = "\n".join(comparison.notes)
    assert "layer 'y' has 1 channels, then 2 (0 and 1)" in text
    assert "layer 'z' only in 0, not in 1" in text
    assert "layer 'w' only in 1, not in 0" in text
    assert compare((a[0],), (b[2],)).notes == (
        "0 and 1 have no BatchNorm of one name: not compared",
    )


@pytest.mark.parametrize(
    ("names", "order", "labels"),
    [
        (["n_iter_900", "n_iter_10000"], "iteration", ["iter 900", "iter 10000"]),
        (["n_iter_10000", "n_iter_900"], "iteration", ["iter 900", "iter 10000"]),
        (["c_epoch_9", "c-epoch=10-step=4"], "epoch", ["epoch 9", "epoch 10"]),
        (["Ep12", "ep3"], "epoch", ["epoch 3", "epoch 12"]),
        (["best", "n_iter_5"], "given", ["best", "n_iter_5"]),
        (["b", "a"], "given", ["b", "a"]),
        (["deep3", "step2"], "given", ["deep3", "step2"]),
    ],
)
def test_the_order_is_that_of_the_names(
    tmp_path: Path, fixtures: Path, names: list[str], order: str, labels: list[str]
) -> None:
    paths = [tmp_path / name for name in names]
    for path in paths:
        shutil.copy(fixtures / "stats" / "tide_iter_1000.caffemodel", path)
    found, shown, _ = read_snapshots([str(path) for path in paths])
    assert (shown, [snapshot.label for snapshot in found]) == (order, labels)


def test_the_threads_own_numbers_give_the_finding_that_answers_it(fixtures: Path) -> None:
    """What was read out of three snapshots by hand, and the one thing in it that is wrong."""
    pytest.importorskip("safetensors")
    paths = [str(fixtures / "stats" / f"epoch_{n}.safetensors") for n in (1015, 300, 700)]
    report = collect(paths, Options())
    labels = [snapshot.label for snapshot in report.snapshots]
    assert labels == ["epoch 300", "epoch 700", "epoch 1015"]
    last = [snapshot.layers[-1] for snapshot in report.snapshots]
    for numbers, lowest, mean in zip(
        last, (4.8e-34, 5.6e-45, 5.6e-45), (0.069, 0.024, 0.017), strict=True
    ):
        assert numbers.variance.min() == pytest.approx(lowest, rel=0.01)
        assert numbers.variance.mean() == pytest.approx(mean, rel=1e-3)
    first = next(drift for drift in report.drifts if drift.layer == "bn1")
    assert max(first.worst_ratio, 1 / first.worst_ratio) == pytest.approx(2.7, rel=1e-3)
    assert first.median_ratio == pytest.approx(1.5, rel=0.05)
    # The weights alone do not show which snapshot fails in eval mode: nothing moved too far.
    assert report.first_moved is None
    assert report.outlier is None
    found = [(f.code, f.layer, f.path, f.severity) for f in report.findings]
    ordered = [paths[1], paths[2], paths[0]]
    assert found == [("WT007", "layer4.2.bn3", path, Severity.WARNING) for path in ordered]
    assert "(0 denormal, 0 zero, lowest 4.8e-34): channels 5, 18, 19;" in report.findings[0].message
    assert "in 3 channels (3 denormal, 0 zero, lowest 5.61e-45)" in report.findings[1].message


def test_one_cause_gives_one_finding_of_a_layer() -> None:
    def found(numbers: Numbers) -> list[tuple[str, str]]:
        given = snapshots(numbers)
        return [(d.code, d.severity.value) for d in layer_findings(given, ALL)]

    assert found(layer([1.0, 2.0])) == []
    assert found(layer([0.0, 0.0])) == [("WT011", "error")]
    assert found(replace(layer([1.0]), age=Age(3))) == [("WT011", "warning")]
    assert found(layer([1.0, -1e-6])) == [("WT002", "warning")]
    assert found(layer([1.0, -1e-3])) == [("WT002", "error")]
    assert found(layer([1.0, float("nan")])) == [("WT001", "error")]
    assert found(layer([1.0, 0.0])) == [("WT007", "warning")]
    assert found(replace(layer([]), problem="five blobs in an unclear order")) == []
