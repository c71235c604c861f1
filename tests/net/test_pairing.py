"""Which Scale is a BatchNorm's gamma and beta: one answer for nets, weights and reports."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format

from protolint.batchnorm.in_net import LayerInNet, layers_in_net
from protolint.batchnorm.reading import read_weights
from protolint.caffe.descriptors import load_schema
from protolint.caffe.registry import DIALECTS
from protolint.layers.shape import UNKNOWN
from protolint.net.net import Net
from protolint.net.pairing import pair_of, pairings, scale_reading, scales_in, sharing
from protolint.source import Source
from protolint.workspace.reading import Readings

_INPUT = 'input: "x" input_shape { dim: [1, 2, 4, 4] }\n'
_STATISTICS = (
    "blobs { shape { dim: 2 } data: [0, 0] } blobs { shape { dim: 2 } data: [1, 1] }"
    " blobs { shape { dim: 1 } data: 1 }"
)
_GAMMA = "blobs { shape { dim: 2 } data: [7, 7] } blobs { shape { dim: 2 } data: [0, 0] }"


def net(text: str) -> Net:
    (found,) = Readings.of(Source("x", text.encode())).read(DIALECTS["bvlc"]).nets
    return found


def layer(name: str, type: str, bottoms: str, top: str, more: str = "") -> str:
    blobs = " ".join(f'bottom: "{bottom}"' for bottom in bottoms.split())
    return f'layer {{ name: "{name}" type: "{type}" {blobs} top: "{top}" {more} }}\n'


def scale(more: str = "", bottoms: str = "n", top: str = "s") -> str:
    return layer("s", "Scale", bottoms, top, more)


def stored(text: str, folder: Path) -> list[str | None]:
    """The Scale that each BatchNorm of a weight file has, by the file alone."""
    path = folder / "net.caffemodel"
    message = load_schema("bvlc").message_class("NetParameter")()
    text_format.Parse(text, message)
    path.write_bytes(message.SerializeToString())
    return [norm.facts.scale for norm in read_weights(str(path)).norms]


CASES = [
    pytest.param(scale(), "", id="a copy"),
    pytest.param(scale(top="n"), "", id="in place"),
    pytest.param(scale(top="n") + layer("r", "ReLU", "n", "r"), "", id="read after it"),
    pytest.param(
        scale() + layer("e", "Eltwise", "n s", "e"), "'e' reads 'n' as well", id="another reader"
    ),
    pytest.param(
        layer("p", "Pooling", "n", "p") + scale(top="n"), "'p' reads 'n' as well", id="one before"
    ),
    pytest.param(
        scale(bottoms="n x"), "it takes its factors from a second bottom", id="two bottoms"
    ),
    pytest.param(
        scale(bottoms="n n"), "it takes its factors from a second bottom", id="the same twice"
    ),
    pytest.param(scale("scale_param { axis: 1 }"), "", id="axis 1"),
    pytest.param(scale("scale_param { axis: 2 }"), "its axis is 2", id="axis 2"),
    pytest.param(scale("scale_param { num_axes: 2 }"), "its num_axes is 2", id="num_axes"),
    pytest.param(scale("scale_param { num_axes: -1 }"), "its num_axes is -1", id="all axes"),
    pytest.param(scale("scale_param { bias_term: false }"), "", id="no bias"),
    pytest.param(scale("loss_weight: 1"), "'s' has a loss_weight", id="loss_weight"),
    pytest.param(scale("propagate_down: true"), "'s' has a propagate_down", id="propagate_down"),
]


@pytest.mark.parametrize(("behind", "reason"), CASES)
def test_a_net_a_weight_file_and_show_give_one_answer(
    behind: str, reason: str, tmp_path: Path
) -> None:
    text = _INPUT + layer("bn", "BatchNorm", "x", "n") + behind
    found = net(text)
    pairing = pairings(found)["bn"]
    assert (pairing.reason, pairing.is_one) == (reason, not reason)
    (view,) = found.views
    assert [one.name for one in scales_in(found, view).values()] == ["s"] * (not reason)

    written = layer("bn", "BatchNorm", "x", "n", _STATISTICS) + behind
    written = written.replace('type: "Scale"', f'type: "Scale" {_GAMMA}')
    message = load_schema("bvlc").message_class("NetParameter")()
    text_format.Parse(written, message)
    path = tmp_path / "net.caffemodel"
    path.write_bytes(message.SerializeToString())
    asked: tuple[dict[str, LayerInNet], ...] = ({}, layers_in_net(found))
    for in_net in asked:
        (norm,) = read_weights(str(path), in_net).norms
        assert norm.facts.scale == (None if reason else "s")
        assert norm.folded.scale.tolist() == ([1, 1] if reason else [7, 7])


def test_an_axis_may_count_from_the_end() -> None:
    for axis, reason in ((-3, ""), (-2, "its axis is -2")):
        text = (
            _INPUT + layer("bn", "BatchNorm", "x", "n") + scale(f"scale_param {{ axis: {axis} }}")
        )
        assert pairings(net(text))["bn"].reason == reason


def test_an_axis_is_unknown_where_the_shape_is() -> None:
    bn = layer("bn", "BatchNorm", "x", "n")
    found = net(bn + scale("scale_param { axis: -3 }"))
    assert pairings(found)["bn"].reason == "its axis is -3"


def test_a_scale_with_two_tops_is_none(tmp_path: Path) -> None:
    behind = scale('top: "t"')
    found = net(_INPUT + layer("bn", "BatchNorm", "x", "n") + behind)
    assert pairings(found)["bn"] == ((), "", "")
    assert stored(layer("bn", "BatchNorm", "x", "n", _STATISTICS) + behind, tmp_path) == [None]


def test_a_stored_batchnorm_without_a_top_has_no_scale(tmp_path: Path) -> None:
    bn = f'layer {{ name: "bn" type: "BatchNorm" bottom: "x" {_STATISTICS} }}\n'
    assert stored(bn + scale(), tmp_path) == [None]


def test_variants_are_one_layer_in_every_state() -> None:
    data = 'layer { name: "d" type: "Data" top: "x" top: "label" }\n'
    bn = layer("bn", "BatchNorm", "x", "n")
    train, test = "include { phase: TRAIN }", "include { phase: TEST }"
    other = scale(test).replace('"s"', '"other"', 1)
    of_train = layer("bn", "BatchNorm", "x", "n", train)
    both = of_train + layer("bn", "BatchNorm", "x", "n", test)
    instead = layer("r", "ReLU", "x", "n", test)
    for text, reason in (
        (both + scale(train) + scale(test), ""),
        (both + scale(train) + other, "it is not the same layer in every state"),
        (of_train + instead + scale(), "it is not active in the same states as 'bn'"),
    ):
        assert pairings(net(data + text))["bn"].reason == reason, text
    found = pairings(net(data + bn + scale(train) + scale(test)))["bn"]
    assert found.reason == "it has variants for states that the BatchNorm has not"


def test_blobs_shared_with_another_layer_are_a_reason_for_who_moves_blobs() -> None:
    named = "param { name: 'w' }"
    text = _INPUT + layer("bn", "BatchNorm", "x", "n") + scale(named)
    twin = layer("other", "Scale", "x", "o", named)
    for more, shared in (("", ""), (twin, "w"), (twin.replace('"other"', '"s"'), "")):
        found = net(text + more)
        (view,) = found.views
        pairing = pair_of(found.batchnorms, found.views_of, lambda *_: UNKNOWN, sharing(found))
        assert (pairing.shared, pairing.is_one) == (shared, not shared)
        assert shared == "" or pairing.reason == "'w' is shared with another layer"
        assert [one.name for one in scales_in(found, view).values()] == ["s"]


def test_a_net_counts_by_the_layer_that_runs_in_test() -> None:
    data = 'layer { name: "d" type: "Data" top: "x" top: "label" }\n'
    variants = []
    for phase, eps in (("TRAIN", 0.5), ("TEST", 0.25)):
        more = f"include {{ phase: {phase} }} batch_norm_param {{ eps: {eps} }}"
        variants.append(layer("bn", "BatchNorm", "x", "n", more))
    for text in (data + "".join(variants), data + "".join(reversed(variants))):
        found = layers_in_net(net(text))
        assert found["bn"].norm.eps == 0.25
        assert found["d"] == LayerInNet("Data")


def test_a_scale_of_one_phase_is_not_that_of_both() -> None:
    data = 'layer { name: "d" type: "Data" top: "x" top: "label" }\n'
    bn = layer("bn", "BatchNorm", "x", "n")
    found = net(data + bn + scale("include { phase: TEST }"))
    assert pairings(found)["bn"].reason == "it is not active in the same states as 'bn'"
    assert layers_in_net(found)["bn"].scale is None
    both = scale("include { phase: TEST }") + scale("include { phase: TRAIN }")
    twice = layer("bn", "BatchNorm", "x", "n", "include { phase: TEST }")
    twice += layer("bn", "BatchNorm", "x", "n", "include { phase: TRAIN }")
    assert pairings(net(data + twice + both))["bn"].is_one
    assert not pairings(net(data + bn + both))["bn"].is_one


def test_the_net_counts_more_than_the_file(tmp_path: Path) -> None:
    written = layer("bn", "BatchNorm", "x", "n", _STATISTICS)
    written += layer("s", "Scale", "n", "s", _GAMMA)
    message = load_schema("bvlc").message_class("NetParameter")()
    text_format.Parse(written, message)
    path = tmp_path / "net.caffemodel"
    path.write_bytes(message.SerializeToString())
    alone = net(_INPUT + layer("bn", "BatchNorm", "x", "n"))
    (norm,) = read_weights(str(path), layers_in_net(alone)).norms
    assert (norm.facts.scale, norm.scale_blobs) == (None, ())


def test_the_weaker_question_takes_the_first_scale_with_one_bottom() -> None:
    behind = layer("p", "Pooling", "n", "p") + scale()
    found = net(_INPUT + layer("bn", "BatchNorm", "x", "n") + behind)
    reading = scale_reading(found.views[0], found.batchnorms[0])
    assert reading is not None
    assert reading.name == "s"
    two = net(_INPUT + layer("bn", "BatchNorm", "x", "n") + scale(bottoms="n x"))
    assert scale_reading(two.views[0], two.batchnorms[0]) is None
