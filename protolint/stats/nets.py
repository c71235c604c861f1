"""The net that goes with a weight file: its prototxt, as the Caffe it is for reads it."""

from __future__ import annotations

import os

from protolint.caffe.dialect import Dialect
from protolint.errors import InputError
from protolint.workspace.config import ConfigFinder
from protolint.workspace.discover import read_source
from protolint.workspace.reading import LintFile, Readings
from protolint.workspace.target import targets_of

__all__ = ["read_net_file"]


def read_net_file(path: str, target: Dialect | None = None) -> LintFile:
    """Return a prototxt with one net, read as `target` or as `check` would.

    Raises InputError for a file that cannot be read, is broken, or is no net.
    """
    settings = ConfigFinder().settings_for(os.path.dirname(os.path.realpath(path)))
    readings = Readings.of(read_source(path), settings.build())
    if readings.tree.broken:
        broken = next(problem for problem in readings.tree.problems if problem.fatal)
        line = readings.tree.source.line_number(broken.span.start)
        raise InputError(path, f"line {line}: is broken; to see how: protolint check")
    asked = () if target is None else (target,)
    file = readings.read(targets_of(readings, asked, settings)[0].dialect)
    if len(file.nets) != 1:
        raise InputError(path, "is no net; give the prototxt that the weights are for")
    return file
