"""The catalogue of layers: every type of every Caffe has an entry that says all of it."""

from __future__ import annotations

from importlib import import_module
from itertools import product

import pytest

from protolint.caffe.descriptors import load_schema
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DIALECTS
from protolint.layers import catalogue
from protolint.layers.base import Count, InPlace, LayerType, Setup, unknown
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.layers.shape import SCALAR, UNKNOWN, Shape
from protolint.source import Source
from protolint.workspace.reading import Readings

CASES = [
    pytest.param(DIALECTS[name], kind, id=f"{name}-{kind}")
    for name in DIALECTS
    for kind in sorted(DIALECTS[name].layer_types)
]
#: What the text does not decide: whatever the top is, nothing is known of it.
WRITTEN_ELSEWHERE = {
    "BoxData", "EvalDetection", "HDF5Output", "MnActivation", "Python", "Silence", "TRT",
}  # fmt: skip
#: Fields of data_param that single Caffes have.
_PREFETCH = {"prefetch", "threads", "parser_threads"}
IMAGES, ROWS, FLAT = Shape.of((2, 6, 9, 8)), Shape.of((2, 6)), Shape.of((2,))


def layer_of(kind: str, dialect: Dialect, inside: str = "", bottoms: int = 0) -> Layer:
    """A layer of a type with every message of its own given, empty."""
    reads = "".join(f' bottom: "b{i}"' for i in range(bottoms))
    text = f'layer {{ name: "l" type: "{kind}"{reads} top: "t" {inside} }}\n'
    (net,) = Readings.of(Source("net.prototxt", text.encode())).read(dialect).nets
    return net.layers[0]


def test_every_registered_type_has_an_entry_and_no_other_has() -> None:
    registered = {kind for dialect in DIALECTS.values() for kind in dialect.layer_types}
    assert registered == set(ALL_TYPES)


def test_families_have_the_types_that_are_listed_for_them() -> None:
    for family, names in catalogue._FAMILIES.items():
        types = import_module(f"protolint.layers.{family}").TYPES
        assert sorted(known.name for known in types) == sorted(names)
        assert all(ALL_TYPES[known.name] is known for known in types)
    assert len(ALL_TYPES) == len(list(ALL_TYPES))
    assert ALL_TYPES.get("Nope") is None


@pytest.mark.parametrize(("dialect", "kind"), CASES)
def test_an_entry_fits_the_schema_of_whoever_registers_the_type(
    dialect: Dialect, kind: str
) -> None:
    fields = load_schema(dialect.schema).messages["LayerParameter"].fields
    known = ALL_TYPES[kind]
    for name in known.parameters:
        assert name in fields
        assert fields[name].kind == "message"
    for name, read in known.reads_of.items():
        message = fields.get(name)
        assert message is None or read <= set(message.message.fields) | _PREFETCH


@pytest.mark.parametrize(("dialect", "kind"), CASES)
def test_an_entry_says_all_that_is_asked_of_a_type(dialect: Dialect, kind: str) -> None:
    known = ALL_TYPES[kind]
    given = " ".join(f"{name} {{ }}" for name in known.parameters)
    layer = layer_of(kind, dialect, given)
    for count in (known.bottoms_of(layer, dialect), known.tops_of(layer, dialect)):
        assert count.least >= 0
        assert count.most is None or count.least <= count.most
    assert known.effect_in_place(layer, dialect) in InPlace
    assert isinstance(known.backward.bottom(layer), bool)
    for in_place in (False, True):
        assert known.backward.spoilers(layer, in_place) <= set(ALL_TYPES)
    assert (known.shape is unknown) == (kind in WRITTEN_ELSEWHERE)
    _try_shapes(known, layer, dialect)


def _try_shapes(known: LayerType, layer: Layer, dialect: Dialect) -> None:
    """Nothing in an entry fails on bottoms of any shape."""
    for bottoms in product((IMAGES, ROWS, FLAT, SCALAR, UNKNOWN, Shape((4,))), repeat=2):
        for count in range(3):
            setup = Setup(layer, bottoms[:count], dialect)
            tops = [known.shape(setup, i) for i in range(2)]
            if known.keeps_shape:
                assert tops == [setup.first] * 2
            blobs = None if known.blobs is None else list(known.blobs(setup))
            assert bool(blobs) <= known.learnable
            if known.products is not None and blobs:
                shapes = [blob.shape for blob in blobs]
                assert known.products(setup, tops[:1], shapes) is None


def test_numbers_of_bottoms_and_tops() -> None:
    """Of include/caffe/layers @ BVLC master, v0.14.5, v0.17.4; intel/caffe 1.1.6."""
    bvlc, intel = DIALECTS["bvlc"], DIALECTS["intel"]

    def counts(kind: str, inside: str = "", target: Dialect = bvlc) -> tuple[Count, Count]:
        layer, known = layer_of(kind, target, inside), ALL_TYPES[kind]
        return known.bottoms_of(layer, target), known.tops_of(layer, target)

    assert counts("Convolution") == (Count(1), Count(1))
    assert ALL_TYPES["Convolution"].equal
    assert counts("Pooling") == (Count(1, 1), Count(1, 2))
    assert counts("Pooling", "pooling_param { pool: AVE }") == (Count(1, 1), Count(1, 1))
    assert counts("LSTM") == (Count(2, 3), Count(1, 1))
    assert counts("LSTM", "recurrent_param { expose_hidden: true }") == (Count(4, 5), Count(3, 3))
    assert counts("RNN", "recurrent_param { expose_hidden: true }") == (Count(3, 4), Count(2, 2))
    assert counts("SoftmaxWithLoss") == (Count(2, 2), Count(1, 2))
    assert counts("SoftmaxWithLoss", "", intel) == (Count(2, 3), Count(1, 2))
    assert counts("Accuracy") == (Count(2, 2), Count(1, 2))
    for name, tops in (("nvidia-0.14", Count(1)), ("nvidia-0.16", Count(1)),
                       ("nvidia-0.17", Count(1, 2))):  # fmt: skip
        assert counts("Accuracy", "", DIALECTS[name])[1] == tops
    assert counts("InfogainLoss") == (Count(2, 3), Count(1, 2))
    assert counts("InfogainLoss", "", DIALECTS["ssd"]) == (Count(2, 3), Count(1, 1))


@pytest.mark.parametrize(
    ("kind", "inside", "dialect", "effect"),
    [
        ("Flatten", "", "bvlc", InPlace.ABORTS),
        ("Flatten", "", "nvidia-0.14", InPlace.FINE),
        ("Eltwise", "", "nvidia-0.16", InPlace.WRONG_OUTPUT),
        ("Eltwise", "", "nvidia-0.17", InPlace.FINE),
        ("Eltwise", "eltwise_param { operation: PROD }", "bvlc", InPlace.FINE),
        ("MVN", "", "bvlc", InPlace.WRONG_GRADIENT),
        ("ReLU", "", "bvlc", InPlace.FINE),
        ("Concat", "", "bvlc", InPlace.UNTRIED),
    ],
)
def test_work_in_place(kind: str, inside: str, dialect: str, effect: InPlace) -> None:
    target = DIALECTS[dialect]
    assert ALL_TYPES[kind].effect_in_place(layer_of(kind, target, inside), target) is effect
