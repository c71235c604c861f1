"""Conversion to and from the Caffes that are not NVIDIA's: SSD's and Intel's."""

from __future__ import annotations

from pathlib import Path

import pytest

import protolint
from protolint.caffe.registry import DIALECTS
from protolint.errors import UsageError
from protolint.source import Source
from protolint.workspace.reading import Readings
from protolint.workspace.target import infer_target

GOLDEN = Path(__file__).resolve().parents[2] / "fixtures" / "golden" / "bvlc-master-9b89154"
NET = """\
name: "i"
layer { name: "d" type: "Input" top: "data" input_param { shape { dim: [2, 3, 8, 8] } } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "bn" type: "BatchNorm" bottom: "c" top: "c" %s}
layer { name: "sc" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true } }
"""  # noqa: E501


def test_nothing_is_converted_to_intel(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing is converted to intel.* --to bvlc"):
        protolint.convert(
            GOLDEN / "brook.prototxt", GOLDEN / "brook.caffemodel", to="intel", output=tmp_path
        )
    assert list(tmp_path.iterdir()) == []


def test_ssd_keeps_bvlcs_batchnorms(tmp_path: Path) -> None:
    report = protolint.convert(
        GOLDEN / "brook.prototxt", GOLDEN / "brook.caffemodel", to="ssd", output=tmp_path
    )
    layers = [row for file in report.files for row in file.layers]
    assert layers
    assert {(row.before, row.after) for row in layers} == {("B3", "B3")}
    assert {row.difference for row in layers} == {0.0}
    for path in tmp_path.glob("*.prototxt"):
        assert not protolint.check(path, target="ssd", select="PT")


def test_weights_of_nvidia_become_ssds_and_come_back(tmp_path: Path) -> None:
    golden = GOLDEN.parent / "nvcaffe-0.17.4"
    there = protolint.convert(
        golden / "brook.prototxt", golden / "brook.caffemodel", to="ssd", output=tmp_path
    )
    made = [file.output for file in there.files]
    assert {row.after for file in there.files for row in file.layers} == {"B3"}
    back = protolint.convert(*made, to="nvidia-0.17", source="ssd", dry_run=True)
    assert {row.before for file in back.files for row in file.layers} == {"B3"}


@pytest.mark.parametrize("more", ["", "batch_norm_param { use_weight_bias: true } "])
def test_intels_scale_is_the_batchnorms_gamma_and_beta(tmp_path: Path, more: str) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(NET % more, "utf-8")
    assert not protolint.check(path, target="intel", select="BN")
    net = protolint.load(path, target="intel")
    assert net.traits(net.batchnorms[0]).blobs == ("mean", "variance", "factor")
    path.write_text((NET % more).partition('layer { name: "sc"')[0], "utf-8")
    alone = protolint.load(path, target="intel")
    assert alone.traits(alone.batchnorms[0]).blobs[3:] == ("gamma", "beta")


def test_intels_net_becomes_bvlcs(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(NET % "", "utf-8")
    protolint.convert(path, to="bvlc", source="intel", output=tmp_path / "made.prototxt")
    made = (tmp_path / "made.prototxt").read_text("utf-8")
    assert made.count("BatchNorm") == made.count('"Scale"') == 1


@pytest.mark.parametrize("target", ["bvlc", "ssd", "nvidia-0.14", "nvidia-0.15", "nvidia-0.17"])
def test_intels_fields_and_engines_are_left_behind(tmp_path: Path, target: str) -> None:
    path, made = tmp_path / "net.prototxt", tmp_path / "made.prototxt"
    path.write_text(NET % "batch_norm_param { engine: MKLDNN use_weight_bias: true } ", "utf-8")
    protolint.convert(path, to=target, source="intel", output=made)
    assert not protolint.check(made, target=target, select=["PT", "NT"])
    text = made.read_text("utf-8").replace("engine=MKLDNN", "")  # what is remembered
    assert "MKLDNN" not in text
    assert "use_weight_bias" not in text


@pytest.mark.parametrize("field", ["stats_batch_size: 2", "filler { value: 2 }", "relu: true"])
def test_what_only_intels_batchnorm_does_is_refused(tmp_path: Path, field: str) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(NET % f"batch_norm_param {{ {field} }} ", "utf-8")
    with pytest.raises(protolint.InputError, match="has no counterpart in bvlc; --drop-field"):
        protolint.convert(path, to="bvlc", source="intel", dry_run=True)
    name = field.partition(" ")[0].rstrip(":")
    protolint.convert(path, to="bvlc", source="intel", drop_fields=[name], output=tmp_path / "m")
    assert name not in (tmp_path / "m").read_text("utf-8").replace("scale_filler", "")


def infer(text: str) -> str:
    return infer_target(Readings.of(Source("net.prototxt", text.encode()))).dialect.name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (NET % "", "bvlc"),
        (NET % "batch_norm_param { use_weight_bias: false } ", "intel"),
        (NET % "batch_norm_param { engine: MKLDNN } ", "intel"),
        (NET % "batch_norm_param { engine: CUDNN } ", "nvidia-0.17"),
        (NET % 'engine: "MKLDNN" ', "intel"),
        # R-FCN's, which Intel's Caffe took over.
        ('layer { type: "ROIPooling" roi_pooling_param { pooled_h: 6 } }', "bvlc"),
        # NVIDIA's Caffe took SSD's over.
        ("layer { norm_param { } }", "ssd"),
        (
            "layer { norm_param { } }\nlayer { batch_norm_param { scale_bias: true } }",
            "nvidia-0.17",
        ),
    ],
)
def test_a_file_is_of_a_fork_where_that_alone_knows_it(text: str, name: str) -> None:
    assert infer(text) == name
    assert name in DIALECTS
