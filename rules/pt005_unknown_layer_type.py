"""A layer type that the target does not register.

What it does
    Reports a layer whose `type` is missing or is none of the target's, and names the nearest
    one, or the Caffe that has it: a target, or one of the public forks in protolint's table. A
    type is reported once for a file, with the number of its layers; so are its parameters.

Why it matters
    The net aborts when it is built: `Unknown layer type: ...`.

Which Caffe
    All, each with its own list: `Scale`, `Bias`, `ELU`, `Input` and `Crop` are not in NVIDIA
    0.14, `LSTM` and `RNN` not before NVIDIA 0.17, `Parameter`, `Clip` and `Swish` only in BVLC.
    `Python` and the types a configuration lists in `layer-types` are taken as they are.

Fix
    Unsafe: corrects the case (`batchnorm` to `BatchNorm`) or a slip of the pen, and writes
    `Convolution` for `DepthwiseConvolution`, which computes the same with the same group.

Evidence
    BVLC/caffe#4136, yjxiong/temporal-segment-networks#19.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, lru_cache

from protolint.caffe.binder import BindProblem
from protolint.caffe.dialect import Dialect
from protolint.caffe.forks import Unknown, forks_that_know, replacement_for
from protolint.caffe.legacy import V1_TYPES
from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.suggest import nearest
from protolint.text.tree import Block, Scalar
from protolint.text.write import quote, replace_value
from protolint.workspace.reading import LintFile

from ._layers import is_old_type_word, named
from ._owners import Owners, owners_of_type

_LAYERS = ("LayerParameter", "V1LayerParameter")


@net_rule("PT005", "unknown-layer-type", Severity.ERROR, faults=(Kind.UNKNOWN_TYPE,))
def check(net: Net) -> Iterator[Finding]:
    known = net.dialect.layer_types | net.custom_types
    for layer in _unknown(net, known):
        word = _old_word(layer)
        node = layer.type_node or word
        if node is None:
            message = f'{named(layer)}: the layer has no type; write type: "..."'
            yield Finding(layer.head, message, layer=layer.name)
            continue
        written = word.raw if word is not None else layer.type
        hint = _hint(net.dialect, written, is_old=word is not None)
        yield Finding(
            node.span,
            f"{net.dialect.name} has no layer type '{written}'{hint}",
            layer=layer.name,
            fix=_fix(net.dialect, layer, known),
            alike=written,
        )


def goes_with_its_type(file: LintFile) -> Callable[[BindProblem], bool]:
    """Return whether a field that is not known is the parameter of a type that is reported."""
    starts: set[int] = set()
    if file.problems and not file.tree.broken:
        for net in file.nets:
            unknown = _unknown(net, net.dialect.layer_types | net.custom_types)
            starts.update(layer.node.start for layer in unknown if layer.type or _old_word(layer))

    def goes(problem: BindProblem) -> bool:
        if problem.message.name not in _LAYERS or not isinstance(problem.node, Block):
            return False
        block = file.layer_block_at(problem.node.start) if starts else None
        return block is not None and block.start in starts

    return goes


def _unknown(net: Net, known: frozenset[str]) -> Iterator[Layer]:
    for layer in net.of_types(net.by_type.keys() - known):
        if net.keeps(layer) and not is_old_type_word(layer):
            # A value that is no type is PT007's.
            is_open = layer.generation == 1 or (not layer.type and layer.type_node is None)
            word = layer.node.children if is_open else ()
            if all(c.name != "type" for c in word) or _old_word(layer) is not None:
                yield layer


def _old_word(layer: Layer) -> Scalar | None:
    """Return the type of an old layer where a public fork has the word and the enum has not."""
    if layer.type_node is not None:
        return None
    for child in layer.node.children:
        if child.name == "type" and isinstance(child, Scalar):
            return child if forks_that_know(Unknown("V1", child.raw)) else None
    return None


@lru_cache(maxsize=256)
def _hint(dialect: Dialect, written: str, *, is_old: bool) -> str:
    if is_old:
        owners = Owners(forks=forks_that_know(Unknown("V1", written)))
        return f": {owners.title}; {owners.advice(dialect)}"
    near = V1_TYPES.get(written) or _same_but_for_case(written, dialect.layer_types)
    if near:
        return f"; did you mean '{near}'?"
    owners = owners_of_type(written)
    if owners:
        instead = replacement_for(written)
        if instead is not None and dialect.registers(instead[0]):
            return f': {owners.title}; write type: "{instead[0]}", {instead[1]}'
        return f": {owners.title}; {owners.advice(dialect)}"
    found = _near(dialect, written)
    if found:
        return f"; did you mean '{found}'?"
    return "; if it is a layer of your own, list it in layer-types"


def _near(dialect: Dialect, written: str) -> str:
    """Return the type that a misspelt one was meant for, if this Caffe has it, or ""."""
    found = nearest(written, _every_type(), 1 if len(written) < 6 else 2)
    return found[0] if found is not None and dialect.registers(found[0]) else ""


@cache
def _every_type() -> tuple[str, ...]:
    return tuple(sorted(ALL_TYPES))


def _same_but_for_case(name: str, names: frozenset[str]) -> str | None:
    return _in_lower_case(names).get(name.lower())


@lru_cache(maxsize=64)
def _in_lower_case(names: frozenset[str]) -> dict[str, str]:
    """Return the names by how they are in lower case; of several the first."""
    return {name.lower(): name for name in sorted(names, reverse=True)}


def _fix(dialect: Dialect, layer: Layer, known: frozenset[str]) -> Fix | None:
    right = _same_but_for_case(layer.type, known)
    instead = replacement_for(layer.type)
    if right is None and instead is not None and instead[2]:
        right = instead[0]
    if right is None and not owners_of_type(layer.type):
        right = _near(dialect, layer.type)
    if not right or not isinstance(layer.type_node, Scalar):
        return None
    edit = replace_value(layer.type_node, quote(right))
    return Fix(f"Write '{right}'", (edit,), Applicability.UNSAFE)


_SCALE = 'layer { name: "s" type: "Scale" bottom: "x" top: "x" }\n'
VALID = (Example("nvidia-0.14", 'layer { name: "p" type: "Python" top: "x" }\n'),)
INVALID = (
    Invalid("nvidia-0.14", _SCALE, (1,)),
    Invalid(
        "bvlc",
        'layer { name: "b" type: "Batchnorm" }\n',
        (1,),
        fixed='layer { name: "b" type: "BatchNorm" }\n',
    ),
)
