from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, note
from hypothesis import strategies as st

from protolint.batchnorm.base import Layout, ParamRule, Role
from protolint.batchnorm.layouts import LAYOUTS
from protolint.batchnorm.reference import fold, largest_difference
from protolint.batchnorm.state import Age, Array, BatchNormState, LayoutError, Statistic
from protolint.caffe.batchnorm import EpsRule
from protolint.caffe.registry import DIALECTS
from protolint.float32 import single

WRITTEN = [layout for layout in LAYOUTS.values() if not layout.reading_only]
SUMS = ["B3", "I5", "I4", "I3"]
C = 3


def f32(*values: float) -> Array:
    """A float32 array."""
    return np.array(values, np.float32)


def bits(values: Array) -> bytes:
    """The bytes of an array, whatever its shape."""
    return values.tobytes()


@st.composite
def columns(draw: st.DrawFn, low: float, high: float) -> Array:
    """C values."""
    elements = st.floats(low, high, width=32)
    return f32(*draw(st.lists(elements, min_size=C, max_size=C)))


@st.composite
def states(draw: st.DrawFn) -> BatchNormState:
    """States any layout can hold, given a Scale layer."""
    sums = draw(st.booleans())
    inverse = not sums and draw(st.booleans())
    return BatchNormState(
        stored_mean=draw(columns(-100, 100)),
        stored_spread=draw(columns(2**-6, 64)),
        statistic=Statistic.INVERSE_DEVIATION if inverse else Statistic.VARIANCE,
        factor=single(draw(st.floats(0.5, 1000, width=32))) if sums else 1.0,
        gamma=draw(st.none() | columns(-10, 10)),
        beta=draw(st.none() | columns(-10, 10)),
        eps=draw(st.sampled_from([1e-5, 1e-4, 1e-3, 1e-8, 0.0])),
    )


def fill(layout: Layout, seed: int = 0) -> tuple[Array, ...]:
    """Blobs of random positive values in a layout's shapes."""
    random = np.random.default_rng(seed)
    return tuple(random.uniform(0.5, 2, s).astype(np.float32) for s in layout.shapes(C))


# To make a state takes longer than to try it: each is tried on all layouts.
@given(state=states())
def test_decoding_what_was_encoded_is_exact(state: BatchNormState) -> None:
    for layout in WRITTEN:
        note(layout.name)
        fitted = layout.fit(state)
        separate = not layout.affine or Role.BETA not in layout.roles
        blobs = layout.encode(state, separate_scale=separate)
        assert tuple(blob.shape for blob in blobs) == layout.shapes(C)
        again = layout.decode(blobs, fitted.eps)
        assert again.statistic is fitted.statistic
        assert (again.factor, again.eps) == (fitted.factor, fitted.eps)
        assert bits(again.stored_mean) == bits(fitted.stored_mean)
        assert bits(again.stored_spread) == bits(fitted.stored_spread)
        gamma, beta = layout.scale_blobs(state) if separate else (again.scale, again.shift)
        assert bits(gamma) == bits(fitted.scale)
        assert bits(beta) == bits(fitted.shift)


@given(state=states())
def test_every_layout_keeps_the_function(state: BatchNormState) -> None:
    for layout in WRITTEN:
        note(layout.name)
        fitted = layout.fit(state)
        assert largest_difference(fold(state), fold(fitted)) < 1e-6
        # What the layer itself will do with the eps in its prototxt.
        assert fold(fitted, layout.eps).scale.tolist() == fold(fitted).scale.tolist()
        assert layout.fit(fitted).stored_spread.tolist() == fitted.stored_spread.tolist()


