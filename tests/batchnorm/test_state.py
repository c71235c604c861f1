from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolint.batchnorm.reference import fold, largest_difference
from protolint.batchnorm.state import (
    Age,
    Array,
    BatchNormState,
    LayoutError,
    Statistic,
    age_of,
    divided,
    inverted,
    multiplied,
    with_affine,
    with_eps,
)
from protolint.float32 import single

EPS = single(1e-5)


def f32(*values: float) -> Array:
    """A float32 array."""
    return np.array(values, np.float32)


def state(
    mean: Array | None = None,
    spread: Array | None = None,
    statistic: Statistic = Statistic.VARIANCE,
    factor: float = 1.0,
    gamma: Array | None = None,
    beta: Array | None = None,
    eps: float = EPS,
) -> BatchNormState:
    """A state of two channels unless told otherwise."""
    mean = f32(1, -2) if mean is None else mean
    spread = f32(4, 9) if spread is None else spread
    return BatchNormState(mean, spread, statistic, factor, gamma, beta, eps)


@st.composite
def states(draw: st.DrawFn, factor: st.SearchStrategy[float] | None = None) -> BatchNormState:
    """Working states: positive variances, any sizes that nets have."""
    channels = draw(st.integers(1, 6))
    signed = st.floats(-100, 100, width=32)
    positive = st.floats(2**-40, 1000, width=32)

    def column(elements: st.SearchStrategy[float]) -> Array:
        return f32(*draw(st.lists(elements, min_size=channels, max_size=channels)))

    affine = draw(st.booleans())
    return BatchNormState(
        column(signed),
        column(positive),
        Statistic.VARIANCE,
        single(draw(st.just(1.0) if factor is None else factor)),
        column(signed) if affine else None,
        column(signed) if affine else None,
        draw(st.sampled_from([1e-5, 1e-4, 1e-3, 1e-8])),
    )


factors = st.floats(0.5, 1000, width=32)


def test_arrays_must_belong_together() -> None:
    with pytest.raises(LayoutError, match="gamma has 3 channels, not 2"):
        state(gamma=f32(1, 2, 3))
    with pytest.raises(LayoutError, match="stored_mean is int64"):
        state(mean=np.array([1, 2]))
    with pytest.raises(LayoutError, match="shape"):
        state(spread=f32(1, 2).reshape(2, 1))


def test_a_state_cannot_be_changed() -> None:
    kept = f32(4, 9)
    frozen = state(spread=kept)
    with pytest.raises(ValueError, match="read-only"):
        frozen.stored_spread[0] = 1
    kept[0] = 5
    assert frozen.eps == float(np.float32(1e-5))


def test_doubles_stay_doubles() -> None:
    assert state().dtype == np.float32
    wide = state(mean=np.array([1.0, 2.0]))
    assert wide.dtype == np.float64
    assert divided(wide._replace(factor=3.0)).mean.dtype == np.float64


def test_a_factor_of_one_is_no_arithmetic() -> None:
    plain = state(mean=f32(1e-40, math.nan))
    assert plain.mean is plain.stored_mean
    assert plain.variance is plain.stored_spread
    assert divided(plain) is plain


def test_the_division_is_that_of_the_frameworks() -> None:
    random = np.random.default_rng(1)
    sums = random.normal(0, 500, 1000).astype(np.float32)
    factor = np.float32(999.98236)
    plain = divided(state(sums, np.abs(sums), factor=float(factor)))
    scale = np.float32(1) / factor
    assert np.array_equal(plain.stored_mean, sums * scale)
    assert np.array_equal(plain.stored_spread, np.abs(sums) * scale)
    assert plain.factor == 1
    exact = sums.astype(np.float64) / float(factor)
    assert np.all(np.abs(plain.mean - exact) <= np.spacing(np.abs(plain.mean)))


def test_a_factor_of_zero_means_no_statistics() -> None:
    untrained = divided(state(factor=0.0))
    assert (untrained.mean.tolist(), untrained.variance.tolist()) == ([0, 0], [0, 0])


@pytest.mark.parametrize("factor", [math.nan, math.inf, 1e-45])
def test_a_factor_that_cannot_be_divided_by_is_refused(factor: float) -> None:
    with pytest.raises(LayoutError, match="cannot be divided by"):
        divided(state(factor=factor))


@settings(deadline=None)
@given(source=states(factors), factor=st.sampled_from([1.0, 2.0, 1024.0]))
def test_powers_of_two_multiply_exactly(source: BatchNormState, factor: float) -> None:
    there = multiplied(source, factor)
    assert there.factor == factor
    assert np.array_equal(divided(there).stored_mean, divided(source).stored_mean)
    assert np.array_equal(divided(there).stored_spread, divided(source).stored_spread)
    assert multiplied(source, source.factor) is source


@settings(deadline=None)
@given(source=states(factors), eps=st.sampled_from([1e-5, 1e-4, 1e-3, 1e-2]))
def test_another_eps_keeps_the_function(source: BatchNormState, eps: float) -> None:
    changed = with_eps(source, eps)
    assert changed.eps == single(eps)
    assert largest_difference(fold(source), fold(changed)) < 4e-7
    if single(eps) == source.eps:
        assert changed is source


def test_gamma_takes_what_the_variance_cannot() -> None:
    small = state(spread=f32(1e-6, 9), gamma=f32(3, 1 / 3), beta=f32(1, 2), eps=1e-8)
    changed = with_eps(small, 1e-5)
    assert changed.stored_spread[0] == 0
    assert changed.gamma is not None
    assert changed.gamma[0] != 3
    assert changed.gamma[1] == f32(1 / 3)[0]
    assert changed.beta is not None
    assert np.array_equal(changed.beta, f32(1, 2))
    assert largest_difference(fold(small), fold(changed)) < 4e-7


