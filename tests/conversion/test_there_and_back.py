"""Whatever the net: what comes out is sound for its Caffe, and the way back gives the same net."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st

from protolint.caffe.descriptors import load_schema
from protolint.caffe.registry import DIALECTS
from protolint.conversion.decide.plan import Action, Plan
from protolint.conversion.text.net import source_refusals
from protolint.lint.check_text import check_source
from protolint.source import Source
from protolint.weights.kinds import FileKind
from protolint.workspace.reading import LintFile, Readings
from protolint.workspace.target import infer_target
from protolint.workspace.workspace import Choices, Workspace
from tests.sample import ALL, every, sample

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "nets"
SHARED = Path(__file__).resolve().parents[3] / "shared"
CORPUS = sorted((SHARED / "corpus").glob("*.prototxt"))
DIALECT_NAMES = ("bvlc", "nvidia-0.14", "nvidia-0.15", "nvidia-0.16", "nvidia-0.17")


def errors(file: LintFile) -> set[tuple[str, str | None]]:
    """The errors that a file has for its dialect."""
    (report,) = check_source(Workspace(Choices(targets=(file.dialect,))), file.source)
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


def touched(file: LintFile, plan: Plan) -> set[int]:
    """The layers that a conversion may rewrite, by index: BatchNorm, its Scale, inputs."""
    net = file.nets[0]
    found = {layer.index for layer in net.layers if layer.type == "Input" and plan.inputs}
    for step in plan.steps:
        for member in step.members:
            found |= {member.layer, *(member.added or ())}
            behind = member.reshape.behind if member.reshape is not None else None
            found |= {i for i in (member.scale, behind) if i is not None}
    gone = [foreign.node.start for foreign in plan.left_out]
    return found | {
        layer.index
        for layer in net.layers
        if any(layer.node.start <= at < layer.node.end for at in gone)
    }


def bodies(file: LintFile, indices: Iterable[int]) -> list[str]:
    """The text of layers with the names of their blobs left out."""
    texts = []
    for index in indices:
        layer = file.nets[0].layers[index]
        parts, at = [], layer.node.start
        blobs = [*layer.bottoms, *layer.tops]
        for node in sorted((blob.node for blob in blobs), key=lambda node: node.value_start):
            parts.append(file.source.decode(at, node.value_start))
            at = node.end
        texts.append("*".join([*parts, file.source.decode(at, layer.node.end)]))
    return texts


def comments(file: LintFile) -> list[str]:
    """The comments that have a line of their own between layers, but for protolint's."""
    found: list[str] = []
    at = 0
    for node in (*file.tree.children, None):
        end = node.start if node is not None else len(file.source.data)
        found += re.findall(r"^[ \t]*(#.*?)[ \t\r]*$", file.source.decode(at, end), re.MULTILINE)
        at = node.end if node is not None else end
    return [comment for comment in found if "protolint:" not in comment]


def check_bytes(before: LintFile, after: LintFile, plan: Plan) -> None:
    """What a conversion does not have to rewrite has its text, comments and line ends."""
    net = before.nets[0]
    changed = touched(before, plan)
    kept = [layer.index for layer in net.layers if layer.index not in changed]
    names = {net.layers[i].name for i in kept} - {net.layers[i].name for i in changed}
    same = [i for i in kept if net.layers[i].name in names]
    now = [layer.index for layer in after.nets[0].layers if layer.name in names]
    assert bodies(after, now) == bodies(before, same)
    assert comments(after) == comments(before)
    for end in (b"\r\n", b"\n"):
        if before.source.data.count(b"\n") == before.source.data.count(end):
            assert after.source.data.count(b"\n") == after.source.data.count(end)


def check_everywhere(
    file: LintFile, tools: SimpleNamespace, targets: Sequence[tuple[str, str | None]] = ()
) -> int:
    """Convert a net to every target and back, and say how often that could be done.

    Every refusal says why. Every result is accepted by its Caffe, has no error that the net did
    not have, and every byte that had no reason to change. The way back of a sound net means
    what it meant (Meaning in conftest.py says what does not count: names of blobs and of Scale
    layers that came and went, settings equal to what holds without them, precision and speed).
    """
    known = errors(file)
    done = 0
    for target, engine in targets or tools.targets:
        plan = tools.plan(file, target, engine=engine)
        if plan.refusals:
            assert all(refusal.evidence for refusal in plan.refusals)
            continue
        there = tools.convert(file, target, engine=engine)
        done += 1
        assert there.accepted, (target, engine)
        assert not errors(there) - known, (target, engine)
        check_bytes(file, there, plan)
        if target == file.dialect.name and engine is None:
            assert there.source.data == file.source.data
        if known or not is_undone(plan) or tools.plan(there, file.dialect.name).refusals:
            continue
        back = tools.convert(there, file.dialect.name)
        assert tools.states(back) == tools.states(file), (target, engine)
    return done


