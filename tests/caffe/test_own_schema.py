"""--proto takes any caffe.proto: groups, fixed numbers, oneof, imports; protoc's own errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from protolint.caffe.binder import bind
from protolint.caffe.build import Build, types_in
from protolint.caffe.descriptors import Schema, read_schema
from protolint.errors import InputError
from protolint.source import Source
from protolint.text import parse
from protolint.workspace.reading import Readings
from protolint.workspace.target import infer_target

pytest.importorskip("grpc_tools")

PROTO = """\
syntax = "proto2";
package caffe;
import "more/shapes.proto";
message NetParameter { repeated LayerParameter layer = 100; }
message LayerParameter {
  optional string name = 1;
  optional string type = 2;
  optional fixed32 seed = 3;
  optional sfixed64 offset = 4;
  optional group Window = 5 { optional int32 size = 1; }
  oneof how { int32 fast = 6; float slow = 7; }
  optional shapes.Box box = 8;
  map<string, int32> counts = 9;
  optional InterpParameter interp_param = 10;
}
message InterpParameter { optional int32 height = 1; }
"""
SHAPES = 'syntax = "proto2";\npackage shapes;\nmessage Box { optional Side side = 1; }\n'
SIDE = "enum Side { LEFT = 0; RIGHT = 1; }\n"


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    folder = tmp_path / "src" / "caffe"
    folder.mkdir(parents=True)
    (tmp_path / "src" / "more").mkdir()
    (tmp_path / "src" / "more" / "shapes.proto").write_text(SHAPES + SIDE, "utf-8")
    (folder / "caffe.proto").write_text(PROTO, "utf-8")
    return read_schema(str(folder / "caffe.proto"))


def problems(schema: Schema, text: str) -> list[str]:
    tree = parse(Source("x", text.encode()))
    assert not tree.broken
    _, found = bind(schema.messages["NetParameter"], tree.children)
    return [f"{problem.kind.value}: {problem.node.name}" for problem in found]


def test_everything_that_protobuf_has_is_read(schema: Schema) -> None:
    text = """\
layer {
  name: "a" seed: 4294967295 offset: -3 Window { size: 3 } fast: 1
  box { side: RIGHT } counts { key: "a" value: 1 } interp_param { height: 3 }
}
"""
    assert problems(schema, text) == []


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("seed: -1", "wrong value: seed"),
        ("offset: 1.5", "wrong value: offset"),
        ("window { size: 3 }", "unknown field: window"),
        ("Window { width: 3 }", "unknown field: width"),
        ("box { side: UP }", "wrong value: side"),
        ("counts { key: 3 }", "wrong value: key"),
        ("fast: 1 slow: 2", "duplicate field: slow"),
        ("fast: 1 fast: 2", "duplicate field: fast"),
    ],
)
def test_what_does_not_fit_is_found(schema: Schema, field: str, problem: str) -> None:
    assert problems(schema, f"layer {{ {field} }}") == [problem]


def test_a_field_is_there_as_text_names_it(schema: Schema) -> None:
    """Also where the fields have not been made; a group has the name of its type."""
    layer = schema.messages["LayerParameter"]
    asked = ("name", "fast", "Window", "window", "how", "CountsEntry", "size", "nothing")
    found = {name for name in asked if layer.has_field(name)}
    assert found == {"name", "fast", "Window"} == layer.fields.keys() & set(asked)


def test_protocs_own_error_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "caffe.proto"
    path.write_text("package caffe;\nmessage NetParameter {\n  optional strin name = 1\n}\n")
    with pytest.raises(InputError, match=r'caffe.proto:4:1: Expected ";"'):
        read_schema(str(path))
    path.write_text('package caffe;\nimport "nowhere.proto";\nmessage NetParameter { }\n')
    with pytest.raises(InputError, match=r"nowhere\.proto: File not found"):
        read_schema(str(path))


def test_a_parameter_shows_that_its_type_is_registered(schema: Schema) -> None:
    assert "Interp" in types_in(schema)
    assert "BN" not in types_in(schema)


def test_the_target_is_the_caffe_all_of_which_a_schema_has(repository: Path) -> None:
    for name in ("bvlc", "ssd", "nvidia-0.15", "nvidia-0.17", "intel"):
        own = read_schema(str(repository / "proto" / f"{name}.proto"))
        readings = Readings.of(Source("x", b"layer { }"), Build(own))
        assert infer_target(readings).dialect.name == name
    own = read_schema(str(repository / "proto" / "ssd.proto"))
    assert {"Permute", "PriorBox", "SmoothL1Loss"} <= types_in(own)