def test_a_variance_that_gives_nan_is_refused() -> None:
    broken = state(spread=f32(-1, 9))
    with pytest.raises(LayoutError, match=r"var \+ eps is not positive: -0\.99999"):
        with_eps(broken, 1e-4)
    assert with_eps(broken, 1e-5) is broken
    with pytest.raises(LayoutError, match="not positive"):
        inverted(broken)


@settings(deadline=None)
@given(source=states(factors))
def test_inverting_there_and_back_keeps_the_function(source: BatchNormState) -> None:
    there = inverted(source)
    assert there.statistic is Statistic.INVERSE_DEVIATION
    assert largest_difference(fold(source), fold(there)) < 4e-7
    assert inverted(there) is there
    assert largest_difference(fold(source), fold(with_eps(there, source.eps))) < 8e-7


def test_a_silent_channel_becomes_a_gamma_of_zero() -> None:
    silent = state(
        spread=f32(0, 2), statistic=Statistic.INVERSE_DEVIATION, gamma=f32(5, 6), beta=f32(7, 8)
    )
    changed = with_eps(silent, 1e-4)
    assert changed.scale.tolist() == [0, 6]
    assert changed.stored_spread.tolist() == [0, f32(0.25 - 1e-4)[0]]
    assert largest_difference(fold(silent), fold(changed)) < 4e-7
    assert np.isinf(silent.variance[0])


def test_an_inverse_deviation_above_its_limit_goes_into_gamma() -> None:
    steep = state(spread=f32(400, 1), statistic=Statistic.INVERSE_DEVIATION)
    changed = with_eps(steep, 1e-4)
    assert changed.stored_spread[0] == 0
    assert changed.scale[1] == 1
    assert largest_difference(fold(steep), fold(changed)) < 4e-7


@pytest.mark.parametrize("value", [-1, math.nan])
def test_no_inverse_deviation_is_negative(value: float) -> None:
    with pytest.raises(LayoutError, match="negative or NaN"):
        with_eps(state(spread=f32(value, 1), statistic=Statistic.INVERSE_DEVIATION), 1e-5)


def test_a_second_moment_becomes_a_variance() -> None:
    old = state(f32(2, 20), f32(26, 200), Statistic.SECOND_MOMENT, factor=2.0)
    assert old.variance.tolist() == [12, 0]
    plain = divided(old)
    assert (plain.statistic, plain.factor) == (Statistic.VARIANCE, 1)
    assert plain.stored_spread.tolist() == [12, 0]
    assert divided(state(statistic=Statistic.SECOND_MOMENT)).statistic is Statistic.VARIANCE
    assert with_eps(old, EPS).stored_spread.tolist() == [12, 0]
    cancelled = state(f32(3, 1), f32(8.9999, 2), Statistic.SECOND_MOMENT)
    assert cancelled.variance.tolist() == [0, 1]


def test_eps_zero_needs_a_variance() -> None:
    silent = state(spread=f32(0, 2), statistic=Statistic.INVERSE_DEVIATION)
    with pytest.raises(LayoutError, match="nothing to divide by"):
        with_eps(silent, 0)


def test_a_scale_layer_is_taken_over_with_every_bit() -> None:
    gamma, beta = f32(0.1, 1e-42), f32(-0.0, 3)
    for before in (state(), state(gamma=f32(1, 1), beta=f32(0, 0))):
        after = with_affine(before, gamma.reshape(1, 2), beta)
        assert after.gamma is not None
        assert after.beta is not None
        assert after.gamma.tobytes() == gamma.tobytes()
        assert after.beta.tobytes() == beta.tobytes()
    assert with_affine(state(), gamma).beta is None


def test_a_scale_layer_after_an_affine_one_is_multiplied_in() -> None:
    first = state(gamma=f32(2, 3), beta=f32(1, -1))
    both = with_affine(first, f32(10, 0.5), f32(5, 7))
    assert both.scale.tolist() == [20, 1.5]
    assert both.shift.tolist() == [15, 6.5]
    assert with_affine(first, f32(10, 0.5)).shift.tolist() == [10, -0.5]


@pytest.mark.parametrize(
    ("factor", "fraction", "age"),
    [
        pytest.param(0, 0.999, Age(0), id="untrained"),
        pytest.param(1, 0.999, Age(None), id="one pass, or a converter"),
        pytest.param(4.9900102615356445, 0.999, Age(5), id="five passes"),
        pytest.param(12.830280303955078, 0.95, Age(20), id="another fraction"),
        pytest.param(95.20785, 0.999, Age(100), id="hundred passes"),
        pytest.param(7, 1, Age(7), id="cumulative"),
        pytest.param(5000, 0.999, Age(None), id="more than the sum can reach"),
        pytest.param(0.5, 0.999, Age(None), id="decayed"),
        pytest.param(-3, 0.999, Age(None), id="negative"),
        pytest.param(math.nan, 0.999, Age(None), id="nan"),
        pytest.param(math.inf, 0.999, Age(None), id="infinite"),
        pytest.param(5, 0, Age(None), id="no average"),
    ],
)
def test_the_factor_tells_the_age(factor: float, fraction: float, age: Age) -> None:
    assert age_of(factor, fraction) == age


def test_a_factor_that_stopped_growing_gives_a_lower_bound() -> None:
    passes, at_least = age_of(float(np.float32(999.98236)), 0.999)
    assert at_least
    assert passes is not None
    assert passes > 10_000
