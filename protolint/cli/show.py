"""protolint show: a net as a table, state by state."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote
from typing import Any

import click

from protolint.caffe.dialect import Dialect
from protolint.cli.common import common_options
from protolint.cli.options import InputShapeType, TargetType, colour_option, format_option
from protolint.cli.terminal import Problems, coloured, put, warn
from protolint.diagnostic import Diagnostic, Severity
from protolint.errors import OK, InputError, UsageError
from protolint.files import replace_file
from protolint.layers.shape import Shape
from protolint.lint.check_text import check_readings
from protolint.lint.file_report import FileReport
from protolint.net.named_states import views_named
from protolint.net.net import Net
from protolint.net.summary import NetSummary, summarise
from protolint.net.view import View
from protolint.shown import json_text, shown
from protolint.source import Source
from protolint.suggest import did_you_mean
from protolint.weights.kinds import FileKind, holds_weights
from protolint.words import counted, listed
from protolint.workspace.reading import LintFile
from protolint.workspace.workspace import Choices, Workspace

__all__ = ["command"]


@click.command("show", epilog="Example: protolint show --state TEST deploy.prototxt")
@click.argument("path", metavar="FILE", type=click.Path())
@click.option("--target", type=TargetType(), help="As this Caffe builds it: bvlc, nvidia-0.17, ...")
@click.option(
    "--state",
    "--phase",
    "states",
    metavar="STATE",
    multiple=True,
    help="Only this state: TRAIN, TEST, a stage, level=N, or some of them with commas.",
)
@click.option(
    "--input-shape",
    "given",
    type=InputShapeType(),
    multiple=True,
    help="What the net leaves open, as in data=1,3,224,224 (repeatable).",
)
@format_option(["table", "json"], "--format")
@click.option("--svg", metavar="FILE", help="Draw the net there ('-': stdout).")
@click.option("--dot", metavar="FILE", help="Write it there for Graphviz ('-': stdout).")
@colour_option
@click.option("--explain-target", is_flag=True, help="Show what points to which Caffe.")
@common_options
def command(
    path: str,
    target: Dialect | None,
    states: tuple[str, ...],
    given: tuple[tuple[str, Shape], ...],
    form: str,
    svg: str | None,
    dot: str | None,
    color: str,
    explain_target: bool,
    choices: Choices,
) -> int:
    """Show a net layer by layer: blobs, shapes, parameters, BatchNorms ('-': stdin).

    FILE may be a caffemodel, which holds its net. A size that the net does not decide is '?',
    and so is what follows from it. A net with errors is shown as far as it can be read.
    """
    chosen = () if target is None else (target,)
    if explain_target:
        from protolint.cli.explain import explain

        problems = Problems()
        workspace = Workspace(choices._replace(targets=chosen))
        put(explain(workspace, (path,), problems))
        return problems.exit_code(OK)
    file, report = _read(path, Workspace(choices._replace(targets=chosen)))
    nets = [(net, _views(net, states)) for net in _nets(file)]
    shapes = dict(given)
    _require_blobs(shapes, nets)
    if svg is not None or dot is not None:
        _draw(svg, dot, nets, shapes, report)
        return OK
    if not states:
        _tell_left_out(path, nets)
    found = [(net, [summarise(net, view, shapes) for view in views]) for net, views in nets]
    errors = [d for d in report.diagnostics if d.severity is Severity.ERROR]
    if errors and (path == "-" or not holds_weights(path)):
        warn(_problems(report, errors, path, target))
    put(_json(report, errors, found) if form == "json" else _text(report, found, coloured(color)))
    return OK


def _read(path: str, workspace: Workspace) -> tuple[LintFile, FileReport]:
    """Return the file as its target reads it, and what a check finds in it."""
    source = workspace.source_or_weights(path) or _inside(path, workspace)
    readings = workspace.readings(source)
    report = check_readings(workspace, readings)[0]
    file = readings.read(report.target.dialect)
    if file.kind is FileKind.LABELS:
        raise InputError(source.path, "a label map, not a net; give the net whose data it names")
    if file.kind is FileKind.OTHER:
        raise InputError(source.path, f"not a net; to see why: protolint check {quote(path)}")
    if not _nets(file):
        fields = ("net", "train_net", "test_net")
        names = [name for field in fields for name in file.message.texts(field)]
        hint = f"; its net is not found from here: {names[0]}" if names else ""
        raise InputError(source.path, f"a solver, not a net{hint}")
    return file, report


def _inside(path: str, workspace: Workspace) -> Source:
    """Return the net inside a caffemodel, as the Caffe that wrote it names its fields."""
    from protolint.conversion.numbers.embedded_net import carrier, net_in_weights

    _, writer = carrier(path)
    return net_in_weights(path, next(iter(workspace.choices.targets), writer))


def _nets(file: LintFile) -> list[Net]:
    """Return the net of a file, or those of a solver, in it or in files that it names."""
    nets = file.nets if file.solver is None else file.solver.nets
    return list({id(net): net for net in nets}.values())


def _views(net: Net, states: tuple[str, ...]) -> list[View]:
    """Return the views of the states that are asked for, all that the net is for if none is."""
    if not states:
        return list(net.views)
    found = [view for text in states for view in views_named(net, text)]
    return list({view.state: view for view in found}.values())


def _require_blobs(shapes: Mapping[str, Shape], nets: list[tuple[Net, list[View]]]) -> None:
    """Raise UsageError where a shape is given for a blob that no net has."""
    names = {name for net, _ in nets for name in net.blob_names}
    for blob in shapes:
        if blob not in names:
            raise UsageError(f"the net has no blob '{blob}'{did_you_mean(blob, names)}")


def _tell_left_out(path: str, nets: list[tuple[Net, list[View]]]) -> None:
    """Say which states are not shown unless they are asked for."""
    names = [str(state) for net, _ in nets for state in net.left_out]
    if names:
        example = f"--state {quote(names[0])}"
        warn(f"{path}: {counted(len(names), 'state')} more, of its other stages: {example}")


def _draw(
    svg: str | None,
    dot: str | None,
    nets: list[tuple[Net, list[View]]],
    given: Mapping[str, Shape],
    report: FileReport,
) -> None:
    """Write the one state as a picture, with what a check finds at its layers."""
    from protolint import picture

    states = [(net, view) for net, views in nets for view in views]
    if len(states) > 1:
        names = [quote(str(view.state)) for _, view in states]
        raise UsageError(f"a picture shows one state; choose with --state: {listed(names, 8)}")
    ((net, view),) = states
    drawn = picture.diagram(net, view, given, report.diagnostics)
    for path, make in ((svg, picture.svg), (dot, picture.dot)):
        if path == "-":
            put(make(drawn))
        elif path is not None:
            replace_file(path, make(drawn).encode("utf-8"))


def _problems(
    report: FileReport, errors: list[Diagnostic], path: str, target: Dialect | None
) -> str:
    """Return what a check finds, in one line."""
    codes = ", ".join(sorted({error.code for error in errors}))
    line = report.source.line_number(errors[0].span.start)
    option = "" if target is None else f"--target {target.name} "
    return (
        f"{report.path}: {counted(len(errors), 'error')} ({codes}), the first at line {line}; "
        f"to see them: protolint check {option}{quote(path)}"
    )


def _text(report: FileReport, found: list[tuple[Net, list[NetSummary]]], colour: bool) -> str:
    from protolint.report.net_table import render
    from protolint.report.style import Style
    from protolint.report.summary import verdict
    from protolint.report.table import room

    target, style = report.target, Style(colour)
    why = f"as {target.dialect.name} builds it ({shown(target.reason)})"
    head = f"{style.bold(shown(report.path))}, {why}\n"
    built = verdict(report)
    tables = (render(net, summary, room(), style) for net, entries in found for summary in entries)
    solver = [f"The solver {built}.\n"] if report.kind is FileKind.SOLVER and built else []
    return "\n".join([head, *solver, *tables])


def _json(
    report: FileReport, errors: list[Diagnostic], found: list[tuple[Net, list[NetSummary]]]
) -> str:
    from protolint.report.net_table import as_dict

    document: dict[str, Any] = {
        "schema_version": 1,
        "path": report.path,
        "target": report.target.dialect.name,
        "target_reason": report.target.reason,
        "errors": [
            {
                "code": error.code,
                "line": report.source.line_number(error.span.start),
                "message": error.message,
            }
            for error in errors
        ],
        "builds": report.builds,
        "nets": [
            {
                "path": net.source.path,
                "name": net.message.text("name"),
                "states": [as_dict(net, summary) for summary in entries],
            }
            for net, entries in found
        ],
    }
    return json_text(document) + "\n"
