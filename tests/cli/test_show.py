"""`protolint show` as a user meets it, and the tables it draws."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolint.report.style import width
from protolint.report.table import Column, draw

from .command import run, write

NET = """\
name: "Fern"
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  data_param { batch_size: 32 } transform_param { crop_size: 24 mean_value: [1, 2, 3] } }
layer { name: "data" type: "Data" top: "data" include { phase: TEST }
  data_param { batch_size: 8 } transform_param { crop_size: 24 mean_value: [1, 2, 3] } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  param { lr_mult: 1 } param { lr_mult: 2 }
  convolution_param { num_output: 16 kernel_size: 5 stride: 2 } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv"
  batch_norm_param { eps: 1e-4 moving_average_fraction: 0.95 } }
layer { name: "bn_scale" type: "Scale" bottom: "conv" top: "conv"
  scale_param { bias_term: true } }
layer { name: "fc" type: "InnerProduct" bottom: "conv" top: "fc"
  inner_product_param { num_output: 10 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss"
  include { phase: TRAIN } }
"""
TABLE = """\
fern.prototxt, as bvlc builds it (nothing in the file points to another)

TRAIN: Fern

layer     type             bottoms -> tops    shape           params   MACs  lr_mult  notes
--------  ---------------  -----------------  --------------  ------  -----  -------  --------------------------------------------------------
data      Data             -> data, label     32x3x24x24, 32
conv      Convolution      data -> conv       32x16x10x10      1,216  3.84M  1 2
bn        BatchNorm        conv (in place)    32x16x10x10         33         0 0 0    CAFFE, 3 blobs, eps 0.0001, average 0.95, Scale bn_scale
bn_scale  Scale            conv (in place)    32x16x10x10         32         1 1      scales bn
fc        InnerProduct     conv -> fc         32x10           16,010   512k  1 1
loss      SoftmaxWithLoss  fc, label -> loss  scalar

6 layers, 1 BatchNorm; 17,258 parameters, 33 values of statistics, 4.35M multiply-accumulates
"""  # noqa: E501


def show(folder: Path, *arguments: str, text: str = NET, **environment: str) -> str:
    """What is printed for a net; it must be shown without a word on stderr."""
    write(folder, "fern.prototxt", text)
    done = run("show", "fern.prototxt", *arguments, cwd=folder, stdin=b"", **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def as_json(folder: Path, *arguments: str, text: str = NET) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(show(folder, "--format", "json", *arguments, text=text))
    return document


def test_the_table_of_a_state(tmp_path: Path) -> None:
    assert show(tmp_path, "--state", "TRAIN") == TABLE


def test_every_state_unless_one_is_asked_for(tmp_path: Path) -> None:
    assert [line for line in show(tmp_path).splitlines() if line.endswith(": Fern")] == [
        "TRAIN: Fern",
        "TEST: Fern",
    ]
    for option in ("--state", "--phase"):
        assert "TRAIN" not in show(tmp_path, option, "TEST")
        assert "TRAIN" not in show(tmp_path, option, "test")
    both = show(tmp_path, "--state", "TEST", "--state", "TRAIN", "--state", "TEST")
    assert both.index("TEST: Fern") < both.index("TRAIN: Fern")
    assert both.count("TEST: Fern") == 1


def test_states_by_stage_and_level(tmp_path: Path) -> None:
    text = "".join(
        f'layer {{ name: "{name}" type: "Input" top: "{name}" {rule} }}\n'
        for name, rule in (
            ("t", 'include { stage: "train" }'),
            ("v", 'include { stage: "val" }'),
            ("d", 'include { stage: "deploy" }'),
            ("deep", "include { min_level: 2 }"),
        )
    )

    def layers(*states: str) -> list[list[str]]:
        options = [word for state in states for word in ("--state", state)]
        (net,) = as_json(tmp_path, *options, text=text)["nets"]
        return [[layer["name"] for layer in state["layers"]] for state in net["states"]]

    assert layers() == [["t"], ["v"], ["d"]]
    assert layers("train") == [["t"]]
    assert layers("TEST") == [["v"], ["d"]]
    assert layers("deploy", "TRAIN") == [["d"], ["t"]]
    assert layers("level=2") == [["deep"]]
    assert layers("TEST, val, level=3") == [["v", "deep"]]
    assert layers("TRAIN,val") == [["v"]]


def test_a_state_that_the_net_is_not_meant_for_can_be_asked_for(tmp_path: Path) -> None:
    deploy = 'input: "data" input_dim: [1, 3, 8, 8]\n'
    deploy += 'layer { name: "b" type: "BatchNorm" bottom: "data" top: "b" }\n'
    assert "TEST" in show(tmp_path, text=deploy)
    assert "TRAIN" in show(tmp_path, "--phase", "TRAIN", text=deploy)


def test_json_holds_everything(tmp_path: Path) -> None:
    text = NET.replace("eps: 1e-4", "eps: 1e-4 engine: CAFFE scale_filler { value: 1 }")
    document = as_json(tmp_path, "--state", "TEST", "--target", "nvidia-0.15", text=text)
    assert document["schema_version"] == 1
    assert (document["path"], document["target"]) == ("fern.prototxt", "nvidia-0.15")
    assert document["target_reason"] == "as asked"
    (net,) = document["nets"]
    assert net["name"] == "Fern"
    (state,) = net["states"]
    assert (state["phase"], state["stages"], state["level"]) == ("TEST", [], 0)
    layers = {layer["name"]: layer for layer in state["layers"]}
    assert layers["data"]["tops"] == [{"name": "data", "sizes": [8, 3, 24, 24], "complete": True}]
    assert layers["data"]["line"] == 4
    weights, bias = layers["conv"]["parameters"]
    assert weights == {
        "role": "weights", "sizes": [16, 3, 5, 5], "complete": True, "count": 1200,
        "lr_mult": 1.0, "shared_as": None,
    }  # fmt: skip
    assert (bias["count"], bias["lr_mult"]) == (16, 2.0)
    assert layers["conv"]["macs"] == 8 * 16 * 10 * 10 * 3 * 5 * 5
    bn = layers["bn"]
    assert bn["in_place"]
    assert bn["batchnorm"] == {
        "engine": "CAFFE",
        "blobs": ["gamma", "beta", "mean", "variance", "reserved"],
        "affine": True,
        "eps": 1e-4,
        "moving_average_fraction": 0.95,
        "statistics": "stored",
        "scale": "bn_scale",
    }
    assert layers["bn_scale"]["scales"] == "bn"
    assert state["totals"] == {
        "layers": 5, "batchnorms": 1, "learnable": 17258 + 32, "statistics": 33, "unknown": 0,
        "macs": 8 * (16 * 10 * 10 * 3 * 5 * 5 + 10 * 1600),
    }  # fmt: skip


def test_sizes_that_are_open(tmp_path: Path) -> None:
    text = NET.replace("crop_size: 24 mean_value: [1, 2, 3]", "")
    shown = show(tmp_path, "--state", "TRAIN", text=text)
    assert "32x?x?x?, 32" in shown
    assert "32x16x?x?" in shown
    assert (
        "at least 58 parameters, 33 values of statistics (2 layers with '?' not counted)" in shown
    )
    assert "--input-shape data=32,?,?,?" in shown
    for shape in ("data=32,3,24,24", "data=32x3x24x24", "data=?, 3, 24, 24"):
        given_shape = show(tmp_path, "--state", "TRAIN", "--input-shape", shape, text=text)
        assert "17,258 parameters" in given_shape
        assert "not counted" not in given_shape


def test_types_that_nobody_knows(tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", NET.replace('"Convolution"', '"Convolve"'))
    done = run("show", "--state", "TRAIN", "a.prototxt", cwd=tmp_path)
    assert done.returncode == 0
    row = next(line for line in done.stdout.splitlines() if line.startswith("conv "))
    assert " ".join(row.split()) == "conv Convolve data -> conv ? ? ? no type of bvlc"
    assert done.stderr == (
        "protolint: a.prototxt: 1 error (PT005), the first at line 6; "
        "to see them: protolint check a.prototxt\n"
    )


def test_a_note_where_statistics_are_not_those_of_the_phase(tmp_path: Path) -> None:
    stored = NET.replace("eps: 1e-4", "use_global_stats: true")
    assert "stored statistics" in show(tmp_path, "--state", "TRAIN", text=stored)
    assert "stored statistics" not in show(tmp_path, "--state", "TEST", text=stored)


BROKEN = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "broken").glob("*.prototxt"))
NO_NETS = {"json_text", "label_map"}


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_broken_files_are_shown_as_far_as_they_go(path: Path) -> None:
    done = run("show", path)
    shown = done.stderr.splitlines()
    assert len(shown) <= 1
    if path.stem in NO_NETS:
        assert (done.returncode, done.stdout, len(shown)) == (2, "", 1)
        return
    assert done.returncode == 0
    assert "layers" in done.stdout or "1 layer," in done.stdout
    if shown:
        assert f"protolint check {path}" in shown[0]
    assert json.loads(run("show", "--format", "json", path).stdout)["errors"] or not shown


def test_what_is_no_net_is_told(tmp_path: Path) -> None:
    solver = write(tmp_path, "solver.prototxt", 'net: "train val.prototxt"\nbase_lr: 0.1\n')
    done = run("show", solver)
    assert (done.returncode, done.stdout) == (2, "")
    assert "a solver, not a net; its net is not found from here: train val.prototxt" in done.stderr
    alone = run("show", write(tmp_path, "alone.prototxt", "base_lr: 0.1\n"))
    assert (alone.returncode, alone.stderr.count("\n")) == (2, 1)
    for name in ("missing.prototxt", "."):
        done = run("show", tmp_path / name)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_nets_inside_a_solver_are_shown(tmp_path: Path) -> None:
    solver = f"base_lr: 0.1\nlr_policy: 'fixed'\nnet_param {{ {NET} }}\n"
    assert "Fern" in show(tmp_path, "--state", "TRAIN", text=solver)


def test_a_solver_is_shown_with_the_net_that_it_names(tmp_path: Path) -> None:
    net = """\
layer { name: "moss" type: "DummyData" top: "x" dummy_data_param { shape { dim: [2, 3] } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 2 } }
"""
    write(tmp_path, "net.prototxt", net)
    text = show(tmp_path, "--state", "TRAIN", text="net: 'net.prototxt'\nlr_policy: 'fixed'\n")
    assert "The solver builds in TRAIN.\n" in text
    assert "moss" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing argument 'FILE'"),
        (("a.prototxt", "b.prototxt"), "unexpected extra argument"),
        (("a.prototxt", "--format", "html"), "'html' is not one of"),
        (("a.prototxt", "--target", "bvcl"), "did you mean 'bvlc'?"),
        (("a.prototxt", "--state", "TRIAN"), "did you mean 'TRAIN'?"),
        (("a.prototxt", "--state", ""), "'' is no phase and no stage of the net"),
        (("a.prototxt", "--input-shape", "data"), "not of the form data=1,3,224,224"),
        (("a.prototxt", "--input-shape", "data=1,0"), "not of the form"),
        (("a.prototxt", "--input-shape", "=1"), "not of the form"),
        (("a.prototxt", "--input-shape", f"data={'9' * 5000}"), "not of the form"),
        (("a.prototxt", "--state", f"level={'9' * 5000}"), "is no phase and no stage"),
        (("a.prototxt", "--input-shape", "data=1,-3"), "not of the form"),
        (("a.prototxt", "--input-shape", "date=1,3"), "no blob 'date'; did you mean 'data'?"),
        (("a.prototxt", "--proto", "nowhere.proto"), "nowhere.proto"),
    ],
)
def test_wrong_usage_ends_with_one_clear_message(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    write(tmp_path, "a.prototxt", NET)
    done = run("show", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_standard_input_and_names_of_any_letters(tmp_path: Path) -> None:
    done = run("show", "-", stdin=NET.encode())
    assert done.stdout.startswith("<stdin>, as bvlc builds it")
    path = write(tmp_path, "r\u00e9seau n\u00ba 1.prototxt", NET.replace("Fern", "Foug\u00e8re"))
    done = run("show", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "r\u00e9seau n\u00ba 1.prototxt" in done.stdout
    assert "TRAIN: Foug\u00e8re" in done.stdout
    assert "TRAIN: Foug\\xe8re" in run("show", path, PYTHONIOENCODING="ascii").stdout
    hostile = NET.replace('name: "fc"', 'name: "\\033[31mfc\\n"')
    assert r"\x1b[31mfc\n" in show(tmp_path, text=hostile)


def test_a_configuration_is_followed(tmp_path: Path) -> None:
    write(tmp_path, "protolint.toml", 'target = "nvidia-0.17"\nlayer-types = ["Convolve"]\n')
    text = NET.replace('"Convolution"', '"Convolve"')
    shown = show(tmp_path, text=text)
    assert "as nvidia-0.17 builds it (as protolint.toml says)" in shown
    assert "no type of" not in shown
    write(tmp_path, "b.prototxt", text)
    assert "as bvlc builds it" in run("show", "--isolated", "b.prototxt", cwd=tmp_path).stdout


def test_narrow_terminals(tmp_path: Path) -> None:
    shown = show(tmp_path, "--state", "TRAIN", COLUMNS="80").splitlines()
    table = shown[4 : shown.index("", 5)]
    assert all(len(line) <= 80 for line in table)
    assert "    CAFFE, 3 blobs, eps 0.0001, average 0.95, Scale bn_scale" in table
    assert "notes" not in table[0]


@pytest.mark.skipif(os.name == "nt", reason="pipes close differently there")
def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    layer = 'layer { name: "r" type: "ReLU" bottom: "x" top: "x" }\n'
    path = write(tmp_path, "a.prototxt", 'input: "x" input_dim: [1, 3, 9, 9]\n' + layer * 5000)
    command = f"{sys.executable} -m protolint show {path} | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


def test_help_fits_a_screen() -> None:
    done = run("show", "--help")
    assert done.returncode == 0
    assert "Example: protolint show" in done.stdout
    assert len(done.stdout.splitlines()) <= 40
    assert "show" in run("--help").stdout


# Tables.

COLUMNS = (
    Column("name", wraps=True),
    Column("kind"),
    Column("size", right=True),
    Column("remark", below=True),
)


def test_columns_are_as_wide_as_their_text() -> None:
    rows = [["a", "Data", "1", ""], ["longer", "X", "1,000", "see below"]]
    assert draw(COLUMNS, rows, None) == (
        "name    kind   size  remark\n"
        "------  ----  -----  ---------\n"
        "a       Data      1\n"
        "longer  X     1,000  see below\n"
    )


def test_columns_without_text_are_left_out() -> None:
    assert draw(COLUMNS, [["a", "", "", ""]], None) == "name\n----\na\n"


def test_text_is_broken_between_words_where_it_can_be() -> None:
    rows = [["one two three", "Kind", "1", "a remark that is long"], ["x", "Y", "2", ""]]
    assert draw(COLUMNS, rows, 19) == (
        "name     kind  size\n"
        "-------  ----  ----\n"
        "one two  Kind     1\n"
        "three\n"
        "    a remark that\n"
        "    is long\n"
        "x        Y        2\n"
    )
    long = [["a_name_of_one_word", "K", "1", ""]]
    assert draw(COLUMNS, long, 24) == (
        "name          kind  size\n------------  ----  ----\na_name_of_on  K        1\ne_word\n"
    )


def test_one_long_cell_does_not_make_every_row_long() -> None:
    rows = [["x" * 1000, "K", "1", ""], *[["y", "K", "1", "z"]] * 3]
    assert max(map(len, draw(COLUMNS, rows, None).splitlines())) < 150


LETTERS = st.sampled_from("ab ,x1\u4e00\u00e9\u0301\x1b\n")
TEXT, WORD = st.text(LETTERS, max_size=60), st.text(LETTERS, max_size=6)


@given(st.lists(st.tuples(TEXT, WORD, WORD, TEXT), min_size=1), st.integers(40, 90))
def test_nothing_is_lost_and_room_is_kept(rows: list[tuple[str, ...]], limit: int) -> None:
    columns = [column._replace(title="-") for column in COLUMNS]
    wide, narrow = (draw(columns, rows, room) for room in (None, limit))
    assert all(width(line) <= limit for line in narrow.splitlines())
    lost = Counter("".join(wide.split())) - Counter("".join(narrow.split()))
    assert set(lost) <= {"-"}


DATA = 'layer { name: "d" type: "Data" top: "x" data_param { source: "a" batch_size: 1 } }\n'


def _many_stages(number: int) -> str:
    return "".join(
        f'layer {{ name: "{n}" type: "ReLU" bottom: "x" top: "y{n}" '
        f'include {{ stage: "s{n:02}" }} }}\n'
        for n in range(number)
    )


def test_stages_that_are_not_looked_at_are_counted_and_can_be_asked_for(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(DATA + _many_stages(66))
    options = ("--isolated", "--target", "bvlc", net)
    shown = run("check", *options).stdout.splitlines()[-1]
    assert "TEST (s06) and 57 more for bvlc. 2 stages were not looked at" in shown
    (report,) = json.loads(run("check", *options, "--output-format", "json").stdout)["files"]
    assert len(report["builds"]) == 67
    assert [s for s, builds in report["builds"].items() if builds is None] == [
        "TEST (s64)", "TEST (s65)",
    ]  # fmt: skip
    done = run("show", *options)
    assert "2 states more, of its other stages: --state 'TEST (s64)'" in done.stderr
    assert "TEST (s64)" not in done.stdout
    done = run("show", "--state", "TEST (s64)", *options)
    assert "y64" in done.stdout
    assert done.stderr == ""
    net.write_text(DATA + _many_stages(64))
    assert "not looked at" not in run("check", *options).stdout
    assert run("show", *options).stderr == ""


@pytest.mark.parametrize(
    "state", ["TEST (a)", "TEST (a, b)", "TRAIN (level 2)", "TEST (a, level 1)"]
)
def test_a_state_is_named_as_it_is_shown(tmp_path: Path, state: str) -> None:
    net = tmp_path / "net.prototxt"
    rules = "".join(f' include {{ stage: "{stage}" }}' for stage in "ab")
    net.write_text(f'{DATA}layer {{ name: "r" type: "ReLU" bottom: "x" top: "y"{rules} }}\n')
    shown = run("show", "--isolated", "--target", "bvlc", "--state", state, net).stdout
    assert shown.splitlines()[2] == state
