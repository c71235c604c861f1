"""Count how often `protolint compare` names the layer that an edit is about.

    python scripts/verify_compare.py [--pairs 300] [--seed N]

The nets are those of `../shared/oracle/runs`, each with one edit: a weight, a field, a layer left
out or put in; in a part of the pairs the edited net is converted to another Caffe as well.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

_HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(_HERE))

from protolint.comparison.models import compare_models  # noqa: E402
from protolint.errors import ProtolintError  # noqa: E402
from tests.comparison.edits import Pair, converted, edited_pairs  # noqa: E402

_RUNS = _HERE.parent / "shared" / "oracle" / "runs"
_NAMES = ("bvlc", "nvidia-0.15", "nvidia-0.17", "ssd")


def main() -> int:
    """Print the pairs with a wrong answer, and the share of right ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    each = -(-options.pairs // len(_NAMES))
    right, total, across = 0, 0, 0
    kinds: Counter[str] = Counter()
    for name in _NAMES:
        with tempfile.TemporaryDirectory() as folder:
            pairs = edited_pairs(_RUNS / f"runs-{name}.zip", Path(folder), name, options.seed)
            # Not more than some of each net.
            for number, made in enumerate(islice(_spread(pairs), each)):
                other = "nvidia-0.17" if name == "bvlc" else "bvlc"
                moved = converted(made, Path(folder), other) if number % 3 == 0 else None
                pair = moved or made
                across += moved is not None
                total += 1
                kinds[pair.edit.split()[0]] += 1
                try:
                    found = compare_models(pair.first, pair.second, pair.data)
                    answer, words = found.first, str(found)
                except ProtolintError as error:
                    answer, words = None, str(error)
                if answer == pair.layer:
                    right += 1
                else:
                    print(f"{name} {pair.name}: {pair.edit} of '{pair.layer}': {words}")
    print(f"{right} of {total} pairs, {across} of them across Caffes; {dict(kinds)}")
    return 0 if right == total else 1


def _spread(pairs: Iterator[Pair]) -> Iterator[Pair]:
    """Yield not more than four pairs of each net."""
    seen: Counter[str] = Counter()
    for pair in pairs:
        seen[pair.name] += 1
        if seen[pair.name] <= 4:
            yield pair


if __name__ == "__main__":
    sys.exit(main())
