"""What becomes of each BatchNorm, from every dialect to every other, and why."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.conversion.decide.plan import Action, PlanOptions, Step, plan_net, plan_nets
from protolint.errors import UsageError
from protolint.workspace.reading import LintFile

LOSS = 'layer { name: "l" type: "EuclideanLoss" bottom: "c" bottom: "c" top: "l" }\n'
DATA = 'layer { name: "d" type: "Data" top: "data" top: "label" }\n'
INPUT = 'input: "data" input_shape { dim: [1, 3, 8, 8] }\n'
CONV = (
    'layer { name: "c" type: "Convolution" bottom: "data" top: "c"'
    " convolution_param { num_output: 4 kernel_size: 1 bias_term: false } }\n"
)
ONES = "scale_filler { value: 1 } bias_filler { value: 0 }"
TAIL = 'layer { name: "e" type: "ReLU" bottom: "%s" top: "%s" }\n'
FREE = " ".join(["param { }"] * 2 + ["param { lr_mult: 0 decay_mult: 0 }"] * 2)


def bn(fields: str = "", more: str = "", *, bottom: str = "c", top: str = "c") -> str:
    param = f"batch_norm_param {{ {fields} }}" if fields else ""
    blobs = f'bottom: "{bottom}" top: "{top}"'
    return f'layer {{ name: "n" type: "BatchNorm" {blobs} {more} {param} }}\n'


def scale(
    fields: str = "bias_term: true", more: str = "", *, bottom: str = "c", top: str = "c",
    name: str = "s",
) -> str:  # fmt: skip
    blobs = f'bottom: "{bottom}" top: "{top}"'
    return f'layer {{ name: "{name}" type: "Scale" {blobs} {more} scale_param {{ {fields} }} }}\n'


def relu(blob: str = "c") -> str:
    return TAIL % (blob, blob)


PAIR = INPUT + CONV + bn() + scale() + relu()
ALONE = INPUT + CONV + bn() + relu()
OWN_15 = INPUT + CONV + bn(ONES) + relu()
OWN_17 = INPUT + CONV + bn("scale_bias: true") + relu()
BOTH_15 = INPUT + CONV + bn(ONES) + scale() + relu()
BOTH_17 = INPUT + CONV + bn("scale_bias: true") + scale() + relu()

N = "nvidia-0."
CASES = [
    # From sums and a Scale layer.
    ("bvlc", PAIR, {"14": "merge", "15": "merge", "16": "merge", "17": "merge"}),
    ("bvlc", ALONE, {"14": "identity", "15": "identity", "16": "keep", "17": "keep"}),
    # NVIDIA 0.14 has both kinds.
    (N + "14", OWN_15, {"bvlc": "split", "15": "keep", "16": "keep", "17": "keep"}),
    (N + "14", INPUT + CONV + bn("engine: CAFFE") + relu(),
     {"bvlc": "keep", "15": "identity", "16": "keep", "17": "keep"}),
    # Gamma and beta inside.
    (N + "15", OWN_15, {"bvlc": "split", "14": "keep", "16": "keep", "17": "keep"}),
    (N + "16", OWN_17, {"bvlc": "split", "14": "keep", "15": "keep", "17": "keep"}),
    (N + "17", OWN_17, {"bvlc": "split", "14": "keep", "15": "keep", "16": "keep"}),
    # Without gamma and beta inside, where that is a choice.
    (N + "16", PAIR, {"bvlc": "keep", "14": "merge", "15": "merge", "17": "keep"}),
    (N + "17", ALONE, {"bvlc": "keep", "14": "identity", "15": "identity", "16": "keep"}),
    # Twice.
    (N + "15", BOTH_15, {"bvlc": "fold", "14": "merge", "16": "keep", "17": "keep"}),
    (N + "17", BOTH_17, {"bvlc": "fold", "14": "merge", "15": "keep", "16": "keep"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "text", "target", "action"),
    [
        pytest.param(source, text, t if t == "bvlc" else N + t, action, id=f"{i}-{source}-{t}")
        for i, (source, text, wanted) in enumerate(CASES)
        for t, action in wanted.items()
    ],
)
def test_the_action_of_every_pair(
    source: str, text: str, target: str, action: str, tools: SimpleNamespace
) -> None:
    plan = tools.plan(tools.read(text, source), target)
    # 0.14 merges or drops its Scale layers; nothing here is refused.
    assert [str(refusal) for refusal in plan.refusals] == []
    assert [step.action for step in plan.steps] == [Action(action)]


@pytest.mark.parametrize("engine", ["CAFFE", "CUDNN"])
@pytest.mark.parametrize("target", [N + "14", N + "15"])
def test_the_engine_decides_the_blobs(target: str, engine: str, tools: SimpleNamespace) -> None:
    plan = tools.plan(tools.read(ALONE, "bvlc"), target, engine=engine)
    (step,) = plan.steps
    layouts = {
        (N + "14", "CAFFE"): "B3", (N + "14", "CUDNN"): "N14C",
        (N + "15", "CAFFE"): "N15A", (N + "15", "CUDNN"): "N15C",
    }  # fmt: skip
    assert (step.target.layout, step.target.engine) == (layouts[target, engine], engine)
    # DEFAULT is cuDNN, so that nothing need be written for it.
    assert step.engine == ("CAFFE" if engine == "CAFFE" else "")


def test_without_cudnn_the_default_engine_is_the_other(tools: SimpleNamespace) -> None:
    plan = tools.plan(tools.read(ALONE, "bvlc", cudnn=False), N + "15")
    assert plan.steps[0].target.layout == "N15A"
    plan = tools.plan(tools.read(ALONE, "bvlc", cudnn=False), N + "15", engine="CUDNN")
    assert (plan.steps[0].target.layout, plan.steps[0].engine) == ("N15C", "CUDNN")


def test_another_engine_of_one_dialect_is_a_conversion(tools: SimpleNamespace) -> None:
    plan = tools.plan(tools.read(OWN_15, N + "15"), N + "15", engine="CAFFE")
    (step,) = plan.steps
    assert (step.source.layout, step.target.layout, step.action) == ("N15C", "N15A", Action.KEEP)
    assert step.memory is not None
    assert step.memory.engine == "DEFAULT"


def test_an_engine_that_the_target_does_not_have_is_an_error(tools: SimpleNamespace) -> None:
    net = tools.read(ALONE, "bvlc").nets[0]
    with pytest.raises(UsageError, match="bvlc has no engine 'CUDNN'; known: CAFFE"):
        plan_net(net, DIALECTS["bvlc"], PlanOptions(engine="CUDNN"))


SEVERAL = 'layer { name: "c2" type: "Pooling" bottom: "%s" top: "p" }\n'
CV002 = [
    pytest.param(scale("axis: 0 bias_term: true"), "its axis is 0", id="axis"),
    pytest.param(scale("num_axes: -1"), "its num_axes is -1", id="num_axes"),
    pytest.param(scale(""), "it has no bias, which nvidia-0.17 would train", id="bias"),
    pytest.param(
        scale(more="param { } param { lr_mult: 2 decay_mult: 0 }"),
        "its lr_mult and decay_mult, 2 and 0, would be 1 in nvidia-0.17",
        id="multipliers",
    ),
    pytest.param(scale(more="loss_weight: 1"), "'s' has a loss_weight", id="loss"),
    pytest.param(scale(more="propagate_down: false"), "'s' has a propagate_down", id="stop"),
]


@pytest.mark.parametrize(("behind", "reason"), CV002)
def test_a_scale_layer_that_is_more_than_gamma_and_beta_stays(
    behind: str, reason: str, tools: SimpleNamespace
) -> None:
    plan = tools.plan(tools.read(INPUT + CONV + bn() + behind + relu(), "bvlc"), N + "17")
    assert plan.steps[0].action is Action.KEEP
    assert [n.message for n in plan.notes if n.code == "CV002"] == [
        f"'s' kept as a layer of its own because {reason}"
    ]


def test_a_negative_axis_is_counted_from_the_end(tools: SimpleNamespace) -> None:
    for axis, action in ((-3, Action.MERGE), (-1, Action.KEEP)):
        text = INPUT + CONV + bn() + scale(f"axis: {axis} bias_term: true") + relu()
        assert tools.plan(tools.read(text, "bvlc"), N + "17").steps[0].action is action


READERS = [
    pytest.param(
        bn(top="b") + scale(bottom="b", top="b2") + SEVERAL % "b",
        "'c2' reads 'b' as well",
        id="another reader of a top",
    ),
    pytest.param(
        bn() + scale(top="b2") + SEVERAL % "c",
        "'c2' reads 'c' as well",
        id="another reader of a top in place",
    ),
    pytest.param(
        bn(top="b") + scale(bottom="b", top="b2") + scale(bottom="b", top="b3", name="s2"),
        "'s2' reads 'b' as well",
        id="two Scale layers",
    ),
    pytest.param(
        bn(top="b") + 'layer { name: "s" type: "Scale" bottom: "b" bottom: "c" top: "s"\n'
        "scale_param { axis: 0 } }\n",
        "it takes its factors from a second bottom",
        id="two bottoms",
    ),
]


@pytest.mark.parametrize(("behind", "reason"), READERS)
@pytest.mark.parametrize(("target", "action"), [("15", Action.IDENTITY), ("17", Action.KEEP)])
def test_a_scale_layer_that_does_not_read_alone_stays(
    behind: str, reason: str, target: str, action: Action, tools: SimpleNamespace
) -> None:
    plan = tools.plan(tools.read(INPUT + CONV + behind, "bvlc"), N + target)
    assert plan.steps[0].action is action
    shown = [note.message for note in plan.notes if note.code == "CV002"]
    assert shown == [f"'s' kept as a layer of its own because {reason}"]


def test_a_reader_behind_the_scale_layer_is_no_obstacle(tools: SimpleNamespace) -> None:
    text = INPUT + CONV + bn() + scale() + SEVERAL % "c" + relu()
    assert tools.plan(tools.read(text, "bvlc"), N + "17").steps[0].action is Action.MERGE


def test_a_scale_layer_behind_another_layer_is_not_merged(tools: SimpleNamespace) -> None:
    plan = tools.plan(tools.read(INPUT + CONV + bn() + relu() + scale(), "bvlc"), N + "17")
    assert plan.steps[0].action is Action.KEEP
    assert plan.steps[0].scale is None
    assert not [note for note in plan.notes if note.code == "CV002"]


TRAIN, TEST = "include { phase: TRAIN }", "include { phase: TEST }"


def test_phase_twins_are_one_step(tools: SimpleNamespace) -> None:
    twins = bn("use_global_stats: false", TRAIN) + bn("use_global_stats: true", TEST)
    plan = tools.plan(tools.read(DATA + CONV + twins + scale() + relu(), "bvlc"), N + "17")
    (step,) = plan.steps
    assert step.action is Action.MERGE
    assert [(m.layer, m.scale, m.obeys) for m in step.members] == [(2, 4, False), (3, 4, False)]


def test_twins_of_both_layers_are_merged(tools: SimpleNamespace) -> None:
    text = DATA + CONV + bn(more=TRAIN) + scale(more=TRAIN) + bn(more=TEST) + scale(more=TEST)
    (step,) = tools.plan(tools.read(text, "bvlc"), N + "17").steps
    assert step.action is Action.MERGE
    assert [(m.layer, m.scale) for m in step.members] == [(2, 3), (4, 5)]


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param(bn() + scale(more=TRAIN), id="no Scale layer in TEST"),
        pytest.param(bn(more=TRAIN) + scale(), id="no BatchNorm in TEST"),
        pytest.param(bn() + scale(more=TRAIN) + scale(more=TEST, name="t"), id="two Scale layers"),
        pytest.param(bn() + scale(more=TRAIN) + scale(more=TEST), id="twins behind one"),
    ],
)
def test_layers_that_are_active_apart_are_not_merged(layers: str, tools: SimpleNamespace) -> None:
    plan = tools.plan(tools.read(DATA + CONV + layers + relu(), "bvlc"), N + "17")
    assert plan.steps[0].action is Action.KEEP
    assert [note.code for note in plan.notes][:1] == ["CV002"]


def test_a_layer_for_a_state_the_net_is_not_fed_in_is_converted_too(
    tools: SimpleNamespace,
) -> None:
    data = DATA.replace("top:", f"{TRAIN} top:", 1)
    twins = bn(more=TRAIN) + scale(more=TRAIN) + bn(more=TEST) + scale(more=TEST)
    (step,) = tools.plan(tools.read(data + CONV + twins, "bvlc"), N + "17").steps
    assert step.action is Action.MERGE
    assert len(step.members) == 2


SHARING = 'param { name: "g" } param { name: "b" }'


def test_a_shared_blob_keeps_the_layers_apart(tools: SimpleNamespace) -> None:
    other = bn(bottom="data", top="o").replace('"n"', '"n2"')
    text = (
        INPUT + CONV + bn() + scale(more=SHARING) + other
        + scale(more=SHARING, bottom="o", top="o", name="s2")
    )  # fmt: skip
    plan = tools.plan(tools.read(text, "bvlc"), N + "17")
    assert [step.action for step in plan.steps] == [Action.KEEP, Action.KEEP]
    assert {note.code for note in plan.notes} >= {"CV002", "CV006"}
    # Names that nobody else uses share nothing.
    text = INPUT + CONV + bn() + scale(more=SHARING)
    (step,) = tools.plan(tools.read(text, "bvlc"), N + "17").steps
    assert step.action is Action.MERGE
    assert step.params is not None
    assert [spec.name for spec in step.params] == ["", "", "", "g", "b"]


def test_gamma_and_beta_with_multipliers_leave_a_batchnorm_that_resets_them(
    tools: SimpleNamespace,
) -> None:
    params = "param { lr_mult: 2 } param { decay_mult: 0 } " + "param { lr_mult: 0 } " * 2
    text = DATA + CONV + bn(ONES, params, top="b") + relu("b")
    (step,) = tools.plan(tools.read(text, N + "15"), N + "17").steps
    assert step.action is Action.SPLIT
    assert (step.gamma.after, step.beta.after) == (step.gamma.before, step.beta.before)
    assert step.gamma.after is not None
    assert step.gamma.after.lr_mult == 2
    assert step.scale is not None
    assert (step.scale.name, step.scale.before, step.scale.after) == ("n_scale", None, True)


@pytest.mark.parametrize("channels", [1, 2])
def test_one_channel_keeps_its_scale_layer(channels: int, tools: SimpleNamespace) -> None:
    text = PAIR.replace("num_output: 4", f"num_output: {channels}")
    wanted = Action.KEEP if channels == 1 else Action.MERGE
    assert tools.plan(tools.read(text, "bvlc"), N + "17").steps[0].action is wanted
    text = OWN_15.replace("num_output: 4", f"num_output: {channels}")
    wanted = Action.SPLIT if channels == 1 else Action.KEEP
    assert tools.plan(tools.read(text, N + "15"), N + "17").steps[0].action is wanted


# Eps.


@pytest.mark.parametrize(
    ("source", "eps", "target", "engine", "before", "after"),
    [
        ("bvlc", "", N + "17", None, 1e-5, 1e-5),
        ("bvlc", "eps: 1e-6", N + "17", None, 1e-6, 1e-5),
        ("bvlc", "eps: 1e-3", N + "14", None, 1e-3, 1e-4),
        ("bvlc", "eps: 1e-6", N + "14", "CAFFE", 1e-6, 1e-6),
        ("bvlc", "eps: 1e-6", N + "15", "CAFFE", 1e-6, 1e-6),
        ("bvlc", "eps: 1e-6", N + "15", "CUDNN", 1e-6, 1e-5),
        (N + "17", "eps: 1e-6", "bvlc", None, 1e-5, 1e-5),
        (N + "14", "eps: 1e-3", "bvlc", None, 1e-4, 1e-4),
        (N + "16.1", "", N + "17", None, 1e-4, 1e-4),
        ("bvlc", "", N + "16.1", None, 1e-5, 1e-4),
    ],
)
def test_eps(
    source: str, eps: str, target: str, engine: str | None, before: float, after: float,
    tools: SimpleNamespace,
) -> None:  # fmt: skip
    file = tools.read(INPUT + CONV + bn(eps) + relu(), source)
    plan = tools.plan(file, target, engine=engine)
    (step,) = plan.steps
    assert (step.source.eps, step.target.eps) == pytest.approx((before, after), rel=1e-6)
    assert step.folds_eps == (before != after)
    assert [note.code for note in plan.notes if note.layer].count("CV003") == (before != after)


# Statistics.


@pytest.mark.parametrize("target", [N + "15", N + "16", N + "17"])
def test_a_frozen_batchnorm_becomes_a_scale_layer(target: str, tools: SimpleNamespace) -> None:
    file = tools.read(DATA + CONV + bn("use_global_stats: true") + scale() + relu() + LOSS, "bvlc")
    (step,) = tools.plan(file, target).steps
    assert step.action is Action.FREEZE
    assert step.target.layout == "Scale"
    assert not step.folds_eps
    # The Scale layer behind it stays as it is.
    assert step.members[0].scale is None


def test_a_net_without_a_loss_is_not_trained_and_keeps_its_batchnorm(
    tools: SimpleNamespace,
) -> None:
    """No conversion back makes a BatchNorm of a Scale layer."""
    file = tools.read(DATA + CONV + bn("use_global_stats: true") + scale() + relu(), "bvlc")
    (step,) = tools.plan(file, N + "17").steps
    assert step.action is Action.MERGE


def test_a_frozen_batchnorm_that_learns_gamma_becomes_two_scale_layers(
    tools: SimpleNamespace,
) -> None:
    fields = f"engine: CAFFE use_global_stats: true {ONES}"
    for params, new in ((FREE, True), ("param { lr_mult: 0 } " * 4, False)):
        file = tools.read(DATA + CONV + bn(fields, params) + relu() + LOSS, N + "15")
        (step,) = tools.plan(file, N + "17").steps
        assert step.action is Action.FREEZE
        assert (step.scale is not None and step.scale.before is None) is new


def test_where_it_is_obeyed_use_global_stats_stays(tools: SimpleNamespace) -> None:
    text = DATA + CONV.replace("convolution_param", "param { lr_mult: 0 } convolution_param")
    file = tools.read(text + bn("use_global_stats: true") + relu() + LOSS, "bvlc")
    (step,) = tools.plan(file, N + "14", engine="CAFFE").steps
    assert (step.action, step.members[0].obeys) == (Action.KEEP, True)
    # Nothing above learns, so that the wrong gradient of 0.15 goes nowhere (BN028).
    (step,) = tools.plan(file, N + "15", engine="CAFFE").steps
    assert (step.action, step.members[0].obeys) == (Action.IDENTITY, True)
    (step,) = tools.plan(file, N + "15", engine="CUDNN").steps
    assert step.action is Action.FREEZE


def test_a_setting_that_the_phase_decides_anyway_goes(tools: SimpleNamespace) -> None:
    file = tools.read(INPUT + CONV + bn("use_global_stats: true") + relu(), "bvlc")
    (step,) = tools.plan(file, N + "17").steps
    assert (step.action, step.members[0].obeys) == (Action.KEEP, False)


def test_batch_statistics_at_test_are_refused_until_they_may_go(tools: SimpleNamespace) -> None:
    file = tools.read(INPUT + CONV + bn("use_global_stats: false") + relu(), "bvlc")
    (refusal,) = tools.plan(file, N + "17").refusals
    assert refusal.layer == "n"
    assert "use_global_stats: false in TEST has no counterpart" in refusal.evidence
    assert "--drop-global-stats" in refusal.switch
    plan = tools.plan(file, N + "17", drop_global_stats=True)
    assert not plan.refusals
    assert ("CV004", "n") in {(note.code, note.layer) for note in plan.notes}
    # BVLC's implementation in another Caffe does the same.
    assert not tools.plan(file, N + "14", engine="CAFFE").refusals


def test_what_the_source_ignores_is_not_frozen(tools: SimpleNamespace) -> None:
    file = tools.read(DATA + CONV + bn("use_global_stats: true", top="b") + relu("b"), N + "17")
    (step,) = tools.plan(file, "bvlc").steps
    assert (step.action, step.members[0].obeys) == (Action.KEEP, False)


# Param blocks.


def specs(step: Step) -> list[tuple[float, float]] | None:
    return None if step.params is None else [(p.lr_mult, p.decay_mult) for p in step.params]


@pytest.mark.parametrize(
    ("target", "engine", "wanted"),
    [
        (N + "14", "CAFFE", None),
        (N + "14", "CUDNN", [(2, 0), (1, 1), (0, 0), (0, 0), (0, 0)]),
        (N + "15", "CAFFE", [(2, 0), (1, 1), (0, 0), (0, 0)]),
        (N + "15", "CUDNN", [(2, 0), (1, 1), (0, 0), (0, 0)]),
        (N + "17", None, None),
    ],
)
def test_param_blocks_follow_the_blobs(
    target: str, engine: str | None, wanted: object, tools: SimpleNamespace
) -> None:
    behind = scale(more="param { lr_mult: 2 decay_mult: 0 }") if engine != "CAFFE" else ""
    behind = behind or (scale(more="param { lr_mult: 2 decay_mult: 0 }") if "15" in target else "")
    zeros = "param { lr_mult: 0 } " * 3
    file = tools.read(DATA + CONV + bn(more=zeros) + behind + relu(), "bvlc")
    (step,) = tools.plan(file, target, engine=engine).steps
    assert specs(step) == wanted


def test_blocks_that_a_target_takes_as_they_are_stay(tools: SimpleNamespace) -> None:
    for blocks in ("", "param { lr_mult: 0 } " * 3, "param { } param { } param { }"):
        file = tools.read(DATA + CONV + bn(more=blocks) + relu(), "bvlc")
        (step,) = tools.plan(file, N + "17").steps
        assert step.params is None
    # BVLC wants zeros, or exactly three.
    for count, stays in ((1, False), (2, False), (3, True)):
        file = tools.read(DATA + CONV + bn(more="param { } " * count, top="b"), N + "17")
        (step,) = tools.plan(file, "bvlc").steps
        assert (step.params is None) is stays


def test_statistics_are_frozen_where_nothing_else_does_it(tools: SimpleNamespace) -> None:
    file = tools.read(DATA + CONV + bn() + relu(), "bvlc")
    (step,) = tools.plan(file, N + "14", engine="CAFFE").steps
    assert specs(step) == [(0, 0), (0, 0), (0, 0)]
    # Gamma and beta that were not there stay 1 and 0.
    (step,) = tools.plan(file, N + "15").steps
    assert specs(step) == [(0, 0), (0, 0), (0, 0), (0, 0)]
    # A deploy net has no solver to freeze anything from.
    (step,) = tools.plan(tools.read(ALONE, "bvlc"), N + "15").steps
    assert step.params is None


# In place, axes.


@pytest.mark.parametrize(
    ("target", "engine", "new"),
    [
        (N + "14", "CUDNN", True),
        (N + "15", "CUDNN", True),
        (N + "15", "CAFFE", False),
        (N + "17", None, False),
    ],
)
def test_a_layer_that_cannot_train_in_place_gets_a_blob_of_its_own(
    target: str, engine: str | None, new: bool, tools: SimpleNamespace
) -> None:
    file = tools.read(DATA + CONV + bn() + scale() + relu(), "bvlc")
    (step,) = tools.plan(file, target, engine=engine).steps
    assert step.members[0].own_top == ("n" if new else "")
    # Without training nothing is wrong in place.
    (step,) = tools.plan(tools.read(PAIR, "bvlc"), target, engine=engine).steps
    assert step.members[0].own_top == ""


def test_a_renaming_that_another_phase_forbids_is_refused(tools: SimpleNamespace) -> None:
    other = 'layer { name: "o" type: "Pooling" bottom: "data" top: "c" include { phase: TEST } }\n'
    conv = CONV.replace('top: "c"', f'top: "c" {TRAIN}')
    file = tools.read(DATA + conv + bn(more=TRAIN) + other + relu(), "bvlc")
    (refusal,) = tools.plan(file, N + "15").refusals
    assert "another phase feeds the layers below" in refusal.evidence
    assert not tools.plan(file, N + "15", engine="CAFFE").refusals


IP = 'layer { name: "c" type: "InnerProduct" bottom: "data" top: "c" inner_product_param { num_output: 4 } }\n'  # noqa: E501


def shaped(dims: str) -> str:
    return f'input: "data" input_shape {{ dim: [{dims}] }}\n'


@pytest.mark.parametrize(
    ("text", "source", "target", "axes"),
    [
        (INPUT + IP + bn(), "bvlc", N + "17", 2),
        (INPUT + IP + bn(), "bvlc", N + "15", 0),
        (shaped("1, 3, 5") + bn(bottom="data", top="b"), "bvlc", N + "16", 3),
        (INPUT + CONV + bn(), "bvlc", N + "17", 0),
        (shaped("1, 3, 5, 6, 7") + bn(bottom="data", top="b"), "bvlc", N + "17", None),
        (shaped("1, 3, 5, 6, 7") + bn(bottom="data", top="b"), "bvlc", N + "15", None),
        (shaped("5") + bn("engine: CAFFE " + ONES, bottom="data", top="b"), N + "15", "bvlc", None),
    ],
)
def test_axes(
    text: str, source: str, target: str, axes: int | None, tools: SimpleNamespace
) -> None:
    plan = tools.plan(tools.read(text, source), target)
    if axes is None:
        assert [r.layer for r in plan.refusals] == ["n"]
        assert "needs" in plan.refusals[0].evidence
    else:
        assert [
            member.reshape.axes if member.reshape else 0 for member in plan.steps[0].members
        ] == [axes]


# What the target does not have.


@pytest.mark.parametrize(
    ("layer", "source", "target", "evidence", "switch"),
    [
        ('type: "Clip"', "bvlc", N + "17", "no layer type 'Clip'", ""),
        ('type: "ELU"', "bvlc", N + "14", "no layer type 'ELU'", ""),
        ('type: "Permute"', N + "17", N + "16", "no layer type 'Permute'", ""),
        ('type: "Convolution" convolution_param { dilation: 2 }', "bvlc", N + "14",
         "'convolution_param.dilation' has no counterpart", "--drop-field dilation"),
        ('type: "Pooling" pooling_param { round_mode: FLOOR }', "bvlc", N + "17",
         "'pooling_param.round_mode' has no counterpart", "--drop-field round_mode"),
        ('type: "Data" data_param { shuffle: true }', N + "17", "bvlc",
         "'data_param.shuffle' has no counterpart", "--drop-field shuffle"),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_refused_by_name(
    layer: str, source: str, target: str, evidence: str, switch: str, tools: SimpleNamespace
) -> None:
    text = f'layer {{ name: "x" bottom: "data" top: "x" {layer} }}\n'
    plan = tools.plan(tools.read(INPUT + text, source), target)
    (refusal,) = plan.refusals
    assert evidence in str(refusal)
    assert refusal.switch.startswith(switch)
    if switch:
        field = switch.split()[1]
        plan = tools.plan(tools.read(INPUT + text, source), target, drop_fields=frozenset([field]))
        assert not plan.refusals
        assert [f.path.rpartition(".")[2] for f in plan.left_out] == [field]


@pytest.mark.parametrize(
    ("layer", "target"),
    [
        ('type: "Convolution" convolution_param { dilation: 1 }', N + "14"),
        ('type: "Pooling" pooling_param { round_mode: CEIL }', N + "17"),
        ('type: "ReLU" scale_param { bias_term: true }', N + "14"),
        ('type: "InnerProduct" inner_product_param { transpose: false }', N + "14"),
        ('type: "SoftmaxWithLoss" loss_param { normalization: VALID }', N + "14"),
    ],
)
def test_what_does_nothing_is_left_out(layer: str, target: str, tools: SimpleNamespace) -> None:
    text = f'layer {{ name: "x" bottom: "data" top: "x" {layer} }}\n'
    plan = tools.plan(tools.read(INPUT + text, "bvlc"), target)
    assert not plan.refusals
    assert len(plan.left_out) == 1


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        (INPUT + CONV + bn() + 'layer { name: "n" type: "BatchNorm" bottom: "c" top: "x" }\n',
         "two BatchNorm layers of this name are active in TEST"),
        (INPUT + CONV + bn(top="c").replace('top: "c"', 'top: "c" top: "v"'),
         "a BatchNorm with 1 bottom and 2 tops"),
        (INPUT + CONV + bn(more="blobs { data: 1 }"), "carries its weights in the text"),
        (DATA + CONV + bn("eps: 1e-3", TRAIN) + bn("", TEST), "its phase variants differ in eps"),
    ],
)  # fmt: skip
def test_a_layer_that_is_no_single_batchnorm_is_refused(
    text: str, evidence: str, tools: SimpleNamespace
) -> None:
    plan = tools.plan(tools.read(text, "bvlc"), N + "17")
    assert [r.layer for r in plan.refusals] == ["n"]
    assert evidence in plan.refusals[0].evidence


def test_variants_of_two_engines_are_refused(tools: SimpleNamespace) -> None:
    text = DATA + CONV + bn("engine: CAFFE " + ONES, TRAIN) + bn("engine: CUDNN " + ONES, TEST)
    (refusal,) = tools.plan(tools.read(text, N + "15"), "bvlc").refusals
    assert refusal.evidence == "its phase variants differ in engine"


def test_gamma_and_beta_have_no_place_in_0_14_without_cudnn(tools: SimpleNamespace) -> None:
    (refusal,) = tools.plan(tools.read(OWN_17, N + "17"), N + "14", engine="CAFFE").refusals
    assert "gamma and beta have no place" in refusal.evidence
    assert "--engine CUDNN" in refusal.switch
    (refusal,) = tools.plan(tools.read(PAIR, "bvlc"), N + "14", engine="CAFFE").refusals
    assert "no layer type 'Scale'" in refusal.evidence
    # Unless they are known to do nothing.
    plan = tools.plan(
        tools.read(OWN_15, N + "15"), N + "14", engine="CAFFE", identity=frozenset("n")
    )
    assert [step.action for step in plan.steps] == [Action.DROP]


def test_gamma_and_beta_that_do_nothing_are_dropped_only_if_nothing_trains_them(
    tools: SimpleNamespace,
) -> None:
    known = frozenset("n")
    train = DATA + CONV + bn(ONES, FREE, top="b") + relu("b")
    for text, target, action in (
        (OWN_15, "bvlc", Action.DROP),
        (OWN_15, N + "17", Action.DROP),
        (train, "bvlc", Action.SPLIT),
        (train, N + "17", Action.KEEP),
    ):
        (step,) = tools.plan(tools.read(text, N + "15"), target, identity=known).steps
        assert step.action is action
    # In 0.17 they are there because somebody asked for them.
    (step,) = tools.plan(tools.read(OWN_17, N + "17"), "bvlc", identity=known).steps
    assert step.action is Action.SPLIT


# What the user and the other nets say.


def test_scale_layers_are_kept_on_request(tools: SimpleNamespace) -> None:
    file = tools.read(PAIR, "bvlc")
    assert tools.plan(file, N + "17", merge=False).steps[0].action is Action.KEEP
    assert tools.plan(file, N + "15", merge=False).steps[0].action is Action.IDENTITY
    # 0.14 has none to keep.
    assert tools.plan(file, N + "14", merge=False).steps[0].action is Action.MERGE


@pytest.mark.parametrize(
    ("template", "taken", "name"),
    [
        ("{bn}_scale", (), "n_scale"),
        ("scale_{bn}", (), "scale_n"),
        ("{bn}", (), "n_2"),
        ("{bn}_scale", ("n_scale", "n_scale_2"), "n_scale_3"),
        ("{x} {bn}", (), "{x} n"),
    ],
)
def test_new_scale_layers_get_names_that_are_free(
    template: str, taken: tuple[str, ...], name: str, tools: SimpleNamespace
) -> None:
    choices = {"scale_name": template, "taken": frozenset(taken)}
    (step,) = tools.plan(tools.read(OWN_17, N + "17"), "bvlc", **choices).steps
    assert step.scale is not None
    assert step.scale.name == name


def test_nets_of_one_model_get_one_plan(tools: SimpleNamespace) -> None:
    twice = "param { } param { lr_mult: 2 }"
    train = tools.read(DATA + CONV + bn() + scale(more=twice) + relu(), "bvlc").nets[0]
    deploy = tools.read(PAIR, "bvlc").nets[0]
    target = DIALECTS[N + "17"]
    assert plan_net(deploy, target).steps[0].action is Action.MERGE
    for nets in ((train, deploy), (deploy, train)):
        plans = plan_nets(nets, target)
        assert [plan.steps[0].action for plan in plans] == [Action.KEEP, Action.KEEP]
    frozen = tools.read(
        DATA + CONV + bn("use_global_stats: true") + scale() + relu() + LOSS, "bvlc"
    )
    plans = plan_nets((frozen.nets[0], deploy), target)
    assert [plan.steps[0].action for plan in plans] == [Action.FREEZE, Action.FREEZE]
    params = "param { lr_mult: 2 } param { } " + "param { lr_mult: 0 } " * 2
    train = tools.read(DATA + CONV + bn(ONES, params, top="b"), N + "15").nets[0]
    deploy = tools.read(OWN_15, N + "15").nets[0]
    plans = plan_nets((deploy, train), target)
    names = [step.scale.name for plan in plans for step in plan.steps if step.scale is not None]
    assert names == ["n_scale", "n_scale"]


def test_a_net_in_its_own_dialect_needs_nothing(tools: SimpleNamespace) -> None:
    for dialect, text in (("bvlc", PAIR), (N + "15", OWN_15), (N + "17", OWN_17)):
        plan = tools.plan(tools.read(text, dialect), dialect)
        assert not plan.notes
        assert not plan.refusals
        assert all(step.is_same for step in plan.steps)


def test_training_that_forgets_the_statistics_is_told_once(tools: SimpleNamespace) -> None:
    two = bn(top="b") + bn(bottom="b", top="b2").replace('"n"', '"n2"')
    file = tools.read(DATA + CONV + two, "bvlc")
    for target, engine, shown in (
        (N + "17", None, 1), (N + "15", "CAFFE", 1), (N + "15", "CUDNN", 0), (N + "14", None, 0),
    ):  # fmt: skip
        notes = tools.plan(file, target, engine=engine).notes
        assert [note.code for note in notes].count("CV005") == shown


# Convolutions for Scale layers.


def test_a_convolution_stands_for_gamma_and_beta_where_it_is_asked_for(
    tools: SimpleNamespace,
) -> None:
    choices = {"engine": "CAFFE", "convolves": True}
    for text, source, action in (
        (PAIR, "bvlc", Action.REPLACE),
        (OWN_15, N + "15", Action.SPLIT),
        (BOTH_17, N + "17", Action.REPLACE),
        (ALONE, "bvlc", Action.KEEP),
    ):
        file = tools.read(text, source)
        (step,) = tools.plan(file, N + "14", **choices).steps
        assert step.action is action
        assert (step.channels, step.target.layout) == (
            4 if action is not Action.KEEP else None,
            "B3",
        )
        assert tools.plan(file, N + "15", **choices).steps[0].action is not Action.REPLACE
    # With cuDNN there is a place for them.
    (step,) = tools.plan(tools.read(PAIR, "bvlc"), N + "14", convolves=True).steps
    assert step.action is Action.MERGE


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        (bn(bottom="data") + scale(), "has to say how many channels"),
        (
            'input: "data" input_shape { dim: [4, 5] }\n' + bn(bottom="data") + scale(),
            "its bottom has 2 axes, and a convolution needs 4",
        ),
    ],
)
def test_a_convolution_that_cannot_be_made_is_refused(
    text: str, evidence: str, tools: SimpleNamespace
) -> None:
    file = tools.read(text, "bvlc")
    choices = {"engine": "CAFFE", "convolves": True}
    assert evidence in str(tools.plan(file, N + "14", **choices).refusals[0])
    if "channels" in evidence:
        known = tools.plan(file, N + "14", channels={"n": 7}, **choices)
        assert (known.refusals, known.steps[0].channels) == ((), 7)


def test_only_a_convolution_that_a_conversion_put_in_is_gamma_and_beta(
    tools: SimpleNamespace,
) -> None:
    text = tools.convert(
        tools.read(PAIR, "bvlc"), N + "14", engine="CAFFE", convolves=True
    ).source.text
    marked = tools.read(text, N + "14")
    assert tools.plan(marked, "bvlc").steps[0].action is Action.REPLACE
    assert tools.plan(marked, N + "17").steps[0].action is Action.MERGE
    own = tools.read(text.replace("  # protolint: added", ""), N + "14")
    assert tools.plan(own, "bvlc").steps[0].action is Action.KEEP
    other = tools.read(text.replace("group: 4", "group: 2"), N + "14")
    assert tools.plan(other, "bvlc").steps[0].action is Action.KEEP


@pytest.mark.parametrize(
    ("norm", "behind", "blobs"),
    [
        # bottom and top of the BatchNorm, of the Scale layer; then what they and ReLU have
        (("c", "c"), ("c", "c"), [("c", "c"), ("c", "n"), ("n", "n")]),
        (("c", "b"), ("b", "b"), [("c", "n_normalised"), ("n_normalised", "b"), ("b", "b")]),
        (("c", "b"), ("b", "e"), [("c", "b"), ("b", "e"), ("e", "e")]),
        (("c", "c"), ("c", "e"), [("c", "c"), ("c", "e"), ("e", "e")]),
    ],
)
def test_a_convolution_never_works_in_place(
    norm: tuple[str, str],
    behind: tuple[str, str],
    blobs: list[tuple[str, str]],
    tools: SimpleNamespace,
) -> None:
    text = INPUT + CONV + bn(bottom=norm[0], top=norm[1])
    text += scale(bottom=behind[0], top=behind[1]) + relu(behind[1])
    file = tools.read(text, "bvlc")
    made = tools.convert(file, N + "14", engine="CAFFE", convolves=True)
    found = [(one.bottoms[0].name, one.tops[0].name) for one in made.nets[0].layers[1:]]
    assert found == blobs
    back = tools.convert(made, "bvlc")
    assert tools.states(back) == tools.states(file)


# Names and structure after more than one conversion.


def route(tools: SimpleNamespace, file: LintFile, *legs: tuple[str, dict[str, Any]]) -> LintFile:
    """A file converted from Caffe to Caffe."""
    for target, choices in legs:
        file = tools.convert(file, target, **choices)
    return file


def test_where_there_is_no_scale_layer_a_remembered_one_waits(tools: SimpleNamespace) -> None:
    """Merged on the way from 0.15, it comes back there, not in 0.14, which has no such layer."""
    text = INPUT + CONV + bn(ONES) + scale(name="of_my_own") + relu()
    home = tools.read(text, N + "15")
    there = tools.convert(home, N + "17", identity=frozenset({"n"}))
    assert "scale=of_my_own" in there.source.text
    (step,) = tools.plan(there, N + "14").steps
    assert step.action is Action.KEEP
    back = route(tools, there, (N + "14", {}), (N + "15", {}))
    assert tools.states(back) == tools.states(home)


def test_a_scale_layer_that_a_conversion_put_in_is_not_remembered(tools: SimpleNamespace) -> None:
    """Its name may be another one each time; at home there was none."""
    home = tools.read(INPUT + CONV + bn(f"engine: CUDNN {ONES}") + relu(), N + "15")
    on_the_way = tools.convert(home, "bvlc", scale_name="scale_of_{bn}")
    assert 'name: "scale_of_n"' in on_the_way.source.text
    back = route(tools, on_the_way, (N + "17", {}), (N + "15", {}))
    assert tools.states(back) == tools.states(home)


@pytest.mark.parametrize("engine", ["CAFFE", "CUDNN"])
def test_another_engine_at_home_does_not_hide_that_layers_stood_apart(
    engine: str, tools: SimpleNamespace
) -> None:
    identity = {"identity": frozenset({"n"})}
    file = tools.convert(tools.read(BOTH_15, N + "15"), N + "15", engine=engine)
    back = route(tools, file, ("bvlc", identity), (N + "15", {"engine": engine}))
    assert tools.states(back) == tools.states(file)


def test_a_detour_gives_the_structure_of_the_direct_way(tools: SimpleNamespace) -> None:
    """That 0.15 had both apart says nothing of what 0.17 should have."""
    identity = {"identity": frozenset({"n"})}
    home = tools.read(BOTH_15, N + "15")
    direct = tools.convert(home, N + "17", **identity)
    detour = route(tools, home, ("bvlc", identity), (N + "17", {}))
    assert tools.states(detour) == tools.states(direct)
    assert '"Scale"' not in detour.source.text
    assert tools.states(tools.convert(detour, N + "15")) == tools.states(home)
