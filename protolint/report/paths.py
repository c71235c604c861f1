"""Paths as those who read a report look files up: from the root of the checkout."""

from __future__ import annotations

import os
from urllib.parse import quote

__all__ = ["path_from_root", "reported_path", "uri_from_root"]

#: What GitHub and GitLab call the root of the checkout; a job may start in a folder of it.
_ROOTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")


def path_from_root(path: str) -> str | None:
    """Return the path from the root, with "/" between its parts; None if outside the root.

    The root is the one that CI names, else the working directory.
    """
    folder, name = os.path.split(os.path.abspath(path))
    real = os.path.join(os.path.realpath(folder), name)
    for root in (*filter(None, map(os.environ.get, _ROOTS)), os.getcwd()):
        try:
            parts = os.path.relpath(real, os.path.realpath(root)).split(os.sep)
        except ValueError:  # another drive
            continue
        if parts[0] != os.pardir:
            return "/".join(parts)
    return None


def reported_path(path: str) -> str:
    """Return the path from the root, or as it was given, as text that can be written as UTF-8."""
    shown = path_from_root(path) or path.replace(os.sep, "/")
    return shown.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def uri_from_root(path: str) -> str | None:
    """Return the path from the root as a relative URI; None where the root is not above it."""
    relative = path_from_root(path)
    return None if relative is None else quote(os.fsencode(relative))
