"""The text of a converted net: what changes, in the style of the file, and what stays."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest

from protolint.conversion.text.net import convert_net, converted, source_refusals
from protolint.errors import ProtolintError

N = "nvidia-0."


def net(text: str) -> str:
    return dedent(text).lstrip("\n")


def text_of(tools: SimpleNamespace, text: str, source: str, target: str, **choices: object) -> str:
    file = tools.read(text, source)
    plan = tools.plan(file, target, **choices)
    assert [str(refusal) for refusal in plan.refusals] == []
    return converted(file, plan).data.decode()


HEAD = net("""
    name: "x"  # a net
    layer { name: "d" type: "Data" top: "data" top: "label" }
    layer { name: "c" type: "Convolution" bottom: "data" top: "c" }
    """)
DEPLOY = net("""
    input: "data"
    input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
    layer { name: "c" type: "Convolution" bottom: "data" top: "c" }
    """)


def test_merged_for_0_17(tools: SimpleNamespace) -> None:
    text = HEAD + net("""
        # the first one
        layer {
          name: "n"  # norm
          type: "BatchNorm"
          bottom: "c"
          top: "c"
        }
        # its scale
        layer {
          name: "s"
          type: "Scale"
          bottom: "c"
          top: "c"
          scale_param {
            filler { value: 2 }
            bias_term: true
          }
        }
        layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
        """)
    assert text_of(tools, text, "bvlc", N + "17") == HEAD + net("""
        # the first one
        layer {  # protolint: was[bvlc, scale=s]
          name: "n"  # norm
          type: "BatchNorm"
          bottom: "c"
          top: "c"
          batch_norm_param {
            scale_filler { value: 2 }
            scale_bias: true
          }
        }
        # its scale
        layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
        """)


def test_merged_for_0_15_on_cudnn(tools: SimpleNamespace) -> None:
    text = HEAD + net("""
        layer {
        \tname: "n"
        \ttype: "BatchNorm"
        \tbottom: "c"
        \ttop: "c"
        \tparam { lr_mult: 0 }
        \tparam { lr_mult: 0 }
        \tparam { lr_mult: 0 }
        \tbatch_norm_param {
        \t\tmoving_average_fraction: 0.9
        \t}
        }

        layer {
        \tname: "n_scale"
        \ttype: "Scale"
        \tbottom: "c"
        \ttop: "c"
        \tparam { lr_mult: 2 decay_mult: 0 }
        \tscale_param {
        \t\tbias_term: true
        \t}
        }

        layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
        layer { name: "p" type: "Pooling" bottom: "c" top: "p" }
        """)
    assert text_of(tools, text, "bvlc", N + "15") == HEAD + net("""
        layer {
        \tname: "n"
        \ttype: "BatchNorm"
        \tbottom: "c"
        \ttop: "n"
        \tparam { lr_mult: 2 decay_mult: 0 }
        \tparam { lr_mult: 1 decay_mult: 1 }
        \tparam { lr_mult: 0 decay_mult: 0 }
        \tparam { lr_mult: 0 decay_mult: 0 }
        \tbatch_norm_param {
        \t\tmoving_average_fraction: 0.9
        \t\tscale_filler { type: "constant" value: 1 }
        \t\tbias_filler { type: "constant" value: 0 }
        \t}
        }

        layer { name: "r" type: "ReLU" bottom: "n" top: "n" }
        layer { name: "p" type: "Pooling" bottom: "n" top: "p" }
        """)


def test_split_for_bvlc(tools: SimpleNamespace) -> None:
    text = HEAD + net("""
        layer {
            name: "n"
            type: "BatchNorm"
            bottom: "c"
            top: "n"
            loss_weight: 0.5
            param { lr_mult: 1 decay_mult: 0 }
            param { lr_mult: 1 decay_mult: 0 }
            param { lr_mult: 0 decay_mult: 0 }
            param { lr_mult: 0 decay_mult: 0 }
            include { phase: TRAIN }
            batch_norm_param {
                engine: CAFFE
                scale_filler {
                    type: "uniform"
                    min: 0.5
                }
                bias_filler { value: 0 }
            }
        }  # end of n

        layer { name: "r" type: "ReLU" bottom: "n" top: "n" include { phase: TRAIN } }
        """)
    assert text_of(tools, text, N + "15", "bvlc") == HEAD + net("""
        layer {  # protolint: was[nvidia-0.15, engine=CAFFE]
            name: "n"
            type: "BatchNorm"
            bottom: "c"
            top: "n"
            include { phase: TRAIN }
        }  # end of n

        layer {
            name: "n_scale"
            type: "Scale"
            bottom: "n"
            top: "n"
            loss_weight: 0.5
            param { lr_mult: 1 decay_mult: 0 }
            param { lr_mult: 1 decay_mult: 0 }
            include { phase: TRAIN }
            scale_param {
                filler {
                    type: "uniform"
                    min: 0.5
                }
                bias_term: true
            }
        }

        layer { name: "r" type: "ReLU" bottom: "n" top: "n" include { phase: TRAIN } }
        """)


def test_layers_on_one_line(tools: SimpleNamespace) -> None:
    text = DEPLOY + net("""
        layer: < name: "n" type: "BatchNorm" bottom: "c" top: "c" batch_norm_param < eps: 1e-6 > >
        layer: < name: "a b" type: "Scale" bottom: "c" top: "c" scale_param < bias_term: true > >
        """)
    there = text_of(tools, text, "bvlc", N + "17")
    assert there == DEPLOY + net("""
        layer: < name: "n" type: "BatchNorm" bottom: "c" top: "c" batch_norm_param < eps: 1e-05 \
