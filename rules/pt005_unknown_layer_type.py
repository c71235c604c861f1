"""A layer type that the target does not register.

What it does
    Reports a layer whose `type` is missing or is none of the target's, and names the nearest
    one, or the Caffe that has it.

Why it matters
    The net aborts when it is built: `Unknown layer type: ...`.

Which Caffe
    All, each with its own list: `Scale`, `Bias`, `ELU`, `Input` and `Crop` are not in NVIDIA
    0.14, `LSTM` and `RNN` not before NVIDIA 0.17, `Parameter`, `Clip` and `Swish` only in BVLC.
    `Python` and the types a configuration lists in `layer-types` are taken as they are.

Fix
    Unsafe: corrects the case (`batchnorm` to `BatchNorm`).

Evidence
    BVLC/caffe#4136, yjxiong/temporal-segment-networks#19.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from protolint.caffe.dialect import Dialect
from protolint.caffe.forks import Unknown, forks_that_know
from protolint.caffe.legacy import V1_TYPES
from protolint.caffe.registry import registered_by
from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.suggest import nearest
from protolint.text.tree import Scalar
from protolint.text.write import quote, replace_value
from protolint.words import joined

from ._layers import is_old_type_word, named


@net_rule("PT005", "unknown-layer-type", Severity.ERROR)
def check(net: Net) -> Iterator[Finding]:
    known = net.dialect.layer_types | net.custom_types
    for layer in net.layers:
        if layer.type in known or not net.keeps(layer) or is_old_type_word(layer):
            continue
        node = layer.type_node
        span = node.span if node is not None else layer.head
        if node is None:
            message = f'{named(layer)}: the layer has no type; write type: "..."'
        else:
            hint = _hint(net.dialect, layer.type)
            message = f"{net.dialect.name} has no layer type '{layer.type}'{hint}"
        yield Finding(span, message, layer=layer.name, fix=_fix(layer, known))


@lru_cache(maxsize=256)
def _hint(dialect: Dialect, written: str) -> str:
    near = V1_TYPES.get(written) or _same_but_for_case(written, dialect.layer_types)
    if near:
        return f"; did you mean '{near}'?"
    owners = registered_by(written)
    if owners:
        return f"; it belongs to {joined(owners)}"
    forks = forks_that_know(Unknown("", written))
    if forks:
        return f"; it belongs to {joined(fork.name for fork in forks)}"
    found = nearest(written, sorted(ALL_TYPES))
    if found and dialect.registers(found[0]):
        return f"; did you mean '{found[0]}'?"
    return "; if it is a layer of your own, list it in layer-types"


def _same_but_for_case(name: str, names: frozenset[str]) -> str | None:
    return next((known for known in sorted(names) if known.lower() == name.lower()), None)


def _fix(layer: Layer, known: frozenset[str]) -> Fix | None:
    right = _same_but_for_case(layer.type, known)
    if right is None or not isinstance(layer.type_node, Scalar):
        return None
    edit = replace_value(layer.type_node, quote(right))
    return Fix(f"Write '{right}'", (edit,), Applicability.UNSAFE)


_SCALE = 'layer { name: "s" type: "Scale" bottom: "x" top: "x" }\n'
VALID = (
    Example("bvlc", _SCALE),
    Example("nvidia-0.14", 'layer { name: "p" type: "Python" top: "x" }\n'),
    Example("bvlc", 'layers { name: "c" type: CONVOLUTION bottom: "x" top: "c" }\n'),
    Example("bvlc", 'layer { name: "a" type: "Own" include { min_level: 1 } }\n'),
    # An old word: PT006.
    Example("bvlc", 'layer { name: "c" type: CONVOLUTION bottom: "x" top: "c" }\n'),
)
INVALID = (
    Invalid("nvidia-0.14", _SCALE, (1,)),
    Invalid("nvidia-0.16", 'layer {\n  name: "r"\n  type: "LSTM"\n}\n', (3,)),
    Invalid("bvlc", 'layer {\n  name: "n"\n}\n', (1,)),
    Invalid(
        "bvlc",
        'layer { name: "b" type: "Batchnorm" }\n',
        (1,),
        fixed='layer { name: "b" type: "BatchNorm" }\n',
    ),
    Invalid("bvlc", 'layer { name: "ip" type: "INNER_PRODUCT" }\n', (1,)),
    Invalid(
        "bvlc",
        'layer { name: "b" type: "BATCHNORM" }\n',
        (1,),
        fixed='layer { name: "b" type: "BatchNorm" }\n',
    ),
    Invalid("bvlc", 'layer { name: "c" type: "Convolutoin" }\n', (1,)),
    Invalid("nvidia-0.14", 'layer { name: "s" type: "Scal" }\n', (1,)),
    Invalid("bvlc", 'layer { name: "u" type: "Interp" }\n', (1,)),
    Invalid("bvlc", 'layer { name: "m" type: "QuiteDifferentFromAll" }\n', (1,)),
    Invalid("bvlc", 'layer { name: "l" type: "SOFTMAX_LOSS" }\n', (1,)),
    Invalid("bvlc", 'layer { name: "b" type: "BN" }\n', (1,)),
)
