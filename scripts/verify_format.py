"""Hold the laws of `protolint format` over files: same message, same comments, idempotent.

python scripts/verify_format.py DIRECTORY...
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from protolint.format.layout import formatted
from protolint.source import Source
from protolint.text import parse
from protolint.text.tree import Node, Scalar, Tree, children_of, walk

_COMMENT = re.compile(r"#[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")


def message(nodes: list[Node]) -> list[object]:
    """Return what nodes say, without where."""
    return [
        (node.name, node.raw if isinstance(node, Scalar) else message(children_of(node)))
        for node in nodes
    ]


def comments(tree: Tree) -> list[str]:
    """Return the comments of a file, in order."""
    found = (match[0] for match in _COMMENT.finditer(tree.source.text))
    return [text.rstrip() for text in found if text.startswith("#")]


def broken_law(data: bytes, name: str = "x") -> str:
    """Return which law the layout of a file breaks, "" for none."""
    tree = parse(Source(name, data))
    again = parse(Source(name, formatted(tree)))
    if tree.problems:
        return "" if again.source.data == data else "a broken file was changed"
    if again.problems:
        return "the layout is broken"
    if message(again.children) != message(tree.children):
        return "another message"
    if comments(again) != comments(tree):
        return "other comments"
    if formatted(again) != again.source.data:
        return "not idempotent"
    return ""


def main(folders: list[str]) -> int:
    """Check every prototxt below the folders; 1 where a law is broken."""
    files = [path for folder in folders for path in sorted(Path(folder).rglob("*.prototxt"))]
    wrong = [(path, law) for path in files if (law := broken_law(path.read_bytes(), path.name))]
    fields = sum(1 for path in files for _ in walk(parse(Source("x", path.read_bytes())).children))
    print(f"{len(files)} files, {fields} fields, {len(wrong)} that break a law")
    for path, law in wrong:
        print(f"{path}: {law}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
