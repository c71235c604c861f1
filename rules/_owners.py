"""Who else knows a field that the target does not."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from protolint.caffe.binder import BindProblem
from protolint.caffe.descriptors import load_schema
from protolint.caffe.forks import (
    FOREIGN_SCHEMAS,
    GREW_FROM,
    SCHEMA_TITLES,
    Unknown,
    forks_that_know,
)
from protolint.workspace.reading import LintFile


def owners_of(file: LintFile, problem: BindProblem) -> list[str]:
    """Return the dialects and forks that have an unknown field in the same message, by name."""
    return _owners(file.dialect.schema, problem.message.name, problem.node.name)


@lru_cache(maxsize=4096)
def _owners(schema: str, message: str, field: str) -> list[str]:
    found: list[str] = []
    for name in FOREIGN_SCHEMAS:
        known = name != schema and field in _fields(name, message)
        if known and GREW_FROM.get(name) not in found:
            found.append(name)
    if not found:
        return [fork.name for fork in forks_that_know(Unknown(message, field))]
    return [SCHEMA_TITLES.get(name, name) for name in found]


def _fields(schema: str, message: str) -> Collection[str]:
    found = load_schema(schema).messages.get(message)
    return found.fields if found is not None else ()
