"""New text of nets and solvers, made of their plans."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from protolint.caffe.dialect import Dialect
from protolint.conversion import notes
from protolint.conversion.decide.plan import plan_net
from protolint.conversion.decide.step import Plan, PlanOptions
from protolint.conversion.notes import Note
from protolint.conversion.refusal import refuse
from protolint.conversion.text.net import convert_net, source_refusals, without_conflicts
from protolint.conversion.text.solver import SolverPlan, convert_solver, plan_solver
from protolint.conversion.text.way_back import (
    content,
    origin_of,
    same_holders,
    undo_line,
    undone,
    way_edits,
)
from protolint.edit import Edit, apply_edits
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.weights.kinds import FileKind
from protolint.workspace.named_files import may_mean
from protolint.workspace.reading import LintFile, Readings

__all__ = ["check_text", "new_net_text", "new_paths", "new_solver_text"]


def check_text(file: LintFile) -> None:
    """Raise InputError for a file that its own Caffe would not read."""
    refuse(file.source.path, source_refusals(file))


class NewText(NamedTuple):
    """A converted text, and what to say of it; `is_former` says that it is the user's own."""

    data: bytes
    notes: list[Note]
    is_former: bool = False


def new_net_text(file: LintFile, plan: Plan, choices: PlanOptions) -> NewText:
    """Return the new text of a net."""
    return _remembered(file, plan, convert_net(file, plan), choices)


def _remembered(file: LintFile, plan: Plan, edits: Sequence[Edit], choices: PlanOptions) -> NewText:
    """Return an edited text that can go back, or the one that it goes back to.

    What comes back from where it was converted to is as it was, unless more is asked for.
    """
    source, target = file.source, plan.target
    edits = without_conflicts([*edits, *way_edits(file, plan, edits)])
    data = apply_edits(source.data, edits)
    if data == source.data or file.dialect == target:
        return NewText(data, list(plan.notes))
    build = file.build._replace(schema=None)
    made = Readings.of(Source(source.path, data), build).read(target)
    former = undone(source, target) if choices.are_usual else None
    if former is not None:
        old = Readings.of(Source(source.path, former), build).read(target)
        pairs = zip(old.nets, made.nets, strict=True)
        if all(same_holders(one, other) for one, other in pairs):
            return NewText(former, [notes.as_it_was(target.name)], is_former=True)
    origin = origin_of(source)
    home = origin is not None and origin.dialect == target
    if not home and not _comes_back(file, made, choices):
        data += undo_line(source, file.dialect, edits).encode()
    return NewText(data, list(plan.notes))


def _comes_back(file: LintFile, made: LintFile, choices: PlanOptions) -> bool:
    """Whether the way back from a converted text gives the same message as it is."""
    known = PlanOptions(identity=choices.identity, channels=choices.channels)
    plan: Plan | SolverPlan = (
        plan_solver(made, file.dialect, known)
        if made.kind is FileKind.SOLVER
        else plan_net(made.nets[0], file.dialect, known)
    )
    if plan.refusals:
        return False
    edits = convert_solver(made, plan) if isinstance(plan, SolverPlan) else convert_net(made, plan)
    data = apply_edits(made.source.data, edits)
    back = Readings.of(Source(file.source.path, data), file.build).read(file.dialect)
    return content(back.message) == content(file.message)


def new_solver_text(
    file: LintFile,
    target: Dialect,
    choices: PlanOptions,
    plans: Sequence[Plan],
    paths: Mapping[str, str],
) -> NewText:
    """Return the new text of a solver; raises InputError.

    `plans` are those of the nets inside it, `paths` new names for the nets it names.
    """
    plan = plan_solver(file, target, choices, plans)
    refuse(file.source.path, plan.refusals)
    edits = convert_solver(file, plan, paths)
    if paths or not plan.nets:
        return NewText(apply_edits(file.source.data, edits), list(plan.notes))
    steps = tuple(step for inside in plan.nets for step in inside.steps)
    return _remembered(file, Plan(plan.source, target, steps, plan.notes), edits, choices)


def new_paths(file: LintFile, outputs: Mapping[str, str]) -> dict[str, str]:
    """Return new names for the nets that a solver names, where those are converted with it.

    `outputs` gives the result of each net's file. A name that holds in the working directory
    becomes that of the result there; any other keeps its folder.
    """
    found = {}
    for field in ("net", "train_net", "test_net"):
        for value in file.message.texts(field):
            for path, output in outputs.items():
                if output == "-" or not may_mean(file.source.path, value, path):
                    continue
                here = os.path.exists(value) and os.path.samefile(value, path)
                folder = os.path.dirname(value)
                new = output if here else os.path.join(folder, os.path.basename(output))
                if os.path.normpath(new) != os.path.normpath(value):
                    found[value] = new
    return found
