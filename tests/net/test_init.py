"""Whether a net is built: what the text leaves open, and what does not count."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

import protolint
from protolint.caffe.build import Build
from protolint.caffe.registry import DIALECTS
from protolint.layers.setup_check import Kind
from protolint.net.init import faults_of, verdicts
from protolint.net.net import Net
from protolint.net.summary import summarise
from protolint.report.net_table import render
from protolint.source import Source
from protolint.workspace.reading import Readings

INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 3, 8, 8] } } }\n'
DATA = (
    'layer { name: "d" type: "Data" top: "x" top: "y" data_param { source: "s" batch_size: 2 } }\n'
)
CONV = (
    'layer { name: "c" type: "Convolution" bottom: "x" top: "c"\n'
    "  convolution_param { num_output: 4 %s } }\n"
)


def net_of(text: str, target: str = "bvlc", build: Build | None = None) -> Net:
    readings = Readings.of(Source("net.prototxt", text.encode()), build or Build())
    (net,) = readings.read(DIALECTS[target]).nets
    return net


def both(text: str, target: str = "bvlc") -> bool | None:
    found = set(verdicts(net_of(text, target)).values())
    assert len(found) == 1
    return found.pop()


def test_a_net_without_stages_has_two_states() -> None:
    assert verdicts(net_of(INPUT + CONV % "kernel_size: 3")) == {"TRAIN": True, "TEST": True}


def test_what_the_text_leaves_open_is_open() -> None:
    assert both(DATA + CONV % "kernel_size: 3") is None
    assert both(DATA) is True
    python = 'layer { name: "p" type: "Python" bottom: "x" top: "p" '
    assert both(INPUT + python + 'python_param { module: "m" layer: "L" } }') is None
    assert both(INPUT + python + "python_param { } }") is False


def test_a_type_of_the_users_own_is_open() -> None:
    text = INPUT + 'layer { name: "m" type: "Mine" bottom: "x" top: "m" }\n'
    assert both(text) is False
    net = net_of(text, build=Build(layer_types=frozenset({"Mine"})))
    assert set(verdicts(net).values()) == {None}


def test_a_fault_is_sure_though_something_else_is_open() -> None:
    assert both(DATA + CONV % "kernel_size: 3 group: 3 kernel_h: 2") is False


def test_nothing_follows_from_what_could_not_be_read() -> None:
    text = INPUT + CONV % "kernal_size: 3"
    net = net_of(text)
    assert faults_of(net, *Kind) == []
    assert protolint.check(text, target="bvlc").reports[0].builds == {
        "TRAIN": False,
        "TEST": False,
    }


def test_what_is_written_counts_below_an_unknown_bottom_and_beside_an_unknown_field() -> None:
    """The block of a BatchNorm for NVIDIA 0.15, pasted into a net for BVLC."""
    norm = (
        'layer { name: "b" type: "BatchNorm" bottom: "%s" top: "b" param { } %s\n'
        "  param { } param { } param { } }\n"
    )
    kinds = [
        [fault.kind for fault, _ in faults_of(net_of(INPUT + norm % how), *Kind)]
        for how in (("y", ""), ("x", "batch_norm_param { scale_filler { } }"))
    ]
    assert kinds[0] == [Kind.UNKNOWN_BOTTOM, Kind.STATISTICS, Kind.PARAMS]
    assert kinds[1] == [Kind.STATISTICS, Kind.PARAMS]
    assert faults_of(net_of(INPUT + norm.replace("bottom", "botom") % ("x", "")), Kind.COUNT) == []


def test_what_a_message_calls_has_its_place() -> None:
    """Each blob that a message calls by its shape is shown where it is made."""
    folder = Path(__file__).resolve().parents[2] / "fixtures" / "oracle"
    seen = 0
    for path in sorted(folder.glob("human-*")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            net = net_of(json.loads(line)["net"], path.name.partition("-")[2][:-9])
            for fault, _ in faults_of(net, *Kind):
                shown = {label.text for label in fault.related}
                for blob, shape in re.findall(r"'(\w+)' \(([\dx?]+)\)", fault.message):
                    seen += 1
                    made = [top for other in net.layers for top in other.tops if top.name == blob]
                    assert f"'{blob}' is {shape}" in shown or not made, fault
    assert seen > 4


def test_the_walk_goes_on_after_a_fault() -> None:
    text = (
        INPUT
        + CONV % "kernel_size: 30"
        + 'layer { name: "l" type: "LRN" bottom: "c" top: "l" lrn_param { local_size: 4 } }\n'
        + 'layer { name: "p" type: "InnerProduct" bottom: "x" top: "p" }\n'
    )
    found = [
        (fault.kind, str(fault.layer and fault.layer.name))
        for fault, _ in faults_of(net_of(text), *Kind)
    ]
    assert found == [(Kind.WINDOW, "c"), (Kind.RANGE, "l"), (Kind.MISSING, "p")]


def test_a_fault_says_where_the_shapes_were_made() -> None:
    text = (
        INPUT
        + CONV % "kernel_size: 3"
        + 'layer { name: "e" type: "Eltwise" bottom: "x" bottom: "c" top: "e" }\n'
    )
    ((fault, states),) = faults_of(net_of(text), Kind.SHAPES)
    assert [label.text for label in fault.related] == ["'x' is 2x3x8x8", "'c' is 2x4x6x6"]
    assert [str(state) for state in states] == ["TEST"]


@pytest.mark.parametrize(("target", "expected"), [("bvlc", None), ("nvidia-0.14", False)])
def test_an_empty_axis_before_others(target: str, expected: bool | None) -> None:
    text = 'input: "x" input_dim: [0, 3, 8, 8]\n'
    assert both(text, target) is (True if expected is None else expected)


def test_batches_that_gpus_share_may_be_too_large() -> None:
    data = (
        'layer { name: "d" type: "Data" top: "x" data_param { source: "s" batch_size: 9000 }\n'
        "  transform_param { crop_size: 500 force_color: true } }\n"
    )
    assert both(data, "bvlc") is False
    assert both(data, "nvidia-0.17") is None


def test_json_has_the_verdict() -> None:
    report = json.loads(protolint.check(INPUT, target="bvlc").render("json"))
    assert report["files"][0]["builds"] == {"TRAIN": True, "TEST": True}
    solver = json.loads(protolint.check("base_lr: 0.1\nmax_iter: 1\n").render("json"))
    assert solver["files"][0]["builds"] == {"TRAIN": False}


def test_show_says_where_construction_ends() -> None:
    net = net_of(INPUT + CONV % "kernel_size: 30")
    text = render(net, summarise(net, net.views[0], {}), None)
    assert text.splitlines()[-1] == (
        "bvlc does not build it: line 2, c: kernel 30 does not fit into 8 of 'x' (2x3x8x8)"
    )
    whole = net_of(INPUT + CONV % "kernel_size: 3")
    assert "does not build" not in render(whole, summarise(whole, whole.views[0], {}), None)


def test_what_digits_still_writes_is_no_fault() -> None:
    """A Data layer without source marks a template; DIGITS gives the last layer its outputs."""
    net = """\
layer { name: "train-data" type: "Data" top: "data" top: "label" data_param { batch_size: 4 %s } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc" }
"""
    template, whole = (
        verdicts(net_of(net % source, "nvidia-0.15")) for source in ("", 'source: "lmdb"')
    )
    assert template["TRAIN"] is None
    assert whole["TRAIN"] is False
