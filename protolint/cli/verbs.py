"""The command group, and what it says to people who meant another tool."""

from __future__ import annotations

import importlib
import os

import click

__all__ = ["cli"]

_COMMANDS = {
    "check": "Check prototxt files and weights.",
    "convert": "Convert nets, weights and solver states to another Caffe.",
    "deploy": "Write a model as every importer reads it.",
    "upgrade": "Bring files of old generations to the current form.",
    "stats": "Show what the BatchNorm statistics in weights say.",
    "compare": "Compare two nets, layer by layer.",
    "run": "Run a net in NumPy, as its Caffe would.",
    "recalibrate": "Estimate BatchNorm statistics again from data.",
    "show": "Show a net layer by layer: shapes, parameters, BatchNorms.",
    "format": "Lay prototxt files out in one style.",
    "server": "Serve an editor (Language Server Protocol).",
    "rule": "Explain a rule, or list all of them.",
}


class _LazyGroup(click.Group):
    """Imports a verb's module only when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"protolint.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name == "help":  # as in `git help VERB`
            args = [*args[1:2], "--help"]
            if args == ["--help"]:
                click.echo(ctx.get_help())
                ctx.exit()
            name = args[0]
        if name == "version":
            _version(ctx, None, value=True)
        if name in _COMMANDS:
            return super().resolve_command(ctx, args)
        if ctx.resilient_parsing:  # a shell asks what could follow
            return None, None, []
        raise click.UsageError(_not_a_command(name), ctx)


def _not_a_command(name: str) -> str:
    if name == "lint":
        return (
            "there is no command 'lint'. For Caffe's prototxt files: protolint check FILE. The "
            "linter for .proto files is another tool of the same name (yoheimuta/protolint)."
        )
    if name.endswith((".prototxt", ".caffemodel", ".proto")) or os.path.exists(name):
        return f"'{name}' is no command; to check a file: protolint check {name}"
    from protolint.suggest import did_you_mean

    return f"there is no command '{name}'{did_you_mean(name, _COMMANDS)}"


def _version(ctx: click.Context, _: click.Parameter | None, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"protolint (Caffe prototxt and caffemodel) {version('protolint-caffe')}")
        ctx.exit()


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Not the linter for .proto files: that is yoheimuta/protolint.",
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Find what is wrong in Caffe nets, and what BVLC and NVIDIA Caffe read differently.

    Example: protolint check train_val.prototxt
    """
