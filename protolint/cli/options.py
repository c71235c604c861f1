"""Option types, and options that several verbs have."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import AUTO, DIALECTS, NVIDIA, resolve_target
from protolint.diagnostic import Severity
from protolint.layers.shape import Shape
from protolint.report import FORMATS, Output

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = [
    "CodesType", "InputShapeType", "OutputType", "PathType", "RuleType", "TargetOrAutoType",
    "TargetType", "ThresholdType", "colour_option", "distinct", "format_option", "proof_options",
    "severities",
]  # fmt: skip


class TargetType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A dialect by its name."""

    name = "dialect"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> Dialect:
        """Return the dialect of a name.

        A usage error, with the nearest one, where there is none.
        """
        dialect = resolve_target(value)
        if dialect is None:
            from protolint.suggest import did_you_mean

            names = [*DIALECTS, NVIDIA]
            hint = did_you_mean(value, names)
            self.fail(f"unknown target '{value}'{hint}; known: {', '.join(names)}", param, ctx)
        return dialect

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the targets that begin so."""
        from protolint.cli.completion import targets

        return targets(incomplete)


class TargetOrAutoType(TargetType):
    """A dialect by its name, or None for `auto`: the one that each file points to."""

    def convert(  # type: ignore[override,unused-ignore]
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> Dialect | None:
        """Return the dialect of a name, as in TargetType."""
        return None if value.strip().lower() == AUTO else super().convert(value, param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the targets that begin so, and `auto`."""
        from protolint.cli.completion import targets

        return targets(incomplete, auto=True)


class ThresholdType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """One of the thresholds of the rules on weights: its key, "=", a number."""

    name = "threshold"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        """Return the key and the number; a usage error, with the nearest key, for anything else."""
        from protolint.suggest import did_you_mean
        from protolint.workspace.thresholds import THRESHOLDS, wanted_instead

        name, equals, number = value.partition("=")
        if name not in THRESHOLDS:
            hint = did_you_mean(name, THRESHOLDS) or f"; known: {', '.join(THRESHOLDS)}"
            self.fail(f"there is no threshold '{name}'{hint}", param, ctx)
        if not equals:
            self.fail(f"'{name}' is no KEY=NUMBER: give a number behind it", param, ctx)
        try:
            found = float(number)
        except ValueError:
            found = float("nan")
        what = wanted_instead(name, found)
        if what is not None:
            self.fail(f"{name} takes a number {what}, not '{number}'", param, ctx)
        return name, found


class InputShapeType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A blob and its shape, as in `data=1,3,224,224`."""

    name = "BLOB=SIZES"

    def convert(
        self,
        value: str | tuple[str, Shape],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, Shape]:
        """Return the blob's name and its shape; a usage error where the text is no such thing."""
        if isinstance(value, tuple):
            return value
        blob, equals, text = value.rpartition("=")
        sizes = text.replace("x", ",").split(",")
        known = [_number(size.strip()) for size in sizes]
        without_number = [size for size, number in zip(sizes, known, strict=True) if not number]
        if not blob or not equals or any(size.strip() != "?" for size in without_number):
            self.fail(f"'{value}' is not of the form data=1,3,224,224; '?' is an open size")
        return blob, Shape.of(known)


def _number(text: str) -> int | None:
    """Return the number that a text spells, or None; Caffe holds none of more digits."""
    return int(text) if text.isdecimal() and len(text) <= 10 else None


class PathType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A file or a folder, taken as it is given."""

    name = "path"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return what the shell finds."""
        from protolint.cli.completion import paths

        return paths(incomplete)


