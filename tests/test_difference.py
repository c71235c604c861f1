"""Unified diffs: they turn one text into the other, and take time in proportion to both."""

from __future__ import annotations

import re
from difflib import unified_diff as pythons
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolint.cli.results import difference
from protolint.difference import unified_diff
from protolint.source import Source
from tests.conftest import REPOSITORY
from tests.counting import lines_run

NETS = sorted((REPOSITORY / "fixtures").rglob("*.prototxt"))


def applied(old: list[str], diff: list[str]) -> list[str]:
    """Return what a diff makes of a text, by the words of the format; refuses what does not fit."""
    assert [line[:4] for line in diff[:2]] in ([], ["--- ", "+++ "])
    made: list[str] = []
    at = 0
    rest = iter(diff[2:])
    for head in rest:
        numbers = re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@\n", head)
        assert numbers is not None, head
        start, olds, place, news = (int(n) if n else 1 for n in numbers.groups())
        begin = start - (olds > 0)
        made += old[at:begin]
        assert len(made) == place - (news > 0)
        at = begin
        while olds or news:
            line = next(rest)
            if line[0] in " -":
                assert line[1:] == old[at]
                at += 1
                olds -= 1
            if line[0] in " +":
                made.append(line[1:])
                news -= 1
    return made + old[at:]


def changed(lines: list[str], random: Random, share: float) -> list[str]:
    """Return a text with a share of its lines changed, taken out or put in, and some moved."""
    made: list[str] = []
    for line in lines:
        kind = random.random() / share
        if kind < 0.4:
            made.append(line.replace(":", " :"))
        elif kind < 0.6:
            made += [line, random.choice(lines)]
        elif kind > 0.8:
            made.append(line)
    if random.random() < 0.3:
        at = random.randrange(len(made) + 1)
        made = made[at:] + made[:at]
    return made


@given(st.lists(st.sampled_from("abc"), max_size=40), st.lists(st.sampled_from("abc"), max_size=40))
def test_a_diff_of_a_short_text_is_that_of_python(old: list[str], new: list[str]) -> None:
    olds, news = ([f"{line}\n" for line in lines] for lines in (old, new))
    diff = list(unified_diff(olds, news, "net"))
    assert diff == list(pythons(olds, news, "net", "net"))
    assert applied(olds, diff) == news


@given(
    st.integers(0, 2**32),
    st.integers(1, 2000),
    st.sampled_from([2, 5, 50, 10**6]),
    st.sampled_from([0.01, 0.1, 0.5, 1.0]),
)
def test_a_diff_turns_the_old_text_into_the_new(
    seed: int, size: int, words: int, share: float
) -> None:
    random = Random(seed)
    old = [f"w: {random.randrange(words)}\n" for _ in range(size)]
    new = changed(old, random, share)
    assert applied(old, list(unified_diff(old, new, "net"))) == new


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_a_diff_of_a_real_net_is_no_longer_than_that_of_python(share: float) -> None:
    random = Random(1)
    for path in NETS:
        old = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        new = changed(old, random, share)
        diff = list(unified_diff(old, new, "net"))
        others = list(pythons(old, new, "net", "net"))
        assert applied(old, diff) == new
        assert diff == others or len(old) >= 200
        assert len(diff) <= len(others) * 1.02 + 10, path


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    old = 'layer { # a\u2028b\x0cc\n  name: "x"\r\n}'
    new = old.replace("name: ", "name:")
    path = str(tmp_path / "net.prototxt")
    diff = difference(Source(path, old.encode()), Source(path, new.encode()))
    assert diff.splitlines()[2:] == [
        "@@ -1,3 +1,3 @@",
        r" layer { # a\u2028b\x0cc",
        '-  name: "x"',
        '+  name:"x"',
        " }",
        r"\ No newline at end of file",
    ]


def test_the_work_on_a_line_does_not_grow() -> None:
    few, many = (_lines_run(size) / size for size in (1000, 8000))
    assert many <= few * 1.1


def _lines_run(size: int) -> int:
    """Return how many lines of Python a diff runs where each third line has changed."""
    old = [f"  name: {n}\n" if n % 3 else "}\n" for n in range(size)]
    new = [f"  name: '{n}'\n" if n % 3 == 1 else line for n, line in enumerate(old)]
    return lines_run(lambda: list(unified_diff(old, new, "net")))
