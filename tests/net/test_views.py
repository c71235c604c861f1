"""A net's states, views and blob versions are those Caffe would build."""

from __future__ import annotations

import gc
import weakref

import pytest

from protolint.caffe.build import Build
from protolint.caffe.registry import DIALECTS
from protolint.edit import apply_edits
from protolint.layers.layer import Layer
from protolint.layers.states import NetState
from protolint.names import Names
from protolint.net.learning import gradients, learners
from protolint.net.memory import memory
from protolint.net.net import Net
from protolint.net.parameters import parameters
from protolint.net.rename import rename_top
from protolint.net.shapes import shapes
from protolint.source import Source
from protolint.workspace.reading import Readings


def net(text: str, dialect: str = "bvlc") -> Net:
    (found,) = Readings.of(Source("x", text.encode())).read(DIALECTS[dialect]).nets
    return found


def layer(name: str, type: str, bottoms: str = "", tops: str = "", more: str = "") -> str:
    blobs = [f'bottom: "{b}"' for b in bottoms.split()] + [f'top: "{t}"' for t in tops.split()]
    return f'layer {{ name: "{name}" type: "{type}" {" ".join(blobs)} {more} }}\n'


DATA = layer("d", "Data", "", "data label")
TRAIN_ONLY, TEST_ONLY = "include { phase: TRAIN }", "include { phase: TEST }"


def states(found: Net) -> list[str]:
    return [str(state) for state in found.states]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(DATA + layer("r", "ReLU", "data", "r"), ["TRAIN", "TEST"], id="data"),
        pytest.param(layer("d", "Data", "", "data", TRAIN_ONLY), ["TRAIN"], id="train data only"),
        pytest.param(layer("d", "ImageData", "", "x", TEST_ONLY), ["TEST"], id="test data only"),
        pytest.param('input: "x" input_dim: [1, 3, 8, 8]\n', ["TEST"], id="deploy by input"),
        pytest.param(layer("i", "Input", "", "x"), ["TEST"], id="deploy by Input layer"),
        pytest.param(
            layer("i", "Input", "", "x y") + layer("l", "EuclideanLoss", "x y", "l"),
            ["TRAIN", "TEST"],
            id="inputs and a loss",
        ),
        pytest.param(layer("r", "ReLU", "x", "y"), ["TRAIN", "TEST"], id="a fragment"),
        pytest.param(
            DATA + layer("a", "Accuracy", "data label", "a", 'include { stage: "val" }'),
            ["TRAIN (train)", "TEST (val)", "TEST (deploy)"],
            id="DIGITS stages",
        ),
        pytest.param(
            layer("d", "Data", "", "x", TRAIN_ONLY)
            + layer("e", "Data", "", "x", 'include { phase: TEST stage: "on-test" }')
            + layer("f", "Data", "", "x", 'include { phase: TEST stage: "on-train" }'),
            ["TRAIN", "TEST (on-test)", "TEST (on-train)"],
            id="other stages",
        ),
    ],
)
def test_states(text: str, expected: list[str]) -> None:
    assert states(net(text)) == expected


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ("", "TRAIN TEST val low"),
        ("include { }", "TRAIN TEST val low"),
        ("include { phase: TRAIN }", "TRAIN"),
        ("exclude { phase: TRAIN }", "TEST val low"),
        ('include { stage: "val" }', "val"),
        ('include { not_stage: "val" }', "TRAIN TEST low"),
        ('include { phase: TEST stage: "val" } include { phase: TRAIN }', "TRAIN val"),
        ("include { max_level: -1 }", "low"),
        ("exclude { min_level: 0 }", "low"),
    ],
)
def test_rules_keep_what_caffe_keeps(rule: str, kept: str) -> None:
    candidates = {
        "TRAIN": NetState("TRAIN"),
        "TEST": NetState("TEST"),
        "val": NetState("TEST", frozenset({"val"})),
        "low": NetState("TEST", level=-1),
    }
    (found,) = net(layer("r", "ReLU", "x", "x", rule)).layers
    assert " ".join(n for n, state in candidates.items() if found.is_kept(state)) == kept


