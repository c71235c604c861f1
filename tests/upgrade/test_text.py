"""Upgraded prototxts: the message of Caffe's own upgrade, with every comment kept."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format

from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DIALECTS
from protolint.edit import apply_edits
from protolint.errors import InputError
from protolint.source import Source
from protolint.text.comments import comments_in
from protolint.upgrading.report import Upgraded
from protolint.upgrading.text import upgrade_text
from protolint.weights.kinds import FileKind
from protolint.workspace.reading import LintFile, Readings

from .caffes_own import NET, SOLVER, RefusedError, upgrade_net, upgrade_solver

BVLC = DIALECTS["bvlc"]


def read(data: bytes, dialect: Dialect = BVLC) -> LintFile:
    return Readings.of(Source("net.prototxt", data)).read(dialect)


def upgraded(file: LintFile) -> Upgraded:
    solver = file.kind is FileKind.SOLVER
    return upgrade_text(file.tree, file.message, file.misfits, file.dialect, is_solver=solver)


def text_of(text: str, dialect: Dialect = BVLC) -> str:
    """The upgrade of a text."""
    file = read(text.encode(), dialect)
    return apply_edits(file.source.data, upgraded(file).edits).decode()


def losses_of(text: str) -> list[str]:
    return [loss.message for loss in upgraded(read(text.encode())).losses]


def parse(data: bytes | str, kind: Any) -> Any:
    return text_format.Parse(data, kind())


def comments(data: bytes) -> list[bytes]:
    source = Source("x", data)
    return sorted(data[start:end] for start, end in comments_in(source, 0, len(data)))


def check_kept(before: bytes, after: bytes) -> None:
    """Every comment is there, and a second upgrade changes nothing."""
    assert comments(after) == comments(before)
    again = read(after)
    assert apply_edits(after, upgraded(again).edits) == after


def test_each_file_becomes_what_the_real_caffe_made_of_it(fixtures: Path) -> None:
    """1,200 files with what BVLC's own upgrade gives; a refusal where it refuses."""
    done = refused = 0
    with gzip.open(fixtures / "oracle" / "upgrade-bvlc.jsonl.gz", "rt") as lines:
        for row in map(json.loads, lines):
            file = read(row["text"].encode())
            if "message" in row:
                with pytest.raises(InputError):
                    upgraded(file)
                refused += 1
                continue
            made = apply_edits(file.source.data, upgraded(file).edits)
            kind = SOLVER if row["kind"] == "solver" else NET
            wanted = parse(row["upgraded"], kind)
            if kind is SOLVER and "snapshot_prefix" not in row["text"]:
                # The tool that wrote these also filled in a name from the file's own.
                wanted.ClearField("snapshot_prefix")
            assert parse(made, kind) == wanted, row["name"]
            check_kept(row["text"].encode(), made)
            done += 1
    assert (done, refused) == (1024, 176)


def test_public_nets_become_what_the_rules_say(corpus: Path) -> None:
    """Every old file of the corpus that BVLC reads, against the rules restated in caffes_own."""
    compared = 0
    for path in sorted(corpus.glob("*.prototxt")):
        file = read(path.read_bytes())
        if not file.accepted or not file.kind.is_text:
            continue
        kind = SOLVER if file.kind is FileKind.SOLVER else NET
        before = parse(path.read_bytes(), kind)
        try:
            wanted = (upgrade_solver if kind is SOLVER else upgrade_net)(parse(str(before), kind))
        except RefusedError:
            with pytest.raises(InputError):
                upgraded(file)
            continue
        made = apply_edits(file.source.data, upgraded(file).edits)
        assert parse(made, kind) == wanted, path.name
        check_kept(path.read_bytes(), made)
        compared += wanted != before
    assert compared > 40


def test_public_nets_of_forks_are_upgraded_too(corpus: Path) -> None:
    """Fields of forks stay as they are; what has no counterpart is refused by name."""
    refused = {}
    for path in sorted(corpus.glob("*.prototxt")):
        file = read(path.read_bytes())
        if file.accepted or file.kind is not FileKind.NET or "layers" not in file.message:
            continue
        try:
            made = apply_edits(file.source.data, upgraded(file).edits)
        except InputError as error:
            refused[path.name[:3]] = error.message
            continue
        assert b"layers {" not in made.replace(b"#layers {", b"")
        check_kept(path.read_bytes(), made)
    assert "LRN_MAP" in refused.pop("012")
    assert "has `layers` and `layer`" in refused.pop("049")
    assert "no V0 layer" in refused.pop("034")
    assert "no V0 layer" in refused.pop("035")
    assert "no layer above makes its bottom 'data'" in refused.pop("036")
    assert "no V0 layer" in refused.pop("038")
    assert not refused


V1 = """\
# the net
input: "data"  # images
input_dim: 1  # batch
input_dim: 3
input_dim: 8 input_dim: 8
layers {  # first
  name: "conv"
  type: CONVOLUTION  # the type
  bottom: "data"
  top: "conv"
  blobs_lr: 1  # weights
  blobs_lr: 2
  weight_decay: 1  # decay of weights
  weight_decay: 0
  convolution_param { num_output: 2 kernel_size: 3 }
}
"""
V2 = """\
# the net
layer {
  name: "input"
  type: "Input"
  top: "data"
  input_param {
    shape {
      dim: 1  # batch
      dim: 3
      dim: 8
      dim: 8
    }
  }
}
# images
layer {  # first
  name: "conv"
  type: "Convolution"  # the type
  bottom: "data"
  top: "conv"
  param {
    lr_mult: 1
    decay_mult: 1
  }  # weights
  param {
    lr_mult: 2
    decay_mult: 0
  }
  # decay of weights
  convolution_param { num_output: 2 kernel_size: 3 }
}
"""


