"""Look for inputs on which protolint crashes, hangs, or breaks one of its laws.

    python scripts/fuzz.py                          a minute, shared by all targets
    python scripts/fuzz.py texts checks --minutes 30 --seed 7
    python scripts/fuzz.py weights --only 1234      the case of that number again

    texts    the reader takes a text exactly where protobuf's C++ parser takes it (protoc, of the
             extra [fuzz]), with the same fields, and with the values that upb reads
    checks   every rule and every format ends with findings; fixes come to an end, keep a sound
             file sound and leave nothing to fix; formatting changes no message, twice is once
    upgrades an upgraded net is one of the current form, and upgrading it again changes nothing
    converts a conversion is refused by name, or its result is read, and has no new error
    deploys  a deploy net is refused by name, or BVLC takes it
    weights  damaged caffemodels, solver states and HDF5 models are read or refused

Every case comes from the seed and its number alone. A failure is made as small as it goes, and
written to --keep, tests/fuzz, whose cases tests/test_fuzz_cases.py runs. Exit code 1 for failures.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import re
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from protolint.caffe.binder import bind
from protolint.caffe.descriptors import Schema, read_schema
from protolint.caffe.registry import DIALECTS, TARGETS
from protolint.edit import apply_edits
from protolint.errors import ProtolintError
from protolint.lint.check_text import check_source
from protolint.lint.fixer import fix_source
from protolint.report import FORMATS, renderer
from protolint.source import Source
from protolint.text import parse
from protolint.wire import LENGTH, fields
from protolint.workspace.workspace import Choices, Workspace

REPOSITORY = Path(__file__).resolve().parent.parent
#: Seconds after which a case counts as a hang.
LONGEST = 20
#: Rounds of making a failure smaller.
ROUNDS = 400

SCHEMA = """syntax = "proto2";
package caffe;
enum Phase { TRAIN = 0; TEST = 1; }
message NetParameter {
  optional string name = 1;
  repeated NetParameter layer = 2;
  optional double real = 3;
  repeated int32 number = 4;
  repeated string text = 5;
  optional Phase phase = 6;
  optional bool flag = 7;
  repeated float value = 8;
  optional uint64 large = 9;
}
message SolverParameter { optional string net = 1; }
message LayerParameter { optional string name = 1; }
"""
TOKENS = """name layer real number text phase flag value large : ; , { } [ ] < > # - . "a" 'b' "\\n"
  "\\x41" "\\101" '\\u00e9' "\\ud83d\\ude0e" "\\U0001F60E" 0 1 -1 00 017 08 0x1F 1. .5 1e3 1e-3f 1f
  1.5e+4 inf -inf nan infinity TRAIN TEST 2 true false t f 4294967296 18446744073709551616 1_0 a.b
  "open 'it\\'s' [1,2] [] {} [{}] name: layer: \\ / @ ? %""".split()  # noqa: SIM905
PIECES = [" ", "\n", "\t", "\r\n", "\f", "\v", " # note\n", "#\n", "", "", " "]
VALID = [
    'name: "a"\n', "layer { number: 1 }\n", "real: 1.5\n", "number: [1, 2]\n", 'text: "a" "b"\n',
    "phase: TEST ", "flag: true ", "value: -1e-3f ", "large: 18446744073709551615 ", "layer <> ",
    "layer [{ real: 1 }, { flag: f }] ", "layer {\n  layer { phase: 1 }\n}\n", "value: - 2 ",
]  # fmt: skip


class FailureFoundError(Exception):
    """A law that does not hold for an input."""


