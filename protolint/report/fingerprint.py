"""What a finding is known again by in the next run, though lines above it come and go."""

from __future__ import annotations

import re
import sys
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import accumulate

from protolint.diagnostic import Diagnostic
from protolint.lint.file_report import FileReport
from protolint.report.paths import reported_path
from protolint.source import Source

__all__ = ["fingerprinted", "line_hashes"]


def fingerprinted(reports: Sequence[FileReport]) -> Iterator[tuple[FileReport, Diagnostic, str]]:
    """Every finding with its report and a fingerprint that no other finding of the run has.

    It is made of the file, the target, the rule, the layer and the words the finding points
    at (none in weights); findings that are alike in all of them differ by their order.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    for report in reports:
        path = reported_path(report.path)
        for diagnostic in report.diagnostics:
            words = report.source.decode(*diagnostic.span).split("\n")[0].split()
            target, layer = diagnostic.target or "", diagnostic.layer or ""
            key = (path, target, diagnostic.code, layer, " ".join(words))
            seen[key] += 1
            text = "\0".join((*key, str(seen[key])))
            yield report, diagnostic, sha256(text.encode("utf-8")).hexdigest()[:32]


_WINDOW = 100
_BASE = 37
_MASK = (1 << 64) - 1
_END = 0xFFFF
_BYTE_ORDER = "le" if sys.byteorder == "little" else "be"


def line_hashes(source: Source) -> list[str]:
    r"""For each line, the hash that GitHub's upload of SARIF files would give it.

    GitHub knows a finding again by its rule, its file and this hash: a polynomial of the
    first 100 UTF-16 units from the line's start on that are neither blanks nor tabs, each line
    end counting as "\n" and the end of the file as 65535; equal hashes are numbered.
    """
    text = source.data.decode("utf-8", "replace")
    squeezed = re.sub(r"[ \t]", "", re.sub(r"\r\n?", "\n", text))
    units = array("H", squeezed.encode(f"utf-16-{_BYTE_ORDER}"))
    starts = [0, *(i + 1 for i, unit in enumerate(units) if unit == 0x0A)]
    units.extend([_END, *[0] * _WINDOW])
    hashes = list(accumulate(units, lambda h, unit: (h * _BASE + unit) & _MASK, initial=0))
    factor = pow(_BASE, _WINDOW, 1 << 64)
    found = [f"{(hashes[s + _WINDOW] - hashes[s] * factor) & _MASK:x}" for s in starts]
    seen: Counter[str] = Counter()
    numbered = []
    for value in found:
        seen[value] += 1
        numbered.append(f"{value}:{seen[value]}")
    return numbered
