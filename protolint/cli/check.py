"""protolint check: find what is wrong in prototxt files and in weights."""

from __future__ import annotations

import os
import sys

import click

from protolint.caffe.dialect import Dialect
from protolint.cli.common import common_options, threshold_option
from protolint.cli.options import (
    CodesType,
    PathType,
    TargetOrAutoType,
    colour_option,
    coloured,
    format_option,
    severities,
)
from protolint.cli.outputs import Output, OutputType, distinct, write_outputs
from protolint.cli.problems import Problems, put, warn
from protolint.cli.progress import progress_bar
from protolint.diagnostic import Severity
from protolint.errors import UsageError
from protolint.lint.check import check_files
from protolint.lint.file_report import FileReport
from protolint.lint.select import require_known
from protolint.report import DOCUMENTS, FORMATS, renderer
from protolint.shown import shown
from protolint.weights.kinds import named_as_weights
from protolint.workspace.workspace import Choices, Workspace

__all__ = ["command"]


@click.command("check", epilog="Example: protolint check --target nvidia-0.15 train_val.prototxt")
@click.argument("paths", nargs=-1, type=PathType(), metavar="[PATHS]...")
@click.option(
    "--target",
    "targets",
    multiple=True,
    type=TargetOrAutoType(),
    help="bvlc, nvidia-0.14 to 0.17, ssd, intel.  [auto]",
)
@click.option(
    "--weights",
    multiple=True,
    type=PathType(),
    metavar="FILE",
    help="Check this net's weights, too (repeatable).",
)
@click.option("--select", type=CodesType(), help="Only these rules: codes, families, names.")
@click.option("--ignore", type=CodesType(), help="Not these rules.")
@click.option("--extend-select", type=CodesType(), help="These rules as well.")
@click.option("--fix", is_flag=True, help="Apply safe fixes.")
@click.option("--unsafe-fixes", is_flag=True, help="Apply (--fix) or show (--diff) all fixes.")
@click.option("--diff", is_flag=True, help="Show what --fix would change; write nothing.")
@format_option(FORMATS, "--format")
@click.option(
    "--output",
    "outputs",
    multiple=True,
    type=OutputType(),
    callback=distinct,
    help="Write a report to a file, too (repeatable).",
)
@click.option("--statistics", is_flag=True, help="Count the findings of each rule.")
@click.option(
    "--fail-level",
    type=severities(),
    metavar="LEVEL",
    help="Exit 1 from error, warning or info on.  [warning]",
)
@click.option("--exit-zero", is_flag=True, help="Exit 0 even where something is found.")
@threshold_option("The limits at which rules on weights report.")
@common_options
@click.option("--fine-tune", is_flag=True, help="Training starts from loaded weights.")
@click.option("--stdin-filename", metavar="NAME", help="The name to show for '-'.")
@click.option(
    "--baseline", type=PathType(), metavar="FILE", help="Report only what is not in this baseline."
)
@click.option("--write-baseline", is_flag=True, help="Write what is found to the baseline.")
@click.option("--add-suppressions", metavar="REASON", help="Suppress what is found by comments.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave these out (repeatable).")
@click.option("--force-exclude", is_flag=True, help="Exclude files that are named, too.")
@click.option("--show-files", is_flag=True, help="List the files that would be checked.")
@click.option("--explain-target", is_flag=True, help="Show what points to which Caffe.")
@click.option("--show-settings", is_flag=True, help="Show the settings for the first file.")
@click.option("--jobs", type=click.IntRange(0), default=0, help="Processes; 0 chooses.")
@click.option("-q", "--quiet", is_flag=True, help="Print findings only: no summary, no remarks.")
@colour_option
def command(
    paths: tuple[str, ...],
    targets: tuple[Dialect | None, ...],
    weights: tuple[str, ...],
    select: frozenset[str] | None,
    ignore: frozenset[str] | None,
    extend_select: frozenset[str] | None,
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    form: str,
    outputs: tuple[Output, ...],
    statistics: bool,
    fail_level: Severity | None,
    exit_zero: bool,
    thresholds: tuple[tuple[str, float], ...],
    fine_tune: bool,
    stdin_filename: str | None,
    baseline: str | None,
    write_baseline: bool,
    add_suppressions: str | None,
    exclude: tuple[str, ...],
    force_exclude: bool,
    show_files: bool,
    explain_target: bool,
    show_settings: bool,
    jobs: int,
    quiet: bool,
    color: str,
    choices: Choices,
) -> int:
    """Check prototxt files, *.prototxt below folders ('-': stdin), and weights.

    Exit code: 0 nothing found, 1 findings, 2 wrong usage or unreadable file.
    """
    if None in targets and len(targets) > 1:
        raise UsageError("--target auto stands alone: each file tells its own")
    choices = choices._replace(
        targets=tuple(target for target in targets if target is not None),
        auto=None in targets,
        thresholds=thresholds,
        select=select,
        ignore=ignore or frozenset(),
        extend_select=extend_select or frozenset(),
        fine_tunes=fine_tune,
        force_exclude=force_exclude,
        exclude=exclude,
        stdin_filename=stdin_filename,
    )
    _refuse_together(
        {
            "--diff": diff, "--output": bool(outputs), "--write-baseline": write_baseline,
            "--statistics": statistics, f"--output-format {form}":
            form in DOCUMENTS, "--fix": fix,
            "--add-suppressions": add_suppressions is not None,
        }
    )  # fmt: skip
    weights = tuple({os.path.realpath(path): path for path in weights}.values())
    remark = _silent if quiet else warn
    workspace, problems = Workspace(choices), Problems()
    if stdin_filename is not None and paths and "-" not in paths:
        raise UsageError("--stdin-filename names standard input; give '-' or no path with it")
    default = "." if stdin_filename is None else "-"
    files = workspace.find(paths or (default,), problems.report, remark)
    if weights:
        _refuse_all_but_one(files)
    first = files[0] if files else os.path.join(".", "x")
    require_known(workspace, (first, *files))
    if show_files:
        put("".join(f"{shown(file)}\n" for file in (*files, *weights)))
        return problems.exit_code(0)
    if explain_target:
        from protolint.cli.explain import explain

        put(explain(workspace, files, problems))
        return problems.exit_code(0)
    if show_settings:
        from protolint.cli.settings import show

        put(show(workspace, first))
        return problems.exit_code(0)
    if fix or diff or add_suppressions is not None:
        from protolint.cli.change import change

        if len(targets) > 1:
            raise UsageError("files are changed for one target at a time; give one --target")
        if add_suppressions is not None and len(add_suppressions.splitlines()) > 1:
            raise UsageError("--add-suppressions: a reason is one line")
        changed, reports = change(
            workspace,
            files,
            problems,
            weights,
            unsafe=unsafe_fixes,
            diff=diff,
            reason=add_suppressions,
            remark=remark,
        )
        if diff:
            from protolint.report.style import coloured_diff

            put(coloured_diff(changed) if coloured(color) else changed)
            return problems.exit_code(1 if changed and not exit_zero else 0)
    else:
        reports = check_files(
            workspace, files, problems.report, weights=weights, jobs=jobs, progress=progress_bar
        )
    stale = 0
    baseline = baseline or workspace.settings(first).baseline
    if write_baseline or baseline:
        from protolint.cli.baselines import apply, record

        if write_baseline:
            warn(record(baseline or "protolint-baseline.json", reports))
            return problems.exit_code(0)
        reports, stale = apply(baseline or "", reports, workspace)
    write_outputs(problems, outputs, reports)
    if reports or form in DOCUMENTS or not problems.found:
        text = renderer(form)(reports, coloured(color), problems.texts)
        if statistics:
            from protolint.report.statistics import render

            text = render(reports, coloured(color))
        if quiet and form not in DOCUMENTS:
            from protolint.report.summary import summary

            text = text.removesuffix(f"{summary(reports)}\n")
            text = text.rstrip("\n") + "\n" if text else ""
        if not (fix and "-" in files):
            # Annotations for GitHub are commands.
            put(text) if form != "github" else sys.stdout.write(text)
    found = _fails(workspace, reports, fail_level)
    return problems.exit_code(1 if (found or stale) and not exit_zero else 0)


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
