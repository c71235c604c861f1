"""Comments that speak to protolint, and the findings they suppress.

top: "x"  # protolint: ignore[BN001] why          findings on this line
# protolint: ignore[BN001, NT003] why             on a line of its own: the field below it
# protolint: disable[BN001] ... enable[BN001]     everything from one to the other
# protolint: ignore-file[BN001] why               the whole file
# protolint: target=nvidia-0.15                   what the file is checked for
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import resolve_target
from protolint.edit import Edit
from protolint.record import NamedTuple
from protolint.source import Source, Span
from protolint.text.tree import Tree
from protolint.text.write import delete

__all__ = ["Code", "Directives", "Misused", "Suppression", "ignoring", "read_directives", "without"]

_STRING = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
# Not compiled here: most files have no directive.
_COMMENT = rf"(?:[^\"'#\n]|{_STRING})*(#[^\n]*)"
_DIRECTIVE = r"#[ \t]*protolint:[ \t]*([a-z-]*)[ \t]*(?:\[([^\]\n]*)\]|=[ \t]*([^\s#]*))?"
_start = attrgetter("start")
#: What a conversion writes into a net to find its way back (protolint.conversion); no order.
_MEMORY = ("was", "added", "undo")
#: What a comment that suppresses findings on its line begins with, up to the codes.
_IGNORE = "# protolint: ignore["
_SUPPRESSING = ("ignore", "ignore-file", "disable", "enable")


class Code(NamedTuple):
    """A rule's code in a suppression, as written, and where."""

    text: str
    span: Span


class Suppression(NamedTuple):
    """Codes that are not reported in a range of lines, both ends included."""

    codes: tuple[Code, ...]
    first_line: int
    last_line: int
    comment: Span
    listed: Span


class Misused(NamedTuple):
    """A directive that cannot be followed, and why."""

    span: Span
    message: str


class Directives(NamedTuple):
    """What the comments of a file say."""

    targets: tuple[Dialect, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    misused: tuple[Misused, ...] = ()


class _Found(NamedTuple):
    verb: str
    codes: tuple[Code, ...]
    value: str | None
    value_span: Span
    line: int
    alone: bool
    comment: Span
    listed: Span


def read_directives(tree: Tree) -> Directives:
    """Every directive in a file's comments; strings that look like one are not taken."""
    source = tree.source
    if not source.mentions("protolint:"):
        return Directives()
    targets: list[Dialect] = []
    misused: list[Misused] = []
    suppressions: list[Suppression] = []
    opened: dict[str, tuple[Code, _Found]] = {}
    last = len(source.line_starts)
    for found in _directives(source):
        if found.verb in _MEMORY:
            continue
        if found.verb == "target" and found.value is not None:
            _add_targets(found, targets, misused)
            continue
        problem = _problem(found)
        if problem:
            misused.append(Misused(found.comment, problem))
            continue
        if found.verb == "ignore":
            lines = _field_below(tree, found) if found.alone else (found.line, found.line)
            suppressions.append(Suppression(found.codes, *lines, found.comment, found.listed))
        elif found.verb == "ignore-file":
            suppressions.append(Suppression(found.codes, 1, last, found.comment, found.listed))
        elif found.verb == "disable":
            opened.update((code.text.upper(), (code, found)) for code in found.codes)
        else:
            for code in found.codes:
                begun = opened.pop(code.text.upper(), None)
                if begun is None:
                    message = f"nothing above disables {code.text}; remove this"
                    misused.append(Misused(code.span, message))
                else:
                    suppressions.append(_range(*begun, found.line))
    suppressions += [_range(code, found, last) for code, found in opened.values()]
    return Directives(tuple(targets), tuple(suppressions), tuple(misused))


def _range(code: Code, found: _Found, last_line: int) -> Suppression:
    return Suppression((code,), found.line, last_line, found.comment, found.listed)


def _directives(source: Source) -> Iterator[_Found]:
    text = source.text
    at = text.find("protolint:")
    while at >= 0:
        line = source.line_number(at)
        start = source.line_starts[line - 1]
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        comment = re.compile(_COMMENT).match(text, start, end)
        begin = comment.start(1) if comment else end
        for match in re.compile(_DIRECTIVE).finditer(text, begin, end):
            listed = match.span(2) if match[2] is not None else (match.end(), match.end())
            yield _Found(
                match[1],
                tuple(_codes(match[2] or "", listed[0])),
                match[3],
                Span(*match.span(3)) if match[3] is not None else Span(match.start(), match.end()),
                line,
                not text[start:begin].strip(),
                Span(match.start(), start + len(text[start:end].rstrip("\r"))),
                Span(*listed),
            )
        at = text.find("protolint:", end)


def _codes(text: str, start: int) -> Iterator[Code]:
    for part in text.split(","):
        name = part.strip()
        if name:
            at = start + part.index(name)
            yield Code(name, Span(at, at + len(name)))
        start += len(part) + 1


def _add_targets(found: _Found, targets: list[Dialect], misused: list[Misused]) -> None:
    at = found.value_span.start
    for name in (found.value or "").split(","):
        dialect = resolve_target(name)
        if dialect is None:
            span = Span(at, at + max(1, len(name)))
            misused.append(Misused(span, f"unknown target '{name}'; write one as in target=bvlc"))
        else:
            targets.append(dialect)
        at += len(name) + 1


def _problem(found: _Found) -> str | None:
    if found.verb not in _SUPPRESSING:
        return f"unknown directive '{found.verb}'; known: {', '.join(_SUPPRESSING)}, target="
    if not found.codes:
        return f"'{found.verb}' needs codes, as in {found.verb}[BN001]"
    return None


def _field_below(tree: Tree, found: _Found) -> tuple[int, int]:
    """Return the lines of the first field that begins below a comment on a line of its own."""
    number = tree.source.line_number
    nodes = tree.children
    best = (found.line + 1, found.line + 1)
    while nodes:
        at = bisect_right(nodes, found.comment.start, key=_start)
        below = nodes[at] if at < len(nodes) else None
        inside = nodes[at - 1] if at and found.comment.start < nodes[at - 1].end else None
        if inside is not None:
            nodes = getattr(inside, "children", [])
            continue
        if below is not None:
            best = (number(below.start), number(max(below.start, below.end - 1)))
        break
    return best


def ignoring(source: Source, line: int, codes: Sequence[str], reason: str) -> Edit:
    """Return the edit that suppresses codes on a line: in its comment, or in a new one."""
    start = source.line_starts[line - 1]
    end = source.text.find("\n", start)
    content = source.text[start : len(source.text) if end < 0 else end].rstrip()
    at = content.find(_IGNORE)
    if at >= 0:
        place = start + at + len(_IGNORE)
        return Edit(place, place, "".join(f"{code}, " for code in codes))
    place = start + len(content)
    lead = "  " if content else ""
    tail = f" {reason}" if reason else ""
    return Edit(place, place, f"{lead}{_IGNORE}{', '.join(codes)}]{tail}")


def without(source: Source, suppression: Suppression, codes: Iterable[str]) -> Edit:
    """Return the edit that takes codes out of a comment, or the comment with its last one."""
    gone = set(codes)
    rest = [code.text for code in suppression.codes if code.text not in gone]
    if rest:
        return Edit(suppression.listed.start, suppression.listed.end, ", ".join(rest))
    return delete(source, suppression.comment)
