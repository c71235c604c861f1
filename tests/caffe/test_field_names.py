"""A field's name that no schema has fails the test run, and one that some schema has does not."""

from __future__ import annotations

import pytest
from field_names import FieldNameError

from protolint.caffe.binder import Message, bind
from protolint.caffe.descriptors import load_schema
from protolint.source import Source
from protolint.text import parse


def layer(text: str) -> Message:
    tree = parse(Source("net.prototxt", f"layer {{ {text} }}".encode()))
    net, _ = bind(load_schema("bvlc").messages["NetParameter"], tree.children)
    (found,) = net.messages("layer")
    return found


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: m.flag("scale_bais"),
        lambda m: m.number("epsilon"),
        lambda m: m.numbers("epsilon"),
        lambda m: m.text("engin"),
        lambda m: m.node_of("epsilon"),
        lambda m: m.nodes_of("epsilon"),
        lambda m: "epsilon" in m,
        lambda m: m.message("scale_filer"),
        lambda m: m.values.get("epsilon"),
    ],
)
def test_a_misspelt_field_is_refused(ask: object) -> None:
    message = layer("batch_norm_param { eps: 1 }").message("batch_norm_param")
    with pytest.raises(FieldNameError, match="BatchNormParameter"):
        ask(message)  # type: ignore[operator]


def test_a_misspelt_parameter_message_is_refused() -> None:
    with pytest.raises(FieldNameError, match="'batchnorm_param'"):
        layer("batch_norm_param { eps: 1 }").message("batchnorm_param")


def test_a_field_of_another_caffe_is_not_given() -> None:
    message = layer("batch_norm_param { eps: 1 }").message("batch_norm_param")
    assert message is not None
    assert "scale_bias" not in message
    assert not message.flag("scale_bias")
