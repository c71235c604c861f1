"""What a conversion leaves to remember comes back as it was, from wherever it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolint.caffe.registry import DIALECTS
from protolint.conversion.decide.forms import single
from protolint.conversion.decide.memory import ADDED, Memory, comment_of, is_added, mark, recall
from protolint.source import Source
from protolint.text import parse
from protolint.text.tree import Block

MEMORIES = st.builds(
    Memory,
    st.sampled_from(sorted(DIALECTS)),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.none() | st.floats(1e-9, 1.0).map(single),
    st.sampled_from(["", "DEFAULT", "CAFFE", "CUDNN"]),
)


def layer_of(text: str) -> tuple[Source, Block]:
    source = Source("x", text.encode())
    node = parse(source).children[0]
    assert isinstance(node, Block)
    return source, node


@pytest.mark.parametrize(
    "text",
    [
        "layer {  %s\n  name: 'x'\n}\n",
        "layer {%s # of mine\n  name: 'x'\n}\n",
        "layer { name: 'x' }  %s\n",
        "layer { name: 'x' } %s",
        "layer { %s\nname: 'x' }\n",
    ],
)
@given(memory=MEMORIES)
def test_a_memory_comes_back(text: str, memory: Memory) -> None:
    source, node = layer_of(text % mark(memory))
    found = recall(source, node)
    assert found == memory
    where = comment_of(source, node)
    assert where is not None
    assert source.decode(*where).strip() == mark(memory)


@given(memory=MEMORIES)
def test_a_memory_is_one_comment_on_one_line(memory: Memory) -> None:
    text = mark(memory)
    assert text.startswith("# protolint: was[")
    assert text.endswith("]")
    assert "\n" not in text
    assert "\r" not in text
    assert text.count("]") == 1


@pytest.mark.parametrize(
    "text",
    [
        "layer {\n  name: '# protolint: was[bvlc, plain]'\n}\n",
        "layer {\n  name: 'x'\n}  # protolint: ignore[BN001]\n",
        "layer {  # protolint: was[caffe2, plain]\n}\n",
        "layer {\n}\n# protolint: was[bvlc, plain]\n",
        "layer {\n  type: 'x'  # protolint: was[bvlc, plain]\n}\n",
    ],
)
def test_other_text_is_no_memory(text: str) -> None:
    assert recall(*layer_of(text)) is None


@pytest.mark.parametrize("value", ["eps=small", "engine=MKL", "colour=red", "=", ""])
def test_what_is_not_understood_is_passed_over(value: str) -> None:
    source, node = layer_of(f"layer {{  # protolint: was[bvlc, {value}, plain]\n}}\n")
    assert recall(source, node) == Memory("bvlc", plain=True)


def test_a_layer_that_was_put_in_is_told() -> None:
    assert is_added(*layer_of(f"layer {{  {ADDED}\n}}\n"))
    assert is_added(*layer_of(f"layer {{ }}  {ADDED}\n"))
    assert not is_added(*layer_of("layer {  # protolint: addedness\n}\n"))
    assert not is_added(*layer_of("layer { }\n"))
