"""Convert nets and models to every Caffe and back without options, and compare.

    scripts/verify_return.py [golden] [corpus] [human] [models]

A net comes back as the same bytes or the same message (as the official parser of text format reads
both), its weights with the same numbers, or a BatchNorm and its Scale with the same product where a
variance of 0 had to make up for a larger eps. What cannot come back is a frozen BatchNorm: its
statistics are gone from the weights, which hold what they amount to in a Scale layer, as a note
says. What the target cannot represent is refused by name on the way there.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from google.protobuf import text_format

import protolint
from protolint.batchnorm.reading import read_weights
from protolint.batchnorm.reference import fold
from protolint.batchnorm.state import Statistic
from protolint.caffe.descriptors import load_schema
from protolint.caffe.registry import DIALECTS
from protolint.errors import ProtolintError
from protolint.execution.weights import load_weights
from protolint.net.net import Net
from protolint.net.pairing import pairings
from protolint.source import Source
from protolint.weights.kinds import FileKind
from protolint.workspace.reading import Readings

TARGETS = ("bvlc", "nvidia-0.14", "nvidia-0.15", "nvidia-0.16", "nvidia-0.17")
SHARED = Path(__file__).resolve().parents[2] / "shared"
SETS = ("golden", "corpus", "human", "models")
_TOLERANCE = 2e-6
_FOLDERS = {
    "bvlc-master-9b89154": "bvlc",
    "nvcaffe-0.14.5": "nvidia-0.14",
    "nvcaffe-0.15.14": "nvidia-0.15",
    "nvcaffe-0.16.6": "nvidia-0.16",
    "nvcaffe-0.17.4": "nvidia-0.17",
}
_MAKERS = {
    "old": ("bvlc", "sums"),
    "fillers": ("nvidia-0.15", "0.15"),
    "new": ("nvidia-0.17", "0.16"),
}


class Case(NamedTuple):
    """A net, and perhaps its weights, of one Caffe; None where its text has to show which."""

    name: str
    dialect: str | None
    net: bytes
    weights: bytes | None = None


def golden() -> Iterator[Case]:
    """Yield the models of real builds."""
    for folder, dialect in _FOLDERS.items():
        for path in sorted((SHARED / "golden" / folder).rglob("*.prototxt")):
            if "solver" in path.name:
                continue
            name = path.name.replace(".deploy.prototxt", "_iter_6.prototxt")
            model = path.with_name(name).with_suffix(".caffemodel")
            weights = model.read_bytes() if model.exists() else None
            yield Case(f"{folder}/{path.stem}", dialect, path.read_bytes(), weights)


def corpus() -> Iterator[Case]:
    """Yield the public nets."""
    for path in sorted((SHARED / "corpus").glob("*.prototxt")):
        if b"net:" not in path.read_bytes():
            yield Case(path.stem, None, path.read_bytes())


def human() -> Iterator[Case]:
    """Yield up to 60 nets with a BatchNorm that real builds of each Caffe built."""
    for dialect in TARGETS:
        found = 0
        with gzip.open(SHARED / "oracle" / f"human-{dialect}.jsonl.gz", "rt") as lines:
            for line in lines:
                case = json.loads(line)
                if '"BatchNorm"' in case["net"] and case["TEST"].get("builds") and found < 60:
                    found += 1
                    yield Case(f"{dialect}/{case['name']}", dialect, case["net"].encode())


def models(count: int = 400) -> Iterator[Case]:
    """Yield random models whose net and weights are of one Caffe."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    model = import_module("scripts.verify_convert").model
    for number in range(count):
        made = model(random.Random(number), consistent=True)
        yield Case(str(number), made.dialect, made.net.encode(), made.weights)


def _message(data: bytes, dialect: str) -> Any:
    solver = Readings.of(Source("", data)).kind is FileKind.SOLVER
    name = "SolverParameter" if solver else "NetParameter"
    message = load_schema(DIALECTS[dialect].schema).message_class(name)()
    text_format.Parse(data, message)
    return message


def _numbers(path: Path, dialect: str) -> dict[str, list[Any]]:
    """Return the blobs of a model by layer, a BatchNorm's as what they amount to."""
    found = {name: list(blobs) for name, blobs in load_weights(str(path), DIALECTS["bvlc"]).items()}
    for norm in read_weights(str(path), source=dialect, statistic=Statistic.VARIANCE).norms:
        folded = fold(norm.state)
        found[norm.name] = [folded.scale, folded.shift]
    return found