def by_name(found: Net, name: str) -> Layer:
    return next(layer for layer in found.layers if layer.name == name)


def names(layers: list[Layer]) -> list[str]:
    return [layer.name for layer in layers]


def test_an_in_place_layer_begins_a_new_version() -> None:
    found = net(
        DATA
        + layer("c", "Convolution", "data", "c")
        + layer("before", "Pooling", "c", "p")
        + layer("bn", "BatchNorm", "c", "c")
        + layer("s", "Scale", "c", "c")
        + layer("after", "Pooling", "c", "q")
    )
    (view, _) = found.views
    assert names(view.readers(by_name(found, "c"))) == ["before", "bn"]
    assert names(view.readers(by_name(found, "bn"))) == ["s"]
    assert names(view.readers(by_name(found, "s"))) == ["after"]
    assert view.clashes == []


def test_in_place_needs_the_same_index() -> None:
    found = net(layer("i", "Input", "", "a b") + layer("x", "Eltwise", "a b", "b"))
    (view,) = found.views
    (clash,) = view.clashes
    assert (clash[0].name, clash[2].name) == ("x", "b")


def test_versions_differ_by_phase() -> None:
    found = net(
        DATA
        + layer("bn", "BatchNorm", "data", "data", TRAIN_ONLY)
        + layer("r", "ReLU", "data", "r")
    )
    train, test = found.views
    r = by_name(found, "r")
    versions = [view.bottoms[r.index][0] for view in (train, test)]
    assert [v and v.producer and v.producer.name for v in versions] == ["bn", "d"]


def test_the_layers_own_phase_wins_over_the_nets() -> None:
    found = net(DATA + layer("bn", "BatchNorm", "data", "data", "phase: TEST"))
    assert not found.is_active(by_name(found, "bn"), "TRAIN")


def test_v1_layers_are_seen_as_current() -> None:
    found = net('layers { name: "c" type: SOFTMAX_LOSS bottom: "x" blobs_lr: 1 }')
    (only,) = found.layers
    assert (only.type, only.generation, only.params) == ("SoftmaxWithLoss", 1, [])


def test_v0_layers_are_seen_as_current_and_padding_is_merged() -> None:
    found = net(
        'input: "x" input_dim: [1, 3, 8, 8]\n'
        'layers { layer { name: "p" type: "padding" pad: 1 } bottom: "x" top: "p" }\n'
        'layers { layer { name: "c" type: "conv" } bottom: "p" top: "c" }\n'
    )
    assert [(x.name, x.type, [b.name for b in x.bottoms]) for x in found.layers] == [
        ("c", "Convolution", ["x"])
    ]
    assert None not in found.views[0].bottoms[0]


@pytest.mark.parametrize(("dialect", "kept"), [("bvlc", []), ("nvidia-0.14", ["x"])])
def test_inputs_without_a_shape_are_dropped_by_caffes_that_upgrade_them(
    dialect: str, kept: list[str]
) -> None:
    assert net('input: "x"', dialect).inputs == kept


@pytest.mark.parametrize(
    ("dialect", "param", "engine", "affine", "blobs"),
    [
        ("bvlc", "", "CAFFE", False, 3),
        ("nvidia-0.14", "", "CUDNN", True, 5),
        ("nvidia-0.14", "engine: CAFFE", "CAFFE", False, 3),
        ("nvidia-0.15", "engine: DEFAULT", "CUDNN", True, 5),
        ("nvidia-0.15", "engine: CAFFE", "CAFFE", True, 5),
        ("nvidia-0.16", "", "CUDNN", False, 3),
        ("nvidia-0.17", "scale_bias: true", "CUDNN", True, 5),
        ("nvidia-0.17", "bias_filler { }", "CUDNN", True, 5),
        ("nvidia-0.17", "scale_bias: false scale_filler { }", "CUDNN", True, 5),
    ],
)
def test_batchnorm_traits(dialect: str, param: str, engine: str, affine: bool, blobs: int) -> None:
    found = net(layer("bn", "BatchNorm", "x", "x", f"batch_norm_param {{ {param} }}"), dialect)
    traits = found.traits(found.layers[0])
    assert (traits.engine, traits.affine, len(traits.blobs)) == (engine, affine, blobs)


