"""A bound message is what protobuf would build, and says what does not fit and where."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from protolint.caffe.binder import BindProblem, Message, ProblemKind, bind, to_protobuf
from protolint.caffe.descriptors import load_schema
from protolint.caffe.registry import DIALECTS, TARGETS
from protolint.source import Source
from protolint.text import parse
from protolint.weights.kinds import FileKind
from protolint.workspace.reading import classify
from tests.sample import ALL, sample

MESSAGES = {"net": "NetParameter", "solver": "SolverParameter"}


def bound(text: str, dialect: str = "bvlc") -> tuple[Message, list[BindProblem]]:
    tree = parse(Source("x", text.encode()))
    return bind(load_schema(dialect).messages["NetParameter"], tree.children)


#: The Caffes whose parsers judged the corpus.
_JUDGED = [name for name in TARGETS if name not in ("ssd", "intel")]


def rows(corpus: Path) -> list[dict[str, str]]:
    head, *lines = (corpus / "MANIFEST.tsv").read_text("utf-8").splitlines()
    names = head.split("\t")
    return [dict(zip(names, line.split("\t"), strict=False)) for line in lines if line]


def test_every_corpus_file_is_accepted_or_refused_as_caffe_does(corpus: Path) -> None:
    wrong = []
    for row in rows(corpus):
        tree = parse(Source(row["file"], (corpus / row["file"]).read_bytes()))
        for dialect in _JUDGED:
            _, problems = bind(load_schema(dialect).messages[row["message"]], tree.children)
            accepted = not problems and not tree.broken
            if accepted != (row[f"cpp_{dialect}"] == "ok"):
                wrong.append((row["file"], dialect))
    assert wrong == []


def test_every_accepted_corpus_file_equals_what_protobuf_parses(corpus: Path) -> None:
    compared = 0
    for i, row in enumerate(rows(corpus)):
        accepted = [d for d in _JUDGED if row[f"cpp_{d}"] == "ok"]
        if not accepted:
            continue
        data = (corpus / row["file"]).read_bytes()
        tree = parse(Source(row["file"], data))
        # By one Caffe's schema, in turn: the library is slow.
        for dialect in sample(accepted, 5, i % len(accepted)):
            schema = load_schema(dialect)
            theirs = schema.message_class(row["message"])()
            text_format.Parse(data, theirs)
            ours, _ = bind(schema.messages[row["message"]], tree.children)
            assert to_protobuf(ours) == theirs, f"{row['file']} as {dialect}"
            compared += 1
    assert compared > (400 if ALL else 80)


def test_the_kind_of_every_corpus_file_is_told_from_its_content(corpus: Path) -> None:
    for row in rows(corpus):
        if row["kind"] not in ("net", "solver", "other"):
            continue
        tree = parse(Source(row["file"], (corpus / row["file"]).read_bytes()))
        kind = "label map" if "label map" in row["reason"] else row["kind"]
        assert classify(tree).value == kind, row["file"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('layer { name: "x" }', FileKind.NET),
        ('name: "x" base_lr: 1 layer { }', FileKind.NET),
        ('net: "x.prototxt"', FileKind.SOLVER),
        ("debug_info: true", FileKind.NET),
        ('item { name: "cat" }', FileKind.LABELS),
        ('item { name: "cat" } classes: 1', FileKind.OTHER),
        ("", FileKind.NET),
        ("#\n", FileKind.NET),
        ("@", FileKind.OTHER),
    ],
)
def test_kinds(text: str, kind: FileKind) -> None:
    assert classify(parse(Source("x", text.encode()))) is kind


def test_shipped_nets_equal_what_protobuf_parses(fixtures: Path) -> None:
    compared = 0
    for path in sorted((fixtures / "nets").glob("*.prototxt")):
        tree = parse(Source(path.name, path.read_bytes()))
        name = MESSAGES[classify(tree).value]
        for dialect in TARGETS:
            schema = load_schema(dialect)
            ours, problems = bind(schema.messages[name], tree.children)
            if problems or tree.broken:
                continue
            theirs = schema.message_class(name)()
            text_format.Parse(path.read_bytes(), theirs)
            assert to_protobuf(ours) == theirs
            compared += 1
    assert compared >= 20


@st.composite
def fields(draw: st.DrawFn, name: str, depth: int = 0) -> str:
    """Random fields of a message type, all of the right kind, as the schema has them."""
    schema = load_schema("nvidia-0.17")
    chosen = draw(st.lists(st.sampled_from(sorted(schema.messages[name].fields)), max_size=4))
    parts = []
    for field in (schema.messages[name].fields[f] for f in chosen):
        if field.kind == "message":
            if depth < 3 and not field.message.required:
                parts.append(f"{field.name} {{ {draw(fields(field.target, depth + 1))} }}")
            continue
        raw = {
            "string": '"a\\n"', "bytes": '"\\377"', "bool": "true", "float": "1e-3",
            "double": "-2.5", "int32": "-7", "int64": "0x7f", "uint32": "017", "uint64": "1",
        }.get(field.kind) or next(iter(field.enum.numbers))  # fmt: skip
        parts.append(f"{field.name}: {raw}")
    return "\n".join(parts)


@given(fields("NetParameter"))
def test_random_messages_equal_what_protobuf_parses(text: str) -> None:
    schema = load_schema("nvidia-0.17")
    tree = parse(Source("x", text.encode()))
    ours, problems = bind(schema.messages["NetParameter"], tree.children)
    theirs = schema.message_class("NetParameter")()
    try:
        text_format.Parse(text, theirs)
    except text_format.ParseError:
        assert {p.kind for p in problems} == {ProblemKind.DUPLICATE_FIELD}
        return
    assert problems == []
    assert to_protobuf(ours) == theirs


def test_defaults_are_the_schemas() -> None:
    message, _ = bound("layer { batch_norm_param { } pooling_param { } param { } }")
    layer = message.messages("layer")[0]
    batchnorm = layer.message("batch_norm_param")
    assert batchnorm is not None
    assert batchnorm.number("eps") == pytest.approx(1e-5)
    assert batchnorm.number("moving_average_fraction") == pytest.approx(0.999)
    assert layer.messages("param")[0].number("lr_mult") == 1
    pooling = layer.message("pooling_param")
    assert pooling is not None
    assert pooling.text("pool") == "MAX"
    assert "pool" not in pooling


def test_every_default_of_every_dialect_is_protobufs() -> None:
    checked = 0
    for dialect in DIALECTS.values():
        schema = load_schema(dialect.schema)
        for name, message in schema.messages.items():
            theirs = schema.message_class(name).DESCRIPTOR
            for field in message.fields.values():
                if field.kind == "message" or field.repeated:
                    continue
                other = theirs.fields_by_name[field.name]
                default = other.default_value
                if field.kind == "enum":
                    default = other.enum_type.values_by_number[default].name
                assert field.default == pytest.approx(default), (dialect.name, name, field.name)
                checked += 1
    assert checked > 1500


def test_problems_name_the_field_the_message_and_the_place() -> None:
    text = 'layer { nam: "x" type: ReLU name: "a" name: "b" relu_param: 1 bottom: ["x"] }'
    _, problems = bound(text)
    assert [(p.kind.value, p.node.name, p.message.name) for p in problems] == [
        ("unknown field", "nam", "LayerParameter"),
        ("wrong value", "type", "LayerParameter"),
        ("duplicate field", "name", "LayerParameter"),
        ("wrong value", "relu_param", "LayerParameter"),
    ]
    assert [text[p.node.start :].partition(":")[0] for p in problems] == [
        "nam", "type", "name", "relu_param",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("layer { type: BatchNorm }", "BatchNorm"),
        ('layer { phase: "TRAIN" }', "TRAIN"),
        ("layer { pooling_param { pool: max } }", "MAX"),
        ('layer { inner_product_param { num_output: "10" } }', 10),
        ("layer { inner_product_param { num_output: 10.0 } }", 10),
        ('layer { inner_product_param { bias_term: "False" } }', False),
        ("layer { inner_product_param { num_output: ten } }", None),
        ('layer { batch_norm_param { eps: "1e-3" } }', 1e-3),
    ],
)
def test_a_wrong_value_is_read_as_it_was_meant(text: str, guess: object) -> None:
    _, (problem,) = bound(text)
    assert problem.kind is ProblemKind.WRONG_VALUE
    assert problem.guess == guess


def test_a_message_without_its_required_field_is_refused_as_protobuf_does() -> None:
    _, problems = bound("layer { clip_param { min: 0 } }")
    assert [(p.kind, p.field and p.field.name) for p in problems] == [
        (ProblemKind.MISSING_FIELD, "max")
    ]
    # Python's parser leaves this check to the caller; C++'s refuses the text.
    theirs = load_schema("bvlc").message_class("NetParameter")()
    text_format.Parse("layer { clip_param { min: 0 } }", theirs)
    assert theirs.FindInitializationErrors() == ["layer[0].clip_param.max"]
