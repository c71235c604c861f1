"""The shipped schemas are fresh, true to the field tables, and load side by side."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

# protobuf ships without type information. Imported by name it is Any, stub packages or not.
descriptor_pb2: Any = import_module("google.protobuf.descriptor_pb2")
descriptor_pool: Any = import_module("google.protobuf.descriptor_pool")
message_factory: Any = import_module("google.protobuf.message_factory")
text_format: Any = import_module("google.protobuf.text_format")

REPO_ROOT = Path(__file__).resolve().parents[2]
PROTO_DIR = REPO_ROOT / "proto"
SCHEMAS = REPO_ROOT / "protolint" / "caffe" / "schemas.binpb"
TABLES_DIR = REPO_ROOT.parent / "shared" / "reference" / "schema"

DIALECTS = (
    "bvlc",
    "nvidia-0.14",
    "nvidia-0.15",
    "nvidia-0.16.1",
    "nvidia-0.16",
    "nvidia-0.17",
    "ssd",
    "intel",
)

# DetectNetGroundTruthParameter.ClassMapping is the only message inside another.
WITH_NESTED_MESSAGE = ("nvidia-0.15", "nvidia-0.16.1", "nvidia-0.16", "nvidia-0.17")

needs_protoc = pytest.mark.skipif(
    find_spec("grpc_tools") is None,
    reason="compiling needs grpcio-tools: pip install 'protolint-caffe[proto]'",
)
needs_tables = pytest.mark.skipif(
    not TABLES_DIR.is_dir(), reason=f"the reference field tables are not at {TABLES_DIR}"
)
each_dialect = pytest.mark.parametrize("dialect", DIALECTS)


def committed_files() -> list[Any]:
    """The compiled schemas as they lie in the repository."""
    return list(descriptor_pb2.FileDescriptorSet.FromString(SCHEMAS.read_bytes()).file)


def committed_file(dialect: str) -> Any:
    """The compiled schema of a dialect."""
    (file,) = (f for f in committed_files() if f.name == f"protolint/{dialect}.proto")
    return file


@pytest.fixture
def generator() -> Any:
    """``scripts/gen_schema.py`` as a fresh module."""
    spec = spec_from_file_location("gen_schema", REPO_ROOT / "scripts" / "gen_schema.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pools() -> dict[str, Any]:
    """One private pool per dialect, all alive at once."""
    made = {}
    for dialect in DIALECTS:
        made[dialect] = descriptor_pool.DescriptorPool()
        made[dialect].AddSerializedFile(committed_file(dialect).SerializeToString())
    return made


def message_class(pool: Any, name: str) -> Any:
    """The class of a message of one pool."""
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"caffe.{name}"))


# ---- the sets and their sources ------------------------------------------------------------------


def test_there_is_one_source_and_one_schema_for_each_dialect() -> None:
    """There is none too many or too few."""
    assert {path.stem for path in PROTO_DIR.glob("*.proto")} == set(DIALECTS)
    names = [file.name for file in committed_files()]
    assert sorted(names) == sorted(f"protolint/{dialect}.proto" for dialect in DIALECTS)


@needs_protoc
@each_dialect
def test_set_equals_a_fresh_compile_of_its_source(generator: Any, dialect: str) -> None:
    """Nobody edited a source and forgot to compile it."""
    fresh = generator.compile_proto(PROTO_DIR / f"{dialect}.proto")
    assert len(fresh.message_type) > 50
    assert committed_file(dialect) == fresh


@each_dialect
def test_schema_is_without_comments(dialect: str) -> None:
    """The name does not depend on where it was compiled, and comments stay out."""
    assert not committed_file(dialect).HasField("source_code_info")


@needs_protoc
def test_check_passes_on_the_committed_sets(
    generator: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command that continuous integration runs agrees."""
    assert generator.main(["--check"]) == 0
    assert capsys.readouterr().out == f"{len(DIALECTS)} schemas are up to date\n"


