"""The walk through Solver::Init: what it says of whole solvers, and what a check costs."""

from __future__ import annotations

from pathlib import Path

import pytest

import protolint
from protolint.lint.check_files import check_files
from protolint.source import Source
from protolint.text import parse
from protolint.text.tree import Tree
from protolint.workspace.workspace import Choices, Workspace

NET = """\
layer { name: "d" type: "DummyData" top: "x" dummy_data_param { shape { dim: [2, 3] } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 2 } }
"""
SOLVER = 'net: "net.prototxt"\nlr_policy: "fixed"\nbase_lr: 0.1\n'
TESTS = "test_iter: 1\ntest_interval: 5\n"


def built(folder: Path, solver: str, net: str | None = NET) -> dict[str, bool | None]:
    if net is not None:
        (folder / "net.prototxt").write_text(net)
    (folder / "solver.prototxt").write_text(solver)
    return dict(protolint.check(folder / "solver.prototxt", target="bvlc").reports[0].builds or {})


def test_a_solver_builds_with_its_nets(tmp_path: Path) -> None:
    assert built(tmp_path, SOLVER) == {"TRAIN": True}
    assert built(tmp_path, SOLVER + TESTS) == {"TRAIN": True, "TEST": True}


def test_a_solver_with_a_fault_of_its_own_builds_nowhere(tmp_path: Path) -> None:
    assert built(tmp_path, f"{SOLVER}{TESTS}average_loss: 0\n") == {"TRAIN": False, "TEST": False}


def test_a_fault_of_the_first_step_is_none_of_building(tmp_path: Path) -> None:
    assert built(tmp_path, SOLVER.replace("fixed", "stairs")) == {"TRAIN": True}


def test_a_net_counts_in_the_state_that_the_solver_gives(tmp_path: Path) -> None:
    net = NET.replace("top", 'include { stage: "a" } top', 1)
    assert built(tmp_path, SOLVER, net) == {"TRAIN": False}
    assert built(tmp_path, SOLVER + 'train_state { stage: "a" }\n', net) == {"TRAIN": True}
    net = f'state {{ stage: "a" }}\n{net}'
    assert built(tmp_path, SOLVER, net) == {"TRAIN": True}


def test_a_net_that_is_elsewhere_leaves_it_open(tmp_path: Path) -> None:
    assert built(tmp_path, SOLVER.replace("net.p", "models/net.p"), None) == {"TRAIN": None}


def test_a_net_inside_a_solver_counts_too(tmp_path: Path) -> None:
    inside = f'net_param {{ {NET} }}\nlr_policy: "fixed"\n'
    assert built(tmp_path, inside) == {"TRAIN": True}
    wrong = inside.replace('bottom: "x"', 'bottom: "z"')
    assert built(tmp_path, wrong) == {"TRAIN": False}


def test_the_closing_line_speaks_of_the_solver(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    report = protolint.check(tmp_path / "solver.prototxt", target="bvlc")
    assert report.render("full").endswith("It builds in TRAIN for bvlc.\n")


@pytest.mark.parametrize("order", [("net", "solver"), ("solver", "net")])
def test_a_net_checked_with_its_solver_is_parsed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: tuple[str, str]
) -> None:
    parsed: list[str] = []

    def counting(source: Source) -> Tree:
        parsed.append(Path(source.path).name)
        return parse(source)

    monkeypatch.setattr("protolint.workspace.reading.parse", counting)
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    paths = [str(tmp_path / f"{name}.prototxt") for name in order]
    workspace = Workspace(Choices(isolated=True))
    workspace.pair(paths)
    check_files(workspace, paths, lambda error: pytest.fail(str(error)))
    assert sorted(parsed) == ["net.prototxt", "solver.prototxt"]
