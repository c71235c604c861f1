"""Files that belong together are for one Caffe, that of the file with the most evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from protolint.lint.check_files import check_files
from protolint.lint.file_report import FileReport
from protolint.workspace.workspace import Choices, Workspace

CONV = """\
layer { name: "c" type: "Convolution" bottom: "x" top: "c"
  convolution_param { num_output: 2 kernel_size: 1 } }
"""
NORM = 'layer { name: "b" type: "BatchNorm" bottom: "c" top: "b"\n%s}\n'
DATA = """\
layer { name: "d" type: "DummyData" top: "x"
  dummy_data_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 } } }
"""
INPUT = """\
layer { name: "d" type: "Input" top: "x"
  input_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 } } }
"""
FILLERS = "  batch_norm_param { scale_filler { value: 1 } bias_filler { value: 0 } }\n"
SOLVER = 'net: "%s"\nbase_lr: 0.1\nlr_policy: "fixed"\nmax_iter: 1\n%s'


def reports(folder: Path, **texts: str) -> dict[str, FileReport]:
    for name, text in texts.items():
        (folder / f"{name}.prototxt").write_text(text, "utf-8")
    workspace = Workspace(Choices(isolated=True))
    files = workspace.find([str(folder)], lambda error: pytest.fail(str(error)), pytest.fail)
    found = check_files(workspace, files, lambda error: pytest.fail(str(error)))
    return {Path(report.path).stem: report for report in found}


def shown(found: dict[str, FileReport]) -> dict[str, str]:
    return {name: report.target.dialect.name for name, report in found.items()}


def test_a_deploy_net_is_for_the_caffe_of_its_training_net(tmp_path: Path) -> None:
    found = reports(
        tmp_path,
        train_val=DATA + CONV + NORM % FILLERS,
        deploy=INPUT + CONV + NORM % "",
        other=INPUT + CONV + NORM % "",
    )
    assert shown(found) == {
        "train_val": "nvidia-0.15", "deploy": "nvidia-0.15", "other": "bvlc",
    }  # fmt: skip
    assert found["deploy"].target.reason == "from scale_filler at line 6 of train_val.prototxt"


def test_a_net_is_for_the_caffe_of_its_solver(tmp_path: Path) -> None:
    net = DATA + CONV + NORM % "  batch_norm_param { }\n"
    found = reports(
        tmp_path, net=net, solver=SOLVER % ("net.prototxt", "solver_data_type: FLOAT\n")
    )
    assert shown(found) == {"net": "nvidia-0.17", "solver": "nvidia-0.17"}
    found = reports(tmp_path, net=net, solver=SOLVER % ("elsewhere.prototxt", "larc: true\n"))
    assert shown(found) == {"net": "bvlc", "solver": "nvidia-0.17"}


def test_a_solver_is_for_the_caffe_of_the_net_it_names(tmp_path: Path) -> None:
    net = DATA + CONV + NORM % FILLERS
    found = reports(tmp_path, train=net, solver=SOLVER % ("train.prototxt", ""))
    assert shown(found) == {"train": "nvidia-0.15", "solver": "nvidia-0.15"}


def test_what_a_comment_says_of_one_file_holds_for_its_model(tmp_path: Path) -> None:
    comment = "# protolint: target=nvidia-0.16\n"
    found = reports(
        tmp_path, train_val=comment + DATA + CONV + NORM % "", deploy=INPUT + CONV + NORM % ""
    )
    assert shown(found) == {"train_val": "nvidia-0.16", "deploy": "nvidia-0.16"}
    assert found["deploy"].target.reason == "as a comment in train_val.prototxt says"


def test_nets_that_share_no_layers_are_not_of_one_model(tmp_path: Path) -> None:
    found = reports(
        tmp_path,
        train_val=DATA + CONV + NORM % FILLERS,
        deploy=INPUT + CONV.replace('"c" type', '"z" type') + NORM % "",
    )
    assert shown(found) == {"train_val": "nvidia-0.15", "deploy": "bvlc"}