@pytest.mark.parametrize("target", WRITTEN, ids=lambda layout: layout.name)
@pytest.mark.parametrize("source", WRITTEN, ids=lambda layout: layout.name)
def test_there_and_back_is_within_an_ulp(source: Layout, target: Layout) -> None:
    start = source.decode(fill(source), 1e-3)
    first = source.fit(start)
    separate = not (target.affine and Role.BETA in target.roles)
    there = target.decode(target.encode(start, separate_scale=separate), target.fit(start).eps)
    if separate:
        gamma, beta = target.scale_blobs(start)
        there = there._replace(gamma=gamma, beta=beta)
    back = source.fit(there)
    assert largest_difference(fold(first), fold(back)) < 3e-7
    assert bits(back.shift) == bits(first.shift)
    same = source.statistic is target.statistic and back.eps == first.eps == there.eps
    if same and not source.sums:
        assert bits(back.stored_mean) == bits(first.stored_mean)
        assert bits(back.stored_spread) == bits(first.stored_spread)
        assert bits(back.scale) == bits(first.scale)


@pytest.mark.parametrize(
    ("source", "target"),
    [("B3", "I5"), ("I5", "B3"), ("B3", "I4"), ("I4", "B3"), ("I3", "B3"), ("B3", "I3")],
)
def test_sums_are_copied_with_their_factor(source: str, target: str) -> None:
    blobs = fill(LAYOUTS[source])
    wide = "I5" in (source, target) and source != "I5"
    encoded = LAYOUTS[target].encode(LAYOUTS[source].decode(blobs), separate_scale=not wide)
    assert all(bits(a) == bits(b) for a, b in zip(blobs[:3], encoded[:3], strict=True))


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("factor", [1.0, 1024.0, 999.98236])
def test_a_factor_may_be_chosen(name: str, factor: float) -> None:
    layout = LAYOUTS[name]
    state = layout.decode(fill(layout))
    blobs = layout.encode(state, factor=factor, separate_scale=True)
    assert blobs[2].tolist() == [np.float32(factor)]
    again = layout.decode(blobs)
    exact = factor in (1.0, 1024.0)
    assert np.allclose(again.mean, state.mean, rtol=0 if exact else 1.2e-7, atol=0)


def test_the_order_of_the_blobs() -> None:
    order = {
        "B3": "mean variance factor",
        "N14C": "gamma beta reserved mean variance",
        "N15A": "gamma beta mean variance reserved",
        "N15C": "gamma beta mean variance reserved",
        "N16-3": "mean variance factor",
        "N16-5": "mean variance factor gamma beta",
        "I5": "mean variance factor gamma beta",
        "I4": "mean variance factor gamma",
        "I3": "mean variance factor",
        "SEG": "gamma beta",
        "YJX": "gamma beta mean variance",
        "PSP": "gamma beta mean variance",
    }
    for name, roles in order.items():
        assert " ".join(role.value for role in LAYOUTS[name].roles) == roles


def test_the_shapes_the_layers_write() -> None:
    flat, four, one = (64,), (1, 64, 1, 1), (1,)
    assert LAYOUTS["B3"].shapes(64) == (flat, flat, one)
    assert LAYOUTS["N14C"].shapes(64) == (four, four, (1, 1, 1, 1), four, four)
    assert LAYOUTS["N15A"].shapes(64) == (flat, flat, flat, flat, one)
    assert LAYOUTS["N15C"].shapes(64) == (four, four, four, four, (1, 1, 1, 1))
    assert LAYOUTS["N16-5"].shapes(64) == (flat, flat, one, flat, flat)
    assert LAYOUTS["YJX"].shapes(64) == ((1, 64),) * 4
    assert LAYOUTS["PSP"].shapes(64) == (four,) * 4


@pytest.mark.parametrize(
    ("name", "written", "effective"),
    [
        ("B3", None, 1e-5),
        ("B3", 1e-8, 1e-8),
        ("B3", 0.0, 0.0),
        ("N14C", 1e-3, 1e-4),
        ("N14C", None, 1e-4),
        ("N15A", 1e-8, 1e-8),
        ("N15C", 1e-8, 1e-5),
        ("N16-3", 1e-6, 1e-5),
        ("N16-5", 1e-3, 1e-3),
        ("I5", 1e-8, 1e-8),
    ],
)
def test_the_eps_in_use(name: str, written: float | None, effective: float) -> None:
    layout = LAYOUTS[name]
    assert layout.decode(fill(layout), written).eps == single(effective)


