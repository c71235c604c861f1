"""Convert models whose net and weights are of any two Caffes, and run what comes of it.

    scripts/verify_convert.py [COUNT] [--seed N]

Each model has its gamma and beta in places of its own on both sides: inside the BatchNorm, in a
Scale layer, in one of another name, in none. What the file amounts to is known; the result has to
compute it, as the executor runs it in the target, or the conversion is refused by name.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

import protolint
from protolint.caffe.registry import DIALECTS
from protolint.errors import ProtolintError
from protolint.execution.weights import load_weights
from protolint.weights.blobs import Form, encode_blob
from protolint.wire import float_field, length_delimited, varint_field

Floats: TypeAlias = "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"

TARGETS = ("bvlc", "ssd", "nvidia-0.14", "nvidia-0.15", "nvidia-0.16", "nvidia-0.17")
#: What the weights of a BatchNorm are laid out as, and whether gamma and beta are inside.
LAYOUTS = ("sums", "plain", "0.15", "0.16", "0.16 without", "intel")
#: Where a net has gamma and beta.
PLACES = ("scale", "renamed", "inside", "nowhere")
#: The Caffe of each kind of net, and the layouts of its weights.
_DIALECTS = {
    "old": ("bvlc", ("sums",)),
    "fillers": ("nvidia-0.15", ("0.15",)),
    "new": ("nvidia-0.17", ("0.16", "0.16 without")),
}
_TOLERANCE = 2e-5
_DATA = """\
layer {
  name: "d" type: "Data" top: "data" top: "label"
  data_param { source: "x" batch_size: 2 backend: LMDB } transform_param { crop_size: 4 }
}
"""


class Norm(NamedTuple):
    """One BatchNorm of a model: its numbers, and where both sides have them."""

    name: str
    channels: int
    layout: str
    stored: bool
    place: str
    mean: Floats
    variance: Floats
    gamma: Floats
    beta: Floats
    bias: bool = True
    form: Form = Form.DATA
    shared: bool = False

    @property
    def inside(self) -> bool:
        """Whether the weights have gamma and beta in the BatchNorm."""
        return self.layout in ("0.15", "0.16", "intel")


class Model(NamedTuple):
    """A net and a weight file, and what the file computes for an input; the net's Caffe."""

    net: str
    weights: bytes
    data: Floats
    truth: Floats
    about: str
    dialect: str


def _text(number: int, value: str) -> bytes:
    return length_delimited(number, value.encode())


def _layer(
    name: str,
    kind: str,
    ends: Sequence[str],
    blobs: Sequence[Floats],
    more: bytes,
    form: Form = Form.DATA,
) -> bytes:
    """Return a layer of a weight file; some tools write no `ends`, its bottom and top."""
    body = _text(1, name) + _text(2, kind)
    body += b"".join(_text(number, end) for number, end in zip((3, 4), ends, strict=False))
    body += b"".join(length_delimited(7, encode_blob(values, form)) for values in blobs)
    return length_delimited(100, body + more)


def _blobs(norm: Norm) -> list[Floats]:
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    factor = np.float32(999.98236)
    sums = [norm.mean * factor, norm.variance * factor, one * factor]
    affine = [norm.gamma, norm.beta]
    return {
        "sums": sums,
        "plain": [norm.mean, norm.variance, one],
        "0.15": [*affine, norm.mean, norm.variance, zero],
        "0.16": [norm.mean, norm.variance, one, *affine],
        "0.16 without": [norm.mean, norm.variance, one],
        "intel": [*sums, *affine],
    }[norm.layout]


def _norm(rng: random.Random, name: str, layout: str, place: str, form: Form) -> Norm:
    values = np.random.default_rng(rng.randrange(1 << 30))
    channels = rng.choice((1, *range(2, 24)))

    def floats(low: float, high: float) -> Floats:
        return np.asarray(values.uniform(low, high, channels), np.float32)

    stored = layout in ("sums", "plain", "0.16 without") and rng.random() < 0.85
    identity = rng.random() < 0.1
    gamma, beta = floats(0.5, 2), floats(-1, 1)
    if identity or not (stored or layout in ("0.15", "0.16", "intel")):
        gamma, beta = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    bias = not stored or rng.random() < 0.9
    if not bias:
        beta = np.zeros(channels, np.float32)
    return Norm(
        name,
        channels,
        layout,
        stored,
        place,
        floats(-1, 1),
        floats(0.2, 3),
        gamma,
        beta,
        bias,
        form,
    )


def _names(norm: Norm, roles: Sequence[str]) -> str:
    """Return the `param` blocks of blobs that all BatchNorms of a net share."""
    if not norm.shared:
        return ""
    frozen = {"mean", "variance", "factor"}
    blocks = (
        f' param {{ name: "{role}"{" lr_mult: 0 decay_mult: 0" if role in frozen else ""} }}'
        for role in roles
    )
    return "".join(blocks)


