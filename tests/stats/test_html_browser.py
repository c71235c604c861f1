"""The HTML report as a person meets it: in a real Chromium, without a window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from protolint.stats.html import write_html
from protolint.stats.model import StatsReport
from tests.browser import CHROMEDRIVER, CHROMIUM, CONTRAST, Browser, browser
from tests.stats.reports import finding, layer, many, moving, report

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or CHROMEDRIVER is None, reason="chromium or chromedriver is not here"
)

NAMES = "return [...document.querySelectorAll('#layers tbody tr')].filter(r => !r.hidden)"
NAMES += ".map(r => r.cells[1].textContent)"
SORTED = "return [...document.querySelectorAll('#layers [aria-sort]')]"
SORTED += ".map(h => [h.textContent, h.getAttribute('aria-sort')])"
FOCUS = "return document.activeElement.textContent || document.activeElement.id"
OPEN = "return [...document.querySelectorAll('details[open]:not([hidden]) h3')]"
OPEN += ".map(h => h.textContent)"
STATUS = "return document.querySelector('#shown').textContent"


@pytest.fixture(scope="module")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser() as session:
        yield session


@pytest.fixture
def chrome(page_of: Browser) -> Browser:
    page_of.scheme("light")
    page_of.resize(1600)
    return page_of


def planted() -> StatsReport:
    """Four layers, the third with a dead channel."""
    layers = (
        layer("conv1_bn", [0.5, 2.0], gamma=3.0),
        layer("conv2_bn", [4.0, 8.0, 9.0]),
        layer("res3/bn", [5.6e-45, 1.0, 1.5, 30.0]),
        layer("conv10_bn", [0.01, 70.0]),
    )
    shown = "layer 'res3/bn': channel 0 has a variance of 5.6e-45"
    return report(*layers, findings=[finding("net", "res3/bn", shown)])


def opened(chrome: Browser, folder: Path, shown: StatsReport, place: str = "") -> None:
    target = folder / "report.html"
    write_html(shown, str(target))
    chrome.open(target.as_uri() + place)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1600])
def test_it_opens_quietly_fits_and_can_be_read(
    chrome: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    chrome.resize(width)
    chrome.scheme(scheme)
    for shown in (planted(), many(30, 3)):
        opened(chrome, tmp_path, shown)
        assert chrome.logs("browser") == []
        assert chrome.requests() == [(tmp_path / "report.html").as_uri()]
        wide = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        total, room = chrome.run(wide)
        assert total <= room
        assert width - 20 <= room <= width
        contrast = chrome.run(CONTRAST)
        assert len(contrast) > 20
        assert {key: ratio for key, ratio in contrast.items() if ratio < 4.5} == {}
    dark = chrome.run("return getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    assert dark == (scheme == "dark")


def test_a_click_sorts_and_another_turns_the_order(chrome: Browser, tmp_path: Path) -> None:
    opened(chrome, tmp_path, planted())
    order = ["conv1_bn", "conv2_bn", "res3/bn", "conv10_bn"]
    assert chrome.run(NAMES) == order
    assert chrome.run(SORTED) == []
    chrome.click("#layers [data-column='5'] button")
    assert chrome.run(NAMES) == ["res3/bn", "conv10_bn", "conv1_bn", "conv2_bn"]
    assert chrome.run(SORTED) == [["Variance min", "ascending"]]
    chrome.click("#layers [data-column='5'] button")
    assert chrome.run(NAMES) == ["conv2_bn", "conv1_bn", "conv10_bn", "res3/bn"]
    assert chrome.run(SORTED) == [["Variance min", "descending"]]
    chrome.click("#layers [data-column='1'] button")
    # Numbers in names count as numbers.
    assert chrome.run(NAMES) == ["conv1_bn", "conv2_bn", "conv10_bn", "res3/bn"]
    assert chrome.run(STATUS) == "4 of 4 layers, sorted by Layer, ascending"
    chrome.click("#layers [data-column='0'] button")
    assert chrome.run(NAMES) == order


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_keyboard_sorts(chrome: Browser, tmp_path: Path, key: str) -> None:
    opened(chrome, tmp_path, planted())
    chrome.run("document.querySelector('#only').focus()")
    heads = []
    for _ in range(12):
        chrome.press("Tab")
        heads.append(chrome.run(FOCUS))
        if heads[-1] == "Dead":
            break
    # The scrolled region first, then each head in turn.
    assert heads[1:5] == ["#", "Layer", "Findings", "Channels"]
    assert heads[-1] == "Dead"
    assert chrome.run("return getComputedStyle(document.activeElement).outlineWidth") == "2px"
    chrome.press(key)
    assert chrome.run(SORTED) == [["Dead", "descending"]]
    assert chrome.run(NAMES)[0] == "res3/bn"
    assert chrome.run(FOCUS) == "Dead"


def test_the_filters_work_together(chrome: Browser, tmp_path: Path) -> None:
    opened(chrome, tmp_path, planted())
    details = "return [...document.querySelectorAll('details')].filter(d => !d.hidden).length"
    chrome.type("#text", "CONV1")
    assert chrome.run(NAMES) == ["conv1_bn", "conv10_bn"]
    assert chrome.run(STATUS) == "2 of 4 layers"
    assert chrome.run(details) == 2
    chrome.click("#only")
    assert chrome.run(NAMES) == []
    chrome.run("const t = document.querySelector('#text'); t.value = ''; "
               "t.dispatchEvent(new Event('input'))")  # fmt: skip
    assert chrome.run(NAMES) == ["res3/bn"]
    assert chrome.run(details) == 1


def test_the_planted_channel_is_seen_at_its_layer(chrome: Browser, tmp_path: Path) -> None:
    opened(chrome, tmp_path, planted())
    assert chrome.run(OPEN) == ["res3/bn"]
    seen = "return document.querySelector('details[open] .findings').innerText"
    assert "channel 0 has a variance of 5.6e-45" in chrome.run(seen)
    top = chrome.run("return document.querySelector('.summary h2').innerText")
    assert top == "A variance under eps in 1 channel of 1 layer."
    row = "return document.querySelector('#layers tr[data-layer=\"3\"]').innerText"
    assert "WT007" in chrome.run(row)
    assert "5.60e-45" in chrome.run(row)


def test_a_link_opens_its_layer_even_where_a_filter_hid_it(chrome: Browser, tmp_path: Path) -> None:
    opened(chrome, tmp_path, planted())
    chrome.click("#layers tbody tr[data-layer='2'] a")
    assert "conv2_bn" in chrome.run(OPEN)
    chrome.type("#text", "conv1")
    chrome.run("document.querySelector('.rules a').click()")
    assert "res3/bn" in chrome.run(OPEN)
    assert chrome.run("return document.activeElement.id") == "layer-3"
    chrome.click("#close")
    assert chrome.run(OPEN) == []
    chrome.run("document.querySelector('.rules a').click()")
    assert chrome.run(OPEN) == ["res3/bn"]
    opened(chrome, tmp_path, planted(), "#layer-4")
    assert "conv10_bn" in chrome.run(OPEN)


def test_it_can_be_read_without_scripts(chrome: Browser, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    write_html(planted(), str(target))
    whole = target.read_text("utf-8")
    target.write_text(whole[: whole.index("<script>")] + "</body></html>", "utf-8")
    chrome.open(target.as_uri())
    text = chrome.run("return document.body.innerText")
    for shown in ("5.60e-45", "conv10_bn", "channel 0 has a variance", "A variance under eps"):
        assert shown in text
    # Nothing is offered that would not work.
    assert chrome.run("return document.querySelectorAll('button').length") == 2
    offered = "return [...document.querySelectorAll('button, input')]"
    assert chrome.run(f"{offered}.filter(e => e.checkVisibility()).length") == 0
    # A layer opens by the keyboard.
    chrome.run("document.querySelector('details:not([open]) summary').focus()")
    chrome.press("Enter")
    assert chrome.run(OPEN) == ["conv1_bn", "res3/bn"]


def test_names_from_files_run_nothing(chrome: Browser, tmp_path: Path) -> None:
    evil = ["<script>window.hit=1</script>", '"onload="window.hit=1', "<img src=x onerror=hit=1>"]
    layers = [layer(name, [0.0, 1.0]) for name in evil]
    findings = [finding(name, name, name) for name in evil]
    opened(chrome, tmp_path, report(*layers, findings=findings, path=evil[0]))
    assert chrome.run("return window.hit") is None
    assert chrome.run(NAMES) == evil
    assert chrome.run("return [document.scripts.length, document.images.length]") == [1, 0]
    assert chrome.logs("browser") == []
    assert len(chrome.requests()) == 1


def test_what_a_screen_reader_is_told(chrome: Browser, tmp_path: Path) -> None:
    opened(chrome, tmp_path, moving([1.0, 0.5], [7.0, 3.0], [9.0, 0.0]))
    nodes = chrome.command("Accessibility.getFullAXTree")["nodes"]
    shown = [
        (node["role"]["value"], node.get("name", {}).get("value", ""), node)
        for node in nodes
        if not node["ignored"]
    ]
    roles = [role for role, _, _ in shown]
    for role in ("banner", "main", "contentinfo", "search", "status", "table", "searchbox"):
        assert role in roles, role
    images = [(name, node) for role, name, node in shown if role in ("image", "img")]
    assert len(images) == 5
    for name, node in images:
        assert name
        assert len(node["description"]["value"]) > 20
    heads = [name for role, name, _ in shown if role == "columnheader"]
    assert "Variance min" in heads
    assert all(name for role, name, _ in shown if role in ("button", "link", "region"))


def test_motion_is_kept_from_those_who_mind_it(chrome: Browser, tmp_path: Path) -> None:
    opened(chrome, tmp_path, planted())
    scrolls = "return getComputedStyle(document.documentElement).scrollBehavior"
    for wish, expected in (("reduce", "auto"), ("no-preference", "smooth")):
        chrome.prefer({"prefers-reduced-motion": wish})
        assert chrome.run(scrolls) == expected


def test_pointing_at_an_overview_names_the_layer(chrome: Browser, tmp_path: Path) -> None:
    opened(chrome, tmp_path, planted())
    box = chrome.run("return document.querySelector('.plot').getBoundingClientRect().toJSON()")
    x, y = box["x"] + box["width"] * 0.6, box["y"] + 50
    chrome.command("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    shown = chrome.run("return document.querySelector('.readout').textContent")
    assert shown == "res3/bn: 5.6e-45 to 30, median 1.25"
