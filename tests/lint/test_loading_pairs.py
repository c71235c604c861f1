"""A net and the weights of a slightly other net: what loads has no error, what aborts has one.

The judge here is written from CopyTrainedLayersFrom in src/caffe/net.cpp, Blob::ShapeEquals in
src/caffe/blob.cpp and LayerSetUp of each layer @ BVLC master, v0.15.14, v0.16.6, v0.17.4, and uses
nothing of the package. Real builds agreed with the rules on 278 of 278 such pairs.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path

import pytest

from protolint.batchnorm.fit import fit
from protolint.batchnorm.reading import read_weights
from protolint.caffe.build import Build
from protolint.caffe.registry import DIALECTS
from protolint.diagnostic import Severity
from protolint.lint.check_weights import GivenNet, check_weights
from protolint.source import Source
from protolint.wire import length_delimited, varint_field
from protolint.workspace.reading import Readings
from protolint.workspace.target import Target
from protolint.workspace.workspace import Workspace

CAFFES = ("bvlc", "ssd", "nvidia-0.15", "nvidia-0.16", "nvidia-0.17")
PAIRS = 480

Dims = tuple[int, ...]


@dataclass(frozen=True)
class Spec:
    """A layer: its name, its type, and what its blobs depend on."""

    name: str
    type: str
    outputs: int = 4
    kernel: int = 1
    bias: bool = True
    phase: str = ""


@dataclass
class Stored:
    """A layer of a weight file; of a blob in `old` the four old sizes are written."""

    name: str
    type: str
    blobs: list[Dims]
    old: set[int] = field(default_factory=set)


def shapes_of(spec: Spec, bottom: Dims, caffe: str) -> tuple[list[Dims], Dims]:
    """The blobs that LayerSetUp makes, and the shape of the top."""
    channels, out, kernel = bottom[1], spec.outputs, spec.kernel
    window = (kernel, kernel)
    bias = [(out,)] if spec.bias else []
    if spec.type == "Convolution":
        top = (bottom[0], out, *(size - kernel + 1 for size in bottom[2:]))
        return [(out, channels, *window), *bias], top
    if spec.type == "Deconvolution":
        top = (bottom[0], out, *(size + kernel - 1 for size in bottom[2:]))
        return [(channels, out, *window), *bias], top
    if spec.type == "InnerProduct":
        return [(out, prod(bottom[1:])), *bias], (bottom[0], out)
    if spec.type == "Scale":
        return [(channels,)] * (2 if spec.bias else 1), bottom
    if spec.type == "PReLU":
        return [(channels,)], bottom
    assert spec.type == "BatchNorm"
    statistics: list[Dims] = [(channels,), (channels,), (1,)]
    if caffe == "nvidia-0.15":
        return [*statistics[:2], *statistics], bottom
    affine = spec.bias and caffe in ("nvidia-0.16", "nvidia-0.17")
    return statistics + [(channels,)] * 2 * affine, bottom


def net_of(layers: list[Spec], caffe: str, phase: str) -> list[tuple[str, str, list[Dims]]]:
    """What Net::Init makes of a net in a phase: name, type and blobs of each layer."""
    shape: Dims = (2, 3, 9, 9)
    found = []
    for spec in layers:
        if spec.phase in ("", phase):
            blobs, shape = shapes_of(spec, shape, caffe)
            found.append((spec.name, spec.type, blobs))
    return found


def aborts_at(net: list[tuple[str, str, list[Dims]]], file: list[Stored], caffe: str) -> str:
    """The layer at which CopyTrainedLayersFrom ends, or ""."""
    for source in file:
        target = next((blobs for name, _, blobs in net if name == source.name), None)
        if target is None:
            continue
        if len(target) != len(source.blobs):
            return source.name
        norm = source.type == "BatchNorm"
        if norm and (caffe == "nvidia-0.17" or (caffe == "nvidia-0.16" and len(target) == 5)):
            continue
        for at, (mine, given) in enumerate(zip(target, source.blobs, strict=True)):
            if at in source.old:
                four = (1,) * (4 - len(given)) + given
                if len(mine) > 4 or (1,) * (4 - len(mine)) + mine != four:
                    return source.name
            elif mine != given:
                return source.name
    return ""


def text_of(layers: list[Spec], caffe: str) -> str:
    """The prototxt of a net."""
    data = "dummy_data_param { shape { dim: [2, 3, 9, 9] } }"
    lines = ['layer { name: "data" type: "DummyData" top: "b" ' + data + " }"]
    for spec in layers:
        bias = str(spec.bias).lower()
        params = {
            "Convolution": f"convolution_param {{ num_output: {spec.outputs} kernel_size:"
            f" {spec.kernel} bias_term: {bias} }}",
            "InnerProduct": f"inner_product_param {{ num_output: {spec.outputs} bias_term: {bias}"
            " }",
            "Scale": f"scale_param {{ bias_term: {bias} }}",
            "PReLU": "",
            "BatchNorm": "batch_norm_param { scale_bias: true }"
            if spec.bias and caffe in ("nvidia-0.16", "nvidia-0.17")
            else "",
        }
        params["Deconvolution"] = params["Convolution"]
        include = f" include {{ phase: {spec.phase} }}" if spec.phase else ""
        lines.append(
            f'layer {{ name: "{spec.name}" type: "{spec.type}" bottom: "b" top: "b"'
            f" {params[spec.type]}{include} }}"
        )
    # What each layer reads is what the one above it wrote.
    blob, phased = 0, ""
    for at, spec in enumerate(layers, 1):
        twin = spec.phase and phased and spec.phase != phased
        bottom, blob = (blob - 1, blob) if twin else (blob, blob + 1)
        phased = "" if twin else spec.phase
        lines[at] = lines[at].replace('bottom: "b" top: "b"', f'bottom: "b{bottom}" top: "b{blob}"')
    lines[0] = lines[0].replace('"b"', '"b0"')
    return "\n".join(lines) + "\n"


def bytes_of(file: list[Stored]) -> bytes:
    """A caffemodel with ones."""
    whole = b""
    for layer in file:
        body = length_delimited(1, layer.name.encode()) + length_delimited(2, layer.type.encode())
        for at, dims in enumerate(layer.blobs):
            data = length_delimited(5, b"\0\0\x80?" * prod(dims))
            four = (1,) * (4 - len(dims)) + dims
            if at in layer.old:
                shape = b"".join(varint_field(n, size) for n, size in enumerate(four, 1))
            else:
                shape = length_delimited(7, b"".join(varint_field(1, size) for size in dims))
            body += length_delimited(7, shape + data)
        whole += length_delimited(100, body)
    return whole


def generated(choose: random.Random) -> list[Spec]:
    """A net of a few layers, sometimes with one that differs by phase, or a name used twice."""
    layers: list[Spec] = []
    for at in range(choose.randint(2, 5)):
        kinds = ["Convolution", "BatchNorm", "Scale", "PReLU", "Deconvolution"]
        kind = choose.choice(kinds)
        spec = Spec(
            f"l{at}", kind, choose.choice([1, 4]), choose.choice([1, 2]), choose.random() < 0.5
        )
        if kind in ("Convolution", "Deconvolution") and choose.random() < 0.15:
            layers.append(replace(spec, phase="TRAIN"))
            spec = replace(spec, phase="TEST", bias=choose.random() < 0.5)
        layers.append(spec)
    if choose.random() < 0.6:
        layers.append(Spec("fc", "InnerProduct", choose.choice([1, 5]), bias=choose.random() < 0.5))
    if choose.random() < 0.1:
        layers.append(replace(layers[-1], phase=""))
    return layers


def edited(layers: list[Spec], choose: random.Random) -> list[Spec]:
    """The same net with one thing changed, or as it is."""
    at = choose.randrange(len(layers))
    one, edit = layers[at], choose.randrange(8)
    changed = {
        0: replace(one, outputs=one.outputs + 1),
        1: replace(one, kernel=3 - one.kernel),
        2: replace(one, bias=not one.bias),
        3: replace(one, name="renamed"),
        4: replace(one, type="PReLU"),
    }
    if edit == 5 and len(layers) > 2:
        return [*layers[:at], *layers[at + 1 :]]
    if edit == 6:
        return [replace(spec, phase="") for spec in layers if spec.phase != "TRAIN"]
    return [*layers[:at], changed.get(edit, one), *layers[at + 1 :]]


def damaged(file: list[Stored], choose: random.Random) -> None:
    """Change the file as other writers do: old sizes, other types, blobs more or fewer, copies."""
    one, edit = choose.choice(file), choose.randrange(9)
    if edit <= 2:
        for layer in file if edit else [one]:
            layer.old = {at for at, dims in enumerate(layer.blobs) if len(dims) <= 4}
    elif edit == 3 and one.blobs:
        one.blobs.pop()
    elif edit == 4:
        one.blobs.append((1,))
    elif edit == 5:
        one.type = choose.choice(["BatchNorm", "Convolution", ""])
    elif edit == 6:
        file.append(replace(one, blobs=[(1, *dims) for dims in one.blobs]))
    elif edit == 7:
        one.blobs = []
    else:
        one.blobs = [(prod(dims),) for dims in one.blobs]


@pytest.mark.parametrize("part", range(8))
def test_every_pair_is_judged_as_its_caffe_does(part: int, tmp_path: Path) -> None:
    aborted = 0
    for seed in range(part * PAIRS // 8, (part + 1) * PAIRS // 8):
        choose = random.Random(seed)
        caffe = choose.choice(CAFFES)
        layers = generated(choose)
        source = edited(layers, choose) if choose.random() < 0.6 else layers
        made = net_of(source, caffe, choose.choice(["TRAIN", "TEST"]))
        file = [Stored(name, kind, list(blobs)) for name, kind, blobs in made]
        if choose.random() < 0.4:
            damaged(file, choose)
        wanted = {
            aborts_at(net_of(layers, caffe, phase), file, caffe) for phase in ("TRAIN", "TEST")
        }
        wanted -= {""}
        aborted += bool(wanted)

        net, model = tmp_path / f"{seed}.prototxt", tmp_path / f"{seed}.caffemodel"
        net.write_text(text_of(layers, caffe))
        model.write_bytes(bytes_of(file))
        readings = Readings.of(Source(str(net), net.read_bytes()), Build(cudnn=False))
        read = readings.read(DIALECTS[caffe]).nets[0]
        gaps = fit(read, read_weights(str(model)))
        assert bool(wanted) == any(gap.aborts for gap in gaps), (seed, wanted, gaps)
        assert wanted <= {gap.layer for gap in gaps if gap.aborts}, (seed, wanted, gaps)
        (report,) = check_weights(
            Workspace(), str(model), given=GivenNet(readings, [Target(DIALECTS[caffe], "as asked")])
        )
        errors = {
            d.code
            for d in report.diagnostics
            if d.severity is Severity.ERROR and d.code in ("WT004", "WT005")
        }
        loose = any(gap.kind == "channels" for gap in gaps)
        assert bool(errors) == (bool(wanted) or loose), (seed, wanted, errors)
    assert PAIRS / 8 * 0.2 < aborted < PAIRS / 8 * 0.8
