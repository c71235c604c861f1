"""Files that belong together find each other, and only those of the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.net.net import Net
from protolint.net.solver import Solver
from protolint.source import Source
from protolint.workspace.reading import LintFile, Readings
from protolint.workspace.relatives import Project

BVLC = DIALECTS["bvlc"]
CONV = 'layer { name: "%s" type: "Convolution" bottom: "data" top: "c" }\n'
TRAIN = 'layer { name: "d" type: "Data" top: "data" }\n' + CONV % "conv1"
DEPLOY = 'layer { name: "d" type: "Input" top: "data" }\n' + CONV % "conv1"


def write(folder: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return [str(folder / name) for name in files]


def read(project: Project, path: str) -> LintFile:
    source = Source(path, Path(path).read_bytes())
    return Readings.of(source, relatives=project).read(BVLC)


def open_net(project: Project, path: str) -> Net:
    return read(project, path).nets[0]


def open_solver(project: Project, path: str) -> Solver:
    solver = read(project, path).solver
    assert solver is not None
    return solver


@pytest.mark.parametrize(
    ("train", "deploy"),
    [
        ("train_val.prototxt", "deploy.prototxt"),
        ("resnet_train_test.prototxt", "resnet_deploy.prototxt"),
        ("ResNet-50-train.prototxt", "ResNet-50-deploy.prototxt"),
        ("resnet50.prototxt", "resnet50_deploy.prototxt"),
    ],
)
def test_a_deploy_net_and_its_training_net_find_each_other(
    tmp_path: Path, train: str, deploy: str
) -> None:
    paths = write(tmp_path, {train: TRAIN, deploy: DEPLOY, "other_train.prototxt": TRAIN})
    project = Project(paths)
    found = open_net(project, paths[1]).sibling
    assert found is not None
    assert Path(found.source.path).name == train
    back = open_net(project, paths[0]).sibling
    assert back is not None
    assert Path(back.source.path).name == deploy


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"a/deploy.prototxt": DEPLOY, "b/train.prototxt": TRAIN}, id="other folder"),
        pytest.param({"deploy.prototxt": DEPLOY, "vgg_train.prototxt": TRAIN}, id="other model"),
        pytest.param(
            {"deploy.prototxt": DEPLOY, "train.prototxt": TRAIN.replace("conv1", "x")},
            id="no layer in common",
        ),
        pytest.param({"deploy.prototxt": DEPLOY, "test.prototxt": DEPLOY}, id="two deploy nets"),
        pytest.param(
            {"deploy.prototxt": DEPLOY, "train.prototxt": TRAIN, "train_val.prototxt": TRAIN},
            id="two training nets",
        ),
        pytest.param({"deploy.prototxt": DEPLOY, "train.prototxt": "layer {"}, id="broken"),
    ],
)
def test_nets_that_do_not_belong_together_stay_apart(tmp_path: Path, files: dict[str, str]) -> None:
    paths = write(tmp_path, files)
    assert open_net(Project(paths), paths[0]).sibling is None


def test_files_that_are_not_in_the_run_are_not_looked_at(tmp_path: Path) -> None:
    deploy, _ = write(tmp_path, {"deploy.prototxt": DEPLOY, "train.prototxt": TRAIN})
    assert open_net(Project([deploy]), deploy).sibling is None
    assert open_net(Project(), deploy).solver is None


@pytest.mark.parametrize(
    "name", ["train_val.prototxt", "models/x/train_val.prototxt", "elsewhere/train_val.prototxt"]
)
def test_a_solver_finds_its_net_where_caffe_may_have_been_started(
    tmp_path: Path, name: str
) -> None:
    solver, net = write(
        tmp_path,
        {"models/x/solver.prototxt": f'net: "{name}"\n', "models/x/train_val.prototxt": TRAIN},
    )
    (reference,) = open_solver(Project(), solver).references
    assert reference.net is not None
    assert Path(reference.net.source.path).samefile(net)


def test_a_net_that_is_not_there_is_none(tmp_path: Path) -> None:
    (solver,) = write(tmp_path, {"solver.prototxt": 'net: "no.prototxt" test_net: "no.prototxt"'})
    references = open_solver(Project(), solver).references
    assert [(r.field, r.net, r.found) for r in references] == [
        ("net", None, False),
        ("test_net", None, False),
    ]


def test_a_net_finds_the_one_solver_that_names_it(tmp_path: Path) -> None:
    files = {
        "train.prototxt": TRAIN,
        "solver.prototxt": 'net: "train.prototxt" base_lr: 1\n',
        "other_solver.prototxt": 'net: "other.prototxt"\n',
    }
    paths = write(tmp_path, files)
    found = open_net(Project(paths), paths[0]).solver
    assert found is not None
    assert found.message.number("base_lr") == 1
    more = write(tmp_path, {"second_solver.prototxt": 'net: "train.prototxt"\n'})
    assert open_net(Project([*paths, *more]), paths[0]).solver is None


def test_inline_nets_know_their_solver(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"solver.prototxt": f"base_lr: 1 net_param {{ {TRAIN} }}\n"})
    solver = open_solver(Project(), path)
    (net,) = solver.nets
    assert net.solver is not None
    assert net.solver.message is solver.message
    assert solver.nets[0].inline
