from __future__ import annotations

import math

import numpy as np

from protolint.batchnorm.reference import Folded, apply, fold, largest_difference
from protolint.batchnorm.state import Array, BatchNormState, Statistic
from protolint.caffe.batchnorm import EpsRule


def f32(*values: float) -> Array:
    """A float32 array."""
    return np.array(values, np.float32)


def state(spread: Array, statistic: Statistic, factor: float, eps: float) -> BatchNormState:
    """Two channels with gamma 2, 3 and beta 1, -1."""
    return BatchNormState(f32(4, 8), spread, statistic, factor, f32(2, 3), f32(1, -1), eps)


def test_the_formula() -> None:
    folded = fold(state(f32(3, 12), Statistic.VARIANCE, 4.0, 0.25))
    assert np.allclose(folded.scale, [2 / 1, 3 / math.sqrt(3.25)])
    assert np.allclose(folded.shift, [1 - 2, -1 - 2 * 3 / math.sqrt(3.25)])
    values = np.ones((2, 2, 3), np.float32)
    assert np.array_equal(apply(folded, values)[1, 0], [1.0, 1.0, 1.0])
    assert apply(folded, values).dtype == np.float64


def test_an_inverse_deviation_needs_no_eps() -> None:
    folded = fold(state(f32(0.5, 0), Statistic.INVERSE_DEVIATION, 1.0, 9.0))
    assert folded.scale.tolist() == [1, 0]
    assert folded.shift.tolist() == [-3, -1]


def test_a_second_moment() -> None:
    folded = fold(state(f32(20, 68), Statistic.SECOND_MOMENT, 1.0, 0.0))
    assert np.allclose(folded.scale, [1, 1.5])


def test_a_factor_of_zero_leaves_only_eps() -> None:
    folded = fold(state(f32(3, 12), Statistic.VARIANCE, 0.0, 0.25))
    assert folded.scale.tolist() == [4, 6]
    assert folded.shift.tolist() == [1, -1]


def test_the_floor_of_a_dialect_shows() -> None:
    small = state(f32(0.0, 1), Statistic.VARIANCE, 1.0, 1e-6)
    floor = EpsRule(floor=1e-5)
    assert np.isclose(fold(small, floor).scale[0] / fold(small).scale[0], math.sqrt(0.1))
    assert np.array_equal(fold(small, EpsRule()).scale, fold(small).scale)


def test_differences_are_relative() -> None:
    one = Folded(f32(1, 1e-6), f32(0, 100), f32(1, 100))
    two = Folded(f32(1, 1.5e-6), f32(0, 100), f32(1, 100))
    assert math.isclose(largest_difference(one, two), 1 / 3, rel_tol=1e-3)
    assert largest_difference(one, one) == 0
    three = Folded(f32(1, 1e-6), f32(0, 101), f32(1, 101))
    assert math.isclose(largest_difference(one, three), 1 / 101, rel_tol=1e-3)


def test_the_rounding_of_denormal_numbers_is_no_difference() -> None:
    one = Folded(f32(1), f32(-6.0e-44), f32(6.0e-44))
    two = Folded(f32(1), f32(-6.2e-44), f32(6.2e-44))
    assert largest_difference(one, two) < 1e-12


def test_nan_differs_from_numbers_only() -> None:
    nan = Folded(f32(math.nan), f32(math.nan), f32(math.nan))
    number = Folded(f32(1), f32(0), f32(0))
    assert largest_difference(nan, nan) == 0
    assert largest_difference(nan, number) == math.inf
    infinite = Folded(f32(math.inf), f32(0), f32(0))
    assert largest_difference(infinite, infinite) == 0
    assert largest_difference(infinite, number) == math.inf


def test_other_channels_differ_without_bound() -> None:
    assert largest_difference(Folded(f32(1), f32(1), f32(1)), Folded(*[f32(1, 1)] * 3)) == math.inf
