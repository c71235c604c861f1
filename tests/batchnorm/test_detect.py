from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from protolint.batchnorm.detect import BN_STAT, FROM, Detection, detect
from protolint.batchnorm.facts import (
    FileMarks,
    LayerFacts,
    ParamFacts,
    facts_of,
    file_marks,
)
from protolint.batchnorm.layouts import LAYOUTS
from protolint.batchnorm.sources import SOURCES
from protolint.batchnorm.state import Array, Statistic
from protolint.batchnorm.stored_scales import stored_scales
from protolint.caffe.batchnorm import NormParam
from protolint.errors import InputError
from protolint.weights.index import index_model
from protolint.wire import float_field, length_delimited, varint_field

C = 4
NVIDIA = FileMarks(type_fields="conv1")
INTEL = FileMarks(intel="conv1")
NEW_PARAMS = (ParamFacts(0, 0, ""),) * 3 + (ParamFacts(1, 1, ""),) * 2
OLD_PARAMS = (ParamFacts(None, None, ""),) * 2 + (ParamFacts(0, 0, ""),) * 3


def column(*values: float) -> Array:
    """C values that could be anything, or the given ones."""
    return np.array(values or (0.5, 1.0, 1.5, 2.0), np.float32)


def one(value: float) -> Array:
    """A blob of one element."""
    return np.array([value], np.float32)


def wide(*blobs: Array) -> tuple[Array, ...]:
    """The blobs in the shapes of the cuDNN layers."""
    return tuple(blob.reshape(1, -1, 1, 1) for blob in blobs)


def verdict(*blobs: Array, type_: str = "BatchNorm", **more: Any) -> Detection:
    """What is detected for blobs and other facts."""
    options = {name: more.pop(name) for name in ("source", "statistic") if name in more}
    return detect(LayerFacts("bn", type_, blobs, **more), **options)


def names(found: Detection) -> list[str]:
    """The candidates' names."""
    return [candidate.layout.name for candidate in found.candidates]


def certain(found: Detection) -> str:
    """The name of the one layout there is."""
    assert found.layout is not None, found
    assert found.candidates[0].evidence
    return found.layout.name


def asked(found: Detection, switch: str) -> list[str]:
    """The candidates of an uncertain verdict that names this switch."""
    assert not found.certain
    assert found.layout is None
    assert found.switch == switch
    assert found.reason
    return names(found)


@pytest.mark.parametrize("factor", [999.98236, 4.99, 0.5, 1.0])
def test_three_blobs_without_marks_are_sums(factor: float) -> None:
    assert certain(verdict(column(), column(), one(factor))) == "B3"


def test_never_trained_is_never_trained() -> None:
    empty = column(0, 0, 0, 0)
    assert certain(verdict(empty, empty, one(0))) == "B3"
    assert certain(verdict(empty, empty, one(0), marks=NVIDIA)) == "N16-3"


def test_a_factor_of_0_beside_statistics_is_a_question() -> None:
    found = verdict(column(), column(), one(0))
    assert asked(found, FROM) == ["N16-3", "B3"]
    assert certain(verdict(column(), column(), one(0), marks=NVIDIA)) == "N16-3"
    assert certain(verdict(column(), column(), one(0), source="bvlc")) == "B3"
    assert certain(verdict(column(), column(), one(0), source="nvidia-0.16")) == "N16-3"


@pytest.mark.parametrize(
    "marks",
    [
        pytest.param({"marks": NVIDIA}, id="forward_type"),
        pytest.param({"marks": FileMarks(raw_data="conv1")}, id="raw_data elsewhere"),
        pytest.param({"raw_data": True}, id="raw_data here"),
        pytest.param({"norm": NormParam(scale_bias=False)}, id="scale_bias"),
    ],
)
def test_marks_of_nvidia(marks: dict[str, Any]) -> None:
    assert certain(verdict(column(), column(), one(1), **marks)) == "N16-3"
    # The factor may have come with a BVLC file; whether it still counts is not known.
    assert asked(verdict(column(), column(), one(999.98), **marks), FROM) == ["B3", "N16-3"]


