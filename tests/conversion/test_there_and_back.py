"""Whatever the net: what comes out is sound for its Caffe, and the way back gives the same net."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protolint.conversion.plan import Action, Plan
from protolint.conversion.prototxt import source_refusals
from protolint.lint.file import FileKind, LintFile, Readings
from protolint.lint.runner import check_source
from protolint.lint.target import infer_target
from protolint.schema.dialects import DIALECTS
from protolint.source import Source

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "nets"
SHARED = Path(__file__).resolve().parents[3] / "shared"
CORPUS = sorted((SHARED / "corpus").glob("*.prototxt"))
DIALECT_NAMES = ("bvlc", "nvidia-0.14", "nvidia-0.15", "nvidia-0.16", "nvidia-0.17")


def errors(file: LintFile) -> set[tuple[str, str | None]]:
    """The errors that a file has for its dialect."""
    (report,) = check_source(file.source, targets=(file.dialect,), build=file.build)
    return {(d.code, d.layer) for d in report.diagnostics if d.severity.value == "error"}


def is_undone(plan: Plan) -> bool:
    """Whether the way back restores what there was.

    Not a frozen BatchNorm, which is a Scale layer then, nor a gamma and beta inside one that has
    a Scale layer behind it as well (BN021): those two become one.
    """
    return not any(
        step.action is Action.FREEZE
        or (step.source.affine and step.scale is not None and step.scale.before is not None)
        for step in plan.steps
    )


def check_everywhere(file: LintFile, tools: SimpleNamespace) -> int:
    """Convert a net to every target and back, and say how often that could be done."""
    known = errors(file)
    done = 0
    for target, engine in tools.targets:
        plan = tools.plan(file, target, engine=engine)
        if plan.refusals:
            continue
        there = tools.convert(file, target, engine=engine)
        done += 1
        assert there.accepted, (target, engine)
        assert not errors(there) - known, (target, engine)
        if target == file.dialect.name and engine is None:
            assert there.source.data == file.source.data
        if known or not is_undone(plan) or tools.plan(there, file.dialect.name).refusals:
            continue
        back = tools.convert(there, file.dialect.name)
        assert tools.states(back) == tools.states(file), (target, engine)
    return done


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.prototxt")), ids=lambda path: path.stem)
def test_our_own_nets(path: Path, tools: SimpleNamespace) -> None:
    readings = Readings.of(Source(str(path), path.read_bytes()))
    file = readings.read(infer_target(readings).dialect)
    if file.kind is FileKind.NET and not source_refusals(file):
        assert check_everywhere(file, tools) >= 2


@pytest.mark.skipif(not CORPUS, reason="the corpus of public nets is not beside this checkout")
def test_public_nets(tools: SimpleNamespace) -> None:
    done = 0
    for path in CORPUS:
        readings = Readings.of(Source(str(path), path.read_bytes()))
        file = readings.read(infer_target(readings).dialect)
        if file.kind is FileKind.NET and not source_refusals(file):
            done += check_everywhere(file, tools)
    assert done > 500


# Nets made up.

Draw = Callable[[st.SearchStrategy[str]], str]
FREE = ["param { }", "param { lr_mult: 2 decay_mult: 0 }", "param { lr_mult: 0 }"]
ZERO = "param { lr_mult: 0 decay_mult: 0 }"
EPS = ["", "eps: 1e-3", "eps: 1e-06", "eps: 0.0001"]


def _filler(draw: Draw, name: str, usual: int) -> str:
    kinds = [f"value: {usual}", 'type: "uniform" min: 0.5 max: 1', 'type: "gaussian" std: 0.1']
    return f"{name} {{ {draw(st.sampled_from(kinds))} }}"


def _maybe(draw: Draw, text: str) -> str:
    return draw(st.sampled_from(["", text]))


class _Maker:
    """One net: layers one after the other, each reading the last one's top."""

    def __init__(self, draw: Draw, dialect: str) -> None:
        self.draw = draw
        self.dialect = DIALECTS[dialect]
        self.trains = draw(st.sampled_from(["deploy", "train"])) == "train"
        self.long = draw(st.sampled_from(["long", "short"])) == "long"
        self.layers: list[str] = []
        self.blob = "data"

    def text(self) -> str:
        """The whole net."""
        if self.trains:
            self.layer("d", "Data", "", "data", 'top: "label"')
        else:
            self.layers.append('input: "data"\ninput_shape { dim: 1 dim: 3 dim: 8 dim: 8 }')
        for i in range(int(self.draw(st.sampled_from("123")))):
            self.block(i)
        if self.trains:
            self.layer("ip", "InnerProduct", self.blob, "ip")
            self.layer("l", "SoftmaxWithLoss", "ip", "l", 'bottom: "label"')
        return self.draw(st.sampled_from(["\n", "\n\n", "\r\n"])).join(self.layers) + "\n"

    def layer(self, name: str, kind: str, bottom: str, top: str, *more: str) -> None:
        """One layer, in one of two styles."""
        fields = [f'name: "{name}"', f'type: "{kind}"']
        fields += [f'bottom: "{bottom}"'] if bottom else []
        fields += [f'top: "{top}"', *(field for field in more if field)]
        between = "\n  " if self.long else " "
        end = "\n" if self.long else " "
        self.layers.append(f"layer {{{between}{between.join(fields)}{end}}}")

    def block(self, i: int) -> None:
        """A linear layer, a BatchNorm, perhaps a Scale layer, perhaps a ReLU."""
        draw = self.draw
        kind = draw(st.sampled_from(["Convolution", "Convolution", "InnerProduct"]))
        name = "inner_product_param" if kind == "InnerProduct" else "convolution_param"
        outputs = draw(st.sampled_from(["1", "4"]))
        size = "" if kind == "InnerProduct" else "kernel_size: 1"
        self.layer(f"c{i}", kind, self.blob, f"c{i}", f"{name} {{ num_output: {outputs} {size} }}")
        self.blob = f"c{i}"
        self.batchnorm(i)
        if self.dialect.version != (0, 14) and draw(st.sampled_from("yn")) == "y":
            self.scale(i)
        if draw(st.sampled_from("yn")) == "y":
            self.layer(f"r{i}", "ReLU", self.blob, self.blob)

    def batchnorm(self, i: int) -> None:
        """A BatchNorm that its Caffe takes, or the two variants of one."""
        draw, dialect = self.draw, self.dialect
        engine = ""
        if dialect.nvidia:
            engine = draw(st.sampled_from(["", "engine: CAFFE", "engine: CUDNN"]))
        kind = dialect.batchnorm(engine[8:])
        fields = [engine, draw(st.sampled_from(EPS))]
        fields.append(_maybe(draw, "moving_average_fraction: 0.95"))
        params: list[str] = []
        if kind.affine.value == "always":
            fields += [_filler(draw, "scale_filler", 1), _filler(draw, "bias_filler", 0)]
            params = [draw(st.sampled_from(FREE)), draw(st.sampled_from(FREE))]
            params += [ZERO] * (2 if dialect.version == (0, 15) else 3)
        elif kind.affine.value == "on request" and draw(st.sampled_from("yn")) == "y":
            fields.append("scale_bias: true")
            fields.append(_maybe(draw, _filler(draw, "scale_filler", 1)))
        elif not dialect.masks_statistics or draw(st.sampled_from("yn")) == "y":
            params = [ZERO] * 3
        top = draw(st.sampled_from([self.blob, f"b{i}"]))
        rules = [("", "")]
        if self.trains and draw(st.sampled_from("ynn")) == "y":
            rules = [
                ("include { phase: TRAIN }", _maybe(draw, "use_global_stats: false")),
                ("include { phase: TEST }", _maybe(draw, "use_global_stats: true")),
            ]
        elif draw(st.sampled_from("ynnn")) == "y":
            rules = [("", "use_global_stats: true")]
        for rule, stats in rules:
            inside = " ".join(field for field in (*fields, stats) if field)
            param = f"batch_norm_param {{ {inside} }}" if inside else ""
            self.layer(f"n{i}", "BatchNorm", self.blob, top, *params, param, rule)
        self.blob = top

    def scale(self, i: int) -> None:
        """A Scale layer, most often one that is gamma and beta of the BatchNorm above."""
        draw = self.draw
        fields = [_maybe(draw, _filler(draw, "filler", 1))]
        bias = draw(st.sampled_from("yyyn")) == "y"
        fields += ["bias_term: true", _maybe(draw, _filler(draw, "bias_filler", 0))] * bias
        fields.append(draw(st.sampled_from(["", "", "", "axis: 0", "axis: 1", "num_axes: -1"])))
        params = [draw(st.sampled_from(["", *FREE]))]
        params += [draw(st.sampled_from(FREE))] * (bias and bool(params[0]))
        inside = " ".join(field for field in fields if field)
        param = f"scale_param {{ {inside} }}" if inside else ""
        top = draw(st.sampled_from([self.blob, self.blob, f"s{i}"]))
        name = draw(st.sampled_from([f"n{i}_scale", f"sc{i}", f"a b,c]%{i}", f"x/ü{i}"]))
        self.layer(name, "Scale", self.blob, top, *params, param)
        self.blob = top


@st.composite
def nets(draw: Draw) -> tuple[str, str]:
    """A dialect, and the text of a net for it."""
    dialect = draw(st.sampled_from(DIALECT_NAMES))
    return dialect, _Maker(draw, dialect).text()


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(made=nets())
def test_any_net(made: tuple[str, str], tools: SimpleNamespace) -> None:
    dialect, text = made
    file = tools.read(text, dialect)
    assert file.accepted
    assert check_everywhere(file, tools) >= 1


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(made=nets(), route=st.lists(st.sampled_from(DIALECT_NAMES), min_size=2, max_size=3))
def test_a_detour_comes_home_too(
    made: tuple[str, str], route: list[str], tools: SimpleNamespace
) -> None:
    """Through other Caffes and back; an engine that is asked for on the way is a new one."""
    dialect, text = made
    file = tools.read(text, dialect)
    if errors(file) or dialect in route:
        return
    at = file
    for target in (*route, dialect):
        plan = tools.plan(at, target)
        if plan.refusals or not is_undone(plan):
            return
        at = tools.convert(at, target)
    assert tools.states(at) == tools.states(file)