def _net_layers(
    rng: random.Random, norm: Norm, dialect: str, bottom: str, *, loose: bool
) -> tuple[str, str]:
    """Return the text of a BatchNorm and what follows it, and the blob it ends with.

    Where it is `loose`, a Scale layer may have a beta that the weights lack.
    """
    top = bottom if rng.random() < 0.5 else norm.name
    param = ""
    roles, affine = ["mean", "variance", "factor"], ["gamma", "beta"]
    if norm.place == "inside":
        roles = [*affine, *roles] if dialect == "fillers" else [*roles, *affine]
    if rng.random() < 0.25 and dialect == "old":
        param += " use_global_stats: true"
    if norm.place == "inside" and dialect == "fillers":
        param += " scale_filler { value: 1 } bias_filler { value: 0 }"
    elif norm.place == "inside" and dialect == "new":
        param += " scale_bias: true"
    layer = f'layer {{ name: "{norm.name}" type: "BatchNorm" bottom: "{bottom}" top: "{top}"%s'
    layer += _names(norm, roles)
    layer += f" batch_norm_param {{{param} }} }}\n" if param else " }\n"
    phases = ("TRAIN", "TEST") if rng.random() < 0.15 else ()
    # Twins: one layer for each phase, under one name.
    rules = [f" include {{ phase: {phase} }}" for phase in phases] or [""]
    text = "".join(layer % rule for rule in rules)
    name = {"scale": f"{norm.name}_s", "renamed": f"{norm.name}_other"}.get(norm.place)
    if name is not None:
        bias = " bias_term: true" if norm.bias or (loose and rng.random() < 0.5) else ""
        text += f'layer {{ name: "{name}" type: "Scale" bottom: "{top}" top: "{top}"'
        text += _names(norm, affine[: 1 + bool(bias)])
        text += f" scale_param {{{bias} }} }}\n"
    return text, top


def _file_layers(norm: Norm, bottom: str, top: str, *, bare: bool) -> Iterator[bytes]:
    param = b""
    if norm.layout in ("0.16", "0.16 without"):
        # NVIDIA's own mark, as its snapshots have it.
        param = varint_field(145, 1)
    more = length_delimited(139, float_field(3, 1e-5)) + param
    ends = () if bare else (bottom, top)
    yield _layer(norm.name, "BatchNorm", ends, _blobs(norm), more, norm.form)
    if norm.stored:
        scale = length_delimited(142, varint_field(4, norm.bias))
        ends = () if bare else (top, top)
        affine = [norm.gamma, norm.beta][: 1 + norm.bias]
        yield _layer(f"{norm.name}_s", "Scale", ends, affine, scale, norm.form)


