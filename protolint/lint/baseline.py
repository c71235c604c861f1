"""A baseline: the findings a project starts with, so that only new ones are reported.

The file counts findings by path, code and layer, not by line, so that it outlives edits
elsewhere in a net. An entry that is no longer found is stale, and fails until it is removed.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from protolint.diagnostic import Diagnostic
from protolint.errors import ConfigError
from protolint.files import replace_file
from protolint.lint.file_report import FileReport
from protolint.record import NamedTuple
from protolint.shown import json_text
from protolint.workspace.discover import MAX_BYTES, read_text

__all__ = ["Baseline", "Key", "read_baseline", "write_baseline"]

_VERSION = 1


class Key(NamedTuple):
    """What a finding is known again by."""

    path: str
    code: str
    target: str
    layer: str


class Baseline(NamedTuple):
    """How many findings of each kind are let pass, and the folder their paths start from."""

    path: str
    counts: Counter[Key]

    def key(self, diagnostic: Diagnostic) -> Key:
        """Return the entry that a finding belongs to."""
        folder = os.path.dirname(os.path.abspath(self.path))
        relative = os.path.relpath(os.path.abspath(diagnostic.path), folder)
        path = relative.replace(os.sep, "/")
        return Key(path, diagnostic.code, diagnostic.target or "", diagnostic.layer or "")

    def new(
        self, reports: Iterable[FileReport], ran: Callable[[str, str], bool]
    ) -> tuple[list[FileReport], list[Key]]:
        """Return the reports without what is let pass, and the stale entries.

        Those are of files that were checked, or no longer exist. `ran` returns whether the
        rule of a code was run on a path: where it was not, the entry is not stale.
        """
        left = Counter(self.counts)
        folder = os.path.dirname(os.path.abspath(self.path))
        checked: dict[tuple[str, str], str] = {}
        kept = []
        for report in reports:
            rest = []
            for diagnostic in report.diagnostics:
                key = self.key(diagnostic)
                if left[key] > 0:
                    left[key] -= 1
                else:
                    rest.append(diagnostic)
            kept.append(report._replace(diagnostics=tuple(rest)))
            path = os.path.relpath(os.path.abspath(report.path), folder).replace(os.sep, "/")
            checked[path, report.target.dialect.name] = report.path
        stale = []
        for key, count in left.items():
            shown = checked.get((key.path, key.target))
            gone = not os.path.lexists(os.path.join(folder, key.path))
            if count > 0 and (gone or (shown is not None and ran(shown, key.code))):
                stale.append(key)
        return kept, sorted(stale)


def read_baseline(path: str) -> Baseline:
    """Return the baseline in a file. Raises ConfigError where it cannot be read."""
    if not os.path.exists(path):
        raise ConfigError(
            f"{path}: the baseline cannot be read: No such file or directory; "
            "protolint check --write-baseline makes one"
        )
    try:
        document = json.loads(read_text(path, MAX_BYTES, "the baseline"))
        if not isinstance(document, dict) or not isinstance(document.get("findings"), list):
            raise ValueError("an object with 'version' and 'findings' is wanted")
        if document.get("version") != _VERSION:
            raise ConfigError(f"{path}: a baseline of version {document.get('version')!r}")
        counts: Counter[Key] = Counter()
        for entry in document["findings"]:
            key = Key(entry["path"], entry["code"], entry["target"], entry["layer"])
            counts[key] += int(entry["count"])
    except (KeyError, TypeError):
        reason = "an entry lacks path, code, target, layer or count"
        raise ConfigError(f"{path}: not a baseline of protolint: {reason}") from None
    except (ValueError, OverflowError, RecursionError) as error:
        raise ConfigError(f"{path}: not a baseline of protolint: {error}") from None
    return Baseline(path, counts)


def write_baseline(path: str, reports: Sequence[FileReport]) -> int:
    """Write a baseline that lets all findings pass, and return their number."""
    empty = Baseline(path, Counter())
    counts = Counter(empty.key(d) for report in reports for d in report.diagnostics)
    document = {
        "version": _VERSION,
        "findings": [{**key._asdict(), "count": counts[key]} for key in sorted(counts)],
    }
    replace_file(path, (json_text(document, 1) + "\n").encode())
    return sum(counts.values())
