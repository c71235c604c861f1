"""The fast line-wise reader and the grammar read the same text the same way."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protolint.source import Source
from protolint.text import parse
from protolint.text.full import read
from protolint.text.scan import scan
from protolint.text.tree import Block, ListValue, Node, Scalar, to_text, walk

Plain = tuple[object, ...]


def plain(nodes: list[Node]) -> list[Plain]:
    """Nodes as values that can be compared: kind, name, every offset, content."""
    found: list[Plain] = []
    for node in nodes:
        if isinstance(node, Scalar):
            found.append(("scalar", node.name, node.start, node.value_start, node.end, node.raw))
        elif isinstance(node, Block):
            inner = plain(node.children)
            found.append(("block", node.name, node.start, node.value_start, node.end, inner))
        else:
            items = plain(list(node.items))
            found.append(("list", node.name, node.start, node.value_start, node.end, items))
    return found


def assert_agreement(text: str) -> bool:
    """Compare the two readers; whether the fast one took the text at all."""
    fast = scan(text)
    if fast is None:
        return False
    nodes, problems = fast
    slow, found = read(text)
    assert plain(nodes) == plain(slow)
    assert problems == found
    return True


NAMES = st.sampled_from(["name", "layer", "lr_mult", "type", "_x", "param", "inf"])
SPACES = st.sampled_from(["", " ", "  ", "\t", "\n", "\r\n", " # note\n", "\n\n", "\f", " #\n"])
_TOKENS = """
    1 0 -1 0x1F 0X1f 017 08 1. .5 1e3 1e-3f 1.5e+4 1f 1.0.0 1x inf -inf nan TRAIN true "a" 'a'
    "\\n\\101\\x41\\\\" "\\q" "#{}[]" 'it\\'s' "" - +1 [] [1,] 1_0 a.b a1.5 "open ' 1e 1e5x
    00 0e3 0. 00.5 1..2 --1 x-y