def test_without_cudnn_the_default_engine_is_caffe() -> None:
    source = Source("x", layer("bn", "BatchNorm", "x", "x").encode())
    readings = Readings.of(source, Build(cudnn=False))
    (found,) = readings.read(DIALECTS["nvidia-0.15"]).nets
    assert found.traits(found.layers[0]).engine == "CAFFE"


def renamed(text: str, name: str) -> str | None:
    found = net(text)
    target = by_name(found, name)
    edits = rename_top(found, target, 0, Names(found.blob_names).free(name))
    return None if edits is None else apply_edits(text.encode(), edits).decode()


def test_renaming_follows_in_place_readers_and_stops_at_the_next_writer() -> None:
    text = (
        DATA
        + layer("bn", "BatchNorm", "data", "data")
        + layer("r", "ReLU", "data", "data")
        + layer("e", "Eltwise", "data data", "e")
        + layer("d2", "Data", "", "data", TEST_ONLY)
    )
    result = renamed(text, "bn")
    assert result is not None
    assert result.count('"bn"') == 6
    assert '"Data" top: "data" include' in result


def test_renaming_is_refused_where_another_phase_feeds_a_reader_from_elsewhere() -> None:
    text = (
        DATA
        + layer("bn", "BatchNorm", "data", "data", TRAIN_ONLY)
        + layer("r", "ReLU", "data", "r")
    )
    assert renamed(text, "bn") is None


def test_a_layer_of_the_same_type_in_the_same_state_is_no_twin() -> None:
    text = (
        DATA
        + layer("a", "BatchNorm", "data", "data")
        + layer("r", "ReLU", "data", "data")
        + layer("b", "BatchNorm", "data", "data", TRAIN_ONLY)
        + layer("s", "Pooling", "data", "s")
    )
    assert renamed(text, "b") is None


def test_long_in_place_chains_are_followed() -> None:
    text = DATA + "".join(layer(f"l{i}", "Power", "data", "data") for i in range(1500))
    result = renamed(text, "l0")
    assert result is not None
    assert result.count('"data"') == 2


def test_a_net_keeps_what_some_view_keeps() -> None:
    stage = 'include { stage: "nowhere" not_stage: "nowhere" }'
    found = net(
        DATA + layer("a", "ReLU", "data", "a", TEST_ONLY) + layer("b", "ReLU", "data", "b", stage)
    )
    assert [found.keeps(one) for one in found.layers] == [True, True, False]


def test_a_bottom_that_is_missing_or_is_not_there_is_none() -> None:
    found = net(DATA + layer("e", "Eltwise", "data nothing", "e"))
    view, eltwise = found.views[0], by_name(found, "e")
    assert view.bottom(eltwise) is view.tops[0][0]
    assert view.bottom(eltwise, 1) is view.bottom(eltwise, 2) is None
    other = net(DATA + layer("t", "ReLU", "data", "t", TEST_ONLY))
    assert other.views[0].bottom(by_name(other, "t")) is None


def test_facts_are_found_once_and_keep_nothing_alive() -> None:
    found = net(DATA + layer("c", "Convolution", "data", "c") + layer("r", "ReLU", "c", "c"))
    view = found.views[0]
    for ask in (shapes, parameters, learners, gradients, memory):
        assert ask(found, view) is ask(found, view)
    known, gone = shapes(found, view), weakref.ref(view)
    assert len(known) == 4
    gc.collect()
    gc.disable()
    try:
        del found, view
        assert gone() is None
    finally:
        gc.enable()


def test_items_of_a_list_have_no_name_of_their_own() -> None:
    text = 'layer { name: "c" bottom: ["a", "b"] top: "t" param [{ }, { }] include { } }\n'
    (one,) = net(text).layers
    assert [blob.node.in_list for blob in (*one.bottoms, *one.tops)] == [True, True, False]
    blocks = [*one.message.nodes_of("param"), *one.message.nodes_of("include")]
    assert [block.in_list for block in blocks] == [True, True, False]
