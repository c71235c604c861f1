"""Each Caffe's facts: in themselves, and against what the real ones did."""

from __future__ import annotations

import gzip
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from protolint.batchnorm.layouts import LAYOUTS
from protolint.caffe.batchnorm import Affine, EpsRule
from protolint.caffe.build import Build
from protolint.caffe.descriptors import load_schema
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import (
    DEFAULT,
    DIALECTS,
    NEWEST,
    TARGETS,
    registered_by,
    resolve_target,
    writers_of,
)
from protolint.lint.registry import find_rule
from protolint.source import Source
from protolint.workspace.reading import Readings

ORACLE = Path(__file__).resolve().parents[3] / "shared" / "oracle"
each_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda d: d.name)


@each_dialect
def test_kinds_and_layouts_say_the_same(dialect: Dialect) -> None:
    for kind in dialect.kinds:
        assert bool(kind.blobs) == bool(kind.layout) == (kind.affine is not Affine.ALWAYS)
        assert bool(kind.affine_blobs) == (kind.affine is not Affine.NEVER)
        for affine in (False, True):
            if not kind.blobs_of(affine=affine):
                continue
            layout = LAYOUTS[kind.layout_of(affine=affine)]
            assert tuple(role.value for role in layout.roles) == kind.blobs_of(affine=affine)
            assert layout.sums == kind.sums
            assert len(layout.shapes(3)[0]) == kind.blob_axes


@each_dialect
def test_layouts_of_files_are_layouts_and_its_own_are_among_them(dialect: Dialect) -> None:
    files = {name for group in dialect.file_layouts for name in group}
    assert dialect.layouts <= files <= LAYOUTS.keys()


@each_dialect
def test_defaults_of_a_schema_are_the_kinds(dialect: Dialect) -> None:
    field = load_schema(dialect.schema).messages["BatchNormParameter"].fields["eps"]
    assert float(field.default) == pytest.approx(dialect.engines["CAFFE"].eps.default)
    assert dialect.knows_field("BatchNormParameter", "engine") == dialect.has_engines
    if dialect.affine_field:
        assert dialect.knows_field("BatchNormParameter", dialect.affine_field)


@each_dialect
def test_harmless_fields_are_fields(dialect: Dialect) -> None:
    known = [DIALECTS["nvidia-0.16"]] if dialect.name == "nvidia-0.16.1" else [dialect]
    for path in dialect.harmless_fields:
        message, field = path.split(".")
        assert any(caffe.knows_field(message, field) for caffe in known), path


def test_a_caffe_is_one_value() -> None:
    assert pickle.loads(pickle.dumps(NEWEST)) == NEWEST
    assert len({*DIALECTS.values(), NEWEST, DEFAULT}) == len(DIALECTS)
    assert resolve_target("NVIDIA") is NEWEST
    assert resolve_target("ssd") == DIALECTS["ssd"]
    assert set(TARGETS) < DIALECTS.keys()


def test_eps_is_fixed_or_has_a_floor() -> None:
    assert EpsRule(fixed=1e-4).effective(0.5) == EpsRule(default=1e-4).effective(None)
    assert EpsRule(floor=1e-5).effective(1e-9) == EpsRule().effective(None)


def test_who_writes_a_layout_and_who_registers_a_type() -> None:
    assert [d.name for d in writers_of("B3")][:2] == ["bvlc", "ssd"]
    assert writers_of("N15C-inv-std")[0].name == "nvidia-0.15"
    assert writers_of("N16-5")[0] is NEWEST
    assert [d.name for d in writers_of("I5")] == ["intel"]
    assert registered_by("Swish") == ["bvlc", "intel"]
    assert registered_by("Nope") == []


def _verdicts(name: str) -> list[dict[str, Any]]:
    path = ORACLE / f"mixed-{name}.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"{path.name} is not here")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", ["ssd", "intel"])
def test_what_the_real_caffe_builds_is_accepted(name: str) -> None:
    built = [v for v in _verdicts(name) if v["TRAIN"]["builds"] or v["TEST"]["builds"]]
    assert len(built) > 400
    unknown_type = find_rule("PT005")
    for verdict in built:
        source = Source("net.prototxt", verdict["net"].encode())
        file = Readings.of(source, Build(cudnn=False)).read(DIALECTS[name])
        assert file.accepted, verdict["name"]
        assert not [f for net in file.nets for f in unknown_type.check(net)], verdict["name"]