"""
_SPACED = ["- 1", '"a" "b"', "'a'\"b\"", "[1, 2]", "['a', b]", "[ -1.5 ,2 ]", "\xe9", '"\xc3\xa9"']
VALUES = st.sampled_from([*_TOKENS.split(), *_SPACED])
COLONS = st.sampled_from([":", ": ", " : ", "", " "])


@st.composite
def texts(draw: st.DrawFn, depth: int = 0) -> str:
    """Text format as people and scripts write it, mostly valid, sometimes not."""
    pieces = [draw(SPACES)]
    for _ in range(draw(st.integers(0, 5))):
        pieces.append(draw(NAMES))
        if depth < 3 and draw(st.integers(0, 2)) == 0:
            braces = draw(st.sampled_from(["{}"] * 8 + ["<>", "{>", "{", "<}"]))
            inner = draw(texts(depth=depth + 1))
            pieces += (draw(COLONS), braces[0], inner, braces[1:])
        else:
            colon = draw(st.sampled_from([": "] * 6 + [":", " : ", " ", ":\n"]))
            pieces += (colon, draw(VALUES))
        pieces.append(draw(st.sampled_from([""] * 6 + [",", ";", " ;", ",,"])))
        pieces.append(draw(st.sampled_from(["\n"] * 5 + [" ", "", " # note\n", "\r\n", "\t"])))
    return "".join(pieces)


@given(texts())
@example("a: [1, 2] ; b: [ -1.5 , x ]\n")
@example('a: "x" # y\n"z"')
@example("a: 1b: 2")
@example("a: 1\nb: 0x10 c < d: 1 > e: [{f: 1}]\n}\n")
@example("dim: [1 2 3]\nb: 1\n")
@example("a {\n b: 08 c {\n}\n}\n")
@example('a: "x\nb: 1\n')
@example("a: 1 }\nb: 1\n")
@example('a: "x"b: 2')
def test_the_fast_reader_equals_the_grammar(text: str) -> None:
    assert_agreement(text)


@given(texts())
def test_every_text_is_printed_back_to_the_byte(text: str) -> None:
    data = text.encode("latin-1")
    assert to_text(parse(Source("x", data))) == data


@given(st.binary(max_size=200))
def test_any_bytes_give_a_tree_and_are_printed_back(data: bytes) -> None:
    assert to_text(parse(Source("x", data))) == data


@given(texts())
def test_only_space_comments_and_separators_lie_between_the_nodes_of_sound_text(text: str) -> None:
    tree = parse(Source("x", text.encode("latin-1")))
    if tree.broken:
        return
    covered = bytearray(text.encode("latin-1"))
    for node in walk(tree.children):
        if isinstance(node, Scalar):
            covered[node.start : node.end] = b" " * (node.end - node.start)
        else:
            covered[node.start : node.value_start + 1] = b" " * (node.value_start + 1 - node.start)
            covered[node.end - 1 : node.end] = b" "
    lines = bytes(covered).decode("latin-1").split("\n")
    assert {c for line in lines for c in line.partition("#")[0]} <= set(" \t\r\v\f,;:")


def nets(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.prototxt"))


def test_the_shipped_nets_are_read_alike(fixtures: Path) -> None:
    taken = [
        assert_agreement(path.read_bytes().decode("latin-1")) for path in nets(fixtures / "nets")
    ]
    assert taken.count(True) >= 12


def test_the_corpus_is_read_alike_and_mostly_by_the_fast_reader(corpus: Path) -> None:
    taken = [assert_agreement(path.read_bytes().decode("latin-1")) for path in nets(corpus)]
    assert taken.count(True) >= 165


def test_the_corpus_is_printed_back_to_the_byte(corpus: Path) -> None:
    paths = nets(corpus)
    assert len(paths) > 100
    for path in paths:
        data = path.read_bytes()
        assert to_text(parse(Source(path.name, data))) == data


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: 1\nb { c: 'x' }\n", id="plain"),
        pytest.param("a: 1, b: 2; c { }\n", id="separators"),
        pytest.param("input_dim: [1, 3, 8, 8]\n", id="list of numbers"),
        pytest.param("# only a comment", id="comment"),
        pytest.param("param: { lr_mult: 1 decay_mult: 0 }\n", id="one line"),
    ],
)
def test_common_text_never_needs_the_grammar(text: str) -> None:
    assert assert_agreement(text)


@pytest.mark.parametrize(
    "text", ["a", "a:\n}", "}", "a {", "a <\n>", "a: 0x10", "a {\n b 1 }\n", "a\0"]
)
def test_what_a_line_does_not_settle_is_left_to_the_grammar(text: str) -> None:
    assert scan(text) is None


@pytest.mark.parametrize(
    "line", ["a: 0x10", 'a: "x" "y"', "a: [{b: 1}]", "a < b: 1 >", "a 1", "a: }", 'a: "x']
)
def test_a_line_that_is_complete_is_read_alone(line: str) -> None:
    assert assert_agreement(f"b: 1\n{line}\nc {{ }}\n")


def test_lists_keep_their_items_places() -> None:
    (node,) = parse(Source("x", b"dim: [1, 28 ]")).children
    assert isinstance(node, ListValue)
    assert [(item.start, item.end) for item in node.items] == [(6, 7), (9, 11)]


_LAYERS = """\
name: "net"
layer {
  name: "a"
  type: "Convolution"
  bottom: "x" # why
  top: "a"
  param {
    lr_mult: 1
  }
  convolution_param {
    num_output: 2
    weight_filler { type: "xavier" }
  }
}
# next
layer {
  name: "b"
  type: "ReLU"
  bottom: "a"
  top: "b"
}

layers {
  name: "c"
  type: RELU
  include { phase: TRAIN }
  bottom: "b"
  top: "b"
}
"""
_TYPED = st.sampled_from(
    ["", " ", "\n", "}", "{", "\n}\n", '"', "'", ":", ",", ";", "x", "1", "#", '"y"', "[", "]", "<",
     ">", "top:", "\nlayer {\n", "}\n}\n", "//", "\xe9", "1.2.3", "a: [b: 1]", '\n"z"\n', "\n,\n"]
)  # fmt: skip


@given(st.integers(0, len(_LAYERS)), st.integers(0, 12), _TYPED, st.booleans())
@example(len(_LAYERS) - 2, 2, "", False)
@example(_LAYERS.index("top"), 3, "", False)
@example(_LAYERS.index("\n}\n# next"), 2, '\ny: "x"\n}\n"z"', False)
@example(_LAYERS.index("# next"), 0, ", ;", False)
def test_a_net_that_is_being_typed_is_read_alike(at: int, cut: int, new: str, cr: bool) -> None:
    text = _LAYERS[:at] + new + _LAYERS[at + cut :]
    text = text.replace("\n", "\r\n") if cr else text
    assert_agreement(text)
    with pytest.MonkeyPatch.context() as patch:
        # As behind many layers that were read before.
        patch.setattr(sys.modules["protolint.text.scan"], "_MANY_BODIES", -1)
        assert_agreement(text)


def test_one_broken_line_does_not_send_the_whole_net_to_the_grammar() -> None:
    assert assert_agreement(_LAYERS.replace('bottom: "a"', "bottom:"))
    assert assert_agreement(_LAYERS.replace("num_output: 2", "num_output"))
    assert assert_agreement(_LAYERS[:-12])
