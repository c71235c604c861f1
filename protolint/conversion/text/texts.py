"""Prototxts on their way: nets and solvers, from plans to new text."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from protolint.caffe.dialect import Dialect
from protolint.conversion.decide.step import Choices, Plan
from protolint.conversion.notes import Note, refuse
from protolint.conversion.text.net import convert_net, source_refusals
from protolint.conversion.text.solver import convert_solver, plan_solver
from protolint.edit import apply_edits
from protolint.workspace.reading import LintFile

__all__ = ["check_text", "new_net_text", "new_paths", "new_solver_text"]


def check_text(file: LintFile) -> None:
    """Raise InputError for a file that its own Caffe would not read."""
    refuse(file.source.path, source_refusals(file))


def new_net_text(file: LintFile, plan: Plan) -> tuple[bytes, list[Note]]:
    """Return the new text of a net, and what to tell of it."""
    return apply_edits(file.source.data, convert_net(file, plan)), list(plan.notes)


def new_solver_text(
    file: LintFile,
    target: Dialect,
    choices: Choices,
    plans: Sequence[Plan],
    paths: Mapping[str, str],
) -> tuple[bytes, list[Note]]:
    """Return the new text of a solver, and what to tell of it; raises InputError.

    `plans` are those of the nets inside it, `paths` new names for the nets it names.
    """
    plan = plan_solver(file, target, choices, plans)
    refuse(file.source.path, plan.refusals)
    return apply_edits(file.source.data, convert_solver(file, plan, paths)), list(plan.notes)


def new_paths(file: LintFile, outputs: Mapping[str, str]) -> dict[str, str]:
    """Return new names for the nets that a solver names, where those are converted with it.

    `outputs` gives the result of each net's file. A name that holds in the working directory
    becomes that of the result there; any other keeps its folder.
    """
    found = {}
    for field in ("net", "train_net", "test_net"):
        for value in file.message.texts(field):
            for path, output in outputs.items():
                if output == "-" or not _names(value, path, file.source.path):
                    continue
                here = os.path.exists(value) and os.path.samefile(value, path)
                folder = os.path.dirname(value)
                new = output if here else os.path.join(folder, os.path.basename(output))
                if os.path.normpath(new) != os.path.normpath(value):
                    found[value] = new
    return found


def _names(value: str, path: str, solver: str) -> bool:
    """Whether a name in a solver is that of a file, in some folder above the solver or here."""
    place = os.path.dirname(os.path.abspath(solver))
    folders = [os.getcwd(), place]
    while os.path.dirname(folders[-1]) != folders[-1]:
        folders.append(os.path.dirname(folders[-1]))
    wanted = os.path.realpath(path)
    return any(os.path.realpath(os.path.join(folder, value)) == wanted for folder in folders)
