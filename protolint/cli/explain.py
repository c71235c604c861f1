"""--explain-target: what in a file points to which Caffe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from protolint.caffe.forks import Unknown, forks_that_know
from protolint.caffe.registry import DEFAULT, TARGETS
from protolint.cli.terminal import Problems
from protolint.errors import InputError
from protolint.lint.shown_by_weights import ask_weights
from protolint.shown import shown
from protolint.text.tree import Node
from protolint.words import joined
from protolint.workspace.evidence import Clue, Member, strangers
from protolint.workspace.target import Basis, Target
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
            texts.append(_render(source.path, workspace.targets(readings), members))
    return "".join(texts)


def _render(path: str, targets: Sequence[Target], members: Sequence[Member]) -> str:
    """Return what a file is checked for, and what speaks for and against each Caffe.

    `members` are the file and the others of its model. A target that is given needs no evidence.
    """
    lines = [f"{path}: {target.dialect.name}, {target.reason}" for target in targets]
    if all(target.basis is Basis.GIVEN for target in targets):
        return "".join(f"{shown(line)}\n" for line in lines)
    own = members[0]
    for place, member in enumerate(members):
        for clue in member.evidence.clues:
            other = joined([name for name in TARGETS if name not in clue.fits])
            fits = joined([name for name in TARGETS if name in clue.fits])
            lines.append(f"  {_worded(clue, member, place)}: for {fits}, against {other}")
    lines += [f"  {_worded(clue, own, 0)}: for DIGITS" for clue in own.evidence.digits]
    nearest = targets[0].dialect
    for thing, node in strangers(own.readings, nearest):
        lines += _stranger(own, nearest.name, thing, node)
    if len(lines) == len(targets):
        lines.append(f"  nothing in it points to one Caffe; {DEFAULT.name} is the default")
    return "".join(f"{shown(line)}\n" for line in lines)


def _worded(clue: Clue, member: Member, place: int) -> str:
    line = member.line(clue)
    where = f"{member.name}, line {line}" if place else f"line {line}"
    where = where if line else member.name
    times = f", {clue.times} times" if clue.times > 1 else ""
    habit = "" if clue.decides else ", a habit"
    return f"{clue.what} ({where}{times}{habit})"


def _stranger(member: Member, nearest: str, thing: Unknown, node: Node) -> list[str]:
    """Return the line on something that the target does not know, if a public fork does."""
    forks = forks_that_know(thing)
    if not forks:
        return []
    what = f"field '{thing.name}'" if thing.message not in ("", "V1") else f"type {thing.name}"
    line = member.readings.tree.source.line_number(node.start)
    names = joined([fork.title for fork in forks[:3]])
    return [f"  not known to {nearest}: {what} (line {line}): for {names}"]
