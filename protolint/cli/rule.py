"""protolint rule: the manual, offline."""

from __future__ import annotations

from typing import Any

import click

from protolint.cli.options import RuleType, colour_option, format_option
from protolint.cli.terminal import coloured
from protolint.conversion.notes import CODES
from protolint.errors import OK, UsageError
from protolint.lint.manual import manual_page, rule_as_dict, summary_line
from protolint.lint.registry import all_rules, find_rule, known_rules
from protolint.lint.rule import Rule
from protolint.report.pages import page_url
from protolint.report.style import Style
from protolint.shown import json_text

__all__ = ["command"]


@click.command("rule", epilog="Example: protolint rule BN003")
@click.argument("codes", type=RuleType(), nargs=-1, metavar="[CODE]...")
@click.option("--all", "every", is_flag=True, help="List all rules, one line each.")
@format_option(["text", "json"], "--format")
@colour_option
def command(codes: tuple[str, ...], every: bool, form: str, color: str) -> int:
    """Explain rules: what one finds, why that matters, which Caffe, with an example.

    A family, as in BN, is listed. The codes of the notes of convert, CV001 and so on, are
    explained too.
    """
    if every == bool(codes):
        raise UsageError("give a rule, as in 'protolint rule BN003', or --all")
    families = {rule.code.rstrip("0123456789") for rule in known_rules()}
    if every or any(code.upper() in families for code in codes):
        wanted = {code.upper() for code in codes}
        if not wanted <= families:
            raise UsageError("families and single rules are asked for apart")
        rules = [r for r in all_rules() if every or r.code.rstrip("0123456789") in wanted]
        if form == "json":
            click.echo(json_text([_as_dict(rule) for rule in rules]))
        else:
            click.echo("\n".join(map(summary_line, rules)))
        return OK
    described = [_described(code, form) for code in codes]
    if form == "json":
        click.echo(json_text(described if len(described) > 1 else described[0]))
    else:
        page = "\n\n".join(map(str, described))
        click.echo(_headed(page, Style(coloured(color))), color=True)
    return OK


def _as_dict(rule: Rule) -> dict[str, Any]:
    return {**rule_as_dict(rule), "url": page_url(rule.code)}


def _headed(page: str, style: Style) -> str:
    """Return a page whose headings stand out."""
    return "\n".join(style.bold(line) if line[:1].strip() else line for line in page.split("\n"))


def _note_code(wanted: str) -> str:
    """Return the code of a note of convert, by that or by its name; "" where it is none."""
    wanted = wanted.strip().lower()
    return next((code for code, note in CODES.items() if wanted in (code.lower(), note.name)), "")


def _described(code: str, form: str) -> str | dict[str, Any]:
    """Return the page of a rule or of a note of convert, as text or as plain data."""
    noted = _note_code(code)
    if not noted:
        rule = find_rule(code)
        return _as_dict(rule) if form == "json" else manual_page(rule)
    note = CODES[noted]
    text = f"{note.summary}\n\n{note.about}"
    if form == "json":
        return {
            "schema_version": 1,
            "code": noted,
            "name": note.name,
            "kind": "note of convert",
            "documentation": text,
        }
    return f"{noted} {note.name} (a note of protolint convert, no rule)\n\n{text}"
