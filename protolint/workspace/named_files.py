"""Where a file lies that a solver names, and whether it names a file that is given."""

from __future__ import annotations

import os
from itertools import takewhile

from protolint.workspace.config import has_configuration, is_temporary

__all__ = ["NamedFiles", "may_mean", "project_root", "same_last_name"]


class NamedFiles:
    """Says where a file may lie that a solver names; folders are looked at once."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}

    def candidates(self, folder: str, name: str) -> list[str]:
        """Return the paths that a name in a solver of a folder may mean.

        Caffe takes the name as relative to the folder it was started in, which is often the
        root of a repository: so here, beside the solver, and in each folder above it up to
        the root of its project.
        """
        if folder not in self._places:
            above = _upward(folder)
            end = above.index(project_root(folder)) + 1
            self._places[folder] = [os.getcwd(), *above[:end]]
        found = [os.path.normpath(os.path.join(place, name)) for place in self._places[folder]]
        return list(dict.fromkeys(found))


def may_mean(solver: str, name: str, path: str) -> bool:
    """Whether a name in a solver may mean a file that the user gives with it.

    That says where the project is, so that any folder above the solver will do.
    """
    folders = [os.getcwd(), *_upward(os.path.dirname(os.path.abspath(solver)))]
    wanted = os.path.realpath(path)
    return any(os.path.realpath(os.path.join(folder, name)) == wanted for folder in folders)


def project_root(folder: str) -> str:
    """Return the folder that a project ends at, for one in it.

    That is the nearest with `.git`, else the nearest with a configuration, else the working
    directory if the folder is in it, else the folder itself. The user's home and the
    folder of temporary files are above every project.
    """
    home = os.path.realpath(os.path.expanduser("~"))
    above = _upward(folder)
    inside = list(
        takewhile(lambda at: os.path.realpath(at) != home and not is_temporary(at), above)
    )
    for is_marked in (_is_repository, has_configuration):
        found = next(filter(is_marked, inside), None)
        if found is not None:
            return found
    here = os.getcwd()
    return here if here in above else folder


def _upward(folder: str) -> list[str]:
    """Return a folder and all above it."""
    found = [folder]
    while (above := os.path.dirname(found[-1])) != found[-1]:
        found.append(above)
    return found


def _is_repository(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, ".git"))


def same_last_name(folder: str, name: str) -> str:
    """Return the file beside a solver whose name is the last part of one that is not there.

    Case does not count.
    """
    wanted = os.path.basename(name)
    if os.path.isfile(os.path.join(folder, wanted)):
        return wanted
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return ""
    return next((other for other in names if other.lower() == wanted.lower()), "")
