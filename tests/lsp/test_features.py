"""Completion, navigation, rename and layout: as functions, and through the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls", reason="the server needs pygls")

from protolint.edit import Edit, apply_edits
from protolint.errors import UsageError
from protolint.lsp.completion import complete
from protolint.lsp.hover import describe_field
from protolint.lsp.navigation import definition, describe_blob, references, rename
from protolint.net.net import Net
from protolint.source import Source
from protolint.workspace.reading import LintFile
from protolint.workspace.workspace import Choices, Workspace

ROOT = Path(__file__).resolve().parents[2]
NETS = sorted((ROOT / "fixtures" / "nets").glob("*.prototxt"))
NET = """\
name: "n"
layer { name: "d" type: "Data" top: "x" top: "label" data_param { batch_size: 2 } }
layer { name: "c" type: "Convolution" bottom: "x" top: "y" convolution_param { num_output: 4 } }
layer { name: "r" type: "ReLU" bottom: "y" top: "y" }
layer { name: "p" type: "Pooling" bottom: "y" top: "z" pooling_param { pool: MAX } }
"""


def read(text: str) -> LintFile:
    choices = Choices(isolated=True)
    return Workspace(choices).read(Source("x.prototxt", text.encode()))


def proposals(text: str) -> list[str]:
    """What is proposed at the mark `|`."""
    offset = text.index("|")
    file = read(NET)
    found = complete(text.replace("|", ""), offset, file.message.type, file.dialect)
    return [item.label for item in found.items]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ('layer { name: "a" type: "Convolution" bottom: "x" top: "y" | }', "convolution_param"),
        ('layer { name: "a" type: "Pooling"\n  pooling_param { po| } }', "pool"),
        ("layer { pooling_param { pool: A| } }", "AVE"),
        ('layer { type: "Batch| }', "BatchNorm"),
        ('layer { top: "near" }\nlayer { bottom: "|', "near"),
        ("layer { inner_product_param { bias_term: f|", "false"),
        ('layer { convolution_param { weight_filler { type: "xav|" } } }', "xavier"),
        ("layer { include { phase: T|", "TRAIN"),
        ("layer { |: 3 }", "loss_weight"),
        ("la|", "layer"),
        ('layer { include { stage: "deploy" } }\nlayer { include { stage: "|" } }', "deploy"),
    ],
)
def test_the_right_thing_comes_first(text: str, first: str) -> None:
    assert proposals(text)[0] == first


def test_nothing_is_proposed_in_a_comment_or_an_unknown_message() -> None:
    assert proposals("# la|") == []
    assert proposals("layer { nonsense_param { a| } }") == []
    assert "name" not in proposals('layer { name: "a" | }')


def test_no_prefix_of_a_net_raises() -> None:
    file = read(NET)
    text = NETS[0].read_bytes().decode("latin-1")
    for end in range(0, len(text), 3):
        complete(text[:end], end, file.message.type, file.dialect)


def net(text: str = NET) -> Net:
    return read(text).nets[0]


def test_a_blob_leads_to_the_layer_that_makes_it() -> None:
    (span,) = definition(net(), NET.rindex('bottom: "y"'))
    assert span.start == NET.index('type: "ReLU"') + len('type: "ReLU" bottom: "y" ')
    found = references(net(), NET.rindex('bottom: "y"'))
    assert [node.start for node in found] == [
        i for i in range(len(NET)) if NET.startswith(('top: "y"', 'bottom: "y"'), i)
    ]
    place = describe_blob(net(), NET.index('top: "y"'))
    assert place is not None
    assert "read by `r`" in place[1]


def test_a_field_is_explained_for_each_caffe() -> None:
    text = "layer { batch_norm_param { eps: 1e-3 } }"
    found = describe_field(text, text.index("eps") + 1, "NetParameter")
    assert found is not None
    assert "1e-05 if not set" in found[1]
    assert "bvlc" in found[1] or "a number" in found[1]
    assert describe_field("layer { nme: 1 }", 9, "NetParameter") is None


def graph(net: Net) -> list[list[tuple[str, list[Any], list[bool]]]]:
    """Which layer reads what which other makes, state by state, without any name of a blob."""
    return [
        [
            (
                layer.type,
                [b and (b.producer.index if b.producer else -1) for b in view.bottoms[layer.index]],
                [top.overwritten is not None for top in view.tops[layer.index]],
            )
            for layer in view.layers
        ]
        for view in net.views
    ]


@pytest.mark.parametrize("path", NETS, ids=lambda path: path.stem)
def test_a_renamed_blob_leaves_the_graph_as_it_is(path: Path) -> None:
    text = path.read_bytes()
    before = read(text.decode()).nets
    if not before:
        return
    tops = [top for layer in before[0].layers for top in layer.tops]
    for top in tops[:: max(1, len(tops) // 4)]:
        edits = rename(before[0], top.node.start, "another_name")
        data = apply_edits(text, [Edit(span.start, span.end, value) for span, value in edits])
        assert data != text
        assert graph(read(data.decode()).nets[0]) == graph(before[0])


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(UsageError, match="has a blob 'z' already"):
        rename(net(), NET.index('top: "y"'), "z")
    with pytest.raises(UsageError, match="has a layer 'p' already"):
        rename(net(), NET.index('name: "r"'), "p")
