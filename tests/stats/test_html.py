"""The HTML report as text: well formed, escaped, self-contained, the same every time."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolint.batchnorm.numbers import Numbers
from protolint.diagnostic import Severity
from protolint.errors import InputError
from protolint.stats.definitions import AGE, DEAD, EPS_SHARE, FIGURES, GAIN, share_text
from protolint.stats.figures_axis import LogAxis, binned, digits, log_axis, number
from protolint.stats.html import page, write_html
from protolint.stats.html_layers import layers_of
from protolint.stats.html_words import headline
from protolint.stats.model import Measured, Outlier, Snapshot, StatsReport
from protolint.stats.run import Options, collect
from protolint.stats.summary import summary_of
from protolint.stats.table import render
from protolint.weights.kinds import FileKind
from tests.stats.reports import EPS, finding, layer, many, moving, report

VOID = {"col", "meta", "link", "input", "br", "hr", "img"}


class Tree(HTMLParser):
    """Checks that every tag is closed where it should be, and keeps what stands in it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), (tag, attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def text_of(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


def figures(text: str) -> Iterator[ElementTree.Element]:
    for found in re.findall(r"<svg .*?</svg>", text, re.DOTALL):
        yield ElementTree.fromstring(found)


def reports() -> list[StatsReport]:
    sound = layer("conv1_bn", [0.5, 1.0, 2.0])
    unread = replace(layer("unread", []), problem="a layout that is not certain")
    odd = (
        layer("nan", [np.nan, np.inf, 1.0]),
        layer("negative", [-1.0, -7e-44, 1.0]),
        layer("zero", [0.0, 0.0]),
        layer("far", [1.7e308, 5e-324]),
        layer("same", [1.0]),
        layer("same", [2.0]),
        layer("empty", []),
    )
    measured = Measured(
        sound, sound.mean, sound.variance, 100, sound.mean, sound.variance, 0.25, 0.5
    )
    moved = moving([1.0, 0.5], [7.0, 3.0], [-1.0, 9.0])
    lost = Snapshot("other", "other", FileKind.MODEL, (sound, unread))
    return [
        report(),
        report(sound),
        report(sound, unread, *odd),
        replace(report(sound), measured=(measured,), data="batch.npy", notes=("A note.",)),
        moved,
        replace(moved, snapshots=(*moved.snapshots, lost), outlier=Outlier(1, 5.0, 1.5, "bn")),
        many(30, 3),
    ]


@pytest.mark.parametrize("which", range(len(reports())))
def test_every_page_is_well_formed(which: int) -> None:
    text = page(reports()[which])
    tree = Tree(text)
    assert text.startswith("<!DOCTYPE html>\n")
    assert tree.named("html") == [{"lang": "en"}]
    for landmark in ("header", "main", "footer", "h1", "head"):
        assert len(tree.named(landmark)) == 1
    levels = [int(tag[1]) for tag, _ in tree.tags if re.fullmatch("h[1-6]", tag)]
    assert all(below - above <= 1 for above, below in pairwise(levels))
    ids = [attributes["id"] for _, attributes in tree.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    # What is pointed at is there.
    for _, attributes in tree.tags:
        pointed = (attributes.get("href") or "").removeprefix("#") or attributes.get(
            "aria-labelledby"
        )
        if pointed and not pointed.startswith("data:"):
            assert pointed in ids


@pytest.mark.parametrize("which", range(len(reports())))
def test_every_figure_has_a_text_alternative(which: int) -> None:
    for figure in figures(page(reports()[which])):
        title, about = figure.find("title"), figure.find("desc")
        if figure.get("aria-hidden") == "true":
            assert (title, about) == (None, None)
            continue
        assert figure.get("role") == "img"
        assert title is not None
        assert title.text
        assert about is not None
        assert len(about.text or "") > 20
        assert figure.findall(".//*[@style]") == []


def test_the_same_report_gives_the_same_page() -> None:
    assert page(many(20, 3)) == page(many(20, 3))


def test_a_deep_net_with_three_snapshots_stays_under_two_megabytes() -> None:
    assert len(page(many(200, 3)).encode()) < 2_000_000


def test_nothing_is_asked_of_any_other_place() -> None:
    text = page(many(10, 3))
    tree = Tree(text)
    policy = next(m["content"] for m in tree.named("meta") if m.get("http-equiv"))
    assert policy is not None
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert "unsafe" not in policy
    for tag, name in (("style", "style-src"), ("script", "script-src")):
        [content] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"
    for tag, attributes in tree.tags:
        for name in ("src", "href", "action", "data", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith("#") or value == "data:,", (tag, value)
        assert not any(name == "style" or name.startswith("on") for name in attributes)
    assert not re.search(r"url\(|@import|https?:", text)


HOSTILE = [
    "<script>alert(1)</script>",
    '"onload="alert(1)',
    "' onerror='alert(1)",
    "</title></svg></style><img src=x onerror=alert(1)>",
    "&lt;b&gt;",
    "--><!--",
    "]]>",
    "a\x00\x07\x1b[31m\u202e\ud800",
    "{{7*7}} ${1} \N{OHM SIGN}\u5c42",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_what_comes_from_files_is_only_text(name: str) -> None:
    plain = Tree(page(_everywhere("name")))
    text = page(_everywhere(name))
    text.encode("utf-8")
    tree = Tree(text)
    shape = [(tag, sorted(attributes)) for tag, attributes in tree.tags]
    assert shape == [(tag, sorted(attributes)) for tag, attributes in plain.tags]
    for _ in figures(text):
        pass
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    assert shown in tree.text_of("h3")


def _everywhere(name: str) -> StatsReport:
    """A report that says a name wherever a report can say one."""
    old, new = (layer(name, values) for values in ([1.0, 2.0], [0.0, 9.0]))
    files = tuple(Snapshot(name, name, FileKind.MODEL, (one,)) for one in (old, new))
    drifts = tuple(drift._replace(layer=name) for drift in moving([1.0], [2.0]).drifts)
    bad = finding(name, name, name)._replace(code=name, name=name)
    return StatsReport(
        files, name, drifts, drifts[0], Outlier(0, 2.0, 1.0, name), (bad,), (name,), data=name
    )


@given(st.text(min_size=1, max_size=30))
def test_any_name_is_harmless(name: str) -> None:
    tree = Tree(page(report(layer(name, [1.0, 0.0]), findings=[finding("net", name, name)])))
    assert len(tree.named("script")) == 1
    assert not any(key.startswith("on") for _, attributes in tree.tags for key in attributes)


def test_a_finding_stands_with_its_layer_and_on_top() -> None:
    good, bad = layer("conv1_bn", [1.0, 2.0]), layer("conv2_bn", [0.0, 5.6e-45, 1.0])
    text = page(report(good, bad, findings=[finding("net", "conv2_bn", "channel 0 is dead")]))
    top = text[: text.index('<section aria-labelledby="table"')]
    assert "A variance under eps in 2 channels of 1 layer." in top
    assert '<a href="#layer-2">conv2_bn</a>' in top
    each = text[text.index('<section aria-labelledby="each"') :]
    first, second = each.split("<details ")[1:]
    assert "channel 0 is dead" not in first
    assert "channel 0 is dead" in second
    assert " open>" in second
    assert "2 dead, 1 denormal" in second


def test_a_sound_net_is_said_to_be_sound() -> None:
    text = page(report(layer("a", [1.0]), layer("b", [2.0])))
    assert "Nothing is wrong with the 2 BatchNorm layers." in text
    assert 'class="summary right"' in text


def test_the_first_sentence_says_what_is_wrong() -> None:
    def message(shown: StatsReport) -> list[str]:
        return list(headline(shown, layers_of(shown)))

    sound, bad = layer("a", [1.0, 2.0]), layer("b", [np.nan, -1.0, 0.0])
    text, kind = message(report(sound, bad))
    assert text.startswith("NaN or infinite values in 1 channel of 1 layer, a negative variance in")
    assert text.endswith(" and a variance under eps in 1 channel of 1 layer.")
    assert kind == "wrong"
    moved = replace(moving([1.0], [7.0], [0.0]), outlier=Outlier(1, 5.0, 1.5, "bn"))
    text, kind = message(moved)
    assert text.startswith("A variance under eps in 1 channel of 1 layer (iter 3), 1 layer that")
    assert text.endswith(" moved (bn first) and one snapshot that stands out (iter 2).")
    untrained = finding("net", "a")._replace(code="WT011", name="untrained-statistics")
    shown = report(sound, findings=[untrained])
    assert message(shown) == ["Untrained statistics in 1 layer.", "wrong"]
    shown = report(sound, findings=[finding("earlier", "a")])
    assert message(shown) == ["Near zero variance in 1 layer.", "wrong"]
    values = sound.variance
    shown = report(layer("a", [1.0, EPS / 2]))
    assert message(shown) == ["A variance under eps in 1 channel of 1 layer.", "open"]
    gap = Measured(sound, sound.mean, values, 9, values, values, gap=0.25, differs=0.5)
    text, kind = message(replace(report(sound), measured=(gap,), data="batch.npy"))
    assert "differ by up to 0.25 standard deviations (a)." in text
    assert kind == "open"
    assert message(report()) == ["There is no BatchNorm layer to look at.", "open"]


def test_the_worst_severity_comes_first_and_files_are_told_apart() -> None:
    moved = moving([1.0], [2.0])
    mild = finding("net_iter_1.caffemodel", "bn", "mild")
    bad = finding("net_iter_2.caffemodel", "bn", "bad")._replace(severity=Severity.ERROR)
    text = page(replace(moved, findings=(mild, bad)))
    each = text[text.index('<section aria-labelledby="each"') :]
    assert each.index("bad<span") < each.index("mild<span")
    assert 'bad<span class="quiet"> (iter 2)</span>' in each


def test_layers_that_only_an_earlier_snapshot_has_are_kept() -> None:
    a, b, c = (layer(name, [1.0]) for name in "abc")
    files = (Snapshot("1", "1", FileKind.MODEL, (a, b)), Snapshot("2", "2", FileKind.MODEL, (c, b)))
    found = layers_of(StatsReport(files))
    assert [one.name for one in found] == ["c", "b", "a"]
    assert [[one is not None for one in layer.history] for layer in found] == [
        [False, True],
        [True, True],
        [True, False],
    ]


VALUES = st.lists(
    st.floats(allow_nan=True, allow_infinity=True, width=64) | st.sampled_from([0.0, 1e-5, EPS]),
    max_size=60,
)


@given(VALUES)
def test_bins_hold_what_numpy_counts(values: list[float]) -> None:
    array = np.array(values, dtype=np.float64)
    axis = log_axis([array], EPS)
    found = binned(array, axis)
    finite = array[np.isfinite(array)]
    with np.errstate(divide="ignore"):
        logs = np.log10(finite[finite > 0])
    edges = axis.low + found.step * np.arange(len(found.counts) + 1)
    assert edges[-1] >= axis.high
    expected, _ = np.histogram(logs, bins=edges)
    beyond = int((logs > edges[-1]).sum())
    expected[-1] += beyond
    assert list(found.counts) == list(expected)
    assert found.below == int((logs < axis.low).sum())
    assert found.zero == int((finite == 0).sum())
    assert found.negative == int((finite < 0).sum())
    assert found.not_finite == len(values) - len(finite)
    assert found.total == len(values)
    assert len(found.counts) <= 32 or found.step == 8


def test_an_axis_shows_eps_and_no_more_than_five_decades_under_it() -> None:
    assert log_axis([np.array([5.6e-45, 3.0])], EPS) == LogAxis(-10, 1)
    assert log_axis([np.array([0.2, 3.0])], EPS) == LogAxis(-1, 1)
    assert log_axis([np.array([1e-9])], EPS) == LogAxis(-9, -4)
    assert log_axis([np.zeros(3)], EPS).place(EPS) is not None
    assert log_axis([np.array([5.0])]).decades == 2


def test_numbers_are_written_short() -> None:
    assert [number(v) for v in (1e-5, EPS, 0.5, 0, 1580.4, 1.2e9, np.nan, -np.inf)] == [
        *("1e-5", "1e-5", "0.5", "0", "1,580", "1.2e9", "NaN", "-Inf")
    ]
    assert [digits(v) for v in (0.5, 1, 185.2, 5.6e-45, 0)] == [
        *("0.500", "1.00", "185", "5.60e-45", "0")
    ]


def test_the_old_file_stays_where_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_html(many(1), str(tmp_path / "no" / "report.html"))
    target = tmp_path / "b\u00e9richt.html"
    write_html(many(1), str(target))
    assert target.read_text("utf-8") == page(many(1))
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_a_layer_without_numbers_says_why() -> None:
    unread: Numbers = replace(layer("bn", []), problem="5 blobs of one element")
    text = page(report(unread))
    assert "1 layer without numbers" in text.lower()
    assert "5 blobs of one element" in text


def test_the_page_and_the_terminal_give_one_number_under_one_name() -> None:
    shown = report(replace(layer("a", [EPS, 3 * EPS, 1.0]), gamma=np.array([-2.0, 1.0, 0.5])))
    terminal = render(shown, colour=False, limit=None)
    (*_, heads, rule, row) = terminal.splitlines()
    starts = [match.start() for match in re.finditer("-+(  |$)", rule)]
    ends = [*starts[1:], None]
    cells = {heads[a:b].strip(): row[a:b].strip() for a, b in zip(starts, ends, strict=True)}
    text = page(shown)
    assert f">{EPS_SHARE.title}</span>" in text
    assert cells[EPS_SHARE.name] == share_text(summary_of(shown.snapshots[0].layers[0]).eps_share)
    assert f">{escape(cells[EPS_SHARE.name])}</td>" in text
    low, middle, high = cells[GAIN.name].split()
    (numbers,) = re.findall(r'<th scope="row">Gain</th>(.*?)</tr>', text)
    assert [float(x) for x in re.findall(r"<td>(.*?)</td>", numbers)] == pytest.approx(
        [float(low), float(middle), float(high)], rel=1e-2
    )
    assert cells[DEAD.name] == "0"
    sizes = summary_of(shown.snapshots[0].layers[0]).gain_size
    assert f'data-gain="{number(sizes.low)} to {number(sizes.high)}' in text


def test_every_word_of_the_page_is_explained_on_it_and_in_the_guide() -> None:
    text = page(moving([1.0], [2.0]))
    guide = (Path(__file__).parents[2] / "docs" / "weights.md").read_text("utf-8")
    for figure in FIGURES:
        assert f"<dt>{figure.title}</dt>" in text
    for figure in (GAIN, EPS_SHARE, DEAD, AGE):
        assert f"| {figure.name} | {figure.meaning}" in guide


def test_the_net_that_was_given_is_drawn_and_its_style_let_in() -> None:
    pytest.importorskip("grandalf")
    folder = Path(__file__).parents[2] / "fixtures" / "stats"
    options = Options(net=str(folder / "tide.prototxt"))
    text = page(collect([str(folder / "tide_iter_3000.caffemodel")], options))
    Tree(text)
    assert '<h2 id="net">The net</h2>' in text
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    for style in re.findall(r"<style>(.*?)</style>", text, re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