@pytest.mark.parametrize("factor", [-1.0, np.nan, np.inf])
def test_an_impossible_factor_is_a_question(factor: float) -> None:
    assert asked(verdict(column(), column(), one(factor)), FROM) == ["B3", "N16-3"]


def test_the_scale_after_it_is_evidence() -> None:
    found = verdict(column(), column(), one(9), scale="bn_scale")
    assert "Scale 'bn_scale' follows" in found.candidates[0].evidence


def test_four_blobs_are_intels() -> None:
    assert certain(verdict(column(), column(), one(9), column())) == "I4"


def test_the_order_of_0_15_is_recognised_by_its_last_blob() -> None:
    blobs = (column(), column(), column(), column(), one(0))
    assert certain(verdict(*blobs)) == "N15A"
    assert asked(verdict(*wide(*blobs)), BN_STAT) == ["N15C", "N15C-inv-std"]
    assert certain(verdict(*blobs, source="nvidia-0.17")) == "N15A"
    assert asked(verdict(*wide(*blobs), source="nvidia-0.15"), BN_STAT) == ["N15C", "N15C-inv-std"]


def test_the_statistic_of_cudnn_is_asked_for() -> None:
    blobs = wide(column(), column(), column(), column(), one(0))
    shown = verdict(*blobs, statistic=Statistic.INVERSE_DEVIATION)
    assert certain(shown) == "N15C-inv-std"
    assert "--bn-stat inv-std" in shown.candidates[0].evidence
    assert certain(verdict(*blobs, statistic=Statistic.VARIANCE)) == "N15C"
    found = verdict(*blobs)
    assert "0.5 to 2, median 1.25" in found.reason


@pytest.mark.parametrize(
    "spread",
    [
        pytest.param((0.5, 400, 1, 2), id="above the limit"),
        pytest.param((0.5, 0, 1, 2), id="a dead channel"),
        pytest.param((0.5, 4.8e-34, 1, 2), id="almost dead"),
    ],
)
def test_some_values_can_only_be_variances(spread: tuple[float, ...]) -> None:
    found = verdict(*wide(column(), column(), column(), column(*spread), one(0)))
    assert certain(found) == "N15C"
    assert "a variance" in found.candidates[0].evidence[-1]
    # The limit of 0.14 is lower: its eps is 1e-4.
    old = verdict(*wide(column(), column(), one(0), column(), column(150, 1, 1, 1)))
    assert certain(old) == "N14C"


def test_a_layer_that_has_no_question_is_not_asked() -> None:
    blobs = (column(), column(), column(), column(), one(0))
    assert certain(verdict(*blobs, statistic=Statistic.INVERSE_DEVIATION)) == "N15A"


def test_the_oldest_bvlc_form_is_only_read_when_asked_for() -> None:
    blobs = (column(), column(), one(9))
    assert certain(verdict(*blobs, statistic=Statistic.SECOND_MOMENT)) == "B3-second-moment"


def test_marks_tell_the_order_of_0_16() -> None:
    blobs = (column(), column(), one(1), column(), column())
    assert certain(verdict(*blobs, marks=NVIDIA)) == "N16-5"
    assert certain(verdict(*wide(*blobs), marks=NVIDIA)) == "N16-5"
    assert certain(verdict(*blobs, norm=NormParam(scale_bias=True))) == "N16-5"
    blobs = (column(), column(), one(0), column(), column())
    assert certain(verdict(*blobs, marks=NVIDIA)) == "N16-5"


def test_a_factor_in_the_order_of_0_16() -> None:
    blobs = (column(), column(), one(995.0), column(), column())
    assert certain(verdict(*blobs)) == "I5"
    assert asked(verdict(*blobs, marks=NVIDIA), FROM) == ["I5", "N16-5"]
    assert certain(verdict(*blobs, marks=NVIDIA, source="intel")) == "I5"
    assert certain(verdict(*blobs, marks=NVIDIA, source="nvidia-0.16")) == "N16-5"


def test_a_factor_of_one_needs_no_marks() -> None:
    assert certain(verdict(column(), column(), one(1), column(), column())) == "N16-5"


