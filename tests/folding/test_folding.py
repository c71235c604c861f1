"""Folded nets compute what they did, and where folding is refused it would be wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from protolint.batchnorm.reference import Folded, fold
from protolint.batchnorm.state import Array
from protolint.caffe.registry import DIALECTS
from protolint.conversion.numbers.model import read_model_file, with_net
from protolint.deployment.run import Wishes, deploy_files
from protolint.edit import apply_edits
from protolint.errors import UsageError
from protolint.execution.step import ExecutionError
from protolint.execution.weights import load_weights
from protolint.folding.decide import Fold, FoldPlan, plan_folds
from protolint.folding.numbers import FoldError, check_folds, fold_changes, measure_folds
from protolint.folding.text import fold_edits
from protolint.net.net import Net
from protolint.weights.index import index_model
from protolint.weights.splice import Change, Copy, Generated, whole_file
from protolint.workspace.workspace import Choices, Workspace
from tests.cli.command import run, write

from .models import Weights, blobs_of, model_of, net_of, outputs, random_blobs

#: How many nets are made at random: PROTOLINT_FOLDED_NETS=1000 for the count of the issue.
COUNT = int(os.environ.get("PROTOLINT_FOLDED_NETS", "60"))


class Done(NamedTuple):
    """A folded net, its weights, and why the rest was not folded, by layer."""

    net: Net
    weights: dict[str, list[Array]]
    kept: dict[str, str]
    data: bytes


def folded(net: Net, weights: Weights, folder: Path, plan: FoldPlan | None = None) -> Done:
    """Fold a net; with `plan` what is said there, whether it is right or not."""
    path = write(folder, "m.caffemodel", model_of(net, weights))
    data = path.read_bytes()
    model, _ = with_net(read_model_file(str(path), None, None), net)
    numbers = {norm.name: fold(norm.state) for norm in model.norms.values()}
    (view,) = [view for view in net.views if view.state.phase == "TEST"]
    index = index_model("m", data)
    folds, kept = measure_folds(data, index, plan or plan_folds(net, view), numbers)
    text = apply_edits(net.source.data, fold_edits(net.source, [one.fold for one in folds]))
    gone = {layer.name for one in folds for layer in one.fold.taken}
    changes = fold_changes(data, folds)
    changes += [Change(*e.field, ()) for e in index.layers if e.name in gone]
    made = b"".join(_bytes(piece, data) for piece in whole_file(index, changes))
    if plan is None:
        assert check_folds(data, made, index_model("m", made), folds, 1e-6) < 1e-6
    reasons = {one.layer.name: one.reason for one in kept}
    return Done(net_of(text.decode()), blobs_of(made), reasons, made)


def _bytes(piece: bytes | Copy | Generated, data: bytes) -> bytes:
    if isinstance(piece, Copy):
        return data[piece.start : piece.end]
    if isinstance(piece, Generated):
        return bytes(piece.make(lambda at, size: data[at : at + size]))
    return piece


def layer(text: str) -> str:
    return f"layer {{ {text} }}\n"


def source(*dims: int) -> str:
    shape = " ".join(f"dim: {dim}" for dim in dims)
    return layer(f'name: "in" type: "Input" top: "x" input_param {{ shape {{ {shape} }} }}')


def random_net(random: np.random.Generator) -> str:
    """A chain of layers with weights, each perhaps with BatchNorm and Scale behind it."""
    text = source(2, 4, 8, 8)
    bottom = "x"
    for i in range(int(random.integers(1, 4))):
        kind = str(random.choice(["Convolution", "Deconvolution", "Scale", "InnerProduct"]))
        if kind == "InnerProduct" and i == 0:
            kind = "Convolution"
        top = f"t{i}"
        bias = f"bias_term: {random.choice(['true', 'false'])}"
        if kind == "Scale":
            text += layer(
                f'name: "l{i}" type: "Scale" bottom: "{bottom}" top: "{top}"'
                f" scale_param {{ {bias} }}"
            )
        elif kind == "InnerProduct":
            turn = random.choice(["true", "false"])
            text += layer(
                f'name: "l{i}" type: "{kind}" bottom: "{bottom}" top: "{top}"'
                f" inner_product_param {{ num_output: 5 {bias} transpose: {turn} }}"
            )
        else:
            group = random.choice([1, 2, 4])
            pad, outputs_ = random.choice([0, 1]), random.choice([4, 8])
            text += layer(
                f'name: "l{i}" type: "{kind}" bottom: "{bottom}" top: "{top}"'
                f" convolution_param {{ num_output: {outputs_} kernel_size: 3 pad: {pad}"
                f" group: {group} {bias} }}"
            )
        bottom = top
        for j in range(int(random.integers(0, 3))):
            affine = str(random.choice(["BatchNorm", "Scale"]))
            top = bottom if random.random() < 0.5 else f"a{i}_{j}"
            more = "batch_norm_param { eps: 0.001 }" if affine == "BatchNorm" else (
                f"scale_param {{ bias_term: {random.choice(['true', 'false'])} }}"
            )  # fmt: skip
            text += layer(
                f'name: "a{i}_{j}" type: "{affine}" bottom: "{bottom}" top: "{top}" {more}'
            )
            bottom = top
        if kind == "InnerProduct":
            break
        if random.random() < 0.5:
            text += layer(f'name: "r{i}" type: "ReLU" bottom: "{bottom}" top: "{bottom}"')
    return text


@pytest.mark.parametrize("start", range(0, COUNT, 20))
def test_random_nets_give_what_they_gave(start: int, tmp_path: Path) -> None:
    count = 0
    for seed in range(start, start + 20):
        random = np.random.default_rng(seed)
        net = net_of(random_net(random))
        weights = random_blobs(net, random)
        done = folded(net, weights, tmp_path)
        data = random.standard_normal((2, 4, 8, 8)).astype(np.float32)
        before, after = outputs(net, weights, data), outputs(done.net, done.weights, data)
        assert before.keys() == after.keys(), seed
        for name, wanted in before.items():
            largest = np.abs(wanted).max()
            assert np.abs(after[name] - wanted).max() <= 1e-5 * largest, (seed, name)
        count += len(net.layers) - len(done.net.layers)
        assert not [one for one in done.net.layers if one.type == "BatchNorm"], seed
        again = folded(done.net, done.weights, tmp_path)
        assert again.net.source.data == done.net.source.data
    assert count > 20


CONV = (
    'name: "{0}" type: "Convolution" bottom: "{1}" top: "{2}"'
    " convolution_param {{ num_output: 4 kernel_size: 3 pad: 1 }} {3}"
)
BN = 'name: "{0}" type: "BatchNorm" bottom: "{1}" top: "{2}" {3}'


def conv(name: str, bottom: str, top: str, more: str = "") -> str:
    return layer(CONV.format(name, bottom, top, more))


def batchnorm(name: str, bottom: str, top: str, more: str = "") -> str:
    return layer(BN.format(name, bottom, top, more))


POOL = 'name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { kernel_size: 2 }'
SHARED = "param { name: 'w' } param { name: 'b' }"
TRAIN = "phase: TRAIN"
GLOBAL = "batch_norm_param { use_global_stats: false }"
SCALE = 'name: "s" type: "Scale" bottom: "c" top: "s" scale_param { axis: %d }'
IP = (
    'name: "c" type: "InnerProduct" bottom: "x" top: "c"'
    " inner_product_param { num_output: 4 axis: 2 }"
)
TWO = 'name: "c" type: "Scale" bottom: "x" bottom: "k" top: "c" scale_param { bias_term: true }'
TWOS = (
    'name: "k" type: "DummyData" top: "k"'
    " dummy_data_param { shape { dim: 4 } data_filler { value: 2 } }"
)
SHARED_GAIN = 'name: "%s" type: "Scale" bottom: "%s" top: "%s" param { name: "g" }'
BOTH = (
    'name: "c" type: "Convolution" bottom: "x" bottom: "x" top: "c" top: "d"'
    " convolution_param { num_output: 4 kernel_size: 1 }"
)
X4 = source(2, 4, 4, 4)
REFUSED = {
    "another reader of the blob in between": (
        X4 + conv("c", "x", "c") + layer(POOL) + batchnorm("b", "c", "c"),
        ("c", "b"),
        "'p' reads 'c' as well",
    ),
    "shared weights": (
        X4 + conv("c", "x", "c", SHARED) + batchnorm("b", "c", "b") + conv("d", "x", "d", SHARED),
        ("c", "b"),
        "'c' shares the blob 'w' with another layer",
    ),
    "a shared gain": (
        X4
        + conv("c", "x", "c")
        + layer(SHARED_GAIN % ("s", "c", "s"))
        + layer(SHARED_GAIN % ("t", "x", "t")),
        ("c", "s"),
        "'s' shares the blob 'g' with another layer",
    ),
    "a convolution of two blobs": (
        X4 + layer(BOTH) + batchnorm("b", "c", "b"),
        ("c", "b"),
        "'c' has 2 tops",
    ),
    "weights shared by name": (
        X4 + conv("c", "x", "c") + batchnorm("b", "c", "b") + conv("c", "x", "d"),
        ("c", "b"),
        "two layers are called 'c'",
    ),
    "batch statistics": (
        X4 + conv("c", "x", "c") + batchnorm("b", "c", "b", GLOBAL),
        ("c", "b"),
        "it normalises by each batch",
    ),
    "a layer that runs as in TRAIN": (
        X4 + conv("c", "x", "c") + batchnorm("b", "c", "b", TRAIN),
        ("c", "b"),
        "it runs as in TRAIN",
    ),
    "a Scale along another axis": (
        X4 + conv("c", "x", "c") + layer(SCALE % 2),
        ("c", "s"),
        "it scales along axis 2, not 1",
    ),
    "an inner product with other channels": (
        source(2, 4, 4) + layer(IP) + batchnorm("b", "c", "b"),
        ("c", "b"),
        "'c' has its channels on axis 2, not 1",
    ),
    "a Scale whose factors are a blob": (
        X4 + layer(TWOS) + layer(TWO) + batchnorm("b", "c", "b"),
        ("c", "b"),
        "'c' has 2 bottoms",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_where_it_is_refused_it_would_be_wrong(case: str, tmp_path: Path) -> None:
    text, (above, taken), reason = REFUSED[case]
    net = net_of(text)
    random = np.random.default_rng(7)
    weights = random_blobs(net, random)
    done = folded(net, weights, tmp_path)
    assert reason in done.kept[taken]
    assert done.net.source.data == net.source.data
    by_name = {one.name: one for one in reversed(net.layers)}
    forced = FoldPlan((Fold(by_name[above], (by_name[taken],)),), ())
    wrong = folded(net, weights, tmp_path, forced)
    data = random.standard_normal((2, 4, 4, 4)[: len(_dims(net))]).astype(np.float32)
    assert _differ(net, weights, wrong, data)


def _dims(net: Net) -> list[int]:
    (shape,) = net.layers[0].parameter("input_param").messages("shape")  # type: ignore[union-attr]
    return shape.integers("dim")


def _differ(net: Net, weights: Weights, wrong: Done, data: Array) -> bool:
    """Whether a net that was folded against the rules gives something else, or nothing."""
    before = outputs(net, weights, data)
    try:
        after = outputs(wrong.net, wrong.weights, data)
    except ExecutionError:
        return True
    gaps = [np.abs(after[n] - v).max() / np.abs(v).max() for n, v in before.items() if n in after]
    return len(gaps) < len(before) or max(gaps) > 1e-3


def test_a_batchnorm_in_front_of_padding_is_not_folded_below(tmp_path: Path) -> None:
    """Zeros around the image are not shifted, as what the BatchNorm writes there would be."""
    net = net_of(X4 + batchnorm("b", "x", "b") + conv("c", "b", "c"))
    random = np.random.default_rng(7)
    weights = random_blobs(net, random)
    done = folded(net, weights, tmp_path)
    assert "'in', a Input, is above it" in done.kept["b"]
    assert "'c' below pads with zeros" in done.kept["b"]
    model, _ = with_net(read_model_file(str(tmp_path / "m.caffemodel"), None, None), net)
    (norm,) = model.norms.values()
    numbers: Folded = fold(norm.state)
    weight, bias = weights["c"]
    below = net_of(X4 + conv("c", "x", "c"))
    taken = {
        "c": [
            (weight * numbers.scale[:, None, None]).astype(np.float32),
            (bias + (weight * numbers.shift[:, None, None]).sum((1, 2, 3))).astype(np.float32),
        ]
    }
    data = random.standard_normal((2, 4, 4, 4)).astype(np.float32)
    gaps = np.abs(outputs(net, weights, data)["c"] - outputs(below, taken, data)["c"])
    assert gaps[..., 1:-1, 1:-1].max() < 1e-4
    assert gaps.max() > 0.1


def test_infinite_channels_are_not_folded(tmp_path: Path) -> None:
    """Infinity times a sum is not the sum of infinities: of both signs that is NaN."""
    eps = "batch_norm_param { eps: 0 }"
    net = net_of(X4 + conv("c", "x", "c") + batchnorm("b", "c", "b", eps))
    random = np.random.default_rng(7)
    weights = random_blobs(net, random)
    weights["b"][1][0] = 0
    done = folded(net, weights, tmp_path)
    assert done.kept["b"] == "some channels are NaN or infinite"
    assert done.net.source.data == net.source.data
    data = random.standard_normal((2, 4, 4, 4)).astype(np.float32)
    with np.errstate(all="ignore"):
        before = outputs(net, weights, data)["b"]
        wrong = weights["c"][0].copy()
        wrong[0] *= np.float32(np.inf)
        after = outputs(net_of(X4 + conv("c", "x", "c")), {"c": [wrong, weights["c"][1]]}, data)
    assert np.isinf(before[:, 0]).any()
    assert np.isnan(after["c"][:, 0]).any()


def test_blobs_that_do_not_fit_are_not_folded(tmp_path: Path) -> None:
    net = net_of(X4 + conv("c", "x", "c") + batchnorm("b", "c", "b"))
    weights = random_blobs(net, np.random.default_rng(7))
    short = {**weights, "b": [weights["b"][0][:3], weights["b"][1][:3], weights["b"][2]]}
    assert folded(net, short, tmp_path).kept["b"] == "it has 3 channels, 'c' 4 outputs"
    assert "do not have it" in folded(net, {"c": weights["c"]}, tmp_path).kept["b"]
    assert folded(net, {"b": weights["b"]}, tmp_path).kept["b"] == "the weights have no 'c'"
    bias = 'name: "s" type: "Scale" bottom: "c" top: "s" scale_param { bias_term: true }'
    net = net_of(X4 + conv("c", "x", "c") + layer(bias))
    weights = random_blobs(net, np.random.default_rng(7))
    short = {**weights, "s": [weights["s"][0], weights["s"][1][:3]]}
    assert folded(net, short, tmp_path).kept["s"] == "gamma and beta have different sizes"


def test_each_channel_is_proven(tmp_path: Path) -> None:
    net = net_of(X4 + conv("c", "x", "c") + batchnorm("b", "c", "b"))
    weights = random_blobs(net, np.random.default_rng(7))
    done = folded(net, weights, tmp_path)
    before = (tmp_path / "m.caffemodel").read_bytes()
    index = index_model("m", before)
    model, _ = with_net(read_model_file(str(tmp_path / "m.caffemodel"), None, None), net)
    numbers = {norm.name: fold(norm.state) for norm in model.norms.values()}
    folds, _ = measure_folds(before, index, plan_folds(net, net.views[0]), numbers)
    made = index_model("n", done.data)
    check_folds(before, done.data, made, folds, 1e-6)
    run = made.named("c")[-1].blobs[0].runs[0]
    broken = bytearray(done.data)
    broken[run.end - 2] ^= 1
    with pytest.raises(FoldError, match="'c' would differ"):
        check_folds(before, bytes(broken), made, folds, 1e-6)


@pytest.mark.parametrize("kind", ["Convolution", "Deconvolution", "InnerProduct"])
def test_of_large_blobs_some_values_of_each_channel_are_compared(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protolint.folding.numbers._ALL", 8)
    convolution = "convolution_param { num_output: 4 group: 2 kernel_size: 3 }"
    dense = "inner_product_param { num_output: 4 transpose: true }"
    more = dense if kind == "InnerProduct" else convolution
    text = layer(f'name: "c" type: "{kind}" bottom: "x" top: "c" {more}')
    net = net_of(X4 + text + batchnorm("b", "c", "b"))
    weights = random_blobs(net, np.random.default_rng(7))
    done = folded(net, weights, tmp_path)
    before = (tmp_path / "m.caffemodel").read_bytes()
    model, _ = with_net(read_model_file(str(tmp_path / "m.caffemodel"), None, None), net)
    numbers = {norm.name: fold(norm.state) for norm in model.norms.values()}
    index = index_model("m", before)
    folds, _ = measure_folds(before, index, plan_folds(net, net.views[0]), numbers)
    for channel in range(4):
        wrong = [one._replace(factor=one.factor.copy()) for one in folds]
        wrong[0].factor[channel] *= 1.01
        with pytest.raises(FoldError):
            check_folds(before, done.data, index_model("n", done.data), wrong, 1e-6)


def test_names_and_fields_of_what_stays(tmp_path: Path) -> None:
    text = (
        X4
        + layer('name: "c" type: "Convolution" bottom: "x" top: "c"  # weights\n'
                " convolution_param { num_output: 4 bias_term: false kernel_size: 1 }\n")
        + batchnorm("b", "c", "b")
        + layer('name: "s" type: "Scale" bottom: "b" top: "s" scale_param { bias_term: true }')
        + layer('name: "r" type: "ReLU" bottom: "s" top: "s"')
    )  # fmt: skip
    net = net_of(text)
    done = folded(net, random_blobs(net, np.random.default_rng(7)), tmp_path)
    made = done.net.source.data.decode()
    assert 'top: "s"  # weights\n convolution_param { num_output: 4 kernel_size: 1 }' in made
    assert [one.name for one in done.net.layers] == ["in", "c", "r"]
    (entry,) = index_model("m", done.data).named("c")
    assert entry.tops == ("s",)
    assert len(entry.blobs) == 2


def test_the_public_net_becomes_what_its_authors_published(corpus: Path, tmp_path: Path) -> None:
    """vgg68-bn and vgg68-merged of the corpus, within 1e-5 of the largest value of a blob."""
    models = corpus / "models"
    done = deploy_files(
        Workspace(Choices(isolated=True)),
        str(models / "vgg68-bn.prototxt"),
        str(models / "vgg68-bn.caffemodel"),
        str(tmp_path / "o"),
        Wishes(fold=True),
    )
    found = load_weights(done.written[1], DIALECTS["bvlc"])
    wanted = load_weights(str(models / "vgg68-merged.caffemodel"), DIALECTS["bvlc"])
    assert set(found) == {name for name in wanted if "bn" not in name}
    for name, blobs in found.items():
        for mine, theirs in zip(blobs, wanted[name], strict=True):
            gap = np.abs(mine.ravel() - theirs.ravel()).max()
            assert gap <= 1e-5 * np.abs(theirs).max(), name


def test_the_command_line(fixtures: Path, tmp_path: Path) -> None:
    golden = fixtures / "golden" / "nvcaffe-0.17.4"
    net, weights = golden / "brook.prototxt", golden / "brook.caffemodel"
    done = run("deploy", "--fold", net, weights, "-o", tmp_path / "o")
    assert done.returncode == 0, done.stderr
    assert "folded 2 layers into 2" in done.stderr
    assert "not one model" not in done.stderr
    assert "BatchNorm" not in (tmp_path / "o" / "brook.prototxt").read_text()
    options = ("--fold", "--to", "bvlc", "-o", f"{tmp_path}/c/")
    done = run("convert", *options, net, weights)
    assert done.returncode == 0, done.stderr
    assert "folded 2 layers into 2" in done.stdout
    assert "not one model" not in done.stdout
    for name in ("brook.prototxt", "brook.caffemodel"):
        assert (tmp_path / "c" / name).read_bytes() == (tmp_path / "o" / name).read_bytes()
    assert run("convert", "--to", "bvlc", "--fold", net).returncode == 2
    text = net.read_text()
    data = 'layer { name: "d" type: "Data" top: "pix" }\n'
    training = write(tmp_path, "train.prototxt", data + text[text.index("layer {", 90) :])
    done = run("convert", *options, training, weights)
    assert "is for training" in done.stderr
    with pytest.raises(UsageError, match="give them, too"):
        deploy_files(Workspace(), str(net), None, str(tmp_path / "p"), Wishes(fold=True))
