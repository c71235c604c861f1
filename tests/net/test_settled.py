"""What is kept of a layer for those like it gives the verdicts and shapes of a walk afresh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.net import settled
from protolint.net.init import construction, faults_of, verdicts
from protolint.net.net import Net
from protolint.source import Source
from protolint.text.scan import forget as forget_text
from protolint.workspace.reading import Readings

NETS = Path(__file__).resolve().parent.parent.parent / "fixtures" / "nets"


def forget() -> None:
    """Forget what is kept of layers: those over the same bottoms, and those of the same text."""
    settled.forget()
    forget_text()


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    forget()
    yield
    forget()


def net(text: str, dialect: str = "bvlc") -> Net:
    (found,) = Readings.of(Source("x", text.encode())).read(DIALECTS[dialect]).nets
    return found


def outcome(text: str, dialect: str) -> list[object]:
    read = net(text, dialect)
    walks = [construction(read, view) for view in read.views]
    shapes = [{v.name: s for v, s in walk.shapes.items()} for walk in walks]
    faults = [[(f.kind, f.span, f.message) for f in walk.faults] for walk in walks]
    return [verdicts(read), shapes, faults]


@pytest.mark.parametrize("dialect", ["bvlc", "nvidia-0.15", "nvidia-0.17", "ssd", "intel"])
def test_nets_give_the_same_alone_and_behind_each_other(dialect: str) -> None:
    texts = [
        path.read_text("utf-8")
        for path in sorted(NETS.glob("*.prototxt"))
        if "solver" not in path.name
    ]
    alone = []
    for text in texts:
        forget()
        alone.append(outcome(text, dialect))
    forget()
    assert [outcome(text, dialect) for text in texts] == alone
    assert [outcome(text, dialect) for text in reversed(texts)] == alone[::-1]


def test_a_loss_of_unknown_shape_is_open_in_every_state_that_keeps_it() -> None:
    states = ("phase: TRAIN", 'phase: TEST stage: "a"', 'phase: TEST stage: "b"')
    data = "".join(
        f'layer {{ name: "d" type: "Data" top: "x" include {{ {state} }}\n'
        '  data_param { source: "s" batch_size: 2 } }\n'
        for state in states
    )
    loss = (
        'layer { name: "f" type: "Flatten" bottom: "x" top: "f" }\n'
        'layer { name: "i" type: "InnerProduct" bottom: "f" top: "i"\n'
        "  inner_product_param { num_output: 3 } }\n"
        'layer { name: "l" type: "SigmoidCrossEntropyLoss" bottom: "i" bottom: "f" top: "l"\n'
        "  loss_weight: 1 }\n"
    )
    assert set(verdicts(net(data + loss)).values()) == {None}


_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [1, 2, 3, 3] } } }\n'
_RELU = 'layer { name: "%s" type: "ReLU" bottom: "x" top: "%s" }\n'


def test_a_layer_is_not_taken_for_one_that_works_in_place() -> None:
    assert faults_of(net(_INPUT + _RELU % ("r", "x"))) == []
    both = _INPUT + _RELU % ("r", "y") + _RELU % ("s", "x")
    assert verdicts(net(both)) == {"TRAIN": False, "TEST": False}
    assert verdicts(net(_INPUT + _RELU % ("r", "y"))) == {"TRAIN": True, "TEST": True}


def test_a_shared_parameter_is_looked_at_in_each_net() -> None:
    layer = (
        'layer {{ name: "{0}" type: "InnerProduct" bottom: "x" top: "{0}"\n'
        '  param {{ name: "w" }} inner_product_param {{ num_output: {1} }} }}\n'
    )
    fits = _INPUT + layer.format("a", 4) + layer.format("b", 4)
    differs = _INPUT + layer.format("a", 5) + layer.format("b", 4)
    assert verdicts(net(fits))["TEST"] is True
    assert verdicts(net(differs))["TEST"] is False
    assert verdicts(net(fits))["TEST"] is True


def test_a_size_that_only_training_has_to_divide_by_counts_in_training_alone() -> None:
    text = _INPUT.replace("[1,", "[3,") + (
        'layer { name: "b" type: "BatchNorm" bottom: "x" top: "y"\n'
        "  batch_norm_param { stats_batch_size: 2 } }\n"
    )
    for _ in range(2):
        assert verdicts(net(text, "intel")) == {"TRAIN": False, "TEST": True}


LAYERS = {
    "Convolution": "convolution_param {\n num_output: 6 kernel_size: 5 group: 3 "
    'weight_filler { type: "xavier" }\n  }',
    "Deconvolution": "convolution_param {\n num_output: 6 kernel_size: 4 group: 3 bias_term: false "
    'weight_filler { type: "bilinear" }\n  }',
    "Pooling": "pooling_param {\n kernel_size: 3 stride: 2 pad: 2\n  }",
    "InnerProduct": 'inner_product_param {\n num_output: 4 weight_filler { type: "msra" }\n  }',
    "Scale": "scale_param {\n axis: 2 num_axes: 2\n  }",
    "BatchNorm": "batch_norm_param {\n stats_batch_size: 3\n  }",
    "ReLU": "relu_param {\n negative_slope: 0.1\n  }",
    "Softmax": "softmax_param {\n axis: 3\n  }",
}
SIZES = ("6 6 9 9", "6 4 9 9", "6 6 3 3", "6 6 3 9", "6 6", "0 6 9 9", "6 6 0 9", "4 6 1 1", "6")


@pytest.mark.parametrize("dialect", ["bvlc", "nvidia-0.15", "nvidia-0.17", "ssd", "intel"])
@pytest.mark.parametrize("kind", LAYERS)
def test_one_text_over_many_shapes_gives_what_it_gives_alone(kind: str, dialect: str) -> None:
    texts = [
        f'input: "x"\ninput_shape {{ {" ".join(f"dim: {size}" for size in sizes.split())} }}\n'
        + "".join(
            f'layer {{\n  name: "{name}"\n  type: "{kind}"\n  bottom: "x"\n  top: "{name}"\n'
            f"  {LAYERS[kind]}\n}}\n"
            for name in "abc"
        )
        for sizes in SIZES
    ]
    alone = []
    for text in texts:
        forget()
        alone.append(outcome(text, dialect))
    assert len({str(found[0]) for found in alone}) > (kind not in ("ReLU", "BatchNorm"))
    assert net(texts[0], dialect).layers[1].node.model is not None
    forget()
    for order in (texts, texts[::-1], texts[::2] + texts[1::2]):
        assert [outcome(text, dialect) for text in order] == [alone[texts.index(t)] for t in order]
