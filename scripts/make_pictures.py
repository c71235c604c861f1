"""Make the pictures of the README in ``docs/images``: a finding, a conversion, the report.

What the terminal prints is real, and so is the page; Chromium photographs both. Run it after a
change of what they show, and look at what comes out.

    python scripts/make_pictures.py
"""

from __future__ import annotations

import html
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPO_ROOT = Path(__file__).resolve().parent.parent
IMAGES = REPO_ROOT / "docs" / "images"

#: What is run for a picture of a terminal and where, the lines shown, and the picture's height.
TERMINALS = {
    "finding": ("check digits_inplace_cudnn.prototxt", "fixtures/nets", 9, 248),
    "conversion": (
        "convert --dry-run --to nvidia-0.17 brook.prototxt brook.caffemodel",
        "fixtures/golden/bvlc-master-9b89154",
        14,
        275,
    ),
}
REPORT = "stats fixtures/stats/epoch_300.safetensors fixtures/stats/epoch_700.safetensors "
REPORT += "fixtures/stats/epoch_1015.safetensors"

_COLOURS = {"1": "font-weight:700", "2": "color:#8b949e", "31": "color:#ff7b72",
            "32": "color:#7ee787", "33": "color:#f0bd62", "34": "color:#79b8ff",
            "36": "color:#56d4dd"}  # fmt: skip
_PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>
body {{ margin: 0; background: #0d1117; color: #e6edf3; padding: 18px 22px;
  font: 14px/1.45 "DejaVu Sans Mono", monospace; }} pre {{ margin: 0; white-space: pre-wrap; }}
</style><pre>{}</pre>"""
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-sync",
          "--disable-background-networking", "--force-device-scale-factor=1.5")  # fmt: skip


def coloured(text: str) -> str:
    """Return a terminal's text as HTML."""
    parts, opened = [], 0
    for piece in re.split(r"(\x1b\[[\d;]*m|\x1b\]8;;.*?(?:\x1b\\|\x07))", text):
        if piece.startswith("\x1b["):
            styles = [_COLOURS[n] for n in piece[2:-1].split(";") if n in _COLOURS]
            parts.append(f'<span style="{";".join(styles)}">' if styles else "</span>" * opened)
            opened = opened + 1 if styles else 0
        elif not piece.startswith("\x1b"):
            parts.append(html.escape(piece))
    return "".join(parts) + "</span>" * opened


def photograph(page: Path, picture: Path, width: int, height: int) -> None:
    """Write what Chromium shows of a page."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("a picture needs Chromium")
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [chromium, *_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}",
             f"--screenshot={picture}", page.as_uri()],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip


def main() -> None:
    """Make all pictures."""
    IMAGES.mkdir(exist_ok=True)
    protolint = [sys.executable, "-m", "protolint"]
    with tempfile.TemporaryDirectory() as folder:
        for name, (command, where, lines, height) in TERMINALS.items():
            done = subprocess.run(
                [*protolint, *shlex.split(command)], cwd=REPO_ROOT / where, capture_output=True,
                text=True, timeout=120, env={**os.environ, "FORCE_COLOR": "1", "COLUMNS": "110"},
            )  # fmt: skip
            printed = "".join(done.stdout.splitlines(keepends=True)[:lines])
            page = Path(folder, f"{name}.html")
            page.write_text(_PAGE.format(coloured(f"$ protolint {command}\n\n{printed}")), "utf-8")
            photograph(page, IMAGES / f"{name}.png", 980, height)
        page = Path(folder, "report.html")
        subprocess.run(
            [*protolint, *shlex.split(REPORT), "--html", str(page)],
            cwd=REPO_ROOT, check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        photograph(page, IMAGES / "report.png", 1200, 740)


if __name__ == "__main__":
    main()