def test_a_layout_has_the_eps_of_the_caffe_whose_layers_have_it() -> None:
    assert LAYOUTS["N14C-inv-std"].eps == LAYOUTS["N14C"].eps == EpsRule(fixed=1e-4)
    for dialect in DIALECTS.values():
        for kind in dialect.kinds:
            for name in filter(None, (kind.layout, kind.affine_layout)):
                assert dialect.kind_of(name).eps == kind.eps
                assert dialect.name == "nvidia-0.16.1" or LAYOUTS[name].eps == kind.eps
    old = LAYOUTS["N16-5"]._replace(eps=DIALECTS["nvidia-0.16.1"].kind_of("N16-5").eps)
    assert old.decode(fill(old)).eps == old.decode(fill(old), 1e-6).eps == single(1e-4)
    assert EpsRule().effective(-1.0) == -1.0


def test_plain_sums_are_what_bvlc_stores() -> None:
    assert {name for name, layout in LAYOUTS.items() if layout.is_plain_sums} == {"B3", "I3"}


def test_the_param_blocks_follow_the_blobs() -> None:
    frozen = (0.0, 0.0)
    assert LAYOUTS["N15A"].params == (
        ParamRule(Role.GAMMA, None, None),
        ParamRule(Role.BETA, None, None),
        ParamRule(Role.MEAN, *frozen),
        ParamRule(Role.SPREAD, *frozen),
        ParamRule(Role.RESERVED, *frozen),
    )
    assert [rule.lr_mult for rule in LAYOUTS["N16-5"].params] == [0, 0, 0, 1, 1]
    assert [rule.lr_mult for rule in LAYOUTS["I5"].params] == [0, 0, 0, None, None]


def test_reserved_blobs_and_factors_get_their_value() -> None:
    state = LAYOUTS["N16-5"].decode(fill(LAYOUTS["N16-5"]))
    assert LAYOUTS["N14C"].encode(state)[2].tolist() == [[[[0]]]]
    assert LAYOUTS["N15A"].encode(state)[4].tolist() == [0]
    assert LAYOUTS["N16-5"].encode(state)[2].tolist() == [1]
    assert LAYOUTS["B3"].encode(state, separate_scale=True)[2].tolist() == [1]


def test_the_factor_of_0_16_is_not_used() -> None:
    mean, variance, _, gamma, beta = fill(LAYOUTS["N16-5"])
    state = LAYOUTS["N16-5"].decode((mean, variance, f32(0), gamma, beta))
    assert (state.factor, state.mean.tolist()) == (1, mean.tolist())


def test_an_affine_part_is_never_dropped() -> None:
    state = LAYOUTS["N16-5"].decode(fill(LAYOUTS["N16-5"]))
    for name in ("B3", "N16-3", "I3"):
        with pytest.raises(LayoutError, match=f"{name} has no gamma: it needs a Scale layer"):
            LAYOUTS[name].encode(state)
    only_beta = state._replace(gamma=None)
    with pytest.raises(LayoutError, match="I4 has no beta"):
        LAYOUTS["I4"].encode(only_beta)
    plain = state._replace(gamma=f32(1, 1, 1), beta=f32(0, 0, 0))
    assert len(LAYOUTS["N16-3"].encode(plain)) == 3
    assert LAYOUTS["I5"].encode(state, separate_scale=True)[3].tolist() == [1, 1, 1]


def test_a_missing_affine_part_is_written_as_one_and_zero() -> None:
    blobs = LAYOUTS["N15A"].encode(LAYOUTS["B3"].decode(fill(LAYOUTS["B3"])))
    assert (blobs[0].tolist(), blobs[1].tolist()) == ([1, 1, 1], [0, 0, 0])


