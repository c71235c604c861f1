"""Near misses: what a misspelt name was probably meant as."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

__all__ = ["did_you_mean", "distance", "nearest"]

#: What people type out of habit, and what Caffe calls it.
_ALIASES = {
    "val": "value", "lr": "lr_mult", "wd": "decay_mult", "momentum": "moving_average_fraction",
    "epsilon": "eps", "kernel": "kernel_size", "padding": "pad", "bias": "bias_term",
    "filters": "num_output", "id": "label", "inputs": "bottom", "output": "top", "outputs": "top",
    "add": "SUM", "average": "AVE", "mean": "AVE", "mul": "PROD", "product": "PROD",
}  # fmt: skip


def distance(first: str, second: str, limit: int) -> int:
    """Return the edit distance (insert, delete, replace, swap); `limit` + 1 if above."""
    if abs(len(first) - len(second)) > limit or len(set(first) - set(second)) > limit:
        # Every letter that the other lacks is an edit of its own.
        return limit + 1
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        before, above, row = row, before, [i]
        for j, b in enumerate(second, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == second[j - 2] and first[i - 2] == b:
                best = min(best, above[j - 2] + 1)
            row.append(best)
        if min(row) > limit:
            return limit + 1
    return row[-1]


def nearest(name: str, names: Iterable[str], limit: int = 2) -> tuple[str, int] | None:
    """Return the closest of some names and its distance, or None where none is within `limit`.

    Case costs nothing, a known alias counts as distance 1, and a name of up to three
    letters needs a distance of 1.
    """
    return _nearest(name, names if isinstance(names, tuple) else tuple(names), limit)


@lru_cache(maxsize=4096)
def _nearest(name: str, candidates: tuple[str, ...], limit: int) -> tuple[str, int] | None:
    alias = _ALIASES.get(name.lower())
    if alias in candidates:
        return alias, 1
    limit = min(limit, 1 if len(name) <= 3 else limit)
    lower, size = name.lower(), len(name)
    scored = [
        (distance(lower, candidate.lower(), limit), i)
        for i, candidate in enumerate(candidates)
        if -limit <= len(candidate) - size <= limit
    ]
    best = min(scored, default=(limit + 1, 0))
    return (candidates[best[1]], best[0]) if best[0] <= limit else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return the end of a message: `; did you mean 'x'?`, or nothing where no name is near."""
    found = nearest(name, names)
    return f"; did you mean '{found[0]}'?" if found else ""