def test_a_v1_net_stays_as_it_is_laid_out() -> None:
    assert text_of(V1) == V2
    assert text_of(V1.replace("\n", "\r\n")) == V2.replace("\n", "\r\n")


def test_layers_on_one_line_stay_on_one_line() -> None:
    before = "layers { type: RELU blobs_lr: 1 weight_decay: 3 bottom: 'a' top: 'a' }\n"
    after = "layer { type: \"ReLU\" param { lr_mult: 1 decay_mult: 3 } bottom: 'a' top: 'a' }\n"
    assert text_of(before) == after


def test_lists_are_read_as_lists() -> None:
    before = "layers: [ { type: RELU blobs_lr: [1, 2] weight_decay: [ 3 ] }, { type: 4 } ]\n"
    made = text_of(before)
    assert parse(made, NET) == upgrade_net(parse(before, NET))


V0 = """\
input: "a" input_dim: 1 input_dim: 2 input_dim: 5 input_dim: 5
# pads
layers { layer { name: "p" type: "padding" pad: 2  # by two
  } bottom: "a" top: "p" }
layers {
  layer {
    name: "c"
    type: "conv"  # a convolution
    num_output: 3
    # three
    kernelsize: 3  # odd
    blobs_lr: 1.
    dropout_ratio: 0.3  # no use
    weight_decay: 2.
  }  # inside
  bottom: "p"  # padded
  top: "c"
}
"""


def test_a_v0_net_loses_its_padding_layers_and_no_comment() -> None:
    made = text_of(V0)
    assert comments(made.encode()) == comments(V0.encode())
    net = parse(made, NET)
    assert net == upgrade_net(parse(V0, NET))
    assert list(net.layer[1].bottom) == ["a"]
    assert net.layer[1].convolution_param.pad == [2]
    assert "    # three\n    kernel_size: 3  # odd\n" in made
    assert losses_of(V0) == ["dropout_ratio means nothing to a layer of type 'conv'; it is dropped"]


def test_inputs_become_a_layer_in_the_layout_of_the_file() -> None:
    before = 'input: "a" input_dim: [1, 1, 2, 2]\nlayers {\n\ttype: RELU\n}\n'
    made = text_of(before.replace("\n", "\r\n"))
    lines = 'layer {\r\n\tname: "input"\r\n\ttype: "Input"\r\n\ttop: "a"\r\n\tinput_param {\r\n\t\t'
    assert made.startswith(lines)
    assert "\n" not in made.replace("\r\n", "")


def test_what_is_dropped_is_named() -> None:
    net = (
        'input: "a"\nstate { phase: TEST }\n'
        'layers { layer { name: "r" type: "relu" } bottom: "a" top: "a" include { phase: TEST } }\n'
        'layer { name: "x" type: "ReLU" }\n'
    )
    assert losses_of(net) == [
        "state stands beside V0 layers; it is dropped",
        "layer stands beside V0 layers; it is dropped",
        "include stands beside `layer`, where nothing reads it; it is dropped",
        'input "a" has no shape; it is dropped',
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('layers { type: RELU }\nlayer { type: "ReLU" }', "line 2, .*`layers` and `layer`"),
        ('layer { type: "Convolution"\n blobs_lr: 1 }', "line 2, .*`blobs_lr` is of a V1 layer"),
        ("layers { type: BATCH_NORM }", "not BATCH_NORM"),
        ('input: "a" input: "b" input_dim: [1, 1, 1, 1]', "2 inputs need 8 input_dim"),
        ('input: "a" input: "b" input_shape { dim: 1 }', "2 inputs, but 1 input_shape"),
        ("layers { type: RELU relu_param { } relu_param { } }", "given twice"),
        ('layers { layer { type: "relu" } bottom: "q" top: "q" }', "no layer above makes .* 'q'"),
        ('net: "a" type: "Adam"\nsolver_type: ADAM', "line 2, .*`solver_type` and `type`"),
        ("layers { type: RELU", "line 1"),
    ],
)
def test_what_caffe_refuses(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        text_of(text)


def test_a_caffe_without_input_layers_keeps_its_inputs() -> None:
    before = 'input: "data"\ninput_dim: [1, 1, 2, 2]\nlayers { type: RELU }\n'
    after = 'input: "data"\ninput_dim: [1, 1, 2, 2]\nlayer { type: "ReLU" }\n'
    assert text_of(before, DIALECTS["nvidia-0.14"]) == after
    solver = 'net: "a"\nsolver_type: ADAM\n'
    assert text_of(solver, DIALECTS["nvidia-0.14"]) == solver


def test_bytes_that_are_no_utf8_stay() -> None:
    before = (
        b'layers {\n  layer {\n    name: "r"  # caf\xe9\n    type: "relu"\n  }\n  top: "a"\n}\n'
    )
    file = read(before)
    made = apply_edits(before, upgraded(file).edits)
    assert b'  name: "r"  # caf\xe9\n' in made
