"""Write the reference of the command line into ``docs/cli.md`` and ``docs/man/protolint.1``.

Both say what the program's own ``--help`` says.

    python scripts/gen_cli_docs.py            write what changed
    python scripts/gen_cli_docs.py --check    change nothing; exit 1 if one is out of date
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from generated import write_or_check

from protolint.cli.verbs import cli

REPO_ROOT = Path(__file__).resolve().parent.parent
GUIDE = REPO_ROOT / "docs" / "cli.md"
MANUAL = REPO_ROOT / "docs" / "man" / "protolint.1"

_HEAD = """\
# The command line

What `protolint COMMAND --help` prints. Exit code 2 is a wrong command line or a file that cannot
be read, everywhere. `protolint-caffe` is the same program under a name that no other tool has.
"""


def commands() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Yield each command's name, the command and its context."""
    top = click.Context(cli, info_name="protolint")
    for name in cli.list_commands(top):
        command = cli.get_command(top, name)
        assert command is not None
        names = top.command.context_settings["help_option_names"]
        yield name, command, click.Context(command, top, name, help_option_names=names)


def guide() -> str:
    """Return the page for the site as Markdown."""
    parts = [_HEAD]
    for name, command, context in commands():
        context.max_content_width = context.terminal_width = 100
        parts.append(f"\n## {name}\n\n```text\n{command.get_help(context).rstrip()}\n```\n")
    return "".join(parts)


def manual() -> str:
    """Return the manual page in roff."""
    lines = [
        '.TH PROTOLINT 1 "" "protolint" "User Commands"',
        ".SH NAME",
        r"protolint \- check, convert and inspect nets and weights of Caffe",
        ".SH SYNOPSIS",
        r".B protolint \fICOMMAND\fR [\fIOPTIONS\fR] \fIFILE\fR...",
        ".SH DESCRIPTION",
        *_roff(cli.help or ""),
        ".SH COMMANDS",
    ]
    for name, command, context in commands():
        usage = " ".join(command.collect_usage_pieces(context))
        lines += [f".SS protolint {name} {_escaped(usage)}", *_roff(command.help or "")]
        for parameter in command.get_params(context):
            record = parameter.get_help_record(context)
            if record is not None and isinstance(parameter, click.Option):
                lines += [".TP", rf"\fB{_escaped(record[0])}\fR", _escaped(record[1])]
    lines += [
        ".SH FILES",
        ".TP",
        r"\fBprotolint.toml\fR, \fBpyproject.toml\fR",
        "The configuration; the nearest one above a file is used.",
        ".SH SEE ALSO",
        r"\fBprotolint rule --all\fR lists the rules, \fBprotolint rule BN001\fR explains one.",
    ]
    return "\n".join(lines) + "\n"


def _roff(text: str) -> Iterator[str]:
    """Yield paragraphs as lines of roff."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip().replace("\b\n", ""))):
        if number:
            yield ".PP"
        yield _escaped(" ".join(paragraph.split()))


def _escaped(text: str) -> str:
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text[:1] in (".", "'") else text


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check both files and return the exit code."""
    os.environ.pop("COLUMNS", None)
    files = {GUIDE: guide(), MANUAL: manual()}
    return write_or_check("gen_cli_docs.py", __doc__, files, arguments)


if __name__ == "__main__":
    sys.exit(main())
