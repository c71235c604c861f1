"""Collect what the real Caffes print where a rule fires, for the pages of the rules.

A net of the oracle that its Caffe refuses, and in which a check finds errors of one rule alone,
shows what that Caffe says of such a net. ``docs/rules/messages.toml`` keeps up to three messages
for each rule, the commonest wordings.

    python scripts/caffe_messages.py fixtures/oracle    write the file from the verdicts there
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import protolint

REPO_ROOT = Path(__file__).resolve().parent.parent
MESSAGES = REPO_ROOT / "docs" / "rules" / "messages.toml"

_PARSER = "Error parsing text-format caffe.NetParameter: "

#: Seen in runs that are not in the oracle: of the text parser, of weights and of training.
BY_HAND = {
    "PT001": ("bvlc", _PARSER + '2:8: Expected ":", found ""conv1"".'),
    "PT002": (
        "nvidia-0.15",
        _PARSER + '5:40: Message type "caffe.FillerParameter" has no field named "val".',
    ),
    "PT003": (
        "bvlc",
        _PARSER
        + '7:18: Message type "caffe.BatchNormParameter" has no field named "scale_filler".',
    ),
    "PT004": ("bvlc", _PARSER + '4:7: Non-repeated field "name" is specified multiple times.'),
    "PT007": (
        "nvidia-0.15",
        _PARSER + '1:60: Unknown enumeration value of "cudnn" for field "engine".',
    ),
    "BN032": ("nvidia-0.15", "Syncedmem not initialized."),
    "NT013": ("nvidia-0.17", "Check failed: mu <= sigma (1 vs. 0.02)"),
    "WT004": ("bvlc", "Incompatible number of blobs for layer bn"),
    "WT017": ("nvidia-0.17", "Couldn't open net.h5"),
    "WT020": ("bvlc", "Check failed: count_ == proto.data_size() (9 vs. 0)"),
}

#: A wording that fewer nets than these show is of another fault.
_LEAST = 3
_KEPT = 3
_LONGEST = 260
_SIGNAL = re.compile(r"killed by signal (\d+).*")
#: Endings that say nothing of the net.
_UNSAID = ("Failed to parse", "terminate called", "killed by signal 11", "Check failed: data_")
#: What differs between two nets with one fault.
_VARIES = re.compile(
    r"'[^']*'|File not found: .*|0x[0-9a-f]+|[-\d.]+|\w+\.\w+:|\b\w+ Layer|known types.*|layer \S+$"
)


def collected(oracle: Path) -> dict[str, list[tuple[str, str]]]:
    """Return Caffe and message of each rule's cases, the commonest wording first."""
    seen: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for code, caffe, message in [*_of_nets(oracle), *_of_solvers(oracle)]:
        if not any(text in message for text in _UNSAID):
            seen[code][caffe, _shortened(message)] += 1
    found = {code: [case] for code, case in BY_HAND.items()}
    for code, counted in sorted(seen.items()):
        wordings: dict[str, tuple[str, str]] = {}
        total: Counter[str] = Counter()
        for (caffe, message), count in sorted(counted.items(), key=lambda one: (-one[1], one[0])):
            wording = _VARIES.sub("", message)
            if wording not in wordings or (caffe == "bvlc" != wordings[wording][0]):
                wordings[wording] = caffe, message
            total[wording] += count
        common = [one for one, count in total.most_common(_KEPT) if count >= _LEAST]
        if common:
            found.setdefault(code, [wordings[wording] for wording in common])
    return dict(sorted(found.items()))


def _of_nets(oracle: Path) -> Iterator[tuple[str, str, str]]:
    for file in sorted(oracle.glob("*-*.jsonl.gz")):
        kind, _, caffe = file.name.removesuffix(".jsonl.gz").partition("-")
        if kind == "upgrade":
            continue
        for row in _rows(file):
            refused = {row[state].get("message") for state in ("TRAIN", "TEST") if state in row}
            refused.discard(None)
            if len(refused) == 1:
                found = protolint.check(row["net"], target=caffe, cudnn=False, isolated=True)
                yield from _of(found, caffe, refused.pop())


def _of_solvers(oracle: Path) -> Iterator[tuple[str, str, str]]:
    for row in _rows(oracle / "solvers.jsonl.gz"):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in row["files"].items():
                Path(folder, name).write_text(text, "utf-8")
            for caffe in protolint.DIALECTS:
                message = row.get(caffe, {}).get("message")
                if message:
                    path = Path(folder, "solver.prototxt")
                    found = protolint.check(path, target=caffe, cudnn=False, isolated=True)
                    yield from _of(found, caffe, message.replace(folder, ""))


def _of(found: protolint.CheckResult, caffe: str, message: str) -> Iterator[tuple[str, str, str]]:
    """Yield the message under the one rule whose errors were found, if it is one."""
    codes = {one.code for one in found if one.severity is protolint.Severity.ERROR}
    if len(codes) == 1:
        yield codes.pop(), caffe, message


def _shortened(message: str) -> str:
    if signal := _SIGNAL.match(message):
        return f"killed by signal {signal[1]}, without a message"
    message = " ".join(message.split())
    return message if len(message) <= _LONGEST else f"{message[:_LONGEST].rsplit(' ', 1)[0]} ..."


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def as_toml(messages: dict[str, list[tuple[str, str]]]) -> str:
    """Return the messages as TOML: a list of ``[caffe, message]`` for each code."""
    lines = ["# Written by scripts/caffe_messages.py.", ""]
    for code, cases in messages.items():
        quoted = (f"    [{json.dumps(caffe)}, {json.dumps(text)}],\n" for caffe, text in cases)
        lines.append(f"{code} = [\n{''.join(quoted)}]")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("oracle", type=Path, help="the folder with the verdicts of real builds")
    MESSAGES.write_text(as_toml(collected(parser.parse_args(arguments).oracle)), "utf-8")


if __name__ == "__main__":
    main()
