"""Folding a deploy net and its weights before they are converted."""

from __future__ import annotations

from typing import NamedTuple

from protolint.batchnorm.reference import fold
from protolint.batchnorm.state import Statistic
from protolint.conversion.numbers.model import read_model_file, with_net
from protolint.deploy.net import DeployNet
from protolint.edit import apply_edits
from protolint.errors import UsageError
from protolint.folding.decide import plan_folds
from protolint.folding.numbers import NumberedFold, measure_folds
from protolint.folding.text import fold_edits
from protolint.source import Source
from protolint.weights.files import mapped
from protolint.workspace.reading import LintFile
from protolint.workspace.workspace import Workspace

__all__ = ["Folding", "fold_net"]


class Folding(NamedTuple):
    """A deploy net without the layers that its weights have taken in, and what stays, in words."""

    file: LintFile
    folds: tuple[NumberedFold, ...] = ()
    remarks: tuple[str, ...] = ()


def fold_net(
    workspace: Workspace,
    made: DeployNet,
    weights: str | None,
    source: str | None,
    statistic: str | None,
) -> Folding:
    """Return a deploy net folded by the numbers of its weights.

    Raises UsageError without weights, InputError for weights that cannot be read for certain.
    """
    if weights is None:
        raise UsageError("--fold works on the weights: give them, too")
    net = made.net
    model = read_model_file(weights, source, Statistic(statistic) if statistic else None)
    model, _ = with_net(model, net)
    numbers = {norm.name: fold(norm.state) for norm in model.norms.values()}
    plan = plan_folds(net, net.views[0])
    with mapped(weights) as (data, _):
        folds, kept = measure_folds(data, model.index, plan, numbers)
    text = apply_edits(made.file.source.data, fold_edits(net.source, [f.fold for f in folds]))
    remarks = [f"'{one.layer.name}' is not folded: {one.reason}" for one in kept]
    count = sum(len(found.fold.taken) for found in folds)
    remarks.insert(0, f"folded {count} layers into {len(folds)}")
    file = workspace.read(Source(net.source.path, text), made.file.dialect)
    return Folding(file, tuple(folds), tuple(remarks))