def check_convolutions(file: LintFile, tools: SimpleNamespace) -> bool:
    """Convert a net to NVIDIA 0.14 on its engine CAFFE, convolutions for Scale layers, and back."""
    known = errors(file)
    choices = {"engine": "CAFFE", "convolves": True}
    plan = tools.plan(file, "nvidia-0.14", **choices)
    if plan.refusals:
        assert all(refusal.evidence for refusal in plan.refusals)
        return False
    there = tools.convert(file, "nvidia-0.14", **choices)
    assert there.accepted
    assert not errors(there) - known
    check_bytes(file, there, plan)
    if not known and is_undone(plan) and not tools.plan(there, file.dialect.name).refusals:
        back = tools.convert(there, file.dialect.name)
        assert tools.states(back) == tools.states(file)
        assert "Convolution" in file.source.text or "Convolution" not in back.source.text
    return True


def net_in(path: Path) -> LintFile | None:
    """The net in a file as its Caffe reads it, None where there is none."""
    readings = Readings.of(Source(str(path), path.read_bytes()))
    file = readings.read(infer_target(readings).dialect)
    return file if file.kind is FileKind.NET and not source_refusals(file) else None


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.prototxt")), ids=lambda path: path.stem)
def test_our_own_nets(path: Path, tools: SimpleNamespace) -> None:
    file = net_in(path)
    if file is not None:
        assert check_everywhere(file, tools) >= 2
        check_convolutions(file, tools)


@pytest.mark.skipif(not CORPUS, reason="the corpus of public nets is not beside this checkout")
def test_public_nets_with_convolutions_for_scale_layers(tools: SimpleNamespace) -> None:
    files = (net_in(path) for path in sample(CORPUS, 16, 1))
    done = [check_convolutions(file, tools) for file in files if file is not None]
    assert sum(done) > (30 if ALL else 1)


@pytest.mark.skipif(not CORPUS, reason="the corpus of public nets is not beside this checkout")
def test_public_nets(tools: SimpleNamespace) -> None:
    """One net in four to one target, in turn; all to all with PROTOLINT_TEST_ALL=1."""
    done = 0
    for i, path in enumerate(sample(CORPUS, 4)):
        file = net_in(path)
        if file is not None:
            some = tools.targets if ALL else [tools.targets[i % len(tools.targets)]]
            done += check_everywhere(file, tools, some)
    assert done > (500 if ALL else 15)


def message_of(file: LintFile) -> Any:
    """The net as the protobuf library reads it by the schema of its Caffe."""
    message = load_schema(file.dialect.schema).message_class("NetParameter")()
    text_format.Parse(file.source.data, message)
    return message


@pytest.mark.skipif(not CORPUS, reason="the corpus of public nets is not beside this checkout")
@pytest.mark.parametrize("path", sample(CORPUS, 48), ids=lambda path: path.stem)
def test_the_protobuf_library_reads_the_same_other_layers(
    path: Path, tools: SimpleNamespace
) -> None:
    """There and back, every layer that is neither BatchNorm nor Scale is the same message.

    But for the names of blobs, and for what the target does without (PRECISION in conftest.py).
    """
    file = net_in(path)
    if file is None:
        pytest.skip("not a net that its Caffe reads")
    for target in DIALECT_NAMES:
        plan = tools.plan(file, target)
        if plan.refusals or plan.inputs or not is_undone(plan):
            continue
        there = tools.convert(file, target)
        message_of(there)
        if tools.plan(there, file.dialect.name).refusals:
            continue
        back = tools.convert(there, file.dialect.name)
        before, after = message_of(file), message_of(back)
        for message in (before, after):
            for i in reversed(range(len(message.layer))):
                layer = message.layer[i]
                del layer.bottom[:], layer.top[:]
                if layer.type in ("BatchNorm", "Scale"):
                    del message.layer[i]
            for foreign in plan.left_out:
                field = foreign.path.rpartition(".")[2].partition(":")[0]
                if field in message.DESCRIPTOR.fields_by_name:
                    message.ClearField(field)
        if plan.left_out:
            assert [layer.name for layer in after.layer] == [layer.name for layer in before.layer]
        else:
            assert after == before, target


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
        if self.dialect.has_scale_layer and draw(st.sampled_from("yn")) == "y":
            self.scale(i)
        if draw(st.sampled_from("yn")) == "y":
            self.layer(f"r{i}", "ReLU", self.blob, self.blob)

    def batchnorm(self, i: int) -> None:
        """A BatchNorm that its Caffe takes, or the two variants of one."""
        draw, dialect = self.draw, self.dialect
        engine = ""
        if dialect.has_engines:
            engine = draw(st.sampled_from(["", "engine: CAFFE", "engine: CUDNN"]))
        kind = dialect.batchnorm(engine[8:])
        fields = [engine, draw(st.sampled_from(EPS))]
        fields.append(_maybe(draw, "moving_average_fraction: 0.95"))
        params: list[str] = []
        if kind.affine.value == "always":
            fields += [_filler(draw, "scale_filler", 1), _filler(draw, "bias_filler", 0)]
            params = [draw(st.sampled_from(FREE)), draw(st.sampled_from(FREE))]
            params += [ZERO] * (3 if dialect.keeps_sums else 2)
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


@settings(max_examples=60 // every(2))
@given(made=nets())
def test_any_net(made: tuple[str, str], tools: SimpleNamespace) -> None:
    dialect, text = made
    file = tools.read(text, dialect)
    assert file.accepted
    assert check_everywhere(file, tools) >= 1
    check_convolutions(file, tools)


@settings(max_examples=50 // every(2))
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
