"""The table of demands: it names the module of each type, so that a net loads only its own."""

from __future__ import annotations

from importlib import import_module

from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.demands import FAMILIES, demands_of


def test_families_have_the_demands_that_are_listed_for_them() -> None:
    for family, names in FAMILIES.items():
        demands = import_module(f"protolint.layers.demands_{family}").DEMANDS
        assert sorted(demands) == sorted(names)
        assert all(demands_of(name) is demands[name] for name in names)
        assert set(names) <= set(ALL_TYPES)


def test_a_type_without_demands_has_none() -> None:
    assert demands_of("ReLU") is None
    assert demands_of("Nope") is None
