"""Broken text: every error that can be told apart is found, at its place, in one pass."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from protolint.source import Source
from protolint.text import parse
from protolint.text.full import MAX_PROBLEMS
from protolint.text.tree import Block, Node, Scalar, Tree, to_text, walk


def read(text: str) -> Tree:
    return parse(Source("x", text.encode("latin-1")))


def problems(text: str) -> list[tuple[int, int, str]]:
    tree = read(text)
    places = [(tree.source.position(p.span.start), p.message) for p in tree.problems]
    return [(place.line, place.column, message) for place, message in places]


def shape(nodes: list[Node]) -> list[object]:
    return [
        (n.name, shape(n.children)) if isinstance(n, Block) else (n.name, getattr(n, "raw", "[]"))
        for n in nodes
    ]


CASES = [
    pytest.param("a 1\n", [(1, 3, 'expected ":" or "{", found "1"')], id="missing colon"),
    pytest.param("a: 1\n}\nb: 2", [(2, 1, 'expected a field name, found "}"')], id="extra brace"),
    pytest.param(
        "a {\n  b: 1\n",
        [(3, 1, 'expected "}", found the end of the file')],
        id="missing brace",
    ),
    pytest.param(
        'a: "x\nb: 1\n', [(1, 4, 'the string is not closed on its line: expected "')], id="open"
    ),
    pytest.param(
        "a: 'x",
        [(1, 4, "the file ends in the middle of a string; it may have been cut short")],
        id="cut short in a string",
    ),
    pytest.param(
        'a: "\\q"', [(1, 4, "the string holds an escape '\\q' that text format does not know")],
        id="escape",
    ),
    pytest.param("a: 1,, b: 2", [(1, 6, 'expected a field name, found ","')], id="two commas"),
    pytest.param("a: [1, 2,]", [(1, 10, 'expected a value, found "]"')], id="comma before ]"),
    pytest.param("a: [1 2 3]", [(1, 7, 'expected "," or "]", found "2"')], id="list of blanks"),
    pytest.param("a { b: ${N} c: 1 }\n",
                 [(1, 8, "'${N}' is a place in a template: expected a value")], id="place"),
    pytest.param("a { b: @N@ } c { d: $N }\n",
                 [(1, 8, "'@N@' is a place in a template: expected a value")], id="places"),
    pytest.param("a: {1x1}", [(1, 5, '\'1x1\' is no number: expected a field name or "}"')],
                 id="template"),
    pytest.param("// a\nb: 1", [(1, 1, 'comments begin with "#", found "//"')], id="C++ comment"),
    pytest.param("/* a: 1 */\nb: 1", [(1, 1, 'comments begin with "#", found "/*"')], id="C"),
    pytest.param("a { b: 1 >", [(1, 10, 'expected a field name or "}", found ">"')], id="mismatch"),
    pytest.param("a:\n}", [(2, 1, 'expected a value, found "}"')], id="missing value"),
    pytest.param(
        "a: 1 \xc3\xa9\n",
        [(1, 6, "only ASCII text may stand outside strings and comments, found 'é'")],
        id="UTF-8 outside",
    ),
    pytest.param(
        "a: 1 \xe9\n",
        [(1, 6, "only ASCII text may stand outside strings and comments, found byte 0xE9")],
        id="Latin-1 outside",
    ),
    pytest.param("5: 1", [(1, 1, 'expected a field name, found "5"')], id="field by number"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_one_error_gives_one_problem_at_its_place(
    text: str, expected: list[tuple[int, int, str]]
) -> None:
    assert problems(text) == expected


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_what_is_broken_is_still_printed_back(text: str, expected: list[object]) -> None:
    assert to_text(read(text)) == text.encode("latin-1")


def test_errors_in_separate_layers_are_all_found_and_the_rest_is_kept() -> None:
    tree = read('layer { name "a" }\nlayer { type: "b }\nx: 1\nlayer { k: 2z }\ny: 2\n')
    assert [tree.source.line_number(p.span.start) for p in tree.problems] == [1, 2, 4, 6]
    assert ("name", '"a"') in shape(tree.children)[0][1]  # type: ignore[index]


def test_a_value_is_kept_where_only_the_colon_is_missing() -> None:
    assert shape(read("a { b 20 c: 3 }").children) == [("a", [("b", "20"), ("c", "3")])]


def test_an_unclosed_brace_is_named_as_the_cause() -> None:
    (problem,) = read("a {\n  b {\n    c: 1\n  }\n").problems
    assert problem.opened is not None
    assert problem.opened.start == 2


@pytest.mark.parametrize("opener", ["a {", "a: <", "a {\n"])
def test_deep_nesting_is_bounded(opener: str) -> None:
    tree = read(opener * 10_000)
    messages = [p.message for p in tree.problems]
    assert messages == ["nested deeper than 100 levels; the rest of the file is not read"]
    assert sum(isinstance(node, Block) for node in walk(tree.children)) == 100


def test_a_hundred_levels_are_read() -> None:
    assert read("a { " * 100 + "b: 1" + " }" * 100).problems == ()


def test_a_byte_order_mark_is_told_and_read_over() -> None:
    tree = read('\xef\xbb\xbfname: "x"\n')
    assert [(p.span.start, p.fatal) for p in tree.problems] == [(0, True)]
    assert shape(tree.children) == [("name", '"x"')]


def test_broken_bytes_in_comments_and_strings_are_told_but_taken() -> None:
    tree = read("# caf\xe9 caf\xe9\na: 'caf\xe9'\n# sound \xc3\xa9\n")
    assert [tree.source.line_number(p.span.start) for p in tree.problems] == [1, 2]
    assert not tree.broken


def test_text_of_another_kind_is_given_up() -> None:
    tree = read('{"layers": [{"name": "conv", "size": [3, 3]},\n' * 20_000)
    assert len(tree.problems) <= MAX_PROBLEMS + 1
    assert tree.broken


def test_scalars_inside_lists_begin_where_their_value_does() -> None:
    (node,) = read("a: ['x' 'y', - 1]").children
    first, second = node.items  # type: ignore[union-attr]
    assert isinstance(first, Scalar)
    assert isinstance(second, Scalar)
    assert (first.raw, second.raw) == ("'x''y'", "-1")


ESCAPES = [r"\303", r"\x41B", r"\00", r"\u0041", r"\\\\", "\\'"]
ENDS = [r"\#", "", r"\x", r"\400"]
BROKEN = [
    f"name: {quote}{escape * 60}{end}\n" for quote in "\"'" for escape in ESCAPES for end in ENDS
]
READ_ALL = """
import json, sys
from protolint.source import Source
from protolint.text import parse
for text in json.load(sys.stdin):
    assert parse(Source("net.prototxt", text.encode())).broken
"""


def test_a_string_that_is_broken_behind_many_escapes_is_read_once() -> None:
    """Where a digit can be of an escape or behind it, each doubles the ways to read a line.

    Sixty escapes that are read every way would outlive whoever waits for them.
    """
    command = [sys.executable, "-c", READ_ALL]
    subprocess.run(command, input=json.dumps(BROKEN), text=True, check=True, timeout=60)
