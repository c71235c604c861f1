"""The change from one text to another as a unified diff, in time that grows with the texts alone.

Python's difflib looks for the longest block that two texts share, and so on in what is left: work
that grows with the square of the lines where most of thousands have changed. So long texts are cut
at pairs of lines that belong together, and difflib gets one part after the other; of short texts
the diff is difflib's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from difflib import Match, SequenceMatcher
from itertools import pairwise

__all__ = ["unified_diff"]

#: Texts of fewer lines are not cut.
_SHORT = 200

#: A part has so many lines at least, and is cut where the lines around are the same, too; one
#: that has got long is cut at any pair.
_PART, _LONG = 50, 100

#: A part that has no pair and more lines than that is not compared, but replaced.
_MOST = 5000


def unified_diff(old: Sequence[str], new: Sequence[str], name: str) -> Iterator[str]:
    """Yield the lines of a diff with three lines of context; lines have their ends."""
    for number, group in enumerate(_Matcher(old, new).get_grouped_opcodes()):
        if not number:
            yield f"--- {name}\n"
            yield f"+++ {name}\n"
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n"
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                yield from (f" {line}" for line in old[old_start:old_end])
                continue
            yield from (f"-{line}" for line in old[old_start:old_end])
            yield from (f"+{line}" for line in new[new_start:new_end])


def _range(start: int, end: int) -> str:
    """Return a range of lines as diffs write it: of no lines, the one before it."""
    size = end - start
    return f"{start + 1}" if size == 1 else f"{start + (size > 0)},{size}"


class _Matcher(SequenceMatcher[str]):
    """difflib's matcher, which compares long texts part by part."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        super().__init__(None, old, new)
        self._texts = old, new

    def get_matching_blocks(self) -> list[Match]:
        """Return the runs of lines that both texts share, and an empty one at the end."""
        old, new = self._texts
        if max(len(old), len(new)) < _SHORT:
            return super().get_matching_blocks()
        blocks: list[Match] = []
        for (old_start, new_start), (old_end, new_end) in pairwise(_cuts(old, new)):
            olds, news = old[old_start:old_end], new[new_start:new_end]
            if len(olds) + len(news) > _MOST:
                continue
            # Lines that are everywhere take long, and say little in a part that is large.
            matcher = SequenceMatcher(None, olds, news, max(len(olds), len(news)) > 8 * _LONG)
            blocks += (
                Match(block.a + old_start, block.b + new_start, block.size)
                for block in matcher.get_matching_blocks()
                if block.size
            )
        return [*_joined(blocks), Match(len(old), len(new), 0)]


def _joined(blocks: Iterable[Match]) -> Iterator[Match]:
    """Yield blocks as one where one begins where the one before it ends in both texts."""
    last = Match(0, 0, 0)
    for block in blocks:
        if (last.a + last.size, last.b + last.size) == (block.a, block.b):
            last = Match(last.a, last.b, last.size + block.size)
            continue
        if last.size:
            yield last
        last = block
    if last.size:
        yield last


def _cuts(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return where both texts are cut, from the beginning to the end."""
    cuts = [(0, 0)]
    for a, b in _sure(old, new):
        size = max(a - cuts[-1][0], b - cuts[-1][1])
        if size >= _LONG or (size >= _PART and _lines_around(old, new, a, b)):
            cuts.append((a, b))
    return [*cuts, (len(old), len(new))]


def _lines_around(old: Sequence[str], new: Sequence[str], a: int, b: int) -> bool:
    """Return whether two lines before a pair and two behind it are the same, too."""
    return min(a, b) >= 2 and old[a - 2 : a + 3] == new[b - 2 : b + 3]


def _sure(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return lines that belong together: as many pairs as are in the same order in both texts.

    A line pairs with the one that says the same, if both texts say it equally often: the first
    with the first, and so on.
    """
    counts, others = Counter(old), Counter(new)
    places: dict[str, list[int]] = defaultdict(list)
    for at, line in enumerate(new):
        places[line].append(at)
    seen: Counter[str] = Counter()
    ends: list[int] = []  # The least place at which a chain of each length ends, and its pair.
    tops: list[int] = []
    pairs: list[tuple[int, int]] = []
    before: list[int] = []
    for at, line in enumerate(old):
        if counts[line] != others[line]:
            continue
        place = places[line][seen[line]]
        seen[line] += 1
        length = bisect_left(ends, place)
        before.append(tops[length - 1] if length else -1)
        ends[length : length + 1] = [place]
        tops[length : length + 1] = [len(pairs)]
        pairs.append((at, place))
    chain: list[tuple[int, int]] = []
    at = tops[-1] if tops else -1
    while at >= 0:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]
