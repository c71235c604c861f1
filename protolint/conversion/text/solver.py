"""A solver prototxt for another Caffe: its type, fields, the nets it names or holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from protolint.caffe.binder import Message
from protolint.caffe.descriptors import load_schema
from protolint.caffe.dialect import Dialect
from protolint.caffe.legacy import SOLVER_TYPES
from protolint.caffe.registry import DIALECTS
from protolint.conversion import notes, refusals
from protolint.conversion.decide.plan import plan_nets
from protolint.conversion.decide.step import Plan, PlanOptions
from protolint.conversion.decide.unknown import Foreign, foreign_fields
from protolint.conversion.notes import Note
from protolint.conversion.refusal import Refusal
from protolint.conversion.text.net import net_edits, target_comments, without_conflicts
from protolint.edit import Edit
from protolint.errors import ProtolintError
from protolint.record import NamedTuple
from protolint.text.insert import insert_line_after
from protolint.text.tree import Scalar
from protolint.text.write import delete_fields, quote, replace
from protolint.workspace.reading import LintFile

__all__ = ["SolverPlan", "convert_solver", "plan_solver"]

_TYPES = {name: old for old, name in SOLVER_TYPES.items()}

_NETS = ("net_param", "train_net_param", "test_net_param")
_PATHS = ("net", "train_net", "test_net")
_NO_PATHS: Mapping[str, str] = MappingProxyType({})


class SolverPlan(NamedTuple):
    """What a conversion does to a solver.

    `nets` are the plans of the nets inside it, in the order of `LintFile.nets`. `solver_type`
    is what `type` becomes where the target has only the old field, `rms_decay` what has to be
    written because the defaults differ.
    """

    source: Dialect
    target: Dialect
    nets: tuple[Plan, ...] = ()
    notes: tuple[Note, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    left_out: tuple[Foreign, ...] = ()
    solver_type: str = ""
    rms_decay: float | None = None


def plan_solver(
    file: LintFile,
    target: Dialect,
    choices: PlanOptions | None = None,
    plans: Sequence[Plan] | None = None,
) -> SolverPlan:
    """Return what converting a solver to another dialect does.

    `plans` are those of the nets inside it, where they have been made together with the nets
    of other files.
    """
    choices = choices or PlanOptions()
    message = file.message
    plans = plan_nets(file.nets, target, choices) if plans is None else tuple(plans)
    found = [refusal for plan in plans for refusal in plan.refusals]
    notes = [note for plan in plans for note in plan.notes]
    if file.dialect == target:
        return SolverPlan(file.dialect, target, plans, tuple(notes), tuple(found))
    kind = message.text("type") if "type" in message else ""
    kind = kind or SOLVER_TYPES.get(message.text("solver_type"), "")
    old_field = ""
    skip = {node.start for field in _NETS for node in message.nodes_of(field)}
    if "type" in message:
        if target.names_solvers_by_enum:
            skip.update(node.start for node in message.nodes_of("type"))
            old_field = _TYPES.get(kind, "")
        if kind not in target.solver_types:
            others = [
                d.name for d in DIALECTS.values() if d.can_be_written and kind in d.solver_types
            ]
            found.append(refusals.no_solver(target.name, kind, others))
    left_out: list[Foreign] = []
    for foreign in foreign_fields(message, load_schema(target.schema), skip):
        field = foreign.path
        if foreign.harmless or field in choices.drop_fields or field == "weights":
            left_out.append(foreign)
        else:
            found.append(refusals.no_counterpart("", field, target.name))
    notes += _notes(message, target, choices, left_out)
    return SolverPlan(
        file.dialect,
        target,
        plans,
        tuple(notes),
        tuple(found),
        tuple(left_out),
        old_field,
        _rms_decay(message, kind, file.dialect, target),
    )


def _rms_decay(message: Message, kind: str, source: Dialect, target: Dialect) -> float | None:
    """Return the decay of RMSProp, where the solver leaves it to defaults that are not the same."""
    if kind != "RMSProp" or "rms_decay" in message:
        return None
    defaults = []
    for dialect in (source, target):
        field = load_schema(dialect.schema).messages["SolverParameter"].fields["rms_decay"]
        defaults.append(float(field.default))
    return defaults[0] if defaults[0] != defaults[1] else None


def _notes(
    message: Message, target: Dialect, choices: PlanOptions, left_out: Sequence[Foreign]
) -> Iterator[Note]:
    """Yield what to say of a solver."""
    names = sorted({foreign.path for foreign in left_out} - {"weights"})
    if names:
        yield notes.solver_fields_left_out(target.name, names)
    if any(foreign.path == "weights" for foreign in left_out):
        yield notes.weights_on_command_line(target.name, ",".join(message.texts("weights")))
    on_cpu = message.text("solver_mode") == "CPU"
    kind = target.batchnorm(choices.engine or "")
    if kind.wrong_on_cpu and on_cpu:
        yield notes.wrong_on_cpu(target.name)
    if kind.never_sets_reserved and message.number("weight_decay") == 0:
        yield notes.aborts_without_decay(target.name)


def convert_solver(
    file: LintFile, plan: SolverPlan, paths: Mapping[str, str] = _NO_PATHS
) -> list[Edit]:
    """Return the edits that make a solver one of the plan's target.

    `paths` gives new names for the nets that it names. Raises ProtolintError where the plan
    refuses.
    """
    if plan.refusals:
        raise ProtolintError(f"{file.source.path}: {plan.refusals[0]}")
    message, source = file.message, file.source
    edits = list(target_comments(source, plan.source, plan.target))
    for net, inside in zip(file.nets, plan.nets, strict=True):
        edits += net_edits(net, inside)
    edits += delete_fields(source, [foreign.node for foreign in plan.left_out])
    for field in _PATHS:
        for value, node in message.values.get(field, ()):
            if value in paths and isinstance(node, Scalar):
                edits.append(Edit(node.value_start, node.end, quote(paths[str(value)])))
    kind = message.node_of("type")
    if plan.solver_type and kind is not None:
        edits.append(replace(kind.span, f"solver_type: {plan.solver_type}"))
    if plan.rms_decay is not None:
        place = kind or message.node_of("solver_type")
        if place is not None:
            line = f"rms_decay: {plan.rms_decay:g}"
            edits.append(insert_line_after(source, place, line))
    return without_conflicts(edits)
