"""Layers whose text is alike share what is read of it, and each has its own places."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from protolint.caffe.binder import BindProblem, Message, bind
from protolint.caffe.descriptors import load_schema
from protolint.source import Source
from protolint.text import parse
from protolint.text.tree import Node, Tree, to_text, walk
from tests.conftest import SHARED

_NETS = Path(__file__).parents[2] / "fixtures" / "nets"
_CORPUS = SHARED / "corpus"
_PATHS = sorted(_NETS.glob("*.prototxt")) + sorted(_CORPUS.glob("*.prototxt"))[::16]

_BODY = """\
  param {
    lr_mult: 1
  }
  convolution_param {
    num_output: 2 # why
    kernel_size: [3, 5]
    weight_filler { type: "xavier" }
  }
"""
_NET = "".join(
    f'# {name}\nlayer {{\n  name: "{name}"\n  type: "Convolution"\n{_BODY}}}\n'
    for name in ("a", "bb", "ccc")
)
_AWKWARD = (
    _NET,
    _NET.replace("num_output", "num_outputs"),
    _NET.replace('  name: "bb"\n', '  name: "bb"\n  name: "b2"\n'),
    _NET.replace("  param {\n", '  top: "x"\n  include { phase: TRAIN }\n  param {\n'),
    _NET.replace("lr_mult: 1\n", "lr_mult: 1\n    lr_mult: 2\n"),
    _NET.replace("lr_mult: 1\n", "lr_mul: 1\n").replace("3, 5]\n", "3, 5]\n    kernel: [3, 5]\n"),
    _NET.replace("  param {\n", '  bottom: "x"\n' * 7 + "  param {\n"),
    _NET.replace('"bb"', '"b\u00e9"'),
    _NET.replace("}\n# bb", '  bottom: "x"\n}\n# bb'),
    _NET.replace("  param {\n", "  name: WORD\n  param {\n"),
    _NET.replace("  param {\n", "  type: CONVOLUTION\n  param {\n").replace("layer {", "layers {"),
    _NET.replace("}\n# bb", "} # bb\n# bb"),
    _NET.replace("}\n# bb\n", "} "),
    _NET.replace("}\n# bb", "},\n# bb"),
    _NET.replace("\n  ", "\n"),
    _NET.replace("\n", "\r\n"),
    _NET.replace('  type: "Convolution"\n', '  type: "Convolution"\n  "al"\n', 1),
    _NET.replace('  type: "Convolution"\n', '  type: "Convolution"\n  ,\n', 1),
    'layer {\n  name: "a"\n  top: "x"\n}\nlayer {\n  name: "b"\n  top: "y"\n}',
    'layers {\n  name: "a"\n  type: RELU\n}\nlayers {\n  name: "a"\n  type: RULE\n}\n',
    'layers {\n  layer {\n    name: "a"\n  }\n}\nlayers {\n  layer {\n    name: "a"\n  }\n}\n',
)


def _line_by_line(source: Source, monkeypatch: pytest.MonkeyPatch) -> Tree:
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["protolint.text.scan"], "_layers", lambda _: None)
        return parse(source)


def _nodes(tree: Tree) -> list[tuple[object, ...]]:
    return [(type(n), n.name, n.span, n.value_start, getattr(n, "raw", "")) for n in _all(tree)]


def _all(tree: Tree) -> list[Node]:
    return list(walk(tree.children))


def _content(message: Message) -> list[object]:
    found: list[object] = [message.node and message.node.span]
    for name, value, node in message.items():
        assert name in message
        inner = _content(value) if isinstance(value, Message) else value
        found.append((name, inner, node.span))
    return found


def _inside_first(message: Message) -> list[object]:
    """The places, asked for from the inside out."""
    found: list[object] = []
    for name in message.type.fields:
        for inner in message.messages(name):
            found += _inside_first(inner)
            found.append((name, inner.node and inner.node.span, inner is message.message(name)))
    return found


def _problems(found: list[BindProblem]) -> list[tuple[object, ...]]:
    return [(p.kind, p.node.span, p.message.name, p.first and p.first.span) for p in found]


@pytest.mark.parametrize("schema", ["bvlc", "nvidia-0.17"])
@pytest.mark.parametrize(
    "data",
    [*(text.encode() for text in _AWKWARD), *(path.read_bytes() for path in _PATHS)],
    ids=[*(f"awkward {i}" for i in range(len(_AWKWARD))), *(path.name for path in _PATHS)],
)
def test_shared_bodies_are_as_those_read_line_by_line(
    data: bytes, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source("x.prototxt", data)
    net = load_schema(schema).messages["NetParameter"]
    slow, fast = _line_by_line(source, monkeypatch), parse(source)
    assert fast.problems == slow.problems
    expected, problems = bind(net, slow.children)
    found, misfits = bind(net, fast.children)
    assert _problems(misfits) == _problems(problems)
    assert _inside_first(found) == _inside_first(expected)
    assert _content(found) == _content(expected)
    assert _content(bind(net, parse(source).children)[0]) == _content(expected)
    assert _nodes(fast) == _nodes(slow)
    assert to_text(parse(source)) == data


def test_what_does_not_fit_is_a_node_of_the_tree() -> None:
    text = _NET.replace("lr_mult: 1", "lr_mul: 1").replace("  convolution_param", "  bn_param")
    tree = parse(Source("x.prototxt", text.encode()))
    _, misfits = bind(load_schema("bvlc").messages["NetParameter"], tree.children)
    assert len(misfits) == 6
    own = {id(node) for node in walk(tree.children)}
    assert {id(problem.node) for problem in misfits} <= own


def test_layers_that_are_alike_share_what_is_in_them() -> None:
    blocks = parse(Source("x.prototxt", _NET.encode())).children
    assert len({id(getattr(block, "model", None)) for block in blocks}) == 1
    assert all(getattr(block, "model", None) is not None for block in blocks)
