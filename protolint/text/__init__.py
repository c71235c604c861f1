"""Reading protobuf text format into a lossless tree, whatever state it is in."""

from __future__ import annotations

from protolint.source import Source, Span
from protolint.text.scan import scan
from protolint.text.tree import SyntaxProblem, Tree

__all__ = ["parse"]

_BOM = "\xef\xbb\xbf"
_BROKEN_LINES = 20


def parse(source: Source) -> Tree:
    """Parse a source. Never fail: what is wrong is in `Tree.problems`, in file order."""
    text = source.text
    problems: list[SyntaxProblem] = []
    if text.startswith(_BOM):
        problems.append(
            SyntaxProblem(
                Span(0, 3), "the file begins with a UTF-8 byte order mark; save it without one"
            )
        )
        text = "   " + text[3:]
    read_fast = scan(text)
    if read_fast is None:
        from protolint.text.full import read

        read_fast = read(text)
    children, found = read_fast
    problems += found
    problems += _broken_utf8(source, problems)
    return Tree(source, children, tuple(sorted(problems)))


def _broken_utf8(source: Source, known: list[SyntaxProblem]) -> list[SyntaxProblem]:
    """Return a problem for each line with bytes that are not UTF-8 and are not reported already.

    Caffe's parser takes any byte in a string or a comment; Python's refuses the file.
    """
    data = source.data
    if data.isascii():
        return []
    lines = {source.line_number(problem.span.start) for problem in known}
    found: list[SyntaxProblem] = []
    at = 0
    while len(found) < _BROKEN_LINES:
        try:
            data[at:].decode("utf-8")
            break
        except UnicodeDecodeError as error:
            start, end = at + error.start, at + error.end
        line = source.line_number(start)
        if line not in lines:
            lines.add(line)
            message = f"byte 0x{data[start]:02X} is not UTF-8; save the file as UTF-8"
            found.append(SyntaxProblem(Span(start, end), message, fatal=False))
        starts = source.line_starts
        at = starts[line] if line < len(starts) else len(data)
    return found
