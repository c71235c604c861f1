"""The files that a document belongs to: a solver, a training net, a deploy net in its folder.

They are read as they are in the editor where it has them open, else as they are on disk.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from protolint.source import Source
from protolint.workspace.workspace import Workspace

__all__ = ["Neighbours"]

#: A folder of more nets is a collection, not a model.
_MOST = 64


class Neighbours:
    """The workspace of each folder, kept for as long as the files beside a document stay."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[object, Workspace]] = {}
        self._stale: list[dict[str, tuple[object, Workspace]]] = []

    def forget(self) -> None:
        """Read everything again, configurations too.

        A check may be under way in another thread, so the next one lets go of what there was.
        """
        stale, self._kept = self._kept, {}
        self._stale.append(stale)

    def workspace(self, path: str, texts: Mapping[str, str]) -> Workspace:
        """Return the workspace that a document is checked in.

        Args:
            path: The document's.
            texts: The texts that the editor has open, by path.
        """
        while self._stale:
            for _, workspace in self._stale.pop().values():
                workspace.relatives.forget()
        beside = _beside(path)
        folder = os.path.dirname(path)
        texts = {p: t for p, t in texts.items() if p != path and os.path.dirname(p) == folder}
        key = (
            path,
            tuple(item for item in beside.items() if item[0] not in texts),
            tuple(texts.items()),
        )
        known = self._kept.get(folder)
        if known is not None and known[0] == key:
            return known[1]
        if known is not None:
            known[1].relatives.forget()
        workspace = Workspace()
        workspace.pair({path: None, **beside, **texts})
        for other, text in texts.items():
            workspace.readings(Source(other, text.encode("utf-8", "surrogatepass")))
        self._kept[folder] = key, workspace
        return workspace


def _beside(path: str) -> dict[str, tuple[int, int]]:
    """Return time and size of each other prototxt in a document's folder, none if it has many."""
    folder = os.path.dirname(path)
    found: dict[str, tuple[int, int]] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".prototxt") and entry.path != path and entry.is_file():
                    status = entry.stat()
                    found[entry.path] = status.st_mtime_ns, status.st_size
    except OSError:
        return {}
    return found if len(found) <= _MOST else {}