def _composed(numbers: dict[str, list[Any]], net: Net) -> dict[str, list[Any]]:
    """Return numbers with each Scale layer taken into its BatchNorm."""
    found = dict(numbers)
    for name, pair in pairings(net).items():
        scale, shift = found[name]
        for layer in pair.scales[:1]:
            gamma, beta = (*found.pop(layer.name), 0.0)[:2]
            scale, shift = scale * gamma, shift * gamma + beta
        found[name] = [scale, shift]
    return found


def _same_numbers(first: dict[str, list[Any]], second: dict[str, list[Any]]) -> bool:
    return first.keys() == second.keys() and all(
        len(blobs) == len(second[name])
        and all(
            a.size == b.size
            and np.abs(a.reshape(-1) - b.reshape(-1)).max(initial=0.0)
            <= _TOLERANCE * max(1.0, np.abs(a).max(initial=0.0))
            for a, b in zip(blobs, second[name], strict=True)
        )
        for name, blobs in first.items()
    )


def outcome(case: Case, target: str, folder: Path) -> str:
    """Return what comes back from a target: how alike it is, or why it does not."""
    source = [folder / "n.prototxt"]
    source[0].write_bytes(case.net)
    if case.weights is not None:
        source.append(folder / "w.caffemodel")
        source[1].write_bytes(case.weights)
    there, back = folder / "there", folder / "back"
    options: dict[str, Any] = {"force": True, "isolated": True}
    try:
        first = protolint.convert(
            *source, to=target, output=f"{there}/", source=case.dialect, **options
        )
    except ProtolintError as error:
        return f"refused there: {_kind(error)}"
    dialect = case.dialect or next(file.source for file in first.files)
    if dialect == target or dialect not in DIALECTS:
        return "is of the target"
    if not DIALECTS[dialect].can_be_written:
        return "is of a Caffe that reads BVLC's files, so nothing is converted back"
    try:
        protolint.convert(
            *(there / path.name for path in source), to=dialect, output=f"{back}/", **options
        )
    except ProtolintError as error:
        return f"REFUSED back: {_kind(error)}"
    text = (back / source[0].name).read_bytes()
    if len(source) > 1:
        numbers = [_numbers(path, dialect) for path in (source[1], back / source[1].name)]
        if not _same_numbers(*numbers):
            net = protolint.load(source[0], target=dialect, isolated=True)
            if text != case.net or not _same_numbers(*(_composed(one, net) for one in numbers)):
                return "OTHER numbers"
            return "the same bytes, a part of the gain in the Scale"
    if text == case.net:
        return "the same bytes"
    alike = _message(text, dialect) == _message(case.net, dialect)
    if alike:
        return "the same message"
    if _errors(source[0], dialect) and not _errors(back / source[0].name, dialect):
        return "comes back without an error that it had"
    frozen = any("frozen" in note.message for file in first.files for note in file.notes)
    return "frozen, so a Scale now" if frozen else "OTHER message"


def _errors(net: Path, dialect: str) -> list[str]:
    """Return the codes of what is wrong with a net in its own Caffe."""
    found = protolint.check(net, target=dialect, isolated=True).reports[0].diagnostics
    return [d.code for d in found if d.severity.value == "error"]


def _kind(error: ProtolintError) -> str:
    """Return what was found, without names and numbers; whether any Caffe reads the source."""
    text = re.sub(r"^\S+: ", "", str(error))
    unread = "no Caffe here reads" in text or "mend the syntax" in text or "label map" in text
    found = re.sub(r"'[^']*'|\b[\d.]+\b", "_", text.partition(";")[0])
    return f"no Caffe here reads the source: {found}" if unread else found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the sets that are named, all of them if none is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", choices=[*SETS, []], default=[])
    parser.add_argument("-v", "--verbose", action="store_true", help="name what differs")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        for one in options.sets or SETS:
            counts: Counter[str] = Counter()
            for case in globals()[one]():
                for target in TARGETS:
                    if target == case.dialect:
                        continue
                    found = outcome(case, target, Path(name))
                    counts[found] += 1
                    if options.verbose and found[:5] in ("OTHER", "REFUS"):
                        print(f"{one} {case.name} to {target}: {found}")
            failed += sum(n for kind, n in counts.items() if kind[:5] in ("OTHER", "REFUS"))
            print(f"{one}:")
            for kind, count in counts.most_common():
                print(f"  {count:5} {kind}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
