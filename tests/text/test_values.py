"""Tokens mean what Caffe's parser takes them for, and what protobuf's Python parser does."""

from __future__ import annotations

import math
import re

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from protolint.caffe.binder import bind, to_protobuf
from protolint.caffe.descriptors import load_schema
from protolint.source import Source
from protolint.text import parse
from protolint.text.values import BAD, quoted

# Seen on real builds: what Caffe's C++ parser takes and refuses, by kind of field.
TAKEN = {
    "float": ["1e-5", "1e-5f", "1E-3", ".001", "1.", "1f", "inf", "-inf", "Infinity", "nan",
              "- 0.001", "1e-50", "1e50", "3"],
    "bool": ["true", "false", "True", "False", "t", "f", "1", "0"],
    "uint32": ["3", "0x3", "03", "4294967295"],
    "enum": ["MAX", "0"],
    "string": ['"a" \'b\'', r'"\t\x41\101\u00e9"', '"\xc3\xa9"', '""'],
}  # fmt: skip
REFUSED = {
    "float": ["+1e-3", "0x10", "010", '"0.1"', "1d", "true"],
    "bool": ["TRUE", "2", "yes", '"true"'],
    "uint32": ["3.0", "1e1", "+3", "-1", "08", "4294967296", '"3"', "1_0"],
    "enum": ["max", '"MAX"', "7"],
    "string": ["a", '"\\q"', '"open'],
}
FIELDS = {
    "float": "layer { batch_norm_param { eps: %s } }",
    "bool": "layer { batch_norm_param { use_global_stats: %s } }",
    "uint32": "layer { convolution_param { num_output: %s } }",
    "enum": "layer { pooling_param { pool: %s } }",
    "string": "layer { name: %s }",
}


def fits(text: str) -> bool:
    tree = parse(Source("x", text.encode("latin-1")))
    _, problems = bind(load_schema("bvlc").messages["NetParameter"], tree.children)
    return not problems and not tree.broken


@pytest.mark.parametrize(("kind", "raw"), [(k, raw) for k, many in TAKEN.items() for raw in many])
def test_takes_what_caffe_takes(kind: str, raw: str) -> None:
    text = FIELDS[kind] % raw
    assert fits(text)
    ours = parse(Source("x", text.encode("latin-1"))).children
    message, _ = bind(load_schema("bvlc").messages["NetParameter"], ours)
    if raw == "- 0.001":
        # Python's parser wants the sign next to the number.
        assert to_protobuf(message).layer[0].batch_norm_param.eps < 0
        return
    theirs = load_schema("bvlc").message_class("NetParameter")()
    text_format.Parse(text.encode("latin-1"), theirs)
    if "nan" in raw:
        eps = to_protobuf(message).layer[0].batch_norm_param.eps
        assert math.isnan(eps)
    else:
        assert to_protobuf(message) == theirs


@pytest.mark.parametrize(("kind", "raw"), [(k, raw) for k, many in REFUSED.items() for raw in many])
def test_refuses_what_caffe_refuses(kind: str, raw: str) -> None:
    assert not fits(FIELDS[kind] % raw)


@given(
    st.sampled_from(sorted(FIELDS)),
    st.text("0123456789.eE+-fxXainftrueTRUMAX\"' ", min_size=1, max_size=6),
)
def test_agrees_with_protobuf_on_arbitrary_tokens(kind: str, raw: str) -> None:
    text = FIELDS[kind] % raw
    theirs = load_schema("bvlc").message_class("NetParameter")()
    try:
        text_format.Parse(text, theirs)
        accepted = True
    except text_format.ParseError:
        accepted = False
    if fits(text) != accepted:
        # Python's tokenizer reads some numbers that the C++ one refuses. The reverse is a bool as
        # an integer in another base: Python knows 0 and 1 alone (text_format.cc takes any integer).
        assert accepted or (kind == "bool" and re.fullmatch(r" *0[xX]?0*[01] *", raw))
        assert kind in ("float", "uint32", "bool", "enum")
        return
    if accepted and "nan" not in raw.lower():
        tree = parse(Source("x", text.encode()))
        message, _ = bind(load_schema("bvlc").messages["NetParameter"], tree.children)
        assert to_protobuf(message) == theirs


@pytest.mark.parametrize(
    ("raw", "content"),
    [
        ('"a"', b"a"),
        ("'a'\"b\"", b"ab"),
        (r'"\a\b\f\n\r\t\v\\\'\"\?"', b"\a\b\f\n\r\t\v\\'\"?"),
        (r'"\0\17\101\777"', b"\0\x0fA\xff"),
        (r'"\x4\x41\x414"', b"\x04AA4"),
        (r'"\u00e9\U0001F600"', "é😀".encode()),
        (r'"\ud83d\ude00"', "😀".encode()),
    ],
)
def test_escapes(raw: str, content: bytes) -> None:
    assert quoted(raw) == content


@pytest.mark.parametrize("raw", ["a", "", "1", '"a', "'a\"", '"a"b'])
def test_no_string(raw: str) -> None:
    assert quoted(raw) is BAD