@contextmanager
def bounded() -> Iterator[None]:
    """Raise TimeoutError in what takes too long."""

    def late(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"over {LONGEST} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# -- Making inputs.


def mutated(data: bytes, chance: random.Random, tokens: list[bytes]) -> bytes:
    """Return the bytes after some cuts, copies, moves, insertions and flipped bits."""
    parts = re.findall(rb"\w+|\s+|[^\w\s]", data) if tokens else [data[i : i + 1] for i in
                                                                  range(len(data))]  # fmt: skip
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        at = chance.randrange(len(parts) + 1)
        length = chance.choice((1, 1, 2, 5, 20))
        kind = chance.randrange(6)
        if kind == 0:
            del parts[at : at + length]
        elif kind == 1:
            parts[at:at] = parts[at : at + length]
        elif kind == 2:
            other = chance.randrange(len(parts) + 1)
            parts[at:at] = parts[other : other + length]
        elif kind == 3 and tokens:
            parts[at:at] = [chance.choice(tokens), b" "]
        elif kind == 4 and tokens and at < len(parts):
            parts[at] = chance.choice(tokens)
        elif at < len(parts) and parts[at]:
            piece = bytearray(parts[at])
            piece[chance.randrange(len(piece))] = chance.choice((0, 255, chance.randrange(256)))
            parts[at] = bytes(piece)
    return b"".join(parts)


def soup(chance: random.Random) -> bytes:
    """Return fields of the small schema, some of them cut, joined or made of loose tokens."""
    text = "".join(
        chance.choice(VALID)
        if chance.random() < 0.5
        else chance.choice(TOKENS) + chance.choice(PIECES)
        for _ in range(chance.randrange(1, 12))
    )
    data = text.encode("utf-8", "surrogatepass")
    return data if chance.random() < 0.7 else mutated(data, chance, [t.encode() for t in TOKENS])


NETS = sorted((REPOSITORY / "fixtures").glob("*/**/*.prototxt"))
MODELS = sorted((REPOSITORY / "fixtures").rglob("*.caffemodel"))
#: What a mutation of a net may put in.
WORDS = sorted({w for p in NETS[:40] for w in re.findall(rb"\w+|[^\w\s]", p.read_bytes())})


def net_text(chance: random.Random) -> bytes:
    """Return a shipped net, mutated by words, or by bytes."""
    data = chance.choice(NETS).read_bytes()[:20_000]
    return mutated(data, chance, WORDS if chance.random() < 0.9 else [])


def stored(chance: random.Random) -> bytes:
    """Return a shipped model with some bytes damaged, cut or repeated."""
    data = bytearray(chance.choice(MODELS).read_bytes())
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(data)) if chance.random() < 0.7 else chance.randrange(
            min(len(data), 400))  # fmt: skip
        kind = chance.randrange(4)
        if kind == 0:
            data[at] = chance.randrange(256)
        elif kind == 1:
            del data[at : at + chance.choice((1, 2, 8, 400))]
        elif kind == 2:
            data[at:at] = data[at : at + chance.choice((1, 5, 60))]
        else:
            data[at:at] = bytes(chance.choice(((255,) * 10, (0,), (128, 1), (8, 8))))
        data = data or bytearray(1)
    return bytes(data)


# -- Laws.


