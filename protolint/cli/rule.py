"""protolint rule: the manual, offline."""

from __future__ import annotations

import click

from protolint.cli.options import RuleType, format_option
from protolint.conversion.notes import CODES
from protolint.errors import UsageError
from protolint.lint.manual import manual_page, rule_as_dict, summary_line
from protolint.lint.registry import all_rules, find_rule
from protolint.shown import json_text

__all__ = ["command"]


@click.command("rule", epilog="Example: protolint rule BN003")
@click.argument("code", type=RuleType(), required=False, metavar="[CODE]")
@click.option("--all", "every", is_flag=True, help="List all rules, one line each.")
@format_option(["text", "json"], "--format")
def command(code: str | None, every: bool, form: str) -> int:
    """Explain a rule: what it finds, why that matters, which Caffe, with an example.

    The codes of the notes of convert, CV001 and so on, are explained too.
    """
    if every == (code is not None):
        raise UsageError("give one rule, as in 'protolint rule BN003', or --all")
    if code is not None and (noted := _note_code(code)):
        click.echo(_described(noted, form))
        return 0
    rules = all_rules() if code is None else [find_rule(code)]
    if form == "json":
        described = [rule_as_dict(rule) for rule in rules]
        click.echo(json_text(described if every else described[0]))
    elif every:
        click.echo("\n".join(summary_line(rule) for rule in rules))
    else:
        click.echo(manual_page(rules[0]))
    return 0


def _note_code(wanted: str) -> str:
    """Return the code of a note of convert, by that or by its name; "" where it is none."""
    wanted = wanted.strip().lower()
    return next((code for code, note in CODES.items() if wanted in (code.lower(), note.name)), "")


def _described(code: str, output_format: str) -> str:
    """Return what a note of convert means."""
    note = CODES[code]
    text = f"{note.summary}\n\n{note.about}"
    if output_format == "json":
        described = {"code": code, "name": note.name, "kind": "note of convert"}
        return json_text({**described, "documentation": text})
    return f"{code} {note.name} (a note of protolint convert, no rule)\n\n{text}"
