"""What a conversion did, as a table for people and as JSON for programs."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from protolint.batchnorm.layouts import CUDNN_LAYOUTS, NATIVE_LAYOUTS
from protolint.caffe.registry import DIALECTS
from protolint.conversion import notes
from protolint.conversion.notes import Note
from protolint.errors import InputError, ProtolintError
from protolint.record import NamedTuple
from protolint.report.style import Style
from protolint.shown import json_text, shown
from protolint.words import counted

__all__ = [
    "ConversionReport",
    "FileResult",
    "LayerRow",
    "render_json",
    "render_refusal",
    "render_text",
    "with_default_engine",
]

_SCHEMA_VERSION = 1
_MOST_NAMES = 3
_INDENT = "  "
#: A message that begins with the name of what it is about, as that of a Scale layer.
_NAMED = re.compile(r"'([^']+)' (.+)", re.DOTALL)


class LayerRow(NamedTuple):
    """What became of one BatchNorm.

    `difference` is the largest relative one of any channel, `absolute` the largest absolute
    one; None where nothing was written. `new_name` and `new_scale` are what the layer and its
    Scale layer are called from then on, "" where they keep their names.
    """

    name: str
    before: str
    after: str
    scale_action: str
    scale: str
    channels: int
    factor_before: float
    factor_after: float
    eps_before: float
    eps_after: float
    difference: float | None
    evidence: tuple[str, ...]
    absolute: float | None = None
    new_name: str = ""
    new_scale: str = ""


class FileResult(NamedTuple):
    """One file: where it came from, where it went, and what was done on the way.

    `source` is the dialect it was in; `layers` is empty for what holds no BatchNorm. `copied`
    says that there was nothing to convert: the result is the source, byte for byte.
    """

    path: str
    output: str
    kind: str
    source: str
    layers: tuple[LayerRow, ...] = ()
    notes: tuple[Note, ...] = ()
    summary: str = ""
    copied: bool = False


class ConversionReport(NamedTuple):
    """A whole conversion; `checks` are what `--verify-with` found."""

    target: str
    files: tuple[FileResult, ...]
    dry_run: bool = False
    checks: tuple[str, ...] = ()


def with_default_engine(report: ConversionReport) -> ConversionReport:
    """Return the report of a conversion without --engine, with a note where that changes an engine.

    NVIDIA 0.14 and 0.15 take cuDNN where a net names no engine, whatever wrote the weights.
    """
    return report._replace(files=tuple(_with_engine(report, result) for result in report.files))


def _with_engine(report: ConversionReport, result: FileResult) -> FileResult:
    source = DIALECTS.get(result.source)
    if source is None or not source.engines_differ_in_layout:
        return result
    more = [
        notes.written_for_cudnn(row.name, report.target)
        for row in result.layers
        if row.before in NATIVE_LAYOUTS and row.after in CUDNN_LAYOUTS
    ]
    return result._replace(notes=(*result.notes, *more))


def render_json(report: ConversionReport) -> str:
    """One object; a number that is not finite is null."""
    document = {
        "schema_version": _SCHEMA_VERSION,
        "target": report.target,
        "dry_run": report.dry_run,
        "files": [_file(result) for result in report.files],
        "checks": list(report.checks),
    }
    return json_text(document) + "\n"


def render_refusal(target: str, error: ProtolintError) -> str:
    """Return the object of a conversion that did not happen: why, and for which file if for one.

    `path` is null where the command line as a whole is wrong, `exit_code` that of the command.
    """
    path = error.path if isinstance(error, InputError) else None
    message = error.message if isinstance(error, InputError) else str(error)
    document = {
        "schema_version": _SCHEMA_VERSION,
        "target": target,
        "error": {
            "path": None if path is None else _printable(path),
            "message": _printable(message),
            "exit_code": error.exit_code,
        },
        "files": [],
    }
    return json_text(document) + "\n"


def _file(result: FileResult) -> dict[str, Any]:
    return {
        "path": _printable(result.path),
        "output": _printable(result.output),
        "kind": result.kind,
        "source": result.source,
        "copied": result.copied,
        "summary": result.summary,
        "layers": [
            {
                key: _finite(value) if isinstance(value, float) else value
                for key, value in row._asdict().items()
            }
            | {
                key: _printable(value)
                for key, value in row._asdict().items()
                if key in ("name", "scale", "new_name", "new_scale")
            }
            for row in result.layers
        ],
        "notes": [
            {
                "code": note.code,
                "layer": _printable(note.layer),
                "message": _printable(note.message),
            }
            for note in result.notes
        ],
    }


def _finite(value: float) -> float | None:
    return value if value - value == 0 else None


def _printable(text: str) -> str:
    """Return a name any encoding takes: broken bytes as escapes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def render_text(report: ConversionReport, width: int | None = None, *, colour: bool = False) -> str:
    """Return a table for each file, its notes, and a line that sums up.

    Notes are broken into lines of at most `width` columns, between words; None: one line each.
    """
    style = Style(colour)
    parts = [_file_text(report, result, width, style) for result in report.files]
    parts += [f"{shown(check)}\n" for check in report.checks]
    return "".join([*parts, _closing(report)])


