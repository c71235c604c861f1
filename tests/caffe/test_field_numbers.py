"""The field numbers that are written down are those of every compiled schema."""

from __future__ import annotations

import pytest

from protolint.caffe import field_numbers
from protolint.caffe.descriptors import load_schema
from protolint.caffe.legacy import V1_TYPES, V1_TYPES_BY_NUMBER
from protolint.caffe.registry import FOREIGN

MESSAGES = {
    field_numbers.NetField: "NetParameter",
    field_numbers.LayerField: "LayerParameter",
    field_numbers.V1LayerField: "V1LayerParameter",
    field_numbers.V0LayerField: "V0LayerParameter",
    field_numbers.ParamField: "ParamSpec",
    field_numbers.BatchNormField: "BatchNormParameter",
    field_numbers.ScaleField: "ScaleParameter",
    field_numbers.SolverStateField: "SolverState",
}
# Intel has these under other numbers, which nobody reads.
OTHERWISE = {
    ("intel", "BatchNormParameter", "engine"),
    ("intel", "BatchNormParameter", "bias_filler"),
}


def test_every_class_of_numbers_is_tested() -> None:
    without_schema = {"ForkLayerField"}
    assert {message.__name__ for message in MESSAGES} == set(field_numbers.__all__) - without_schema


def test_old_types_have_the_numbers_of_the_schemas() -> None:
    for name in (dialect.schema for dialect in FOREIGN):
        enum = load_schema(name).messages["V1LayerParameter"].fields["type"].enum
        assert enum is not None
        assert enum.numbers.keys() <= V1_TYPES.keys(), name
        for word, number in enum.numbers.items():
            assert V1_TYPES_BY_NUMBER[number] == V1_TYPES[word], word
    assert len(V1_TYPES_BY_NUMBER) == len(V1_TYPES) == 40


@pytest.mark.parametrize(("message", "title"), MESSAGES.items(), ids=MESSAGES.values())
def test_numbers_are_those_of_the_schemas(message: type[object], title: str) -> None:
    wanted = {name.lower(): number for name, number in vars(message).items() if name.isupper()}
    assert wanted
    seen = set()
    for name in (dialect.schema for dialect in FOREIGN):
        known = load_schema(name).messages.get(title)
        fields = {} if known is None else known.fields
        for field in fields.keys() & wanted.keys():
            if (name, title, field) not in OTHERWISE:
                assert fields[field].number == wanted[field], f"{name}: {field}"
                seen.add(field)
    assert seen == set(wanted)
