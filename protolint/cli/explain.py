"""--explain-target: what in a file points to which Caffe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from protolint.cli.problems import Problems
from protolint.errors import InputError
from protolint.lint.shown_by_weights import ask_weights
from protolint.report.evidence import render
from protolint.workspace.workspace import Workspace

__all__ = ["explain"]


def explain(
    workspace: Workspace, files: Iterable[str], problems: Problems, weights: Sequence[str] = ()
) -> str:
    """Return the evidence in each prototxt for and against each Caffe, as text.

    A file that cannot be read is reported to `problems`; weights are passed over.
    """
    texts = []
    for path in files:
        try:
            source = workspace.source_or_weights(path)
        except InputError as error:
            problems.report(error)
            continue
        if source is not None:
            readings = workspace.readings(source)
            ask_weights(workspace, readings, weights)
            members = workspace.evidence(readings)
            texts.append(render(source.path, workspace.targets(readings), members))
    return "".join(texts)
