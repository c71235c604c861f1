"""The field numbers that are written down are those of every compiled schema."""

from __future__ import annotations

import pytest

from protolint.caffe import numbers
from protolint.caffe.descriptors import load_schema
from protolint.caffe.forks import FOREIGN_SCHEMAS

MESSAGES = {
    numbers.NetField: "NetParameter",
    numbers.LayerField: "LayerParameter",
    numbers.V1LayerField: "V1LayerParameter",
    numbers.V0LayerField: "V0LayerParameter",
    numbers.ParamField: "ParamSpec",
    numbers.BatchNormField: "BatchNormParameter",
    numbers.ScaleField: "ScaleParameter",
    numbers.SolverStateField: "SolverState",
}
# Intel has these under other numbers, which nobody reads.
OTHERWISE = {
    ("intel", "BatchNormParameter", "engine"),
    ("intel", "BatchNormParameter", "bias_filler"),
}


def test_every_class_of_numbers_is_tested() -> None:
    assert {message.__name__ for message in MESSAGES} == set(numbers.__all__)


@pytest.mark.parametrize(("message", "title"), MESSAGES.items(), ids=MESSAGES.values())
def test_numbers_are_those_of_the_schemas(message: type[object], title: str) -> None:
    wanted = {name.lower(): number for name, number in vars(message).items() if name.isupper()}
    assert wanted
    seen = set()
    for name in FOREIGN_SCHEMAS:
        known = load_schema(name).messages.get(title)
        fields = {} if known is None else known.fields
        for field in fields.keys() & wanted.keys():
            if (name, title, field) not in OTHERWISE:
                assert fields[field].number == wanted[field], f"{name}: {field}"
                seen.add(field)
    assert seen == set(wanted)
