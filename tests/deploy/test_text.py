"""Deploy nets as text: one state, an input with a size, predictions for losses."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.deployment.net import DeployNet, deploy_net
from protolint.errors import InputError, UsageError
from protolint.layers.shape import Shape
from protolint.source import Source
from protolint.workspace.workspace import Choices, Workspace

WORKSPACE = Workspace(Choices(isolated=True))
DATA = Shape.of((1, 3, 8, 8))


def deployed(
    text: str, given: Mapping[str, Shape] = {"data": DATA}, state: str | None = None
) -> DeployNet:
    return deploy_net(
        WORKSPACE, Source("net.prototxt", text.encode()), state=state, given=given, weights={}
    )


def text_of(text: str, **options: object) -> str:
    return deployed(text, **options).file.source.data.decode()  # type: ignore[arg-type]


def layers_of(text: str, **options: object) -> list[tuple[str, str, list[str], list[str]]]:
    """Name, type, bottoms and tops of each layer of the deploy net."""
    net = deployed(text, **options).net  # type: ignore[arg-type]
    return [
        (layer.name, layer.type, [b.name for b in layer.bottoms], [t.name for t in layer.tops])
        for layer in net.layers
    ]


TRAIN_VAL = """\
name: "LeNet"  # a name
layer {
  name: "mnist"
  type: "Data"
  top: "data"
  top: "label"
  include { phase: TRAIN }
  data_param { source: "a" batch_size: 64 }
}
layer {
  name: "mnist"
  type: "Data"
  top: "data"
  top: "label"
  include { phase: TEST }
  data_param { source: "b" batch_size: 100 }
}
# the only convolution
layer {
  name: "conv"  # keep
  type: "Convolution"
  bottom: "data"
  top: "conv"
  convolution_param { num_output: 2 kernel_size: 3 }
}
layer { name: "drop" type: "Dropout" bottom: "conv" top: "conv" }
layer {
  name: "accuracy"
  type: "Accuracy"
  bottom: "conv"
  bottom: "label"
  top: "accuracy"
  include { phase: TEST }
}
layer {
  name: "loss"
  type: "SoftmaxWithLoss"
  bottom: "conv"
  bottom: "label"
  top: "loss"
  loss_param { ignore_label: 1 }
}
"""
DEPLOY = """\
name: "LeNet"  # a name
# the only convolution
layer {
  name: "input"
  type: "Input"
  top: "data"
  input_param {
    shape { dim: 1 dim: 3 dim: 8 dim: 8 }
  }
}
layer {
  name: "conv"  # keep
  type: "Convolution"
  bottom: "data"
  top: "conv"
  convolution_param { num_output: 2 kernel_size: 3 }
}
layer {
  name: "prob"
  type: "Softmax"
  bottom: "conv"
  top: "prob"
}
"""


def test_a_training_net_becomes_a_deploy_net() -> None:
    assert text_of(TRAIN_VAL) == DEPLOY


def test_a_deploy_net_stays_as_it_is() -> None:
    assert text_of(DEPLOY, given={}) == DEPLOY


def test_a_v1_net_becomes_one_too() -> None:
    old = (
        'layers { name: "d" type: DATA top: "data" top: "label" data_param { crop_size: 8 } }\n'
        'layers { name: "ip" type: INNER_PRODUCT bottom: "data" top: "ip" blobs_lr: 1\n'
        "  inner_product_param { num_output: 2 } }\n"
        'layers { name: "loss" type: SOFTMAX_LOSS bottom: "ip" bottom: "label" }\n'
    )
    assert layers_of(old) == [
        ("input", "Input", [], ["data"]),
        ("ip", "InnerProduct", ["data"], ["ip"]),
        ("prob", "Softmax", ["ip"], ["prob"]),
    ]


def ip(name: str, bottom: str, top: str) -> str:
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{top}"'
        " inner_product_param { num_output: 2 } }\n"
    )


SOURCE = 'layer { name: "d" type: "Data" top: "data" top: "label" }\n'


def test_what_only_the_labels_need_goes() -> None:
    net = SOURCE + ip("ip", "data", "ip") + (
        'layer { name: "s" type: "Slice" bottom: "label" top: "l1" top: "l2" }\n'
        'layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "l1" top: "loss" }\n'
        'layer { name: "quiet" type: "Silence" bottom: "l2" }\n'
    )  # fmt: skip
    assert layers_of(net)[1:] == [("ip", "InnerProduct", ["data"], ["ip"])]


def test_a_loss_with_its_truth_first_keeps_the_net() -> None:
    loss = 'layer { name: "loss" type: "EuclideanLoss" bottom: "label" bottom: "ip" top: "l" }\n'
    net = SOURCE + ip("ip", "data", "ip") + loss
    assert [layer[0] for layer in layers_of(net)] == ["input", "ip"]


def test_an_autoencoder_keeps_its_prediction() -> None:
    net = 'layer { name: "d" type: "Data" top: "data" }\n' + (
        'layer { name: "flat" type: "Flatten" bottom: "data" top: "flat" }\n'
        + ip("decode", "flat", "decode")
        + 'layer { name: "loss" type: "SigmoidCrossEntropyLoss" bottom: "decode" bottom: "flat"'
        ' top: "loss" }\nlayer { name: "e" type: "EuclideanLoss" bottom: "out" bottom: "flat" }\n'
    ).replace("layer { name: \"e\"", 'layer { name: "out" type: "Sigmoid" bottom: "decode"'
              ' top: "out" }\nlayer { name: "e"')  # fmt: skip
    assert layers_of(net)[1:] == [
        ("flat", "Flatten", ["data"], ["flat"]),
        ("decode", "InnerProduct", ["flat"], ["decode"]),
        # The net works it out already: no second one is made of the loss.
        ("out", "Sigmoid", ["decode"], ["out"]),
    ]


def test_several_losses_become_several_predictions() -> None:
    loss = 'layer { name: "%s" type: "SoftmaxWithLoss" bottom: "%s" bottom: "label" top: "%s" }\n'
    net = SOURCE + ip("a", "data", "a") + loss % ("la", "a", "la")
    net += ip("b", "a", "b") + loss % ("lb", "b", "lb")
    found = layers_of(net)
    assert ("prob", "Softmax", ["a"], ["prob"]) in found
    assert ("lb", "Softmax", ["b"], ["lb"]) in found


DROPOUT = 'layer { name: "drop" type: "Dropout" bottom: "a" top: "b" }\n'
RELU = 'layer { name: "relu" type: "ReLU" bottom: "b" top: "b" }\n'
INPUT = 'input: "data"\ninput_dim: [1, 3, 8, 8]\n'


def test_dropout_into_a_blob_of_its_own_goes_with_its_name() -> None:
    net = INPUT + ip("a", "data", "a") + DROPOUT + RELU + ip("c", "b", "c")
    assert layers_of(net)[2:] == [
        ("relu", "ReLU", ["a"], ["a"]),
        ("c", "InnerProduct", ["a"], ["c"]),
    ]


def test_dropout_stays_where_its_bottom_is_needed_as_it_is() -> None:
    net = INPUT + ip("a", "data", "a") + DROPOUT + RELU + ip("c", "b", "c") + ip("d", "a", "d")
    assert ("drop", "Dropout", ["a"], ["b"]) in layers_of(net)


STAGES = (
    'layer { name: "d" type: "Data" top: "data" top: "label" include { stage: "train" } }\n'
    'layer { name: "v" type: "Data" top: "data" top: "label" include { stage: "val" } }\n'
    + ip("ip", "data", "ip")
    + 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss"'
    ' exclude { stage: "deploy" } }\n'
    'layer { name: "softmax" type: "Softmax" bottom: "ip" top: "softmax"'
    ' include { stage: "deploy" } }\n'
)


def test_the_deploy_stage_counts_if_there_is_one() -> None:
    assert [layer[0] for layer in layers_of(STAGES)] == ["input", "ip", "softmax"]
    assert "stage" not in text_of(STAGES)
    assert [layer[0] for layer in layers_of(STAGES, state="val")] == ["input", "ip", "prob"]


def test_twins_become_one() -> None:
    twin = (
        'layer { name: "bn" type: "BatchNorm" bottom: "ip" top: "bn"'
        " include { phase: %s } batch_norm_param { use_global_stats: %s } }\n"
    )
    net = INPUT + ip("ip", "data", "ip") + twin % ("TRAIN", "false") + twin % ("TEST", "true")
    assert [layer[0] for layer in layers_of(net)] == ["input", "ip", "bn"]


def test_statistics_of_the_batch_are_refused() -> None:
    net = INPUT + ip("ip", "data", "ip") + (
        'layer { name: "bn" type: "BatchNorm" bottom: "ip" top: "bn"'
        " batch_norm_param { use_global_stats: false eps: 0.1 } }\n"
    )  # fmt: skip
    with pytest.raises(InputError, match=r"'bn' has use_global_stats: false.*--drop-global-stats"):
        deployed(net)
    made = deploy_net(
        WORKSPACE, Source("n", net.encode()), given={}, weights={}, drop_global_stats=True
    )
    assert b"batch_norm_param { eps: 0.1 }" in made.file.source.data


def test_an_unknown_size_is_asked_for() -> None:
    with pytest.raises(InputError, match=r"--input-shape data=1,3,224,224"):
        deployed(TRAIN_VAL, given={})
    with pytest.raises(InputError, match="size of the input 'data'"):
        deployed('layer { name: "r" type: "ReLU" bottom: "data" top: "r" }', given={})


def test_crop_and_weights_say_a_size() -> None:
    net = TRAIN_VAL.replace('source: "b"', 'source: "b" } transform_param { crop_size: 9')
    made = deploy_net(
        WORKSPACE, Source("n", net.encode()), given={}, weights={"conv": [(2, 3, 3, 3), (2,)]}
    )
    assert b"shape { dim: 1 dim: 3 dim: 9 dim: 9 }" in made.file.source.data


def test_what_is_no_net_or_has_no_such_state() -> None:
    with pytest.raises(InputError, match="a solver, not a net"):
        deployed('net: "a"\ntype: "SGD"\n')
    with pytest.raises(UsageError, match="'vall' is no phase and no stage"):
        deployed(STAGES, state="vall")
    with pytest.raises(InputError, match="nothing that computes is left"):
        deployed(SOURCE)


def test_what_a_parser_refuses_and_a_safe_fix_mends_is_mended() -> None:
    made = deployed("\ufeff" + DEPLOY.replace('"LeNet"', "LeNet"), {})
    assert made.file.source.data.decode() == DEPLOY
    assert made.remarks == ("left out the byte order mark", "applied 1 PT007")


def test_each_caffe_keeps_its_own_fields() -> None:
    net = INPUT + (
        'layer { name: "bn" type: "BatchNorm" bottom: "data" top: "bn"'
        " batch_norm_param { scale_bias: true } }\n"
    )
    assert deployed(net).file.dialect == DIALECTS["nvidia-0.17"]


@pytest.mark.parametrize("coefficients", ["coeff: 1 coeff: 1.0", "coeff: [1, 1]"])
def test_coefficients_that_are_all_one_go(coefficients: str) -> None:
    """MNN reads them as those of a difference; others are the net's own."""
    head = 'input: "data" input_shape { dim: [1, 3, 8, 8] }\n'
    layer = 'layer { name: "e" type: "Eltwise" bottom: "data" bottom: "data" top: "e" %s }\n'
    made = text_of(head + layer % f"eltwise_param {{ operation: SUM {coefficients} }}")
    assert "coeff" not in made
    assert "operation: SUM" in made
    other = layer % "eltwise_param { coeff: 1 coeff: 2 }"
    assert other in text_of(head + other)
