"""What a BatchNorm is in each Caffe agrees with the layouts that its blobs have."""

from __future__ import annotations

import pytest

from protolint.batchnorm.base import Role
from protolint.batchnorm.layouts import LAYOUTS
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DIALECTS
from protolint.conversion.decide.forms import form_in, shortest, single

FORMS = [
    (dialect, engine, affine)
    for dialect in DIALECTS.values()
    for engine in dialect.engines
    for affine in (False, True)
]


@pytest.mark.parametrize(
    ("dialect", "engine", "affine"), FORMS, ids=lambda v: getattr(v, "name", str(v))
)
@pytest.mark.parametrize("eps", [None, 0.0, 1e-9, 1e-6, 1e-5, 1e-4, 0.001, 1.0, -1.0])
def test_roles_and_eps_are_those_of_the_layout(
    dialect: Dialect, engine: str, affine: bool, eps: float | None
) -> None:
    form = form_in(dialect, engine, affine=affine, eps=eps)
    layout = LAYOUTS[form.layout]
    assert tuple(Role(role) for role in form.blobs) == layout.roles
    assert form.affine == layout.affine
    assert form.eps == dialect.kind_of(form.layout).eps.effective(eps)


def test_every_layout_that_can_be_a_target_is_reached() -> None:
    found = {form_in(d, e, affine=a, eps=None).layout for d, e, a in FORMS if d.can_be_written}
    assert found == {"B3", "N14C", "N15A", "N15C", "N16-3", "N16-5"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-5, "1e-05"), (0.001, "0.001"), (1e-4, "0.0001"), (0.1, "0.1"), (2e-5, "2e-05"), (1, "1")],
)
def test_numbers_are_written_as_people_write_them(value: float, text: str) -> None:
    assert shortest(single(value)) == text


@pytest.mark.parametrize("value", [1 / 3, 1.2345678e-7, 3.4e38, 1e-45, 0.0, float("inf")])
def test_numbers_read_back_as_the_same_32_bits(value: float) -> None:
    assert single(float(shortest(single(value)))) == single(value)
