"""What `protolint check` does once its options are read; it imports no click."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from protolint.caffe.dialect import Dialect
from protolint.cli.terminal import Problems, coloured, progress_bar, put, warn
from protolint.diagnostic import Severity
from protolint.errors import FOUND, OK, InputError, UsageError
from protolint.lint.check_files import check_files
from protolint.lint.file_report import FileReport
from protolint.lint.select import require_known, selection_of
from protolint.record import NamedTuple
from protolint.report import DOCUMENTS, FORMATS, SHOW_EDITS, Output, renderer
from protolint.shown import shown
from protolint.weights.kinds import named_as_weights
from protolint.words import counted
from protolint.workspace.workspace import Choices, Workspace

__all__ = ["CheckOptions", "check"]


class CheckOptions(NamedTuple):
    """The options of `protolint check`, by the names of protolint.cli.check; `form` is a format."""

    paths: tuple[str, ...] = ()
    targets: tuple[Dialect | None, ...] = ()
    weights: tuple[str, ...] = ()
    select: frozenset[str] | None = None
    ignore: frozenset[str] | None = None
    extend_select: frozenset[str] | None = None
    fix: bool = False
    unsafe_fixes: bool = False
    diff: bool = False
    form: str = FORMATS[0]
    outputs: tuple[Output, ...] = ()
    statistics: bool = False
    fail_level: Severity | None = None
    exit_zero: bool = False
    thresholds: tuple[tuple[str, float], ...] = ()
    fine_tune: bool = False
    stdin_filename: str | None = None
    baseline: str | None = None
    write_baseline: bool = False
    add_suppressions: str | None = None
    exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    show_files: bool = False
    explain_target: bool = False
    show_settings: bool = False
    jobs: int = 0
    quiet: bool = False
    color: str = "auto"
    choices: Choices = Choices()


def check(options: CheckOptions) -> int:
    """Check files and return the exit code. Raises ProtolintError where nothing can be checked."""
    if None in options.targets and len(options.targets) > 1:
        raise UsageError("--target auto stands alone: each file shows its own")
    formats = {options.form, *(output.format for output in options.outputs)}
    choices = options.choices._replace(
        targets=tuple(target for target in options.targets if target is not None),
        auto=None in options.targets,
        thresholds=options.thresholds,
        select=options.select,
        ignore=options.ignore or frozenset(),
        extend_select=options.extend_select or frozenset(),
        fine_tunes=options.fine_tune,
        force_exclude=options.force_exclude,
        exclude=options.exclude,
        stdin_filename=options.stdin_filename,
        edits=options.fix or options.diff or not SHOW_EDITS.isdisjoint(formats),
    )
    _refuse_together(
        {
            "--diff": options.diff,
            "--output": bool(options.outputs),
            "--write-baseline": options.write_baseline,
            "--statistics": options.statistics,
            f"--output-format {options.form}": options.form in DOCUMENTS and options.form != "json",
            "--fix": options.fix,
            "--add-suppressions": options.add_suppressions is not None,
        }
    )
    weights = tuple({os.path.realpath(path): path for path in options.weights}.values())
    remark = _silent if options.quiet else warn
    colour = coloured(options.color)
    workspace, problems = Workspace(choices), Problems()
    if options.stdin_filename is not None and options.paths and "-" not in options.paths:
        raise UsageError("--stdin-filename names standard input; give '-' or no path with it")
    default = "." if options.stdin_filename is None else "-"
    files = workspace.find(options.paths or (default,), problems.report, remark)
    if weights:
        _refuse_all_but_one(files)
    first = files[0] if files else os.path.join(".", "x")
    require_known(workspace, (first, *files))
    if options.show_files:
        put("".join(f"{shown(file)}\n" for file in (*files, *weights)))
        return problems.exit_code(OK)
    if options.explain_target:
        from protolint.cli.explain import explain

        put(explain(workspace, files, problems, weights))
        return problems.exit_code(OK)
    if options.show_settings:
        from protolint.cli.settings import show

        put(show(workspace, first))
        return problems.exit_code(OK)
    if options.fix or options.diff or options.add_suppressions is not None:
        from protolint.cli.change import change

        if len(options.targets) > 1:
            raise UsageError("files are changed for one target at a time; give one --target")
        if options.add_suppressions is not None and len(options.add_suppressions.splitlines()) > 1:
            raise UsageError("--add-suppressions: a reason is one line")
        if options.add_suppressions and os.path.exists(options.add_suppressions):
            raise UsageError(
                f"--add-suppressions: {options.add_suppressions} is a file: give the reason first"
            )
        changed, reports = change(
            workspace,
            files,
            problems,
            weights,
            unsafe=options.unsafe_fixes,
            diff=options.diff,
            reason=options.add_suppressions,
            remark=remark,
        )
        if options.diff:
            from protolint.report.style import coloured_diff

            put(coloured_diff(changed) if colour else changed)
            return problems.exit_code(FOUND if changed and not options.exit_zero else OK)
    else:
        reports = check_files(
            workspace,
            files,
            problems.report,
            weights=weights,
            jobs=options.jobs,
            progress=progress_bar,
        )
    stale = 0
    baseline = options.baseline or workspace.settings(first).baseline
    if options.write_baseline or baseline:
        if options.write_baseline:
            from protolint.lint.baseline import write_baseline

            path = baseline or "protolint-baseline.json"
            warn(f"wrote {counted(write_baseline(path, reports), 'finding')} to {path}")
            return problems.exit_code(OK)
        reports, stale = _new(baseline or "", reports, workspace)
    _write_outputs(problems, options.outputs, reports)
    if reports or options.form in DOCUMENTS or not problems.found:
        if options.statistics:
            from protolint.report.statistics import render, render_json

            text = render_json(reports) if options.form == "json" else render(reports, colour)
        else:
            text = renderer(options.form)(reports, colour, problems.texts)
        if options.quiet and options.form not in DOCUMENTS:
            from protolint.report.summary import summary

            text = text.removesuffix(f"{summary(reports)}\n")
            text = text.rstrip("\n") + "\n" if text else ""
        if not (options.fix and "-" in files):
            # Annotations for GitHub are commands.
            put(text) if options.form != "github" else sys.stdout.write(text)
    found = _fails(workspace, reports, options.fail_level)
    return problems.exit_code(FOUND if (found or stale) and not options.exit_zero else OK)


#: What cannot be done in one run.
_APART = (
    ("--diff", "--output"), ("--diff", "--write-baseline"), ("--diff", "--statistics"),
    ("--statistics", "--output-format"), ("--statistics", "--write-baseline"),
    ("--write-baseline", "--output"), ("--write-baseline", "--fix"),
    ("--write-baseline", "--add-suppressions"), ("--fix", "--add-suppressions"),
)  # fmt: skip


def _refuse_together(given: dict[str, bool]) -> None:
    """Raise a usage error for options of which one would be dropped."""
    on = [name for name, is_on in given.items() if is_on]
    for first, second in _APART:
        other = next((name for name in on if name.split()[0] == second), None)
        if first in on and other is not None:
            raise UsageError(f"{first} does not go with {other}")


def _refuse_all_but_one(files: list[str]) -> None:
    """Raise a usage error unless there is one net to check the weights with."""
    nets = [file for file in files if not named_as_weights(file)]
    if len(nets) != 1:
        found = f"{len(nets)} were given" if nets else "none was given"
        raise UsageError(
            f"--weights goes with one net or solver, and {found}; as in: protolint check "
            "deploy.prototxt --weights net.caffemodel"
        )


def _new(
    path: str, reports: list[FileReport], workspace: Workspace
) -> tuple[list[FileReport], int]:
    """Return what is not in a baseline, and how many of its entries are stale."""
    from protolint.lint.baseline import read_baseline

    def ran(shown: str, code: str) -> bool:
        return selection_of(workspace, shown).selector(shown)(code)

    kept, stale = read_baseline(path).new(reports, ran)
    for key in stale:
        where = f" in layer {key.layer}" if key.layer else ""
        warn(
            f"{path}: {key.code}{where} of {key.path} ({key.target}) is no longer found; write the "
            "baseline again"
        )
    return kept, len(stale)


def _fails(workspace: Workspace, reports: list[FileReport], level: Severity | None) -> bool:
    """Whether some finding is as bad as the level at which a run fails."""
    order = list(Severity)
    return any(
        order.index(diagnostic.severity)
        <= order.index(level or workspace.settings(report.path).fail_level)
        for report in reports
        for diagnostic in report.diagnostics
    )


def _silent(text: str) -> None:
    """Make no remark."""


def _write_outputs(
    problems: Problems, outputs: Sequence[Output], reports: Sequence[FileReport]
) -> None:
    """Write each report; one that cannot be written is reported, and the next goes on."""
    if not outputs:
        return
    from protolint.files import replace_file

    for output in outputs:
        try:
            target = os.path.realpath(output.path)
            if any(os.path.realpath(report.path) == target for report in reports):
                raise InputError(output.path, "is checked in this run; not overwritten by a report")
            text = renderer(output.format)(reports, False, problems.texts)
            replace_file(output.path, text.encode("utf-8", "backslashreplace"))
        except InputError as error:
            problems.report(error)