@needs_protoc
def test_check_names_every_schema_that_is_out_of_date_and_writing_repairs_it(
    generator: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Missing, stale and left-over schemas are told apart, and a set that is none."""
    protos, schemas = tmp_path / "proto", tmp_path / "schemas.binpb"
    protos.mkdir()

    def write(name: str, field: str) -> None:
        (protos / f"{name}.proto").write_text(
            f'syntax = "proto2"; package caffe; message A {{ optional float {field}; }}'
        )

    for name in ("same", "changed", "orphan"):
        write(name, "eps = 1")
    monkeypatch.setattr(generator, "PROTO_DIR", protos)
    monkeypatch.setattr(generator, "SCHEMAS", schemas)
    assert generator.main([]) == 0
    before = schemas.read_bytes()

    write("changed", "eps = 1 [default = 1]")
    write("absent", "eps = 1")
    (protos / "orphan.proto").unlink()
    capsys.readouterr()
    assert generator.main(["--check"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "protolint/absent.proto is missing",
        "protolint/changed.proto differs from its .proto file",
        "protolint/orphan.proto has no .proto file",
        "to repair: python scripts/gen_schema.py",
    ]
    assert schemas.read_bytes() == before

    for found, what in ((b"\xff", "is not a descriptor set"), (None, "is missing")):
        schemas.unlink()
        if found is not None:
            schemas.write_bytes(found)
        assert generator.main(["--check"]) == 1
        assert capsys.readouterr().err.splitlines()[0] == f"schemas.binpb {what}"
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0
    names = {Path(file.name).stem for file in generator.parse_set(schemas.read_bytes())}
    assert names == {"absent", "changed", "same"}


@needs_protoc
def test_a_source_that_does_not_compile_is_an_error_with_its_place(
    generator: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The compiler's own message gets through."""
    (tmp_path / "odd.proto").write_text('syntax = "proto2"; message A { optional B b = 1; }')
    monkeypatch.setattr(generator, "PROTO_DIR", tmp_path)
    assert generator.main(["--check"]) == 2
    assert re.search(r'odd\.proto:1:\d+: "B" is not defined', capsys.readouterr().err)


def test_without_protoc_one_line_says_what_to_install(
    generator: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback for whoever lacks the extra."""
    monkeypatch.setattr(generator, "find_spec", lambda name: None)
    assert generator.main(["--check"]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "pip install 'protolint-caffe[proto]'" in message


# ---- the sets and the reference tables -----------------------------------------------------------


def field_facts(field: Any) -> dict[str, Any]:
    """One field in the form of the tables."""
    kind = descriptor_pb2.FieldDescriptorProto.Type.Name(field.type)
    facts = {
        "name": field.name,
        "number": field.number,
        "label": descriptor_pb2.FieldDescriptorProto.Label.Name(field.label)[6:].lower(),
        "type": field.type_name.removeprefix(".caffe.") or kind.removeprefix("TYPE_").lower(),
    }
    if field.HasField("default_value"):
        facts["default"] = field.default_value
    if field.options.HasField("packed"):
        facts["packed"] = field.options.packed
    return facts


def by_number(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Fields in order of number; the tables list them in another order."""
    return sorted(fields, key=lambda field: int(field["number"]))


def file_facts(file: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Every message and every enum of a file, by qualified name, in the form of the tables."""
    messages: dict[str, Any] = {}
    enums: dict[str, Any] = {}

    def add_enums(types: Any, prefix: str) -> None:
        for enum in types:
            enums[prefix + enum.name] = {value.name: value.number for value in enum.value}

    def add_messages(types: Any, prefix: str) -> None:
        for message in types:
            name = prefix + message.name
            messages[name] = by_number([field_facts(field) for field in message.field])
            add_enums(message.enum_type, f"{name}.")
            add_messages(message.nested_type, f"{name}.")

    add_enums(file.enum_type, "")
    add_messages(file.message_type, "")
    return messages, enums


def parts_used(message: Any) -> set[str]:
    """Every part of the descriptor language that occurs in a descriptor."""
    used: set[str] = set()
    for part, value in message.ListFields():
        used.add(f"{message.DESCRIPTOR.name}.{part.name}")
        if part.message_type is not None:
            for inner in value if isinstance(value, Sequence) else [value]:
                used |= parts_used(inner)
    return used


@needs_tables
@each_dialect
def test_set_says_what_the_reference_table_says(dialect: str) -> None:
    """Same messages, fields, enums and values: nothing more and nothing less."""
    path = TABLES_DIR / f"{dialect}.json"
    if not path.is_file():
        pytest.skip(f"there is no table of {dialect}")
    table = json.loads(path.read_text(encoding="utf-8"))
    assert table["dialect"] == dialect
    file = committed_file(dialect)
    messages, enums = file_facts(file)

    assert file.package == table["package"] == "caffe"
    assert messages == {name: by_number(fields) for name, fields in table["messages"].items()}
    assert enums == table["enums"]
    # Proto2 reads an unset enum field without a default as the value that is declared first.
    assert {name: next(iter(values)) for name, values in enums.items()} == {
        name: next(iter(values)) for name, values in table["enums"].items()
    }


def test_the_set_of_ssd_is_bvlcs_with_the_detection_messages_of_the_others() -> None:
    """What SSD's Caffe took from BVLC has BVLC's numbers; what it added, NVIDIA 0.17 took over."""
    ssd, ssd_enums = file_facts(committed_file("ssd"))
    bvlc, _ = file_facts(committed_file("bvlc"))
    nvidia, _ = file_facts(committed_file("nvidia-0.17"))
    assert bvlc.keys() - ssd.keys() == {"ClipParameter", "SwishParameter"}
    others = {name for name in ssd.keys() & bvlc.keys() if ssd[name] != bvlc[name]}
    assert others == {
        "InfogainLossParameter", "LayerParameter", "PoolingParameter", "SolverParameter",
        "SolverState", "TransformationParameter",
    }  # fmt: skip
    added = ssd.keys() - bvlc.keys()
    assert len(added) == 25
    assert {name for name in added if ssd[name] != nvidia[name]} == {
        "AnnotatedDatum", "MultiBoxLossParameter",  # one field more each in 0.17
    }  # fmt: skip

    def numbers(message: str, first: int) -> dict[str, int]:
        return {f["name"]: f["number"] for f in ssd[message] if f["number"] >= first}

    assert numbers("LayerParameter", 145) == {
        "parameter_param": 145, "recurrent_param": 146, "annotated_data_param": 200,
        "multibox_loss_param": 201, "permute_param": 202, "prior_box_param": 203,
        "detection_output_param": 204, "detection_evaluate_param": 205, "norm_param": 206,
        "video_data_param": 207,
    }  # fmt: skip
    assert numbers("TransformationParameter", 8) == {
        "resize_param": 8, "noise_param": 9, "emit_constraint": 10, "crop_h": 11, "crop_w": 12,
        "distort_param": 13, "expand_param": 14,
    }  # fmt: skip
    assert numbers("SolverParameter", 41) == {
        "eval_type": 41, "ap_version": 42, "plateau_winsize": 43, "show_per_class_result": 44,
    }  # fmt: skip
    assert ssd_enums["PriorBoxParameter.CodeType"] == {
        "CORNER": 1, "CENTER_SIZE": 2, "CORNER_SIZE": 3,
    }  # fmt: skip


@each_dialect
def test_set_uses_only_what_the_tables_cover(dialect: str) -> None:
    """There are no oneofs, extensions, reserved ranges, services, imports or further options."""
    assert parts_used(committed_file(dialect)) == {
        "FileDescriptorProto.name",
        "FileDescriptorProto.package",
        "FileDescriptorProto.message_type",
        "FileDescriptorProto.enum_type",
        "DescriptorProto.name",
        "DescriptorProto.field",
        "DescriptorProto.enum_type",
        "FieldDescriptorProto.name",
        "FieldDescriptorProto.number",
        "FieldDescriptorProto.label",
        "FieldDescriptorProto.type",
        "FieldDescriptorProto.type_name",
        "FieldDescriptorProto.default_value",
        "FieldDescriptorProto.options",
        "FieldOptions.packed",
        "EnumDescriptorProto.name",
        "EnumDescriptorProto.value",
        "EnumValueDescriptorProto.name",
        "EnumValueDescriptorProto.number",
    } | ({"DescriptorProto.nested_type"} if dialect in WITH_NESTED_MESSAGE else set())


@each_dialect
def test_set_is_of_the_size_of_a_caffe_schema(dialect: str) -> None:
    """Guards the other tests against comparing nothing with nothing."""
    messages, enums = file_facts(committed_file(dialect))
    assert len(messages) > 50
    assert len(enums) > 20
    assert sum(len(fields) for fields in messages.values()) > 350
    assert len(messages["LayerParameter"]) > 45
    assert len(messages["SolverParameter"]) > 35


# ---- the sets in one process ---------------------------------------------------------------------


def test_all_sets_live_in_one_process_and_leave_the_default_pool_alone(
    pools: dict[str, Any],
) -> None:
    """Seven packages named ``caffe`` do not meet."""
    # All are kept alive: an object that is gone may leave its id to the next one.
    descriptors = [
        message_class(pool, name).DESCRIPTOR
        for pool in pools.values()
        for name in ("NetParameter", "SolverParameter")
    ]
    assert len({id(descriptor) for descriptor in descriptors}) == 2 * len(DIALECTS)
    for dialect in DIALECTS:
        with pytest.raises(KeyError):
            descriptor_pool.Default().FindFileByName(f"protolint/{dialect}.proto")


@each_dialect
def test_nets_and_solvers_can_be_read_and_written(pools: dict[str, Any], dialect: str) -> None:
    """Classes made from a pool parse text and survive a binary round trip."""
    net_class = message_class(pools[dialect], "NetParameter")
    net = text_format.Parse(
        """
        name: "n"
        layer {
          name: "bn" type: "BatchNorm" bottom: "a" top: "b"
          param { lr_mult: 0 }
          include { phase: TEST }
          batch_norm_param { moving_average_fraction: 0.5 }
          blobs { shape { dim: 2 } data: [1, 2] }
        }
        """,
        net_class(),
    )
    again = net_class.FromString(net.SerializeToString())
    assert again == net
    assert list(again.layer[0].blobs[0].data) == [1, 2]
    assert again.layer[0].batch_norm_param.moving_average_fraction == 0.5

    solver_class = message_class(pools[dialect], "SolverParameter")
    solver = text_format.Parse('net: "n.prototxt" snapshot_format: HDF5', solver_class())
    assert solver_class.FromString(solver.SerializeToString()) == solver
    assert solver.snapshot_after_train


@pytest.mark.parametrize(
    ("dialect", "field_145", "field_148", "eps", "batch_norm_fields"),
    [
        pytest.param("bvlc", "parameter_param", "clip_param", 1e-5, [1, 2, 3], id="bvlc"),
        pytest.param("nvidia-0.14", None, None, 1e-5, [1, 2, 3, 5, 6, 15], id="nvidia-0.14"),
        pytest.param("nvidia-0.15", None, None, 1e-5, [1, 2, 3, 5, 6, 15], id="nvidia-0.15"),
        pytest.param(
            "nvidia-0.16.1",
            "forward_type",
            "backward_math",
            1e-4,
            [1, 2, 3, 5, 6, 7, 15],
            id="nvidia-0.16.1",
        ),
        pytest.param(
            "nvidia-0.16",
            "forward_type",
            "backward_math",
            1e-5,
            [1, 2, 3, 5, 6, 7, 15],
            id="nvidia-0.16",
        ),
        pytest.param(
            "nvidia-0.17",
            "forward_type",
            "backward_math",
            1e-5,
            [1, 2, 3, 5, 6, 7, 15],
            id="nvidia-0.17",
        ),
        pytest.param(
            "intel",
            "parameter_param",
            "smooth_l1_loss_param",
            1e-5,
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            id="intel",
        ),
    ],
)
def test_each_pool_keeps_what_sets_its_dialect_apart(
    pools: dict[str, Any],
    dialect: str,
    field_145: str | None,
    field_148: str | None,
    eps: float,
    batch_norm_fields: list[int],
) -> None:
    """Colliding numbers and differing defaults are those of the right dialect."""
    layer = message_class(pools[dialect], "LayerParameter").DESCRIPTOR.fields_by_number
    assert (layer[145].name if 145 in layer else None) == field_145
    assert (layer[148].name if 148 in layer else None) == field_148
    batch_norm = message_class(pools[dialect], "BatchNormParameter")
    assert batch_norm().eps == pytest.approx(eps, rel=1e-6)
    assert sorted(batch_norm.DESCRIPTOR.fields_by_number) == batch_norm_fields
