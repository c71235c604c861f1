"""Count the public nets whose layer types can all be run.

    scripts/verify_types.py [-v]

A net counts where, in every state, each layer that has a bottom is of a type that the executor
has; a Python layer is of its class. What a layer without a bottom makes is data, that the user
gives. A file that no reader takes (a template, a broken line) counts by what can be read of it,
and is marked. The nets are those of ../shared/corpus, by its MANIFEST.tsv, and of its models/:
every prototxt but solvers and label maps. -v says of each net that does not count what it lacks.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from protolint.errors import InputError
from protolint.execution.executor import function_of, name_of
from protolint.workspace.workspace import Choices, Workspace

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"


def nets(corpus: Path) -> Iterator[Path]:
    """Yield the files of nets."""
    with (corpus / "MANIFEST.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["message"] == "NetParameter" and row["kind"] != "other":
                yield corpus / row["file"]
    yield from sorted((corpus / "models").glob("*.prototxt"))


def lacking(path: Path) -> set[str]:
    """Return the types of a net that cannot be run; "no layer" for a file without any."""
    found = Workspace(Choices(isolated=True)).read(str(path)).nets
    layers = [layer for net in found for view in net.views for layer in view.layers]
    if not layers:
        return {"no layer"}
    return {name_of(layer) for layer in layers if layer.bottoms and function_of(layer) is None}


def is_readable(path: Path) -> bool:
    """Whether Caffe's text format is all that is in the file."""
    try:
        Workspace(Choices(isolated=True)).net(str(path))
    except InputError:
        return False
    return True


def main() -> int:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-v", "--verbose", action="store_true", help="name the others")
    options = parser.parse_args()
    rows = [(path, lacking(path), is_readable(path)) for path in nets(CORPUS)]
    for path, types, readable in rows:
        if options.verbose and (types or not readable):
            note = "" if readable else " (not readable as it is)"
            print(f"{path.name}: {', '.join(sorted(types)) or 'nothing'}{note}")
    counted = [readable for _, types, readable in rows if not types]
    whole = [readable for _, _, readable in rows]
    print(f"by type {len(counted)} of {len(rows)} nets; {sum(counted)} of {sum(whole)} readable")
    return 0


if __name__ == "__main__":
    sys.exit(main())