def _closing(report: ConversionReport) -> str:
    """Return the line that says what was written; "" where nothing but standard output was."""
    if report.dry_run:
        return "Nothing was written.\n"
    written = [result for result in report.files if result.output != "-"]
    copies = sum(result.copied for result in written)
    if not written:
        return ""
    line = f"Wrote {counted(len(written), 'file')}"
    if not copies:
        return f"{line}.\n"
    where = "" if copies == len(written) else f"in {copies} of them "
    return f"{line}; {where}nothing was to convert.\n"


def _file_text(
    report: ConversionReport, result: FileResult, width: int | None, style: Style
) -> str:
    output = "standard output" if result.output == "-" else shown(result.output)
    how = f"{result.kind}, {result.source} to {report.target}"
    how += ", unchanged" if result.copied else ""
    lines = [f"{style.bold(shown(result.path))} -> {style.bold(output)} ({how})"]
    if result.layers:
        head, *rows = _table(result.layers)
        lines += [style.dim(head), *rows]
    if result.summary:
        lines.append(f"  {shown(result.summary)}")
    for code, line in _note_lines(result.notes):
        first, *more = _broken(f"{code}: {shown(line)}", width)
        lines += [first.replace(code, style.note(code), 1), *more]
    return "\n".join(lines) + "\n"


def _broken(line: str, width: int | None) -> list[str]:
    """Return a line of a note in as many as it needs, the later ones further in."""
    if width is None:
        return [_INDENT + line]
    return textwrap.wrap(
        line,
        width,
        initial_indent=_INDENT,
        subsequent_indent=2 * _INDENT,
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _note_lines(notes: Sequence[Note]) -> Iterator[tuple[str, str]]:
    """Yield a code, or "note", and a line for each thing, with all layers it is about."""
    groups: dict[tuple[str, str], list[Note]] = {}
    for note in notes:
        named = _NAMED.fullmatch(note.message) if note.layer else None
        words = named[2] if named is not None else note.message
        groups.setdefault((note.code, words), []).append(note)
    for (code, words), alike in groups.items():
        names = list(dict.fromkeys(note.layer for note in alike if note.layer))
        messages = list(dict.fromkeys(note.message for note in alike))
        message = messages[0]
        if len(messages) > 1:
            # They differ in the name they begin with.
            message = f"{message.removesuffix(words)}and {len(messages) - 1} more {words}"
        where = ""
        if names:
            shown = ", ".join(f"'{name}'" for name in names[:_MOST_NAMES])
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            where = f"{'layer' if len(names) == 1 else 'layers'} {shown}{more}: "
        yield code or "note", f"{where}{message}"


_HEADINGS = ("layer", "layout", "Scale", "factor", "eps", "difference")


def _table(rows: Sequence[LayerRow]) -> list[str]:
    cells = [_HEADINGS, *(tuple(map(shown, _cells(row))) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(_HEADINGS))]
    return [
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def _cells(row: LayerRow) -> tuple[str, ...]:
    scale = f"{row.scale_action} {row.scale}" if row.scale else "-"
    return (
        _pair(row.name, row.new_name or row.name),
        _pair(row.before, row.after),
        _pair(scale, row.new_scale or scale),
        _pair(f"{row.factor_before:.6g}", f"{row.factor_after:.6g}"),
        _pair(f"{row.eps_before:.6g}", f"{row.eps_after:.6g}"),
        "-" if row.difference is None else f"{row.difference:.1e}" if row.difference else "0",
    )


def _pair(before: str, after: str) -> str:
    return before if before == after else f"{before} -> {after}"
