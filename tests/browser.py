"""A real headless Chromium, driven by chromedriver over the WebDriver protocol."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

__all__ = ["CHROMEDRIVER", "CHROMIUM", "CONTRAST", "Browser", "browser"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMEDRIVER = shutil.which("chromedriver")

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Space": "\ue00d", "Escape": "\ue00c",
         "Right": "\ue014"}  # fmt: skip
_WAIT = 60

#: What is looked for when the contrast of text is measured: every element with text of its own.
CONTRAST = """
const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const parsed = (text) => {
  const [r, g, b, a] = text.match(/[\\d.]+/g).map(Number);
  return { rgb: [r, g, b], alpha: a === undefined ? 1 : a };
};
const light = (rgb) => {
  const [r, g, b] = rgb.map(channel);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const found = parsed(getComputedStyle(at).backgroundColor);
    if (found.alpha === 1) return found.rgb;
    if (found.alpha > 0) throw new Error("a background that shines through");
  }
  throw new Error("no background");
};
const found = {};
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  if (!own || !element.checkVisibility() || element.closest("script, style, title, desc")) continue;
  const style = getComputedStyle(element);
  const ink = parsed(element.closest("svg") ? style.fill : style.color);
  const [a, b] = [light(ink.rgb), light(behind(element))].sort((x, y) => y - x);
  const key = `${element.tagName}.${element.getAttribute("class") || ""} ${ink.rgb}`;
  found[key] = Math.round(((a + 0.05) / (b + 0.05)) * 100) / 100;
}
return found;
"""


class Browser:
    """One browser session; what a test does with a page."""

    def __init__(self, address: str) -> None:
        self._open = build_opener(ProxyHandler({})).open
        self._address = address
        options = {
            "binary": CHROMIUM,
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        }
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{answer['sessionId']}"

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._address + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with self._open(request, timeout=_WAIT) as response:
                return json.load(response)["value"]
        except HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None

    def _post(self, path: str, **body: Any) -> Any:
        return self._call("POST", self._session + path, body)

    def command(self, name: str, **params: Any) -> Any:
        """A command of the DevTools protocol."""
        return self._post("/goog/cdp/execute", cmd=name, params=params)

    def resize(self, width: int, height: int = 900) -> None:
        """Lay the page out for a screen of so many pixels."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def scheme(self, name: str) -> None:
        """Prefer `light` or `dark`, and no motion that a test would have to wait for."""
        self.prefer({"prefers-color-scheme": name, "prefers-reduced-motion": "reduce"})

    def prefer(self, wishes: dict[str, str]) -> None:
        """What the user would like of a page, by media feature."""
        features = [{"name": name, "value": value} for name, value in wishes.items()]
        self.command("Emulation.setEmulatedMedia", features=features)

    def open(self, url: str) -> None:
        """Go to a page and wait until it is loaded."""
        self.logs("browser")
        self.logs("performance")
        self._post("/url", url="about:blank")
        self._post("/url", url=url)

    def run(self, script: str, *args: Any) -> Any:
        """The result of a function's body, run in the page."""
        return self._post("/execute/sync", script=script, args=list(args))

    def wait_for(self, script: str, *args: Any) -> Any:
        """What a function's body gives to its last argument, a function, sooner or later."""
        return self._post("/execute/async", script=script, args=list(args))

    def _find(self, selector: str) -> str:
        found = self._post("/element", using="css selector", value=selector)
        name: str = found[_ELEMENT]
        return name

    def click(self, selector: str) -> None:
        """A real click on an element, which has to be in sight."""
        self._post(f"/element/{self._find(selector)}/click")

    def type(self, selector: str, text: str) -> None:
        """Keys typed into an element."""
        self._post(f"/element/{self._find(selector)}/value", text=text)

    def press(self, key: str) -> None:
        """One key, wherever the focus is."""
        code = _KEYS[key]
        actions = [{"type": "keyDown", "value": code}, {"type": "keyUp", "value": code}]
        self._post("/actions", actions=[{"type": "key", "id": "keys", "actions": actions}])

    def logs(self, kind: str) -> list[dict[str, Any]]:
        """What was logged since last asked: `browser` (console) or `performance` (network)."""
        entries: list[dict[str, Any]] = self._post("/se/log", type=kind)
        return entries

    def requests(self) -> list[str]:
        """The addresses that were asked for since the page was opened."""
        messages = [json.loads(entry["message"])["message"] for entry in self.logs("performance")]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def screenshot(self, path: str) -> None:
        """The whole page as a PNG file."""
        size = self.command("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.command("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def quit(self) -> None:
        """End the session and its browser."""
        self._call("DELETE", self._session)


@contextmanager
def browser() -> Iterator[Browser]:
    """A session of its own, gone afterwards; CHROMIUM and CHROMEDRIVER have to be there."""
    driver = subprocess.Popen(
        [str(CHROMEDRIVER), "--port=0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        found = _port(driver)
        session = Browser(f"http://127.0.0.1:{found}")
        try:
            yield session
        finally:
            session.quit()
    finally:
        driver.terminate()
        driver.communicate(timeout=_WAIT)


def _port(driver: subprocess.Popen[str]) -> int:
    """The port that chromedriver says it listens on."""
    for line in driver.stdout or ():
        words = line.rstrip(".\n").split()
        if "successfully" in words and words[-1].isdigit():
            return int(words[-1])
    raise RuntimeError("chromedriver did not start")
