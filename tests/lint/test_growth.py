"""The work on one element of an awkward file does not grow with the file."""

from __future__ import annotations

from importlib import import_module

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.lint.check_text import check_source
from protolint.source import Source
from protolint.workspace.workspace import Choices, Workspace
from tests.counting import lines_run

AWKWARD = import_module("bench_growth").AWKWARD
_FEW, _MANY = 30, 120
#: Of stages the first 64 make states.
_STAGES = ("stages, in include", "stages, in exclude", "includes of one layer")
_WORKSPACE = Workspace(Choices(targets=(DIALECTS["bvlc"],), isolated=True))


def _check(text: str) -> None:
    check_source(_WORKSPACE, Source("net.prototxt", text.encode()))


@pytest.mark.parametrize("name", [name for name in AWKWARD if name not in _STAGES])
def test_the_work_on_an_element_does_not_grow(name: str) -> None:
    few, many = (AWKWARD[name](count) for count in (_FEW, _MANY))
    _check(many)  # What is imported and remembered once does not count.
    first = lines_run(lambda: _check(few)) / _FEW
    assert lines_run(lambda: _check(many)) / _MANY < 1.3 * first


def test_of_many_stages_the_first_make_states() -> None:
    text = AWKWARD["stages, in include"](100)
    (report,) = check_source(_WORKSPACE, Source("net.prototxt", text.encode()))
    assert report.builds is not None
    assert [report.left_out, len(report.builds)] == [36, 101]
    assert sum(builds is not None for builds in report.builds.values()) == 65


def test_columns_are_those_of_characters_wherever_they_are_asked_for() -> None:
    data = "a: 1 # \u00fc\nb: '\u00fc\u20ac' c: '\u00e4' \xff d: 2\n".encode(
        "utf-8", "surrogatepass"
    )
    data = data.replace(b"\xc3\xbf", b"\xe2\x82")  # A character that is cut off.
    assert Source("x", data).position(3).column == 4
    line = data.index(b"b:")
    expected = [len(data[line:i].decode("utf-8", "replace")) + 1 for i in range(line, len(data))]
    source = Source("x", data)
    asked = list(range(line, len(data)))
    for order in (asked, asked[::-1], asked[::3] + asked[1::2]):
        assert [source.position(i).column for i in order] == [expected[i - line] for i in order]
