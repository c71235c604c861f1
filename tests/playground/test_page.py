"""The playground as a person meets it: in a real Chromium, served from this machine alone.

Skipped where it was not built: scripts/build_playground.py.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import protolint
from tests.browser import CHROMEDRIVER, CHROMIUM, CONTRAST, Browser, browser

REPOSITORY = Path(__file__).resolve().parents[2]
BUILT = REPOSITORY / "playground" / "dist"
NETS = REPOSITORY / "fixtures" / "nets"
PATIENCE = 60

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or CHROMEDRIVER is None or not BUILT.is_dir(),
    reason="needs chromium, chromedriver and playground/dist",
)

STATUS = "return document.querySelector('#status').textContent"
CODES = "return [...document.querySelectorAll('.findings > li b')].map(e => e.textContent)"
COUNT = "return document.querySelector('#tab-findings').textContent"
TEXT = "return document.querySelector('.cm-content').cmTile.view.state.doc.toString()"
READY = "const p = document.querySelector('#findings'); return p.firstChild && !p.ariaBusy"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    handler = functools.partial(Quiet, directory=str(BUILT))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}/"


@pytest.fixture(scope="module")
def session() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def loaded(session: Browser, server: ThreadingHTTPServer) -> Browser:
    """The page with protolint started; tests put their own text into it."""
    session.resize(1600)
    session.scheme("light")
    session.open(address(server))
    wait(session, READY)
    return session


def wait(page: Browser, script: str) -> Any:
    """What a script returns as soon as it is not false."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = page.run(script)
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"never true: {script}; {page.run(STATUS)}")


def put(page: Browser, text: str) -> None:
    """Open a file with a text, and wait for its findings."""
    page.run(
        "const held = new DataTransfer();"
        "held.items.add(new File([arguments[0]], 'net.prototxt'));"
        "const input = document.querySelector('#file');"
        "input.files = held.files; input.dispatchEvent(new Event('change'))",
        text,
    )
    until_text(page, text)


def until_text(page: Browser, text: str) -> None:
    """Wait until the editor holds a text and its findings are shown."""
    end = time.monotonic() + PATIENCE
    while page.run(TEXT) != text:
        assert time.monotonic() < end, page.run(TEXT)
        time.sleep(0.02)
    wait(page, READY)


def net(name: str) -> str:
    return (NETS / name).read_text("utf-8")


def test_it_opens_with_the_findings_of_the_digits_net(loaded: Browser) -> None:
    found = protolint.check(net("digits_opening_post.prototxt"), isolated=True)
    assert loaded.run(CODES) == [finding.code for finding in found]
    safe = sum(f.fix.applicability is protolint.Applicability.SAFE for f in found if f.fix)
    status = loaded.run(STATUS)
    assert f"; {safe} safe fix" in status
    assert "Checked for nvidia-0.15 (from scale_filler at line 147); it does not build" in status
    assert loaded.run(COUNT) == f"Findings ({len(found)})"
    assert loaded.logs("browser") == []


def test_findings_follow_what_is_typed(loaded: Browser) -> None:
    put(loaded, "layer { name: 'a' type: 'ReLU' bottom: 'x' top: 'x' }\n")
    before = loaded.run(CODES)
    loaded.click(".cm-line")
    loaded.press("Enter")
    loaded.type(".cm-content", "nonsense: 1 ")
    wait(loaded, f"{CODES}.includes('PT002')".replace("return ", "return (", 1) + ")")
    assert "PT002" not in before


def test_what_could_be_written_is_offered_in_protolints_order(loaded: Browser) -> None:
    put(loaded, 'layer { type: "Convolution"  }\n')
    loaded.run(
        "const view = document.querySelector('.cm-content').cmTile.view;"
        "view.focus(); view.dispatch({selection: {anchor: 28}})"
    )
    loaded.type(".cm-content", "convol")
    offered = "const box = document.querySelector('.cm-tooltip-autocomplete');"
    offered += "return box && !box.classList.contains('cm-tooltip-autocomplete-disabled')"
    offered += "&& box.querySelector('[aria-selected]')?.innerText.startsWith('convolution_param')"
    wait(loaded, offered)
    time.sleep(0.2)  # CodeMirror takes no key for the first moment
    loaded.press("Enter")
    until_text(loaded, 'layer { type: "Convolution" convolution_param {  } }\n')


def test_the_format_button_keeps_what_is_right(loaded: Browser) -> None:
    put(loaded, 'layer{name:"a" type:"ReLU" bottom:"x" top:"x"}')
    loaded.click("#format")
    until_text(loaded, 'layer { name: "a" type: "ReLU" bottom: "x" top: "x" }\n')
    loaded.click("#format")
    wait(loaded, f"{STATUS}.includes('layout already')")
    put(loaded, "layer{name:")
    loaded.click("#format")
    wait(loaded, f"{STATUS}.includes('syntax is broken')")


def test_one_fix_and_all_safe_fixes(loaded: Browser) -> None:
    text = net("digits_two_block.prototxt")
    put(loaded, text)
    codes = loaded.run(CODES)
    loaded.click(".findings .fix button")
    wait(loaded, f"{READY} && document.querySelectorAll('.findings > li').length < {len(codes)}")
    # The focus stays where it was, for the next key.
    assert loaded.run("return document.activeElement.closest('#findings') !== null")
    loaded.click("#fix-all")
    wait(loaded, "return document.querySelector('#fix-all').disabled")
    buttons = "return [...document.querySelectorAll('.fix button')].map(e => e.textContent)"
    assert set(loaded.run(buttons)) == {"Fix (unsafe)"}