scale_bias: true > >  # protolint: was[bvlc, scale=a%20b, eps=1e-06]
        """)
    assert text_of(tools, there, N + "17", "bvlc") == DEPLOY + net("""
        layer: < name: "n" type: "BatchNorm" bottom: "c" top: "c" batch_norm_param < eps: 1e-06 > >
        layer: < name: "a b" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true } >
        """)


def test_a_net_on_one_line(tools: SimpleNamespace) -> None:
    text = (
        'input: "c" input_shape { dim: [1, 3, 8, 8] } '
        'layer { name: "n" type: "BatchNorm" bottom: "c" top: "c" } '
        'layer { name: "s" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true } } '
        'layer { name: "r" type: "ReLU" bottom: "c" top: "c" }'
    )
    file = tools.read(text, "bvlc")
    for target, engine in tools.targets:
        if tools.plan(file, target, engine=engine).refusals:
            continue
        back = tools.convert(tools.convert(file, target, engine=engine), "bvlc")
        assert tools.states(back) == tools.states(file)


def test_line_ends_are_the_files_own(tools: SimpleNamespace) -> None:
    text = HEAD + net("""
        layer {
          name: "n"
          type: "BatchNorm"
          bottom: "c"
          top: "c"
        }
        layer {
          name: "s"
          type: "Scale"
          bottom: "c"
          top: "c"
        }
        """)
    windows = text.replace("\n", "\r\n")
    for target in (N + "15", N + "17", N + "14"):
        made = text_of(tools, text, "bvlc", target)
        assert text_of(tools, windows, "bvlc", target) == made.replace("\n", "\r\n")


def test_twins_share_a_scale_layer_once(tools: SimpleNamespace) -> None:
    text = HEAD + net("""
        layer {
          name: "n" type: "BatchNorm" bottom: "c" top: "c"
          batch_norm_param { use_global_stats: false }
          include { phase: TRAIN }
        }
        layer {
          name: "n" type: "BatchNorm" bottom: "c" top: "c"
          batch_norm_param { use_global_stats: true }
          include { phase: TEST }
        }
        layer { name: "s" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true } }
        """)
    assert text_of(tools, text, "bvlc", N + "16") == HEAD + net("""
        layer {  # protolint: was[bvlc, scale=s]
          name: "n" type: "BatchNorm" bottom: "c" top: "c"
          batch_norm_param { scale_bias: true }
          include { phase: TRAIN }
        }
        layer {  # protolint: was[bvlc, scale=s]
          name: "n" type: "BatchNorm" bottom: "c" top: "c"
          batch_norm_param { scale_bias: true }
          include { phase: TEST }
        }
        """)


def test_stages_are_followed(tools: SimpleNamespace) -> None:
    text = net("""
        layer { name: "d" type: "Data" top: "data" top: "label" include { stage: "train" } }
        layer { name: "d" type: "Data" top: "data" top: "label" include { stage: "val" } }
        layer { name: "n" type: "BatchNorm" bottom: "data" top: "data" }
        layer { name: "s" type: "Scale" bottom: "data" top: "data" scale_param { bias_term: true } }
        layer { name: "l" type: "Silence" bottom: "data" exclude { stage: "deploy" } }
        layer { name: "o" type: "Softmax" bottom: "data" top: "o" include { stage: "deploy" } }
        """)
    made = text_of(tools, text, "bvlc", N + "15")
    assert "Scale" not in made
    assert made.count('bottom: "n"') == 2
    assert made.count('bottom: "data"') == 1


def test_a_frozen_batchnorm(tools: SimpleNamespace) -> None:
    text = HEAD + net("""
        layer {
          name: "n"
          type: "BatchNorm"
          bottom: "c"
          top: "c"
          param { lr_mult: 0 }
          param { lr_mult: 0 }
          param { lr_mult: 0 }
          batch_norm_param { use_global_stats: true }
        }
        layer { name: "s" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true } }
        layer { name: "l" type: "EuclideanLoss" bottom: "c" bottom: "c" top: "l" }
        """)
    assert text_of(tools, text, "bvlc", N + "17") == HEAD + net("""
        layer {
          name: "n"
          type: "Scale"
          bottom: "c"
          top: "c"
          param { lr_mult: 0 decay_mult: 0 }
          param { lr_mult: 0 decay_mult: 0 }
          scale_param { bias_term: true }
        }
        layer { name: "s" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true } }
        layer { name: "l" type: "EuclideanLoss" bottom: "c" bottom: "c" top: "l" }
        """)


def test_two_axes_become_four_and_two_again(tools: SimpleNamespace) -> None:
    text = net("""
        input: "data"
        input_shape { dim: 1 dim: 3 }
        layer {
          name: "n"
          type: "BatchNorm"
          bottom: "data"
          top: "n"
        }
        layer { name: "r" type: "ReLU" bottom: "n" top: "n" }
        """)
    there = text_of(tools, text, "bvlc", N + "17")
    assert there == net("""
        input: "data"
        input_shape { dim: 1 dim: 3 }
        layer {  # protolint: added
          name: "n_to_4d"
          type: "Reshape"
          bottom: "data"
          top: "n_4d"
          reshape_param { shape { dim: 0 dim: 0 dim: 1 dim: 1 } }
        }
        layer {
          name: "n"
          type: "BatchNorm"
          bottom: "n_4d"
          top: "n_4d_normalised"
        }
        layer {  # protolint: added
          name: "n_to_2d"
          type: "Reshape"
          bottom: "n_4d_normalised"
          top: "n"
          reshape_param { shape { dim: 0 dim: 0 } }
        }
        layer { name: "r" type: "ReLU" bottom: "n" top: "n" }
        """)
    assert text_of(tools, there, N + "17", "bvlc") == text
    # Between two that both need four axes the layers stay.
    assert text_of(tools, there, N + "17", N + "16") == there


@pytest.mark.parametrize("engine", ["CAFFE", "CUDNN"])
def test_reshaped_layers_train_rightly(engine: str, tools: SimpleNamespace) -> None:
    text = net(f"""
        layer {{ name: "d" type: "Data" top: "data" top: "label" }}
        layer {{ name: "c" type: "InnerProduct" bottom: "data" top: "c" }}
        layer {{
          name: "n" type: "BatchNorm" bottom: "c" top: "c"
          batch_norm_param {{ engine: {engine} }}
        }}
        layer {{ name: "l" type: "SoftmaxWithLoss" bottom: "c" bottom: "label" }}
        """)
    made = tools.convert(tools.read(text, N + "14"), N + "17")
    layer = made.nets[0].batchnorms[0]
    assert layer.is_in_place() is (engine == "CUDNN")
    assert made.nets[0].traits(layer).trains_in_place or not layer.is_in_place()


def test_inputs_become_fields_for_0_14(tools: SimpleNamespace) -> None:
    text = net("""
        name: "x"
        layer {
          name: "in"
          type: "Input"
          top: "a"
          top: "b"
          input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } }
        }
        layer { name: "r" type: "ReLU" bottom: "a" top: "a" }
        """)
    assert text_of(tools, text, "bvlc", N + "14") == net("""
        name: "x"
        input: "a"
        input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
        input: "b"
        input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
        layer { name: "r" type: "ReLU" bottom: "a" top: "a" }
        """)
    # Fields are known everywhere.
    legacy = text_of(tools, text, "bvlc", N + "14")
    for target in ("bvlc", N + "15", N + "17"):
        assert text_of(tools, legacy, N + "14", target) == legacy


@pytest.mark.parametrize(
    ("layers", "evidence"),
    [
        ('layer { name: "i" type: "Input" top: "a" }', "needs a shape for each input"),
        (
            'layer { type: "Input" top: "a" input_param { shape { dim: 1 } } include { } }',
            "has inputs in every phase",
        ),
        (
            'input: "b" input_dim: 1 layer { type: "Input" top: "a" input_param { shape { } } }',
            "not both",
        ),
        ('input: "b" input_dim: [1, 1, 1, 1] input_shape { dim: 1 }', "both given"),
        ('input: "b"', "have no shape"),
    ],
)
def test_inputs_that_0_14_cannot_declare(
    layers: str, evidence: str, tools: SimpleNamespace
) -> None:
    plan = tools.plan(tools.read(layers, "bvlc"), N + "14")
    assert len(plan.refusals) == 1
    assert evidence in plan.refusals[0].evidence


def test_what_another_caffe_does_not_know_is_left_out(tools: SimpleNamespace) -> None:
    text = net("""
        default_forward_type: FLOAT16
        default_backward_type: FLOAT16  # half
        layer {
          forward_type: FLOAT16 backward_type: FLOAT16
          name: "c"
          type: "Convolution"
          convolution_param {
            num_output: 4
            conv_algos_override: "1,1,1"
            engine: CUDNN
          }
        }
        """)
    assert text_of(tools, text, N + "17", "bvlc") == net("""
        layer {
          name: "c"
          type: "Convolution"
          convolution_param {
            num_output: 4
            engine: CUDNN
          }
        }
        """)


def test_a_sum_that_0_17_would_write_too_early(tools: SimpleNamespace) -> None:
    residual = HEAD + net("""
        layer { name: "y" type: "Convolution" bottom: "c" top: "y" }
        layer { name: "s" type: "Eltwise" bottom: "%s" bottom: "%s" top: "s" }
        layer { name: "i" type: "InnerProduct" bottom: "s" top: "i" }
        layer { name: "l" type: "SoftmaxWithLoss" bottom: "i" bottom: "label" }
        """)
    made = text_of(tools, residual % ("c", "y"), "bvlc", N + "17")
    assert made.splitlines()[:2] == ['name: "x"  # a net', "eltwise_mem_sharing: false"]
    assert text_of(tools, made, N + "17", N + "16") == residual % ("c", "y")
    usual = residual % ("y", "c")
    assert text_of(tools, usual, "bvlc", N + "17") == usual
    assert text_of(tools, residual % ("c", "y"), "bvlc", N + "16") == residual % ("c", "y")


def test_a_comment_that_names_the_target_follows(tools: SimpleNamespace) -> None:
    text = "# protolint: target=bvlc\n" + DEPLOY
    assert text_of(tools, text, "bvlc", N + "15").startswith("# protolint: target=nvidia-0.15\n")
    assert text_of(tools, text, "bvlc", "bvlc") == text


def test_a_sibling_that_follows_at_once_is_not_touched(tools: SimpleNamespace) -> None:
    """Layers that are taken out leave what begins where they end."""
    text = net("""
        input: "data"
        input_shape { dim: 1 dim: 3 }
        layer {
          name: "n1"
          type: "BatchNorm"
          bottom: "data"
          top: "a"
        }
        layer {
          name: "s1"
          type: "Scale"
          bottom: "a"
          top: "a"
          scale_param { bias_term: true }
        }
        layer {
          name: "n2"
          type: "BatchNorm"
          bottom: "a"
          top: "b"
        }
        """)
    file = tools.read(text, "bvlc")
    made = tools.convert(file, N + "17")
    names = [layer.name for layer in made.nets[0].layers]
    assert names == ["n1_to_4d", "n1", "n1_to_2d", "n2_to_4d", "n2", "n2_to_2d"]
    assert tools.states(tools.convert(made, "bvlc")) == tools.states(file)


def test_blank_lines_do_not_pile_up(tools: SimpleNamespace) -> None:
    text = DEPLOY + net("""

        layer {
          name: "n"
          type: "BatchNorm"
          bottom: "c"
          top: "c"
        }

        layer {
          name: "s"
          type: "Scale"
          bottom: "c"
          top: "c"
          scale_param { bias_term: true }
        }

        layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
        """)
    made = text_of(tools, text, "bvlc", N + "17")
    assert "\n\n\n" not in made
    assert made.count("\n\n") == text.count("\n\n") - 1
    back = text_of(tools, made, N + "17", "bvlc")
    assert back == text.replace("{ bias_term: true }", "{\n    bias_term: true\n  }")


@pytest.mark.parametrize(
    "text",
    [
        'layers { name: "r" type: RELU bottom: "data" top: "data" }\n',
        'layers { layer { name: "r" type: "relu" } bottom: "data" top: "data" }\n',
        'input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8\n',
        "",
        "# nothing\n",
    ],
)
def test_older_generations_are_read_everywhere_and_stay(text: str, tools: SimpleNamespace) -> None:
    for source in ("bvlc", N + "14", N + "17"):
        for target, engine in tools.targets:
            assert text_of(tools, text, source, target, engine=engine) == text


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("layer { name: }", "line 1"),
        ('layer { name: "x" colour: 1 }', "'colour' does not fit LayerParameter of bvlc"),
        ("layer: [ { } ]", "its layers are one list"),
        ("{}", "line 1"),
    ],
)
def test_files_that_cannot_be_converted_at_all(
    text: str, evidence: str, tools: SimpleNamespace
) -> None:
    (refusal,) = source_refusals(tools.read(text, "bvlc"))
    assert evidence in str(refusal)


def test_a_refused_net_is_not_edited(tools: SimpleNamespace) -> None:
    file = tools.read('layer { name: "x" type: "Clip" }\n', "bvlc")
    with pytest.raises(ProtolintError, match=r"net.prototxt: 'x': nvidia-0.17 has no layer type"):
        convert_net(file, tools.plan(file, N + "17"))


def test_params_in_a_list_are_written_anew(tools: SimpleNamespace) -> None:
    text = DEPLOY + net("""
        layer {
          name: "n"
          type: "BatchNorm"
          bottom: "c"
          top: "c"
          param: [{ lr_mult: 1 }, { lr_mult: 1 }, { lr_mult: 0 }, { lr_mult: 0 }]
        }
        """)
    made = tools.read(text_of(tools, text, N + "15", N + "14"), N + "14")
    layer = made.nets[0].batchnorms[0]
    assert [param.lr_mult for param in layer.params] == [1, 1, 0, 0, 0]


def test_names_of_shared_blobs_go_where_the_blobs_go(tools: SimpleNamespace) -> None:
    names = ["gamma", "beta", "mean", "variance"]
    params = " ".join(f'param {{ name: "{name}" lr_mult: 1 decay_mult: 1 }}' for name in names)
    text = DEPLOY + f'layer {{ name: "n" type: "BatchNorm" bottom: "c" top: "c" {params} }}\n'
    made = tools.convert(tools.read(text, N + "15"), N + "17")
    found = [param.name for param in made.nets[0].batchnorms[0].params]
    assert found == ["mean", "variance", "", "gamma", "beta"]
    back = tools.convert(made, N + "15")
    assert [param.name for param in back.nets[0].batchnorms[0].params] == names
    split = tools.convert(tools.read(text, N + "15"), "bvlc")
    norm, scale = (
        next(layer for layer in split.nets[0].layers if layer.type == kind)
        for kind in ("BatchNorm", "Scale")
    )
    assert [param.name for param in norm.params] == ["mean", "variance", ""]
    assert [param.name for param in scale.params] == ["gamma", "beta"]


# Names of new layers and blobs.

CASES = Path(__file__).resolve().parents[2] / "fixtures" / "agreement"


@pytest.mark.parametrize(
    ("case", "source", "target", "names"),
    [
        # The blob between the Reshape layers of "a" is called like the layer "a_4d".
        ("names", "bvlc", "nvidia-0.17", {"a_4d", "a_4d_2", "a_4d_4d"}),
        # Two BatchNorms remember the same Scale layer.
        ("paste", "nvidia-0.17", "bvlc", {"affine", "n2_scale"}),
    ],
)
def test_no_new_name_is_given_twice(
    case: str, source: str, target: str, names: set[str], tools: SimpleNamespace
) -> None:
    file = tools.read((CASES / f"{case}.prototxt").read_text(), source)
    net = tools.convert(file, target).nets[0]
    layers = [layer.name for layer in net.layers]
    assert len(set(layers)) == len(layers)
    assert names <= {*layers, *net.blob_names}


@pytest.mark.parametrize("own", ["", " scale_param { }", " scale_param { bias_term: false }"])
def test_a_scale_layer_shared_by_twins_gets_its_bias_once(own: str, tools: SimpleNamespace) -> None:
    norm = (
        'layer { name: "n" type: "BatchNorm" bottom: "data" top: "n" batch_norm_param {'
        " scale_filler { value: 1 } bias_filler { value: 0 } } include { phase: %s } }\n"
    )
    text = (
        'layer { name: "d" type: "Data" top: "data" top: "label" }\n'
        + norm % "TRAIN"
        + norm % "TEST"
        + f'layer {{ name: "s" type: "Scale" bottom: "n" top: "n"{own} }}\n'
    )
    made = text_of(tools, text, f"{N}15", "bvlc", engine="CAFFE")
    assert made.count("bias_term") == 1
    assert "bias_term: true" in made