class RuleType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """One rule, by its code or name."""

    name = "rule"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the rules that begin so."""
        from protolint.cli.completion import rules

        return rules(incomplete)


class CodesType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """Rules, as a comma-separated list of codes, families and names."""

    name = "rules"

    def convert(
        self,
        value: str | frozenset[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> frozenset[str]:
        """Return the codes meant.

        A usage error, with the nearest one, where a name means no rule.
        """
        from protolint.errors import UsageError
        from protolint.lint.select import codes_of

        if isinstance(value, frozenset):
            return value
        names = [name for name in value.split(",") if name.strip()]
        if not names:
            self.fail("no rule is named", param, ctx)
        try:
            return codes_of(names)
        except UsageError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the list, with the rules that its last entry begins."""
        from protolint.cli.completion import rule_lists

        return rule_lists(incomplete)


class OutputType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A format and a file, as in `sarif=out.sarif`."""

    name = "format=file"

    def convert(
        self, value: str | Output, param: click.Parameter | None, ctx: click.Context | None
    ) -> Output:
        """Return the format and the file.

        A usage error, with the nearest format, where one is wrong.
        """
        if isinstance(value, Output):
            return value
        name, sign, path = value.partition("=")
        if not sign or not path:
            self.fail(f"'{value}' is not FORMAT=FILE, as in sarif=out.sarif", param, ctx)
        if name not in FORMATS:
            from protolint.suggest import did_you_mean

            hint = did_you_mean(name, FORMATS)
            known = ", ".join(FORMATS)
            self.fail(f"unknown format '{name}'{hint}; known: {known}", param, ctx)
        if path == "-":
            self.fail(f"for standard output: --output-format {name}", param, ctx)
        return Output(name, path)


def distinct(
    ctx: click.Context, param: click.Parameter, outputs: tuple[Output, ...]
) -> tuple[Output, ...]:
    """Return the outputs as they are; a usage error where two would go to one file."""
    seen: set[str] = set()
    for output in outputs:
        path = os.path.realpath(output.path)
        if path in seen:
            raise click.BadParameter(f"two reports would go to {output.path}", ctx, param)
        seen.add(path)
    return outputs


class _SeverityType(click.Choice):  # type: ignore[type-arg,unused-ignore]
    def convert(
        self,
        value: str | Severity,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Severity:
        if isinstance(value, Severity):
            return value
        return Severity(super().convert(value, param, ctx))


def severities() -> click.ParamType:  # type: ignore[type-arg,unused-ignore]
    """Return an option that takes a severity."""
    return _SeverityType([level.value for level in Severity])


_Command = TypeVar("_Command", bound=Callable[..., Any])


def format_option(formats: Sequence[str], *aliases: str) -> Callable[[_Command], _Command]:
    """Return the option --output-format, `form` to the command; the first format is the default.

    `aliases` are names that the option had before; they work and are not shown.
    """

    def decorate(command: _Command) -> _Command:
        choice = click.Choice(list(formats))
        for alias in aliases:
            hidden = click.option(
                alias, hidden=True, expose_value=False, is_eager=True, type=choice, callback=_keep
            )
            command = hidden(command)
        return click.option(
            "--output-format",
            "form",
            type=choice,
            default=formats[0],
            metavar="FORMAT",
            callback=_kept,
            help=f"{', '.join(formats)}.  [{formats[0]}]",
        )(command)

    return decorate


def _keep(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta[__name__] = value


def _kept(ctx: click.Context, _: click.Parameter, value: str) -> str:
    return str(ctx.meta.get(__name__, value))


def colour_option(command: _Command) -> _Command:
    """Add the option --color, and --no-color for `--color never`."""
    never = click.option("--no-color", "color", flag_value="never", hidden=True)
    return click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        metavar="WHEN",
        default="auto",
        help="auto, always or never (also --no-color).  [auto]",
    )(never(command))


def proof_options(command: _Command) -> _Command:
    """Add --prove and --data, of verbs that prove a result by running nets before and after."""
    from protolint.conversion.prove import ways

    data = click.option(
        "--data",
        type=PathType(),
        metavar="FILE",
        help="Run both on this .npy or .npz, as in `run`.",
    )
    return click.option(
        "--prove",
        type=click.Choice(ways.WAYS),
        default=ways.AUTO,
        metavar="WAY",
        help="Run both nets: auto, run or none.  [auto]",
    )(data(command))