def test_a_finding_leads_to_its_place_and_its_rule(loaded: Browser) -> None:
    put(loaded, net("digits_inplace_cudnn.prototxt"))
    loaded.click(".findings .place")
    selected = "const s = document.querySelector('.cm-content').cmTile.view.state;"
    selected += "return s.doc.lineAt(s.selection.main.from).number"
    assert loaded.run(selected) == 39
    assert loaded.run("return document.activeElement.className").startswith("cm-content")
    loaded.click(".findings .head button")
    wait(loaded, "return document.querySelector('#page h2')")
    page = loaded.run("return document.querySelector('#rules').innerText")
    assert "BN001 inplace-cudnn-batchnorm" in page
    assert "Why it matters" in page
    loaded.click("#page p button")
    wait(loaded, "return !document.querySelector('#findings').hidden")
    wait(loaded, READY)
    assert "BN001" in loaded.run(CODES)


def test_layers_and_target_are_tabs_of_a_keyboard(loaded: Browser) -> None:
    put(loaded, net("digits_inplace_cudnn.prototxt"))
    loaded.click("#tab-findings")
    loaded.press("Right")
    assert loaded.run("return document.activeElement.id") == "tab-layers"
    rows = "return [...document.querySelectorAll('#layers tbody th')].map(e => e.textContent)"
    wait(loaded, "return document.querySelector('#layers tbody')")
    assert "conv1" in loaded.run(rows)
    loaded.press("Right")
    image = "const i = document.querySelector('#picture img'); return i && i.complete"
    wait(loaded, f"{image} && i.naturalHeight > 100")
    assert "conv1" in loaded.run("return document.querySelector('#picture img').alt")
    loaded.press("Right")
    wait(loaded, "return document.querySelector('#why li')")
    assert "scale_filler" in loaded.run("return document.querySelector('#why').innerText")
    loaded.press("Right")
    loaded.press("Right")
    assert loaded.run("return document.activeElement.id") == "tab-findings"


def test_a_target_is_chosen_and_the_address_brings_everything_back(loaded: Browser) -> None:
    text = "# \u00e4\U0001f600\n" + net("digits_two_block.prototxt")
    put(loaded, text)
    loaded.run(
        "const choice = document.querySelector('#target'); choice.value = 'bvlc';"
        "choice.dispatchEvent(new Event('change'))"
    )
    wait(loaded, "return document.querySelector('#status').textContent.includes('for bvlc (as')")
    codes = loaded.run(CODES)
    assert "PT003" in codes
    loaded.click("#link")
    wait(loaded, "return document.querySelector('#status').textContent.includes('ddress')")
    place = loaded.run("return location.href")
    loaded.open(place)
    wait(loaded, READY)
    until_text(loaded, text)
    wait(loaded, "return document.querySelector('#status').textContent.includes('for bvlc (as')")
    assert loaded.run(CODES) == codes


def test_every_request_is_to_the_server_itself(
    session: Browser, server: ThreadingHTTPServer
) -> None:
    session.open(address(server))
    wait(session, READY)
    asked = session.requests()
    assert len(asked) > 5
    assert all(url.startswith((address(server), "data:")) for url in asked)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1600])
def test_it_fits_and_can_be_read(loaded: Browser, width: int, scheme: str) -> None:
    loaded.resize(width)
    loaded.scheme(scheme)
    put(loaded, net("digits_opening_post.prototxt"))
    try:
        for tab in ("findings", "layers", "picture", "target", "rules"):
            loaded.click(f"#tab-{tab}")
            wait(loaded, "return document.querySelector('[role=tabpanel]:not([hidden]) > *')")
            sizes = "return [document.documentElement.scrollWidth, innerWidth]"
            total, room = loaded.run(sizes)
            assert total <= room
            contrast = loaded.run(CONTRAST)
            assert len(contrast) > 10
            assert {key: ratio for key, ratio in contrast.items() if ratio < 4.5} == {}
    finally:
        loaded.click("#tab-findings")
        loaded.resize(1600)
        loaded.scheme("light")


def test_what_a_screen_reader_is_given(loaded: Browser) -> None:
    put(loaded, net("digits_opening_post.prototxt"))
    nodes = loaded.command("Accessibility.getFullAXTree")["nodes"]
    shown = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"]
    ]
    roles = {role for role, _ in shown}
    assert {"banner", "main", "status", "tablist", "tab", "tabpanel", "textbox"} <= roles
    named = {"button", "tab", "tabpanel", "combobox", "textbox", "region"}
    assert [role for role, name in shown if role in named and not name] == []
    fixes = [name for role, name in shown if role == "button" and name.startswith("Fix")]
    assert len(fixes) == len(set(fixes)) > 3


def test_it_works_without_a_network_once_it_was_loaded(server: ThreadingHTTPServer) -> None:
    handler = functools.partial(Quiet, directory=str(BUILT))
    with browser() as page:
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as own:
            threading.Thread(target=own.serve_forever, daemon=True).start()
            page.open(address(own))
            wait(page, READY)
            wait(page, "return navigator.serviceWorker.controller || "
                 "(window.asked ??= navigator.serviceWorker.ready.then(() => (window.kept = 1)),"
                 " window.kept)")  # fmt: skip
            own.shutdown()
        page.open(address(own))
        wait(page, READY)
        assert "BN003" in page.run(CODES)