def model(rng: random.Random, *, consistent: bool = False) -> Model:
    """Return a random model, of one Caffe where it is to be consistent."""
    count = rng.choice((1, 1, 2, 3))
    dialect = rng.choice(("old", "fillers", "new"))
    name, own = _DIALECTS[dialect]
    writer: tuple[str, ...] = rng.choice(
        (("sums",), ("plain",), ("0.15",), ("0.16", "0.16 without"), ("intel",))
    )
    writer = own if consistent else writer
    bare = rng.random() < 0.1 and not consistent
    shared = count > 1 and rng.random() < 0.3
    usual = rng.choice(PLACES)
    trains, flat = rng.random() < 0.4, rng.random() < 0.15
    form = Form.RAW_FLOAT if "0.16" in writer and rng.random() < 0.5 else Form.DATA
    lines = ['input: "data"\ninput_shape { dim: 2 dim: 3 dim: 4 dim: 4 }\n']
    if trains:
        lines = [_DATA]
    parts: list[bytes] = []
    values = np.random.default_rng(rng.randrange(1 << 30))
    data = np.asarray(values.standard_normal((2, 3, 4, 4)), np.float32)
    current, bottom = data.astype(np.float64), "data"
    about = []
    first: Norm | None = None
    for i in range(count):
        place = usual if rng.random() < 0.7 else rng.choice(PLACES)
        if place == "inside" and dialect == "old":
            place = "scale"
        norm = _norm(rng, f"bn{i}", rng.choice(writer), place, form)
        while consistent and norm.channels == 1:
            # NVIDIA reads five blobs of one channel in another order than it writes them.
            norm = _norm(rng, f"bn{i}", rng.choice(writer), place, form)
        if shared:
            # Layers that share have the numbers, the layout and the place of the first.
            first = first or norm._replace(shared=True)
            norm = first._replace(name=norm.name)
        if consistent:
            inside = norm.layout in ("0.15", "0.16")
            norm = norm._replace(
                place="inside" if inside else "scale" if norm.stored else "nowhere"
            )
        if flat:
            kind, current = "InnerProduct", current.reshape(2, -1, 1, 1)
            param = f"inner_product_param {{ num_output: {norm.channels} bias_term: false }}"
        else:
            kind, param = "Convolution", f"convolution_param {{ num_output: {norm.channels}"
            param += " kernel_size: 1 bias_term: false }"
        kernel = np.asarray(values.standard_normal((norm.channels, current.shape[1])), np.float32)
        lines.append(
            f'layer {{ name: "c{i}" type: "{kind}" bottom: "{bottom}" top: "c{i}" {param} }}\n'
        )
        ends = () if bare else (bottom, f"c{i}")
        stored = kernel if flat else kernel[:, :, None, None]
        parts.append(_layer(f"c{i}", kind, ends, [stored], b"", form))
        current = np.einsum("oi,nihw->nohw", kernel.astype(np.float64), current)
        text, bottom = _net_layers(rng, norm, dialect, f"c{i}", loose=not consistent)
        lines.append(text)
        parts += _file_layers(norm, f"c{i}", bottom, bare=bare)
        shape = (1, -1, 1, 1)
        gain = norm.gamma / np.sqrt(norm.variance.astype(np.float64) + 1e-5)
        current = (current - norm.mean.reshape(shape)) * gain.reshape(shape)
        current = current + norm.beta.reshape(shape)
        about.append(f"{norm.layout}{'+scale' if norm.stored else ''} into {place}")
    lines.append(f'layer {{ name: "end" type: "Power" bottom: "{bottom}" top: "end" }}\n')
    if trains:
        lines.append(
            'layer { name: "l" type: "InnerProduct" bottom: "end" top: "l"'
            " inner_product_param { num_output: 4 bias_term: false } }\n"
            'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "l" bottom: "label"'
            ' top: "loss" }\n'
        )
        ends = () if bare else ("end", "l")
        size = int(np.prod(current.shape[1:]))
        last = np.zeros((4, size), np.float32)
        parts.append(_layer("l", "InnerProduct", ends, [last], b"", form))
    words = [dialect, "bare" * bare, "trains" * trains, "flat" * flat, "shared" * shared, form.name]
    described = f"{' '.join(filter(None, words))}: {'; '.join(about)}"
    truth = np.asarray(current.reshape(2, -1), np.float32)
    return Model("".join(lines), b"".join(parts), data, truth, described, name)


def _filled(net: Path, weights: Path, target: str) -> dict[str, list[Floats]]:
    """Return the weights, and what Caffe fills a Scale with that shares and is in no file."""
    found = {
        name: list(blobs) for name, blobs in load_weights(str(weights), DIALECTS[target]).items()
    }
    for layer in protolint.load(net, target=target, isolated=True).layers:
        if layer.type == "Scale" and layer.name not in found and any(p.name for p in layer.params):
            size = found[layer.bottoms[0].name.partition("_")[0].replace("c", "bn")][0].size
            found[layer.name] = [np.ones(size, np.float32), np.zeros(size, np.float32)]
    return found


def outcome(made: Model, target: str, folder: Path) -> str:
    """Return "" where a conversion is right, why it was refused, or "WRONG" and how."""
    net, weights = folder / "net.prototxt", folder / "w.caffemodel"
    net.write_text(made.net)
    weights.write_bytes(made.weights)
    out = folder / "out"
    try:
        protolint.convert(net, weights, to=target, output=f"{out}/", force=True, isolated=True)
    except ProtolintError as error:
        reason = str(error).partition(": ")[2]
        return f"WRONG {reason}" if "report this" in reason or "proof" in reason else reason
    try:
        found = protolint.run(
            out / net.name,
            _filled(out / net.name, out / weights.name, target),
            data={"data": made.data, "label": np.zeros(2, np.float32)}
            if "label" in made.net
            else made.data,
            target=target,
            isolated=True,
        )
    except ProtolintError as error:
        return f"WRONG result does not run: {error}"
    end = found["end"].reshape(2, -1)
    gap = float(np.abs(end - made.truth).max() / max(np.abs(made.truth).max(), 1e-3))
    return "" if gap <= _TOLERANCE else f"WRONG by {gap:.3g}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert COUNT models, each to one target, and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-v", "--verbose", action="store_true", help="print every refusal")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        for number in range(options.count):
            rng = random.Random(options.seed * 1_000_003 + number)
            made = model(rng)
            target = rng.choice(TARGETS)
            found = outcome(made, target, Path(name))
            kind = "right" if not found else "wrong" if found.startswith("WRONG") else "refused"
            counts[kind] += 1
            if kind == "wrong" or (options.verbose and kind == "refused"):
                print(f"{number} to {target}: {made.about}: {found}")
    print(", ".join(f"{count} {kind}" for kind, count in counts.most_common()))
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
