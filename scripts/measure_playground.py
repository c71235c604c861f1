"""Measure the playground in a real Chromium: the first findings, and those after a change.

    python scripts/measure_playground.py net.prototxt

Each run starts a browser of its own with nothing cached. A change is a comment, an empty line or
an unknown field, at thirty places of the net; the time goes from the change to the findings on the
page. Build the playground first: scripts/build_playground.py.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from tests.browser import browser  # noqa: E402

BUILT = REPOSITORY / "playground" / "dist"
CHANGES = """
const done = arguments[arguments.length - 1];
const shown = document.documentElement.dataset;
const pause = (time) => new Promise((next) => setTimeout(next, time));
const checked = async () => { while (!shown.checked) await pause(2); };
(async () => {
  await checked();
  const first = performance.now();
  shown.checked = "";
  const held = new DataTransfer();
  held.items.add(new File([arguments[0]], "net.prototxt"));
  const input = document.querySelector("#file");
  input.files = held.files;
  input.dispatchEvent(new Event("change"));
  await checked();
  const view = document.querySelector(".cm-content").cmTile.view;
  const times = [];
  for (let i = 0; i < 30; i++) {
    await pause(150);
    shown.checked = "";
    const { doc } = view.state;
    const insert = ["# x\\n", "\\n", "nonsense: 1\\n"][i % 3];
    const from = performance.now();
    const line = doc.line(1 + Math.floor((i / 30) * doc.lines));
    view.dispatch({ changes: { from: line.from, insert } });
    await checked();
    times.push(performance.now() - from);
  }
  done([first, times]);
})();
"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def main() -> int:
    """Print milliseconds and the load of the machine for each run."""
    parser = argparse.ArgumentParser(description="Measure the playground.")
    parser.add_argument("net", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    text = given.net.read_text("utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(BUILT))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        for _ in range(given.runs):
            with browser() as page:
                page.open(f"http://127.0.0.1:{server.server_port}/")
                first, times = page.wait_for(CHANGES, text)
            line = f"first {first:.0f} ms, then median {median(times):.0f} ms"
            print(
                f"{line} (least {min(times):.0f}, most {max(times):.0f}); {os.getloadavg()[0]:.1f}"
            )
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
