"""Solver files: what each Caffe calls the same thing, and what it does not have."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.conversion.decide.plan import PlanOptions
from protolint.conversion.text.net import source_refusals
from protolint.conversion.text.solver import SolverPlan, convert_solver, plan_solver
from protolint.edit import apply_edits
from protolint.errors import ProtolintError
from protolint.lint.check_text import check_source
from protolint.source import Source
from protolint.weights.kinds import FileKind
from protolint.workspace.reading import LintFile, Readings
from protolint.workspace.target import infer_target
from protolint.workspace.workspace import Choices as Chosen
from protolint.workspace.workspace import Workspace

N = "nvidia-0."
SHARED = Path(__file__).resolve().parents[3] / "shared"
SOLVERS = [
    path
    for path in sorted([*SHARED.glob("corpus/*.prototxt"), *SHARED.glob("golden/*/*solver.*")])
    if b"base_lr" in path.read_bytes()
]


def plan(file: LintFile, target: str, **choices: object) -> SolverPlan:
    return plan_solver(file, DIALECTS[target], PlanOptions(**choices))  # type: ignore[arg-type]


def text_of(tools: SimpleNamespace, text: str, source: str, target: str, **choices: object) -> str:
    file = tools.read(text, source)
    made = plan(file, target, **choices)
    assert [str(refusal) for refusal in made.refusals] == []
    return apply_edits(file.source.data, convert_solver(file, made)).decode()


BASE = 'net: "x.prototxt"  # the net\nbase_lr: 0.1\n'


@pytest.mark.parametrize(
    ("type", "old"),
    [("SGD", "SGD"), ("Nesterov", "NESTEROV"), ("AdaGrad", "ADAGRAD"), ("Adam", "ADAM")],
)
def test_the_type_is_an_enum_in_0_14(type: str, old: str, tools: SimpleNamespace) -> None:
    text = f'{BASE}type: "{type}"  # how\n'
    there = text_of(tools, text, "bvlc", N + "14")
    assert there == f"{BASE}solver_type: {old}  # how\n"
    # Every later Caffe reads the old field too.
    for target in ("bvlc", N + "15", N + "16", N + "17"):
        assert text_of(tools, there, N + "14", target) == there
        assert text_of(tools, text, "bvlc", target) == text


@pytest.mark.parametrize(
    ("field", "source", "target"),
    [
        ('type: "SAG"', N + "17", "bvlc"),
        ('type: "SAG"', N + "17", N + "14"),
        ("solver_type: SAG", N + "17", N + "16"),
        ('type: "Mine"', "bvlc", N + "15"),
        ("larc: true", N + "16", "bvlc"),
        ("min_lr: 0.1", N + "17", N + "15"),
        ("eval_type: 'detection'", N + "17", N + "16"),
    ],
)
def test_what_changes_training_is_refused(
    field: str, source: str, target: str, tools: SimpleNamespace
) -> None:
    file = tools.read(f"{BASE}{field}\n", source)
    (refusal,) = plan(file, target).refusals
    assert target in refusal.evidence
    with pytest.raises(ProtolintError, match=target):
        convert_solver(file, plan(file, target))


def test_fields_that_may_go_are_named(tools: SimpleNamespace) -> None:
    text = f"{BASE}larc: true\nmin_lr: 0.1\n"
    (first, second) = plan(tools.read(text, N + "17"), "bvlc").refusals
    assert [first.switch.split()[:2], second.switch.split()[:2]] == [
        ["--drop-field", "larc"],
        ["--drop-field", "min_lr"],
    ]
    allowed = frozenset({"larc", "min_lr"})
    assert text_of(tools, text, N + "17", "bvlc", drop_fields=allowed) == BASE


@pytest.mark.parametrize(
    ("field", "source", "target"),
    [
        ("layer_wise_reduce: false", "bvlc", N + "15"),
        ("store_blobs_in_old_format: true", N + "17", "bvlc"),
        ("solver_data_type: FLOAT16", N + "16", N + "15"),
        ("larc: false", N + "16", "bvlc"),
        ("min_lr: 0", N + "17", "bvlc"),
    ],
)
def test_what_does_not_change_training_goes(
    field: str, source: str, target: str, tools: SimpleNamespace
) -> None:
    assert text_of(tools, f"{BASE}{field}\n", source, target) == BASE


def test_weights_to_start_from_are_told(tools: SimpleNamespace) -> None:
    file = tools.read(f'{BASE}weights: "a.caffemodel"\nweights: "b.caffemodel"\n', "bvlc")
    made = plan(file, N + "17")
    assert apply_edits(file.source.data, convert_solver(file, made)).decode() == BASE
    assert "-weights a.caffemodel,b.caffemodel" in made.notes[-1].message


@pytest.mark.parametrize(
    ("source", "target", "written"),
    [
        ("bvlc", N + "15", "0.99"),
        ("bvlc", N + "17", ""),
        (N + "15", "bvlc", "0"),
        (N + "16", N + "14", "0.99"),
    ],
)
def test_defaults_that_differ_are_written(
    source: str, target: str, written: str, tools: SimpleNamespace
) -> None:
    text = BASE + ("solver_type: RMSPROP\n" if source != "bvlc" else 'type: "RMSProp"\n')
    made = text_of(tools, text, source, target)
    assert ("rms_decay: " + written in made) is bool(written)
    assert made.count("rms_decay") == bool(written)
    # Not where it is said, and not for another type.
    given = f"{text}rms_decay: 0.5\n"
    assert text_of(tools, given, source, target).count("rms_decay") == 1
    assert "rms_decay" not in text_of(tools, BASE, source, target)


def test_named_nets_get_their_new_names(tools: SimpleNamespace) -> None:
    text = 'train_net: "a.prototxt"\ntest_net: "b.prototxt"\ntest_net: "c.prototxt"\n'
    file = tools.read(text, "bvlc")
    paths = {"a.prototxt": "out/a.prototxt", "c.prototxt": "out/ü.prototxt"}
    edits = convert_solver(file, plan(file, N + "17"), paths)
    assert apply_edits(file.source.data, edits).decode() == (
        'train_net: "out/a.prototxt"\ntest_net: "b.prototxt"\ntest_net: "out/ü.prototxt"\n'
    )


def test_nets_inside_are_converted(tools: SimpleNamespace) -> None:
    text = dedent("""
        # protolint: target=bvlc
        base_lr: 0.1
        net_param {
            layer { name: "d" type: "Data" top: "data" top: "label" }
            layer {
                name: "n"
                type: "BatchNorm"
                bottom: "data"
                top: "n"
            }
            layer {
                name: "s"
                type: "Scale"
                bottom: "n"
                top: "n"
                scale_param { bias_term: true }
            }
            layer { name: "l" type: "SoftmaxWithLoss" bottom: "n" bottom: "label" }
        }
        """)
    made = text_of(tools, text, "bvlc", N + "17")
    assert made == dedent("""
        # protolint: target=nvidia-0.17
        base_lr: 0.1
        net_param {
            layer { name: "d" type: "Data" top: "data" top: "label" }
            layer {  # protolint: was[bvlc, scale=s]
                name: "n"
                type: "BatchNorm"
                bottom: "data"
                top: "n"
                batch_norm_param {
                    scale_bias: true
                }
            }
            layer { name: "l" type: "SoftmaxWithLoss" bottom: "n" bottom: "label" }
        }
        """)
    back = text_of(tools, made, N + "17", "bvlc")
    assert 'name: "s"' in back
    assert "protolint: was" not in back


def test_inputs_of_a_net_inside_do_not_leave_0_14(tools: SimpleNamespace) -> None:
    text = f'{BASE}net_param {{ input: "x" input_dim: [1, 3, 8, 8] }}\n'
    assert "reads no inputs" in plan(tools.read(text, N + "14"), "bvlc").refusals[0].evidence


def test_blocks_inside_a_solver_are_not_mended_by_bvlc(tools: SimpleNamespace) -> None:
    """Three blocks that a file may have abort in a net that stands in a solver."""
    text = (
        'net_param { layer { name: "n" type: "BatchNorm" bottom: "x" top: "y" '
        "param { } param { } param { } } }\nbase_lr: 0.1\n"
    )
    assert " param {" not in text_of(tools, text, N + "17", "bvlc")


def test_combinations_that_cannot_train_are_told(tools: SimpleNamespace) -> None:
    on_cpu = tools.read(f"{BASE}solver_mode: CPU\n", "bvlc")
    assert any("SV004" in note.message for note in plan(on_cpu, N + "14").notes)
    assert not plan(on_cpu, N + "14", engine="CAFFE").notes
    assert any("BN032" in note.message for note in plan(on_cpu, N + "15", engine="CAFFE").notes)


def test_a_solver_in_its_own_dialect_stays(tools: SimpleNamespace) -> None:
    for dialect, extra in (("bvlc", 'weights: "w"\n'), (N + "17", "larc: true\n")):
        assert text_of(tools, BASE + extra, dialect, dialect) == BASE + extra


@pytest.mark.skipif(not SOLVERS, reason="no collection of solvers is beside this checkout")
def test_real_solvers_stay_sound(tools: SimpleNamespace) -> None:
    done = 0
    for path in SOLVERS:
        readings = Readings.of(Source(str(path), path.read_bytes()))
        file = readings.read(infer_target(readings).dialect)
        if file.kind is not FileKind.SOLVER or source_refusals(file):
            continue
        for target, engine in tools.targets:
            made = plan(file, target, engine=engine)
            if made.refusals:
                continue
            data = apply_edits(file.source.data, convert_solver(file, made))
            workspace = Workspace(Chosen(targets=(DIALECTS[target],)))
            (report,) = check_source(workspace, Source("x", data))
            assert report.accepted, (path.name, target)
            done += 1
            if target == file.dialect.name and engine is None:
                assert data == file.source.data
    assert done > 50
