"""The net that goes with a weight file: its prototxt, as the Caffe it is for reads it."""

from __future__ import annotations

from protolint.caffe.dialect import Dialect
from protolint.errors import InputError
from protolint.workspace.reading import LintFile
from protolint.workspace.workspace import Workspace

__all__ = ["read_net_file"]


def read_net_file(path: str, workspace: Workspace, target: Dialect | None = None) -> LintFile:
    """Return a prototxt with one net, read as `target` or as `check` would.

    Raises InputError for a file that cannot be read, is broken, or is no net.
    """
    file = workspace.read(path, target)
    if file.tree.broken:
        broken = next(problem for problem in file.tree.problems if problem.fatal)
        line = file.source.line_number(broken.span.start)
        raise InputError(path, f"line {line}: is broken; to see how: protolint check")
    if len(file.nets) != 1:
        raise InputError(path, "is no net; give the prototxt that the weights are for")
    return file
