"""What the change of a net does, without weights or data."""

from __future__ import annotations

import pytest

import protolint
from protolint.comparison.consequence import Changes, Consequence

NET = """\
input: "x" input_dim: [1, 3, 8, 8]
layer {
  name: "c" type: "Convolution" bottom: "x" top: "c" param { lr_mult: 1 }
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } }
}
layer { name: "r" type: "ReLU" bottom: "c" top: "c" }  # in place
layer {
  name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { kernel_size: 2 stride: 2 }
}
"""
RELU = 'layer { name: "r" type: "ReLU" bottom: "c" top: "c" }'
TEXT, TRAINING, OUTPUT, WEIGHTS = sorted(Consequence)


@pytest.mark.parametrize(
    ("old", "new", "consequence"),
    [
        ("num_output: 4", "num_output: 5", WEIGHTS),
        ("kernel_size: 3", "kernel_size: 3 bias_term: false", WEIGHTS),
        ('name: "c"', 'name: "conv"', WEIGHTS),
        ("lr_mult: 1", "lr_mult: 2", TRAINING),
        ("xavier", "msra", TRAINING),
        ("param { lr_mult: 1 }", "param { }", TEXT),
        ("param { lr_mult: 1 }", "", TEXT),
        ("# in place", "", TEXT),
        ('name: "r"', 'name: "relu"', TEXT),
        ('top: "p"', 'top: "pool"', TEXT),
        ("stride: 2", "stride: 2 pool: MAX", TEXT),
        ("stride: 2", "stride: 1", OUTPUT),
        ("ReLU", "TanH", OUTPUT),
        (RELU, "", OUTPUT),
        ('bottom: "c" top: "p"', 'bottom: "x" top: "p"', OUTPUT),
        (RELU, f'{RELU} layer {{ name: "d" type: "Dropout" bottom: "c" top: "c" }}', TEXT),
        ("8, 8", "9, 9", OUTPUT),
    ],
)
def test_a_change_is_named_by_what_it_does(old: str, new: str, consequence: Consequence) -> None:
    assert old in NET
    nets = [protolint.load(text, target="bvlc") for text in (NET, NET.replace(old, new))]
    found = protolint.compare(nets[0], nets[1])
    assert isinstance(found, Changes)
    assert found.consequence is consequence, found.changes
    assert found.equal is (consequence is TEXT)


def test_a_training_net_is_compared_in_both_phases() -> None:
    data = 'layer { name: "d" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 } } }\n'
    drop = 'layer { name: "n" type: "Dropout" bottom: "x" top: "y" %s}\n'
    nets = [
        protolint.load(data + drop % ratio, target="bvlc")
        for ratio in ("", "dropout_param { dropout_ratio: 0.9 }")
    ]
    found = protolint.compare(nets[0], nets[1])
    assert isinstance(found, Changes)
    assert found.consequence is TRAINING
    assert [change[:2] for change in found.changes] == [
        ("n", "dropout_param.dropout_ratio: 0.5 → 0.9")
    ]


def test_the_old_form_and_the_new_are_the_same() -> None:
    old = NET.replace("layer {", "layers {").replace('"Convolution"', "CONVOLUTION")
    old = old.replace('"ReLU"', "RELU").replace('"Pooling"', "POOLING")
    old = old.replace("param { lr_mult: 1 }", "blobs_lr: 1")
    found = protolint.compare(protolint.load(old), protolint.load(NET))
    assert isinstance(found, Changes)
    assert found.consequence <= TRAINING, found.changes