@pytest.mark.parametrize("marks", [{"marks": INTEL}, {"norm": NormParam(bias_term=False)}])
def test_marks_of_intel(marks: dict[str, Any]) -> None:
    assert certain(verdict(column(), column(), one(0), column(), column(), **marks)) == "I5"


def test_the_order_of_0_14_is_told_by_its_shapes() -> None:
    blobs = wide(column(), column(), one(0), column(), column())
    assert asked(verdict(*blobs), BN_STAT) == ["N14C", "N14C-inv-std"]
    assert certain(verdict(*blobs, statistic=Statistic.VARIANCE)) == "N14C"


def test_negative_values_tell_beta_from_a_variance() -> None:
    beta = column(-0.3, 1, 2, 3)
    old = (column(), beta, one(0), column(), column())
    assert asked(verdict(*old), BN_STAT) == ["N14C", "N14C-inv-std"]
    found = verdict(*old, marks=NVIDIA)
    assert asked(found, FROM) == ["N14C", "N14C-inv-std", "N16-5"]
    assert "misread" in found.reason
    new = (column(), column(), one(0), column(), beta)
    assert certain(verdict(*new)) == "N16-5"
    found = verdict(column(), beta, one(0), column(), beta)
    assert names(found) == []
    assert "no order fits" in found.reason


def test_a_variance_barely_below_zero_is_still_one() -> None:
    nearly = column(-9.9999e-06, 1, 2, 3)
    assert certain(verdict(column(), nearly, one(1), column(), column())) == "N16-5"


def test_flat_blobs_with_a_third_of_zero_are_a_question() -> None:
    blobs = (column(), column(), one(0), column(), column())
    assert asked(verdict(*blobs), FROM) == ["N16-5", "N14C", "N14C-inv-std"]
    assert asked(verdict(*blobs, params=OLD_PARAMS), FROM)[0] == "N14C"
    assert certain(verdict(*blobs, params=NEW_PARAMS)) == "N16-5"
    assert certain(verdict(*blobs, source="nvidia-0.16")) == "N16-5"
    assert asked(verdict(*blobs, source="nvidia-0.14"), BN_STAT) == ["N14C", "N14C-inv-std"]


def test_one_channel_fits_every_order() -> None:
    blobs = (one(0.5), one(2), one(1), one(1.5), one(0.25))
    assert asked(verdict(*blobs), FROM) == ["N16-5", "I5", "N15A"]
    assert asked(verdict(*wide(*blobs)), FROM)[0] == "N16-5"
    assert "scramble" in verdict(*blobs, marks=NVIDIA).reason
    assert certain(verdict(*blobs, params=NEW_PARAMS)) == "N16-5"
    assert certain(verdict(*blobs[:4], one(0), params=OLD_PARAMS)) == "N15A"
    assert asked(verdict(*blobs, params=OLD_PARAMS), FROM)
    assert certain(verdict(*blobs, source="nvidia-0.17")) == "N16-5"
    assert certain(verdict(*blobs, source="nvidia-0.15")) == "N15A"
    assert certain(verdict(one(1), one(2), one(9))) == "B3"


def test_segnet_weights_are_those_of_inference() -> None:
    blobs = wide(column(), column())
    assert certain(verdict(*blobs, type_="BN", bn_mode=1)) == "SEG"
    found = verdict(*blobs, type_="BN")
    assert asked(found, FROM) == ["SEG"]
    assert "no statistics" in found.reason
    assert certain(verdict(*blobs, type_="BN", source="segnet")) == "SEG"


def test_the_other_layers_of_type_bn() -> None:
    blobs = (column(),) * 4
    assert certain(verdict(*wide(*blobs), type_="BN")) == "PSP"
    flat = tuple(blob.reshape(1, -1) for blob in blobs)
    assert asked(verdict(*flat, type_="BN"), BN_STAT) == ["YJX", "YJX-inv-std"]
    inverse = verdict(*flat, type_="BN", statistic=Statistic.INVERSE_DEVIATION)
    assert certain(inverse) == "YJX-inv-std"


