"""Measure completion over files: how often the field that stands there is among the first five.

python scripts/verify_completion.py DIRECTORY [PLACES]
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path

from protolint.lsp.completion import complete
from protolint.source import Source
from protolint.text.tree import ListValue, Node, children_of
from protolint.weights.kinds import FileKind
from protolint.workspace.reading import LintFile
from protolint.workspace.workspace import Choices, Workspace


def places(files: list[LintFile]) -> list[tuple[LintFile, int, str]]:
    """Return the names of fields that the file's Caffe knows: the file, the offset, the name."""
    found: list[tuple[LintFile, int, str]] = []

    def collect(file: LintFile, nodes: list[Node], bad: set[int]) -> None:
        for node in nodes:
            # In a message that no Caffe here knows nothing can be proposed.
            if node.start in bad:
                continue
            if isinstance(node, ListValue) or not node.in_list:
                found.append((file, node.start, node.name))
            collect(file, children_of(node), bad)

    for file in files:
        collect(file, file.tree.children, {problem.node.start for problem in file.misfits})
    return found


def main(folder: str, number: int = 1000) -> int:
    """Print the share; 1 where it is under 95 %, or a prefix of a file raises."""
    workspace = Workspace(Choices(isolated=True))
    files = []
    for path in sorted(Path(folder).glob("*.prototxt")):
        file = workspace.read(Source(path.name, path.read_bytes()))
        if file.kind in (FileKind.NET, FileKind.SOLVER) and not file.tree.broken:
            files.append(file)
    chosen = random.Random(1).sample(places(files), number)
    missed: Counter[tuple[str, str]] = Counter()
    for file, start, name in chosen:
        text = file.source.text
        without = text[:start] + text[start + len(name) :]
        found = complete(without, start, file.message.type, file.dialect)
        if name not in [item.label for item in found.items[:5]]:
            missed[name, file.source.path] += 1
    share = 1 - sum(missed.values()) / len(chosen)
    print(f"{len(chosen)} places in {len(files)} files: {share:.1%} among the first five")
    for (name, where), count in missed.most_common(15):
        print(f"  {count} {name} {where}")
    return 0 if share >= 0.95 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