class Protoc:
    """protobuf's C++ text parser, as protoc runs it, in this process."""

    def __init__(self, folder: Path) -> None:
        from grpc_tools import protoc

        self.main: Callable[[list[str]], int] = protoc.main
        self.proto = folder / "caffe.proto"
        self.proto.write_text(SCHEMA)
        self.given, self.made = folder / "given", folder / "made"
        self.schema: Schema = read_schema(str(self.proto))

    def encoded(self, text: bytes) -> bytes | None:
        """Return the message of a text on the wire, None where it is refused."""
        self.given.write_bytes(text)
        sources = [
            os.open(self.given, os.O_RDONLY),
            os.open(self.made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
            os.open(os.devnull, os.O_WRONLY),
        ]
        kept = [os.dup(number) for number in range(3)]
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            for number, source in enumerate(sources):
                os.dup2(source, number)
            arguments = ["protoc", f"-I{self.proto.parent}", "--encode=caffe.NetParameter"]
            status = self.main([*arguments, self.proto.name])
        finally:
            for number, old in enumerate(kept):
                os.dup2(old, number)
            for descriptor in (*sources, *kept):
                os.close(descriptor)
        return self.made.read_bytes() if status == 0 else None


def law_of_texts(protoc: Protoc, data: bytes) -> None:
    """Compare verdict and fields with those of the C++ parser."""
    expected = protoc.encoded(data)
    tree = parse(Source("x.prototxt", data))
    message, misfits = bind(protoc.schema.messages["NetParameter"], tree.children)
    found = None if tree.broken or misfits else message
    if (found is None) != (expected is None):
        ours, theirs = (
            "refuses" if one is None else "takes" for one in (found, expected)
        )  # fmt: skip
        raise FailureFoundError(f"protolint {ours} what the C++ parser {theirs}")
    if found is None or expected is None:
        return
    theirs_at = list(fields(expected, 0, len(expected)))
    layers = [f for f in theirs_at if f.number == 2 and f.wire_type == LENGTH]
    numbers = [f.number_value & 0xFFFFFFFF for f in theirs_at if f.number == 4]
    texts = [expected[f.value : f.end] for f in theirs_at if f.number == 5]
    if len(found.messages("layer")) != len(layers):
        raise FailureFoundError("another number of layers")
    if [n & 0xFFFFFFFF for n in found.integers("number")] != numbers:
        raise FailureFoundError("other numbers")
    if len(found.nodes_of("text")) != len(texts):
        raise FailureFoundError("another number of strings")
    # The same bytes in upb, the parser of the Python library: every value of the outer message.
    other: Any = protoc.schema.message_class("NetParameter").FromString(expected)
    for name, own in (("real", found.number("real")), ("large", found.integer("large"))):
        if own != getattr(other, name) and own == own:
            raise FailureFoundError(f"another value of {name}")
    if found.flag("flag") != other.flag:
        raise FailureFoundError("another value of flag")
    if [struct.pack("f", v) for v in other.value] != [_single(v) for v in found.numbers("value")]:
        raise FailureFoundError("another value of value")


def _single(value: float) -> bytes:
    """Return the bytes of the float that is nearest; as upb, infinity beyond the largest."""
    try:
        return struct.pack("f", value)
    except OverflowError:
        return struct.pack("f", math.copysign(math.inf, value))


def law_of_checks(chance: random.Random, data: bytes) -> None:
    """Check, print and fix a net for one Caffe."""
    target = chance.choice([DIALECTS[name] for name in TARGETS])
    workspace = Workspace(Choices(targets=(target,), isolated=True))
    source = Source("x.prototxt", data)
    reports = check_source(workspace, source)
    for name in FORMATS:
        renderer(name)(reports, False)

    def check(one: Source) -> list[object]:
        return [d for report in check_source(workspace, one) for d in report.diagnostics]

    fixed, _ = fix_source(source, check, unsafe=chance.random() < 0.5)  # type: ignore[arg-type]
    if reports[0].accepted and not check_source(workspace, fixed)[0].accepted:
        raise FailureFoundError("a fix made a file that Caffe no longer reads")


def law_of_formats(data: bytes) -> None:
    """Format a text: the message stays, and twice is once."""
    from protolint.format.layout import formatted

    tree = parse(Source("x.prototxt", data))
    if tree.broken:
        return
    once = formatted(tree)
    again = parse(Source("x.prototxt", once))
    if again.broken:
        raise FailureFoundError("formatting broke the file")
    if formatted(again) != once:
        raise FailureFoundError("formatting twice is not formatting once")


def law_of_upgrades(data: bytes) -> None:
    """Upgrade a net: twice is once."""
    from protolint.upgrading.text import upgrade_text

    def upgraded(text: bytes) -> bytes:
        file = Workspace(Choices(isolated=True)).read(Source("x.prototxt", text))
        if file.tree.broken or not file.kind.is_text:
            return text
        solver = file.kind.name == "SOLVER"
        made = upgrade_text(file.tree, file.message, file.misfits, file.dialect, is_solver=solver)
        return apply_edits(text, made.edits)

    once = upgraded(data)
    if parse(Source("x.prototxt", once)).broken and not parse(Source("x.prototxt", data)).broken:
        raise FailureFoundError("an upgrade broke the file")
    if upgraded(once) != once:
        raise FailureFoundError("upgrading twice is not upgrading once")


def law_of_converts(chance: random.Random, folder: Path, data: bytes) -> None:
    """Convert a net alone: it is refused, or the result is taken by its Caffe."""
    from protolint import convert

    given, made = folder / "given.prototxt", folder / "made.prototxt"
    given.write_bytes(data)
    source, target = chance.sample(["bvlc", "nvidia-0.15", "nvidia-0.16", "nvidia-0.17"], 2)
    convert(given, to=target, source=source, output=made, force=True)
    if _accepted(given, source) and not _accepted(made, target):
        raise FailureFoundError(f"{source} to {target}: the result is not taken")


def _accepted(path: Path, caffe: str) -> bool:
    workspace = Workspace(Choices(targets=(DIALECTS[caffe],), isolated=True))
    return check_source(workspace, Source(str(path), path.read_bytes()))[0].accepted


def law_of_deploys(folder: Path, data: bytes) -> None:
    """Deploy a net alone: it is refused, or the result is a net that BVLC takes."""
    from protolint import deploy

    given = folder / "given.prototxt"
    given.write_bytes(data)
    made = deploy(given, output=folder / "deployed", to="bvlc", force=True, isolated=True)
    if _accepted(given, "bvlc") and not _accepted(Path(made.written[0]), "bvlc"):
        raise FailureFoundError("the deploy net is not taken")


def law_of_weights(folder: Path, data: bytes) -> None:
    """Read a damaged model in every way."""
    from protolint.batchnorm.reading import read_weights
    from protolint.lint.check_files import check_files

    path = folder / "given.caffemodel"
    path.write_bytes(data)
    workspace = Workspace(Choices(isolated=True))
    check_files(workspace, [str(path)], lambda _: None)
    read_weights(str(path))


# -- Running.


class Case:
    """The cases of one kind: how an input is made, and what has to hold for it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.protoc = Protoc(folder) if name == "texts" else None

    def made(self, chance: random.Random) -> bytes:
        """Return an input."""
        if self.name == "texts":
            return soup(chance)
        return stored(chance) if self.name == "weights" else net_text(chance)

    def holds(self, seed: str, data: bytes) -> str | None:
        """Return what is wrong with what protolint does with an input, or None."""
        chance = random.Random(f"{seed}/law")
        try:
            with bounded():
                if self.protoc is not None:
                    law_of_texts(self.protoc, data)
                elif self.name == "checks":
                    law_of_checks(chance, data)
                    law_of_formats(data)
                elif self.name == "upgrades":
                    law_of_upgrades(data)
                elif self.name == "converts":
                    law_of_converts(chance, self.folder, data)
                elif self.name == "deploys":
                    law_of_deploys(self.folder, data)
                else:
                    law_of_weights(self.folder, data)
        except ProtolintError as error:
            return str(error) if "fault of protolint" in str(error) else None
        except (Exception, RecursionError) as error:  # every one is what is looked for
            return f"{type(error).__name__}: {error}"[:300]
        return None


CASES = ("texts", "checks", "upgrades", "converts", "deploys", "weights")


def smallest(case: Case, seed: str, data: bytes, kind: str) -> bytes:
    """Return a part of a failing input that fails in the same way."""
    size = len(data) // 2
    rounds = 0
    while size and rounds < ROUNDS:
        at = 0
        while at < len(data) and rounds < ROUNDS:
            rounds += 1
            less = data[:at] + data[at + size :]
            found = case.holds(seed, less)
            if found is not None and found.split(":")[0] == kind:
                data = less
            else:
                at += size
        size //= 2
    return data


def main() -> int:
    """Run what the arguments ask for and print a line for each kind of case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; all without any")
    parser.add_argument("--minutes", type=float, default=1.0, help="for all kinds together")
    parser.add_argument("--count", type=int, help="inputs of each kind, instead of --minutes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one input")
    parser.add_argument("--keep", type=Path, default=REPOSITORY / "tests" / "fuzz")
    options = parser.parse_args()
    wanted = options.cases or list(CASES)
    if set(wanted) - set(CASES):
        parser.error(f"there is no kind of case {', '.join(sorted(set(wanted) - set(CASES)))}")
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in wanted:
            seconds = options.minutes * 60 / len(wanted)
            failures += _run(Case(name, Path(folder)), options, seconds)
    return 1 if failures else 0


def _run(case: Case, options: argparse.Namespace, seconds: float) -> int:
    """Run one kind of case to its bound; return how many failures of different kinds there are."""
    end = time.monotonic() + seconds
    number = options.only if options.only is not None else 0
    kinds: dict[str, int] = {}
    tried = 0
    while True:
        seed = f"{options.seed}/{case.name}/{number}"
        data = case.made(random.Random(seed))
        wrong = case.holds(seed, data)
        tried += 1
        if wrong is not None:
            kind = wrong.split(":")[0]
            kinds[wrong] = kinds.get(wrong, 0) + 1
            if kinds[wrong] == 1 and len(kinds) <= 20:
                small = smallest(case, seed, data, kind)
                options.keep.mkdir(parents=True, exist_ok=True)
                path = options.keep / f"{case.name}-{options.seed}-{number}"
                path.write_bytes(small)
                print(f"{case.name} {number}: {wrong}\n  {path} ({len(small)} bytes)", flush=True)
        number += 1
        done = options.only is not None or (
            tried >= options.count if options.count else time.monotonic() > end
        )
        if done:
            break
    print(f"{case.name}: {tried} inputs, {sum(kinds.values())} failures", flush=True)
    return len(kinds)


if __name__ == "__main__":
    sys.exit(main())
