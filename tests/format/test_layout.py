"""The layout of text-format files, and the laws that it keeps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from protolint.format.layout import formatted
from protolint.source import Source
from protolint.text import parse
from protolint.text.tree import Node, Scalar, Tree, children_of

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
FILES = [*sorted((ROOT / "fixtures").rglob("*.prototxt")), *sorted(CORPUS.glob("*.prototxt"))[::6]]
_COMMENT = re.compile(r"#[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")


def laid_out(text: str) -> str:
    return formatted(parse(Source("x", text.encode()))).decode()


def message(nodes: list[Node]) -> list[object]:
    return [
        (node.name, node.raw if isinstance(node, Scalar) else message(children_of(node)))
        for node in nodes
    ]


def comments(tree: Tree) -> list[str]:
    found = (match[0] for match in _COMMENT.finditer(tree.source.text))
    return [text.rstrip() for text in found if text.startswith("#")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_message_and_comments_stay_and_a_second_time_changes_nothing(path: Path) -> None:
    tree = parse(Source(path.name, path.read_bytes()))
    again = parse(Source(path.name, formatted(tree)))
    if tree.problems:
        assert again.source.data == tree.source.data
        return
    assert not again.problems
    assert message(again.children) == message(tree.children)
    assert comments(again) == comments(tree)
    assert formatted(again) == again.source.data


def test_the_style() -> None:
    text = (
        '# head\n\n\n\nlayer { # first\n name:"a"  type : "ReLU"; # behind\n\n\n bottom:"x",top:\n'
        '"y" param{lr_mult:1} include <phase:TEST> }\n# end'
    )
    assert laid_out(text) == (
        "# head\n\nlayer {\n  # first\n"
        '  name: "a"\n  type: "ReLU"  # behind\n\n'
        '  bottom: "x"\n  top:\n"y"\n  param { lr_mult: 1 }\n  include { phase: TEST }\n}\n# end\n'
    )


def test_what_fits_stays_on_one_line_and_what_does_not_is_opened() -> None:
    assert laid_out("layer{name:'a'}") == "layer { name: 'a' }\n"
    wide = "layer { " + " ".join(f'bottom: "blob{i}"' for i in range(10)) + " }\n"
    assert laid_out(wide).splitlines()[:2] == ["layer {", '  bottom: "blob0"']
    directed = wide.rstrip("\n") + "  # protolint: ignore[NT001] the others are known\n"
    assert laid_out(directed) == directed


def test_line_ends_and_broken_files_stay() -> None:
    assert laid_out("name:'a'\r\nlayer {\r\n}\r\n") == "name: 'a'\r\nlayer {}\r\n"
    broken = 'layer {   name: "a"\n'
    assert laid_out(broken) == broken
    assert laid_out("") == ""