def test_the_inference_weights_of_segnet_are_an_affine_map() -> None:
    scale, shift = f32(0.3, 5, -2), f32(1, 2, 3)
    state = LAYOUTS["SEG"].decode((scale.reshape(1, C, 1, 1), shift.reshape(1, C, 1, 1)))
    for name in ("N15A", "N14C", "N16-5", "N14C-inv-std", "I5"):
        fitted = LAYOUTS[name].fit(state)
        assert np.allclose(fold(fitted).scale, scale, rtol=1e-7)
        assert bits(fitted.scale) == bits(scale)
        assert bits(fitted.shift) == bits(shift)


@pytest.mark.parametrize("name", ["SEG", "YJX", "PSP", "B3-second-moment"])
def test_some_layouts_are_only_read(name: str) -> None:
    with pytest.raises(LayoutError, match="only read"):
        LAYOUTS[name].encode(LAYOUTS[name].decode(fill(LAYOUTS[name])))


def test_blobs_of_another_layout_are_refused() -> None:
    with pytest.raises(LayoutError, match="N16-5 has 5 blobs, not 3"):
        LAYOUTS["N16-5"].decode(fill(LAYOUTS["B3"]))
    with pytest.raises(LayoutError, match="blob 2 has 3 values; as the factor of N16-5"):
        LAYOUTS["N16-5"].decode(fill(LAYOUTS["N15A"]))
    with pytest.raises(LayoutError, match="blob 1 has 2 values; as the beta"):
        LAYOUTS["SEG"].decode((f32(1, 2, 3), f32(1, 2)))
    with pytest.raises(LayoutError, match="empty"):
        LAYOUTS["B3"].decode((f32(), f32(), f32(1)))


def test_halves_are_read_exactly() -> None:
    half = np.array([0.1, 6e-8, 65504], np.float16)
    state = LAYOUTS["N16-3"].decode((half, half, np.array([1], np.float16)))
    assert state.dtype == np.float32
    assert state.mean.tolist() == half.astype(np.float64).tolist()


def test_doubles_are_kept() -> None:
    wide = tuple(blob.astype(np.float64) for blob in fill(LAYOUTS["B3"]))
    blobs = LAYOUTS["N15C"].encode(LAYOUTS["B3"].decode(wide))
    assert {blob.dtype for blob in blobs} == {np.dtype(np.float64)}


def test_the_age_of_an_average_is_known_where_the_factor_tells() -> None:
    mean, variance, _ = fill(LAYOUTS["B3"])
    decode = LAYOUTS["B3"].decode
    assert decode((mean, variance, f32(4.99001))).age == Age(5)
    assert decode((mean, variance, f32(7)), fraction=1.0).age == Age(7)
    assert decode((mean * 0, variance * 0, f32(0))).age == Age(0)
    assert LAYOUTS["N16-3"].decode((mean, variance, f32(1))).age == Age(None)
    assert LAYOUTS["N16-3"].decode((mean * 0, variance * 0, f32(1))).age == Age(0)


def test_one_channel_does_not_survive_in_a_binary_file_of_0_16() -> None:
    assert LAYOUTS["N16-5"].stored_as(1) == "N15A"
    assert LAYOUTS["N16-5"].stored_as(2) == "N16-5"
    assert LAYOUTS["N16-3"].stored_as(1) == "N16-3"


@given(state=states())
def test_an_untrained_net_stays_untrained(state: BatchNormState) -> None:
    assume(state.statistic is Statistic.VARIANCE)
    empty = state._replace(factor=0.0)
    for name in ("N15A", "N16-5"):
        if LAYOUTS[name].eps.effective(empty.eps) == empty.eps and empty.eps > 0:
            assert not LAYOUTS[name].fit(empty).stored_mean.any()
            assert not LAYOUTS[name].fit(empty).stored_spread.any()