@pytest.mark.parametrize(
    ("blobs", "type_", "reason"),
    [
        pytest.param((), "BatchNorm", "it has no blobs", id="none"),
        pytest.param((column(),) * 2, "BatchNorm", "no statistics", id="two"),
        pytest.param((column(),) * 3, "BatchNorm", r"3 blobs \(4, 4, 4\)", id="sizes of three"),
        pytest.param((column(),) * 4, "BatchNorm", "4 blobs", id="sizes of four"),
        pytest.param((column(),) * 5, "BatchNorm", "5 blobs", id="sizes of five"),
        pytest.param((column(),) * 6, "BatchNorm", "6 blobs", id="six"),
        pytest.param((column(), one(1)), "BN", "2 blobs", id="sizes of BN"),
        pytest.param((column(),) * 3 + (one(1),), "BN", "4 blobs", id="sizes of four BN"),
        pytest.param((column(),) * 3, "BN", "3 blobs", id="three of BN"),
        pytest.param((column(),) * 2, "Scale", "'Scale' is no BatchNorm", id="another type"),
    ],
)
def test_what_is_no_batchnorm(blobs: tuple[Array, ...], type_: str, reason: str) -> None:
    found = verdict(*blobs, type_=type_)
    assert (names(found), found.certain) == ([], False)
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(found.reason)


def test_what_the_user_says_must_fit() -> None:
    found = verdict(column(), column(), one(9), source="nvidia-0.15")
    assert names(found) == []
    assert found.reason == "3 blobs (4, 4, 1) fit no BatchNorm that nvidia-0.15 writes"
    with pytest.raises(KeyError):
        verdict(column(), column(), one(9), source="torch")


def test_every_layout_has_a_source() -> None:
    named = {name for groups in SOURCES.values() for group in groups for name in group}
    # Of the sums that the oldest releases kept nothing tells, but the user with --bn-stat.
    assert named == LAYOUTS.keys() - {"B3-second-moment"}


def blob(*values: float) -> bytes:
    """A BlobProto field with a shape."""
    shape = length_delimited(7, length_delimited(1, bytes([len(values)])))
    data = np.array(values, "<f4").tobytes()
    return length_delimited(7, length_delimited(5, data) + shape)


def layer(name: str, type_: str, *fields: bytes, bottom: str = "a", top: str = "a") -> bytes:
    """A LayerParameter field of a net."""
    text = (length_delimited(n, s.encode()) for n, s in ((1, name), (2, type_), (3, bottom)))
    return length_delimited(100, b"".join((*text, length_delimited(4, top.encode()), *fields)))


def facts(data: bytes, position: int = 0) -> LayerFacts:
    """The facts of one layer of a file."""
    index = index_model("net", data)
    scale = stored_scales(data, index).get(position)
    return facts_of(data, index, index.layers[position], file_marks(index), scale)


def test_facts_of_a_layer() -> None:
    norm = varint_field(1, 1) + float_field(2, 0.5) + float_field(3, 0.25) + varint_field(15, 2)
    data = layer(
        "bn",
        "BatchNorm",
        length_delimited(6, float_field(3, 0) + length_delimited(1, b"shared")),
        length_delimited(6, float_field(4, 0.5)),
        blob(1, 2),
        length_delimited(139, norm),
        length_delimited(139, float_field(3, 0.125) + varint_field(7, 1)),
    )
    found = facts(data + layer("bn_scale", "Scale"))
    assert found.norm == NormParam(True, 0.5, 0.125, True, "CUDNN")
    assert found.params == (ParamFacts(0, None, "shared"), ParamFacts(None, 0.5, ""))
    assert [values.tolist() for values in found.blobs] == [[1, 2]]
    assert (found.scale, found.raw_data, found.fraction) == ("bn_scale", False, 0.5)
    assert facts(layer("bn", "BatchNorm")).fraction == 0.999


