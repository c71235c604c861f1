"""What does not fit is the same when it is looked for in all Caffes at once and in each alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolint.caffe.binder import bind
from protolint.caffe.descriptors import load_schema
from protolint.caffe.misfits import misfits_of, targets_taking
from protolint.caffe.registry import DIALECTS, TARGETS
from protolint.source import Source, Span
from protolint.text import parse
from tests.conftest import SHARED
from tests.sample import every, sample

_NETS = Path(__file__).parents[2] / "fixtures" / "nets"
_CORPUS = sorted((SHARED / "corpus").glob("*.prototxt"))
_MISFITS = """\
layer {
  name: "bn"
  type: "BatchNorm"
  bottom: "x"
  top: "y"
  batch_norm_param {
    scale_bias: true
    engine: CUDNN
    nowhere { is: 1 }
  }
}
"""
_TEXTS = (
    _MISFITS,
    _MISFITS * 3,
    _MISFITS.replace("scale_bias: true", "scale_bias: 2") * 2,
    _MISFITS.replace("scale_bias: true", "scale_bias: false scale_bias: true"),
    _MISFITS.replace('top: "y"', 'top: "y"\n  name: "again"'),
    _MISFITS.replace('name: "bn"\n', 'name: "bn"\n  name: "bn"\n') * 2,
    _MISFITS.replace("batch_norm_param", "batch_norm_param: 1 relu_param") * 2,
    _MISFITS.replace("engine: CUDNN", "engine: [CUDNN, CAFFE] eps: []"),
    _MISFITS.replace("engine: CUDNN", "engine: cudnn eps: 'x'"),
    'layer: [{ name: "a" foo: 1 }, { name: "b" lrn_param < k: x > }] layer []',
    "layers { layer { name: 'a' blobs_lr: x } type: RULE } input_dim: [1, 2.5, -1] name { }",
    'layer {\n  name: "bn"\n  eps: }\n',
)


def _one_by_one(data: bytes) -> dict[str, list[tuple[str, Span, str]]]:
    found = {}
    for name in TARGETS:
        net = load_schema(DIALECTS[name].schema).messages["NetParameter"]
        problems = bind(net, parse(Source("x.prototxt", data)).children)[1]
        found[name] = sorted((p.kind.name, p.node.span, p.message.name) for p in problems)
    return found


def _at_once(data: bytes) -> dict[str, list[tuple[str, Span, str]]]:
    misfits = list(misfits_of("NetParameter", parse(Source("x.prototxt", data)).children))
    return {
        name: sorted((m.kind.name, m.node.span, m.message) for m in misfits if name in m.refusing)
        for name in TARGETS
    }


def _agree(data: bytes) -> None:
    alone = _one_by_one(data)
    assert _at_once(data) == alone
    taking = targets_taking("NetParameter", parse(Source("x.prototxt", data)).children)
    assert taking == {name for name, problems in alone.items() if not problems}


@pytest.mark.parametrize("text", _TEXTS)
def test_awkward_texts_have_the_misfits_that_each_caffe_finds(text: str) -> None:
    _agree(text.encode())


@pytest.mark.parametrize(
    "path", [*sorted(_NETS.glob("*.prototxt")), *sample(_CORPUS, 12)], ids=lambda path: path.name
)
def test_real_nets_have_the_misfits_that_each_caffe_finds(path: Path) -> None:
    _agree(path.read_bytes())


_LINES = [line for text in _TEXTS[:6] for line in text.splitlines()]


@settings(max_examples=200 // every(4), deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(_LINES)), max_size=4))
def test_nets_with_stray_lines_have_the_misfits_that_each_caffe_finds(
    strays: list[tuple[int, str]],
) -> None:
    lines = (_MISFITS * 2 + (_NETS / "bvlc_train_val.prototxt").read_text("utf-8")).splitlines()
    for place, line in strays:
        lines.insert(place % len(lines), line)
    _agree("\n".join(lines).encode())


def test_no_shipped_schema_has_a_oneof() -> None:
    for name in TARGETS:
        for message in load_schema(DIALECTS[name].schema).messages.values():
            assert all(field.oneof is None for field in message.fields.values()), message
