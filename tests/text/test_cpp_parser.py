"""The reader takes what protobuf's C++ parser takes, with the same values: protoc is the measure.

Caffe reads prototxts with that parser. Each text is encoded by the protoc of grpcio-tools and bound
by ours under the same schema.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from protolint.caffe.binder import Message, bind
from protolint.caffe.descriptors import Schema, read_schema
from protolint.source import Source
from protolint.text import parse
from protolint.wire import LENGTH, fields

pytest.importorskip("grpc_tools")

SCHEMA = """
syntax = "proto2";
package caffe;
message NetParameter {
  optional string name = 1;
  repeated NetParameter layer = 2;
  optional double real = 3;
  repeated int32 number = 4;
  repeated string text = 5;
}
message SolverParameter { optional string net = 1; }
message LayerParameter { optional string name = 1; }
"""


@pytest.fixture(scope="module")
def proto(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schema") / "caffe.proto"
    path.write_text(SCHEMA)
    return path


@pytest.fixture(scope="module")
def schema(proto: Path) -> Schema:
    return read_schema(str(proto))


def encoded(proto: Path, text: str) -> bytes | None:
    """What protoc makes of a text, or None where it refuses it."""
    done = subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"-I{proto.parent}",
         "--encode=caffe.NetParameter", proto.name],
        input=text.encode(), capture_output=True, timeout=60,
    )  # fmt: skip
    return done.stdout if done.returncode == 0 else None


def ours(schema: Schema, text: str) -> Message | None:
    tree = parse(Source("x.prototxt", text.encode()))
    message, misfits = bind(schema.messages["NetParameter"], tree.children)
    return None if tree.broken or misfits else message


@pytest.mark.parametrize(
    "text",
    [
        # A field that goes on in the next line, at the top level as in a block.
        'name: "a"\n  "b"\nreal: 1',
        "name: 'a'\n\t'b' 'c'\n",
        'layer {\n name: "a"\n "b"\n}',
        'name: "a"\n;\nreal: 1',
        'name: "a"\n, real: 1',
        "real: 1\n;;",
        'name: "a" # first\n# second\n"b"',
        'real: 1\n"b"',
        "number: 1\n, number: 2",
        ";",
        # Numbers that begin with 0.
        "real: 0.5", "real: 00.5", "real: 01.5", "real: 01.", "real: 0.", "real: .5", "real: 017",
        "real: 01e5", "real: 0e5", "real: 0f", "real: 08", "number: 010", "number: 00", "real: 1.",
        # Empty lists, with and without a colon.
        "layer[]", "layer []", "layer: []", "layer { layer[] }", "number[]", "number: []",
        "number [1]", "layer [{}]", "layer [,]", "layer[]; name: 'a'", "layer[\n]\nname: 'a'",
        # Code points: above the last one, surrogates in short and long form, alone and together.
        r'name: "\U00110000"', r'name: "\U001FFFFF"', r'name: "\U00200000"', r'name: "\U0010FFFF"',
        r'name: "\U0000D83D\uDE0e"', r'name: "\uD83D\U0000DE0e"', r'name: "\ud83d\ude0e"',
        r'name: "\uD83Dx"', r'name: "\uDE0e"', r'name: "\uD83D\uD83D\uDE0e"', r'name: "\u00e9"',
    ],
)  # fmt: skip
def test_reader_and_protoc_agree(proto: Path, schema: Schema, text: str) -> None:
    expected, found = encoded(proto, text), ours(schema, text)
    assert (found is None) == (expected is None)
    if found is None or expected is None:
        return
    names = [expected[f.value : f.end] for f in fields(expected, 0, len(expected)) if f.number == 1]
    if names:
        assert found.text("name") == names[-1].decode("utf-8", "backslashreplace")
    layers = [
        f for f in fields(expected, 0, len(expected)) if f.number == 2 and f.wire_type == LENGTH
    ]
    assert len(found.messages("layer")) == len(layers)
    numbers = [f.number_value for f in fields(expected, 0, len(expected)) if f.number == 4]
    assert found.integers("number") == numbers