@pytest.mark.parametrize(
    ("later", "scale"),
    [
        pytest.param(layer("s", "Scale"), "s", id="in place"),
        pytest.param(layer("r", "ReLU") + layer("s", "Scale"), None, id="read before"),
        pytest.param(
            layer("o", "ReLU", bottom="b", top="b") + layer("s", "Scale"), "s", id="unrelated"
        ),
        pytest.param(layer("s", "Scale", length_delimited(3, b"b")), None, id="two bottoms"),
        pytest.param(
            layer("s", "Scale", top="b") + layer("e", "Eltwise", top="e"), None, id="read again"
        ),
        pytest.param(layer("s", "Scale", top="b") + layer("t", "Scale"), None, id="two Scales"),
        pytest.param(
            layer("s", "Scale", top="b")
            + layer("o", "ReLU", bottom="c", top="c")
            + layer("r", "ReLU", top="r"),
            None,
            id="read again, later",
        ),
        pytest.param(layer("s", "Scale") + layer("r", "ReLU"), "s", id="read after"),
        pytest.param(
            layer("s", "Scale", length_delimited(142, varint_field(2, 2))), None, id="num_axes"
        ),
        pytest.param(
            layer("s", "Scale", length_delimited(142, varint_field(1, 2))), None, id="axis"
        ),
        pytest.param(
            layer("s", "Scale", length_delimited(142, varint_field(1, 1))), "s", id="axis 1"
        ),
        pytest.param(layer("s", "Scale", float_field(5, 1)), None, id="loss_weight"),
        pytest.param(layer("s", "Scale", varint_field(11, 0)), None, id="propagate_down"),
        pytest.param(b"", None, id="nothing"),
    ],
)
def test_the_scale_that_belongs_to_a_layer(later: bytes, scale: str | None) -> None:
    assert facts(layer("bn", "BatchNorm") + later).scale == scale


def test_numbers_that_mean_something_else_elsewhere_are_told_by_their_wire_type() -> None:
    nvidia = length_delimited(5, b"") + length_delimited(6, b"")
    intel = varint_field(5, 1) + varint_field(6, 0) + length_delimited(7, b"")
    for param, mark in ((nvidia, False), (intel, True)):
        found = facts(layer("bn", "BatchNorm", length_delimited(139, param)))
        assert (found.norm.is_intels, found.norm.scale_bias) == (mark, None)
    bvlc = layer("rnn", "RNN", length_delimited(145, b""), length_delimited(146, b""))
    assert file_marks(index_model("net", bvlc)) == FileMarks()
    typed = layer("conv", "Convolution", varint_field(145, 1))
    assert file_marks(index_model("net", bvlc + typed)) == FileMarks(type_fields="conv")
    engine = layer("conv", "Convolution", length_delimited(149, b"MKLDNN"))
    assert file_marks(index_model("net", engine)).intel == "conv"
    raw = layer("conv", "Convolution", length_delimited(7, length_delimited(12, b"")))
    assert file_marks(index_model("net", raw)).nvidia == "layer 'conv' has its values in raw_data"


def test_parameters_of_the_forks_with_type_bn() -> None:
    seg = layer("bn", "BN", length_delimited(45, varint_field(3, 1)))
    assert facts(seg).bn_mode == 1
    yjx = layer("bn", "BN", length_delimited(137, float_field(3, 0.5) + float_field(4, 0.25)))
    assert facts(yjx).norm == NormParam(fraction=0.5, eps=0.25)
    older = varint_field(3, 1) + float_field(4, 0.5) + float_field(5, 0.25)
    assert facts(layer("bn", "BN", length_delimited(137, older))).norm.eps == 0.25
    assert facts(layer("bn", "BN")).norm == NormParam(fraction=0.9)


def test_damage_is_located() -> None:
    broken = layer("bn", "BatchNorm", length_delimited(7, length_delimited(5, b"12345678")))
    with pytest.raises(InputError, match=r"layer 0 'bn', blob 0\): the shape") as caught:
        facts(broken + layer("next", "ReLU"))
    assert str(caught.value).startswith("net: byte ")
    spread = layer("bn", "BN", length_delimited(137, b"\x12\x09"))
    with pytest.raises(InputError, match=r"\(layer 0 'bn'\): field 2 needs 9 bytes more"):
        facts(spread)
