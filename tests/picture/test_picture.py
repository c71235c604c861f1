"""A picture shows every layer once, every blob that goes from box to box, and nothing else."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.cli import exit_code_of
from protolint.lint.check_text import check_readings
from protolint.net.net import Net
from protolint.net.view import View
from protolint.picture import Diagram, diagram, dot, svg
from protolint.picture.place import placed
from protolint.source import Source
from protolint.workspace.workspace import Choices, Workspace

pytest.importorskip("grandalf")

REPOSITORY = Path(__file__).resolve().parents[2]
NETS = sorted((REPOSITORY / "fixtures" / "nets").glob("*.prototxt"))
CORPUS = REPOSITORY.parent / "shared" / "corpus"
SVG = "{http://www.w3.org/2000/svg}"

BLOCK = """
layer {{ name: "conv{0}" type: "Convolution" bottom: "x{0}" top: "c{0}"
  convolution_param {{ num_output: 4 kernel_size: 3 pad: 1 }} }}
layer {{ name: "bn{0}" type: "BatchNorm" bottom: "c{0}" top: "c{0}" }}
layer {{ name: "sc{0}" type: "Scale" bottom: "c{0}" top: "c{0}" scale_param {{ bias_term: true }} }}
layer {{ name: "re{0}" type: "ReLU" bottom: "c{0}" top: "c{0}" }}
layer {{ name: "sum{0}" type: "Eltwise" bottom: "x{0}" bottom: "c{0}" top: "x{1}" }}
"""
INPUT = 'layer { name: "in" type: "Input" top: "x0" input_param { shape { dim: [1, 4, 8, 8] } } }\n'


def residual(blocks: int) -> str:
    return INPUT + "".join(BLOCK.format(i, i + 1) for i in range(blocks))


def views(text: str, target: str = "bvlc") -> Iterator[tuple[Net, View, Diagram]]:
    workspace = Workspace(Choices(targets=(DIALECTS[target],), isolated=True))
    readings = workspace.readings(Source("net.prototxt", text.encode()))
    (report,) = check_readings(workspace, readings)
    for net in readings.read(report.target.dialect).nets:
        for view in net.views:
            yield net, view, diagram(net, view, {}, report.diagnostics)


def hold(view: View, drawn: Diagram) -> None:
    """Assert the laws of a diagram against the view that it shows."""
    box_of = {layer.index: i for i, box in enumerate(drawn.boxes) for layer in box.layers}
    assert sorted(box_of) == sorted(layer.index for layer in view.layers)
    assert sum(len(box.layers) for box in drawn.boxes) == len(view.layers)
    inputs = {box.title: i for i, box in enumerate(drawn.boxes) if not box.layers}
    wanted = set()
    for layer in view.layers:
        for version in view.bottoms[layer.index]:
            if version is not None:
                made = version.producer
                start = inputs[version.name] if made is None else box_of[made.index]
                if start != box_of[layer.index]:
                    wanted.add((start, box_of[layer.index], version.name))
    shown = {(arrow.start, arrow.end, arrow.blob) for arrow in drawn.arrows}
    far = {(i, blob) for i, box in enumerate(drawn.boxes) for blob in box.far}
    assert shown <= wanted
    assert {(end, blob) for _, end, blob in wanted - shown} == far
    assert all(arrow.start < arrow.end for arrow in drawn.arrows)


def hold_on_paper(drawn: Diagram) -> None:
    """Assert that no box lies on another or off the page."""
    places = placed(drawn)
    boxes = list(zip(places.corners, places.sizes, strict=True))
    for (x, y), (width, height) in boxes:
        assert x >= -0.1
        assert y >= -0.1
        assert x + width <= places.width + 0.1
        assert y + height <= places.height + 0.1
    for ((ax, ay), (aw, ah)), ((bx, by), (bw, bh)) in combinations(boxes, 2):
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay


@pytest.mark.parametrize("net", NETS, ids=lambda path: path.name)
def test_every_layer_and_every_blob_is_shown_once(net: Path) -> None:
    for _, view, drawn in views(net.read_text("utf-8"), "nvidia-0.15"):
        hold(view, drawn)
        hold_on_paper(drawn)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the public nets")
def test_public_nets_are_drawn_by_the_same_laws() -> None:
    for path in sorted(CORPUS.glob("*.prototxt"))[::6]:
        for _, view, drawn in views(path.read_text("utf-8", "replace"), "nvidia-0.17"):
            if len(view.layers) < 160:
                hold(view, drawn)
                hold_on_paper(drawn)


def test_a_chain_is_one_box_and_a_pair_one_line() -> None:
    ((_, view, drawn),) = [one for one in views(residual(1)) if str(one[1].state) == "TEST"]
    hold(view, drawn)
    data, conv, total = drawn.boxes
    assert (data.title, conv.title, total.title) == ("in", "conv0", "sum0")
    assert conv.lines == ("Convolution 3\N{MULTIPLICATION SIGN}3 to 4", "BatchNorm + Scale", "ReLU")
    assert [(a.start, a.end, a.blob, str(a.shape)) for a in drawn.arrows] == [
        (0, 1, "x0", "1x4x8x8"),
        (0, 2, "x0", "1x4x8x8"),
        (1, 2, "c0", "1x4x8x8"),
    ]


def test_a_blob_that_two_layers_read_ends_a_chain() -> None:
    text = INPUT + BLOCK.format(0, 1) + 'layer { name: "s" type: "Silence" bottom: "c0" }\n'
    _, _, drawn = next(views(text))
    assert [box.title for box in drawn.boxes] == ["in", "conv0", "sum0", "s"]
    fork = INPUT + (
        'layer { name: "a" type: "ReLU" bottom: "x0" top: "a" }\n'
        'layer { name: "b" type: "ReLU" bottom: "a" top: "b" }\n'
        'layer { name: "c" type: "TanH" bottom: "a" top: "c" }\n'
    )
    _, _, drawn = next(views(fork))
    assert [box.title for box in drawn.boxes] == ["in", "a", "b", "c"]


def test_a_long_net_goes_on_in_the_next_column() -> None:
    _, view, drawn = next(views(residual(40)))
    hold(view, drawn)
    hold_on_paper(drawn)
    places = placed(drawn)
    assert 0.4 < places.width / places.height < 3


def test_findings_are_marked_at_their_layer() -> None:
    text = residual(1).replace("kernel_size: 3", "kernel_size: 99")
    _, _, drawn = next(views(text))
    (marked,) = [box for box in drawn.boxes if box.findings]
    assert marked.title == "conv0"
    assert marked.severity is not None
    tree = ElementTree.fromstring(svg(drawn))
    marks = [text.text for text in tree.iter(f"{SVG}text") if text.get("class") == "mark"]
    assert marks == ["NT019"]
    (rect,) = [r for r in tree.iter(f"{SVG}rect") if "error" in r.get("class", "")]
    assert rect is not None


def test_the_same_net_gives_the_same_bytes_and_words_for_who_sees_no_picture() -> None:
    first, second = (svg(next(views(residual(6)))[2]) for _ in range(2))
    assert first == second
    tree = ElementTree.fromstring(first)
    assert tree.get("role") == "img"
    words = tree.findtext(f"{SVG}desc") or ""
    assert "conv3: Convolution 3\N{MULTIPLICATION SIGN}3 to 4, BatchNorm + Scale, ReLU" in words
    assert "reads sum2" in words
    assert not re.search(r"(?:href|src|url)\s*=\s*.https?:", first)


@pytest.mark.parametrize("name", ['a"b\\\\c', "<b>&amp;", "\\033[31m", "x\\u202ey", ""])
def test_no_name_breaks_a_picture(name: str) -> None:
    text = residual(1).replace('"conv0"', f'"{name}"'.replace('a"b', "a'b"))
    for _, _, drawn in views(text):
        ElementTree.fromstring(svg(drawn))
        graph = dot(drawn)
        assert all(c.isprintable() or c == "\n" for c in graph)
        inside = re.sub(r'"(?:[^"\\]|\\.)*"', "", graph)
        assert '"' not in inside


def test_the_graph_for_graphviz_has_the_same_boxes_and_arrows() -> None:
    _, _, drawn = next(views(residual(3)))
    graph = dot(drawn)
    arrows = Counter((int(a), int(b)) for a, b in re.findall(r"^  n(\d+) -> n(\d+) ", graph, re.M))
    assert arrows == Counter((arrow.start, arrow.end) for arrow in drawn.arrows)
    assert len(re.findall(r"^  n\d+ \[", graph, re.M)) == len(drawn.boxes)


def test_a_picture_shows_one_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net, out = REPOSITORY / "fixtures/nets/bvlc_train_val.prototxt", tmp_path / "net.svg"
    assert exit_code_of(["show", "--svg", str(out), str(net)]) == 2
    assert "choose with --state: TRAIN, TEST" in capsys.readouterr().err
    assert not out.exists()
    assert exit_code_of(["show", "--state", "TEST", "--svg", str(out), str(net)]) == 0
    ElementTree.parse(out)
    assert exit_code_of(["show", "--state", "TEST", "--dot", "-", str(net)]) == 0
    assert capsys.readouterr().out.startswith('digraph "TEST')


def test_who_has_no_grandalf_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "grandalf.graphs", None)
    net = REPOSITORY / "fixtures/nets/bvlc_deploy.prototxt"
    assert exit_code_of(["show", "--state", "TEST", "--svg", str(tmp_path / "x"), str(net)]) == 2
    assert "pip install 'protolint-caffe[picture]'" in capsys.readouterr().err
    assert exit_code_of(["show", "--state", "TEST", "--dot", "-", str(net)]) == 0
