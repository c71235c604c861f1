"""Every message ends with what to do, or a fix does, in all examples of all rules."""

from __future__ import annotations

import re
from pathlib import Path

RECORDS = Path(__file__).parent / "findings"
_FINDING = re.compile(r"(?:line \d+|bytes \d+ to \d+): (?:error|warning|info): (.*)")
_FIX = re.compile(r"    (?:safe|unsafe|display-only): ")
#: What ends a clause; advice is one that begins with a verb.
_CLAUSE = re.compile(r"[:;] |, or |, and |, so | and ")
_VERBS = frozenset((
    "add", "call", "change", "check", "choose", "close", "compare", "convert", "correct", "do",
    "fill", "fold", "freeze", "give", "keep", "leave", "limit", "list", "look", "lower", "make",
    "mend", "move", "name", "pad", "put", "raise", "read", "remove", "rename", "reshape", "run",
    "save", "set", "share", "start", "swap", "take", "train", "try", "upgrade", "use", "write",
))  # fmt: skip
#: Words that name the right value: `it must be above 0`, `did you mean 'xavier'?`.
_VALUES = re.compile(
    r"did you mean|it must be|it takes|it goes from|it belongs|it has |takes group|; in 'layer' "
    r"write|, as in |unless weights are loaded|; one |expected |perhaps a fork|list it in"
    r"| has fixed|known: "
)
#: Of what training did and no edit mends, a message says what is known.
_FACTS = frozenset(("WT006", "WT007", "WT011", "WT012", "SV017", "PT001"))


def is_advice(message: str) -> bool:
    """Whether a message says what to do, in some clause behind the first."""
    if _VALUES.search(message):
        return True
    return any(
        clause.strip(" '`(").partition(" ")[0].rstrip(",:") in _VERBS
        for clause in _CLAUSE.split(message)[1:]
    )


def silent() -> list[str]:
    """Return the messages without advice whose finding has no fix either."""
    found = []
    for path in sorted(RECORDS.glob("*.txt")):
        pending = ""
        for line in [*path.read_text("utf-8").splitlines(), ""]:
            match = _FINDING.fullmatch(line)
            if pending and not line.startswith("    "):
                found.append(f"{path.stem}: {pending}")
                pending = ""
            if _FIX.match(line):
                pending = ""
            if match is not None and path.stem not in _FACTS and not is_advice(match[1]):
                pending = match[1]
    return found


def test_every_message_ends_with_what_to_do() -> None:
    assert silent() == []


def test_what_is_no_advice_is_seen() -> None:
    assert not is_advice("bn: gamma is 0 in 4 channels; the output is constant there")
    assert is_advice("bn: gamma is 0 in 4 channels; give it a filler")
