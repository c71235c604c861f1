"""Weights that are made to fit a net: its names, its structure, the shapes of its blobs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protolint.api import check
from protolint.caffe.build import Build
from protolint.caffe.registry import DIALECTS
from protolint.conversion.run import convert
from protolint.errors import InputError, ProtolintError, UsageError
from protolint.net.net import Net
from protolint.net.parameters import parameters
from protolint.source import Source
from protolint.workspace.reading import Readings
from tests.conversion.goldens import blobs_of, output_of

GOLDEN = Path(__file__).resolve().parents[2] / "fixtures" / "golden"
BVLC = GOLDEN / "bvlc-master-9b89154"
MODELS = {
    "bvlc": BVLC / "brook.caffemodel",
    "nvidia-0.15": GOLDEN / "nvcaffe-0.15.14" / "brook.caffemodel",
    "nvidia-0.17": GOLDEN / "nvcaffe-0.17.4" / "brook.caffemodel",
}


def brook(norm: str, scale: str = "", *, before: str = "") -> str:
    """The net of those models: `norm` is in each BatchNorm, `scale` in a Scale layer behind."""

    def pair(at: str, bottom: str) -> str:
        name = {"a": "first", "b": "second"}[at]
        text = f'layer {{ name: "{name}" type: "BatchNorm" bottom: "{bottom}" top: "{name}" '
        text += norm + " }\n"
        if scale:
            text += f'layer {{ name: "{name}/sc" type: "Scale" bottom: "{name}" top: "{name}" '
            text += f"scale_param {{ {scale} }} }}\n"
        return text + f'layer {{ name: "r{at}" type: "ReLU" bottom: "{name}" top: "{name}" }}\n'

    convolution = "convolution_param { num_output: %d kernel_size: 3 pad: 1 bias_term: false }"
    return (
        before + 'layer { name: "mix_a" type: "Convolution" bottom: "pix" top: "mix_a" '
        f"{convolution % 8} }}\n{pair('a', 'mix_a')}"
        'layer { name: "mix_b" type: "Convolution" bottom: "first" top: "mix_b" '
        f"{convolution % 6} }}\n{pair('b', 'mix_b')}"
    )


def deploy(norm: str, scale: str = "") -> str:
    """That net with its input, as every Caffe reads it."""
    return brook(norm, scale, before='input: "pix"\ninput_shape { dim: 2 dim: 3 dim: 8 dim: 8 }\n')


def net_of(text: str, target: str, *, cudnn: bool = True) -> Net:
    readings = Readings.of(Source("net.prototxt", text.encode()), Build(cudnn=cudnn))
    file = readings.read(DIALECTS[target])
    assert file.accepted
    return file.nets[0]


def shapes_of(net: Net) -> dict[str, list[tuple[int | None, ...]]]:
    """The shapes of the blobs that a net creates, by what is known of layers."""
    view = net.views[0]
    found = {}
    for layer in view.layers:
        blobs = parameters(net, view)[layer.index]
        if blobs:
            found[layer.name] = [tuple(blob.shape.dims) for blob in blobs]
    return found


FILLED = "batch_norm_param { scale_filler { value: 1 } bias_filler { value: 0 } }"
NETS = [
    ("bvlc", "", "bias_term: true"),
    ("bvlc", "batch_norm_param { eps: 0.001 }", "bias_term: true"),
    ("nvidia-0.14", FILLED, ""),
    ("nvidia-0.15", FILLED, ""),
    ("nvidia-0.15", FILLED, "bias_term: true"),
    ("nvidia-0.15", FILLED.replace("{ s", "{ engine: CAFFE s"), ""),
    ("nvidia-0.16", "batch_norm_param { scale_bias: true }", ""),
    ("nvidia-0.16", "", "bias_term: true"),
    ("nvidia-0.17", "batch_norm_param { scale_bias: true eps: 0.01 }", ""),
    ("nvidia-0.17", "batch_norm_param { scale_bias: true }", "bias_term: true"),
]


@pytest.mark.parametrize("source", MODELS)
@pytest.mark.parametrize(("target", "norm", "scale"), NETS)
def test_the_weights_fit_the_net_and_give_the_output_of_the_source(
    source: str, target: str, norm: str, scale: str, tmp_path: Path
) -> None:
    """Names, number and shapes of blobs are the net's; outputs are the real framework's."""
    text = deploy(norm, scale)
    (tmp_path / "like.prototxt").write_text(text)
    made = tmp_path / "made.caffemodel"
    convert(MODELS[source], to=target, like=tmp_path / "like.prototxt", output=made)
    net = net_of(text, target)
    found = {name: [b.shape for b in blobs] for name, blobs in blobs_of(made).items() if blobs}
    assert found == shapes_of(net)
    model = MODELS[source]
    output = output_of(net, made, np.load(model.with_name("brook.input.npy")))
    right = np.load(model.with_name("brook.output.npy"))
    assert np.abs(output - right).max() <= 2e-5 * max(1, np.abs(right).max())


def test_convolutions_for_scale_layers_fit_too(tmp_path: Path) -> None:
    """A net of 0.14 in which a conversion has put them; from there to a net of another Caffe."""
    text = (BVLC / "brook.prototxt").read_text()
    (tmp_path / "net.prototxt").write_text(text)
    as_convolution: Any = {"engine": "caffe", "scale_as": "convolution"}
    convert(tmp_path / "net.prototxt", MODELS["bvlc"], to="nvidia-0.14", output=f"{tmp_path}/14/",
            **as_convolution)  # fmt: skip
    like = tmp_path / "like.prototxt"
    like.write_text((tmp_path / "14" / "net.prototxt").read_text().replace("affine", "mul"))
    values, right = np.load(BVLC / "brook.input.npy"), np.load(BVLC / "brook.output.npy")
    for source in (MODELS["bvlc"], MODELS["nvidia-0.17"], tmp_path / "14" / "brook.caffemodel"):
        made = tmp_path / "made.caffemodel"
        convert(source, to="nvidia-0.14", like=like, output=made, force=True)
        net = net_of(like.read_text(), "nvidia-0.14")
        found = {name: [b.shape for b in blobs] for name, blobs in blobs_of(made).items() if blobs}
        assert found == shapes_of(net)
        assert found["mul_a"] == [(8, 1, 1, 1), (8,)]
        if source != MODELS["nvidia-0.17"]:
            assert np.abs(output_of(net, made, values) - right).max() <= 1e-4
    like.write_text(deploy("", "bias_term: true"))
    back = tmp_path / "back.caffemodel"
    convert(tmp_path / "14" / "brook.caffemodel", to="bvlc", like=like, output=back)
    net = net_of(like.read_text(), "bvlc")
    assert np.abs(output_of(net, back, values) - right).max() <= 1e-4
    assert blobs_of(back)["first/sc"][0].shape == (8,)


@pytest.mark.parametrize(("target", "norm", "scale"), NETS[5:8])
def test_hdf5_gets_the_same_numbers(target: str, norm: str, scale: str, tmp_path: Path) -> None:
    h5py: Any = pytest.importorskip("h5py")
    source = tmp_path / "net.caffemodel.h5"
    with h5py.File(source, "w") as file:
        for name, blobs in blobs_of(MODELS["bvlc"]).items():
            group = file.create_group(f"data/{name}")
            for i, values in enumerate(blobs):
                group.create_dataset(str(i), data=values)
    like = tmp_path / "like.prototxt"
    like.write_text(deploy(norm, scale).replace("/sc", "_sc"))
    report = convert(
        source, BVLC / "brook.prototxt", to=target, like=like, output=tmp_path / "made.h5"
    )
    assert [result.kind for result in report.files] == ["HDF5 caffemodel"]
    convert(MODELS["bvlc"], to=target, like=like, output=tmp_path / "made.caffemodel")
    wanted = blobs_of(tmp_path / "made.caffemodel")
    with h5py.File(tmp_path / "made.h5") as file:
        assert set(file["data"]) == set(wanted)
        for name, blobs in wanted.items():
            found = [file["data"][name][str(i)][()] for i in range(len(file["data"][name]))]
            assert [values.shape for values in found] == [values.shape for values in blobs]
            assert all(np.array_equal(a, b) for a, b in zip(found, blobs, strict=True))


def test_an_hdf5_layer_cannot_have_a_slash(tmp_path: Path) -> None:
    h5py: Any = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "net.h5", "w") as file:
        for name, blobs in blobs_of(MODELS["bvlc"]).items():
            for i, values in enumerate(blobs):
                file.create_dataset(f"data/{name}/{i}", data=values)
    (tmp_path / "like.prototxt").write_text(deploy("", "bias_term: true"))
    with pytest.raises(InputError, match="'first/sc' cannot be the name of a layer in HDF5"):
        convert(
            tmp_path / "net.h5",
            BVLC / "brook.prototxt",
            to="nvidia-0.17",
            like=tmp_path / "like.prototxt",
        )


def test_layers_are_found_by_name_first_then_by_what_they_follow_then_by_order(
    tmp_path: Path,
) -> None:
    """`norm_b` keeps its name though it comes first; the other is the only one left."""
    text = deploy("batch_norm_param { scale_bias: true }")
    like, made = tmp_path / "like.prototxt", tmp_path / "made.caffemodel"

    def shown(text: str) -> tuple[list[tuple[str, str]], list[str]]:
        like.write_text(text)
        report = convert(MODELS["bvlc"], to="nvidia-0.17", like=like, output=made, force=True)
        (result,) = report.files
        return [(row.name, row.new_name) for row in result.layers], [
            note.message for note in result.notes if note.layer
        ]

    rows, notes = shown(text)
    assert rows == [("norm_a", "first"), ("norm_b", "second")]
    assert notes == [
        "has the weights of 'norm_a', which also follows 'mix_a'",
        "has the weights of 'norm_b', which also follows 'mix_b'",
    ]
    rows, notes = shown(text.replace('"first"', '"norm_a"').replace('"second"', '"norm_b"'))
    assert (rows, notes) == ([("norm_a", ""), ("norm_b", "")], [])
    rows, notes = shown(re.sub('"mix_([ab])"', r'"conv_\1"', text))
    assert rows == [("norm_a", "first"), ("norm_b", "second")]
    assert notes == [
        *(f"has the weights of 'norm_{at}', the next in order that was left" for at in "ab"),
        *(f"was 'mix_{at}', by its type, its shapes and its place" for at in "ab"),
    ]


def test_a_layer_that_follows_a_matched_batchnorm_is_found_behind_it(tmp_path: Path) -> None:
    """Two BatchNorm layers in a row: the second follows the first, whatever that is called."""
    source = """
input: "d" input_shape { dim: 1 dim: 2 dim: 4 dim: 4 }
layer { name: "x" type: "BatchNorm" bottom: "d" top: "a" }
layer { name: "y" type: "BatchNorm" bottom: "a" top: "b" }
layer { name: "z" type: "BatchNorm" bottom: "d" top: "c" }
"""
    like = source.replace('"y"', '"why"').replace('"z"', '"zed"')
    h5py: Any = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "net.h5", "w") as file:
        for k, name in enumerate("xyz"):
            for i, values in enumerate(([k, k], [1, 1], [1])):
                file.create_dataset(f"data/{name}/{i}", data=np.array(values, np.float32))
    (tmp_path / "net.prototxt").write_text(source)
    (tmp_path / "like.prototxt").write_text(like)
    report = convert(
        tmp_path / "net.h5",
        tmp_path / "net.prototxt",
        to="bvlc",
        source="bvlc",
        like=tmp_path / "like.prototxt",
        output=tmp_path / "made.h5",
    )
    assert [note.message for note in report.files[0].notes if note.layer] == [
        "has the weights of 'y', which also follows 'x'",
        "has the weights of 'z', the next in order that was left",
    ]
    with h5py.File(tmp_path / "made.h5") as file:
        assert {n: float(file["data"][n]["0"][0]) for n in file["data"]} == {
            "x": 0, "why": 1, "zed": 2,
        }  # fmt: skip


def test_what_has_no_partner_is_named(tmp_path: Path) -> None:
    text = deploy("batch_norm_param { scale_bias: true }").replace('"mix_b" t', '"other" t', 1)
    # Another kernel, or it would be 'mix_b' under another name.
    text = "kernel_size: 1".join(text.rsplit("kernel_size: 3", 1))
    text += 'layer { name: "more" type: "BatchNorm" bottom: "second" top: "more" }\n'
    text += 'layer { name: "ip" type: "InnerProduct" bottom: "more" top: "ip" '
    text += "inner_product_param { num_output: 2 } }\n"
    (tmp_path / "like.prototxt").write_text(text)
    report = convert(
        MODELS["bvlc"],
        to="nvidia-0.17",
        like=tmp_path / "like.prototxt",
        output=tmp_path / "made.caffemodel",
    )
    shown = [note.message for note in report.files[0].notes]
    unused = f"not in {tmp_path}/like.prototxt, so of no use there"
    assert f"{unused}: 'norm_b', 'affine_b', 'mix_b'" in shown
    wanted = "'second', 'more', 'other' and 1 more"
    assert f"not in the weights, so as the fillers of the net make them: {wanted}" in shown
    # What is of no use stays in the file as it was.
    before, after = blobs_of(MODELS["bvlc"]), blobs_of(tmp_path / "made.caffemodel")
    for name in ("norm_b", "affine_b", "mix_b", "mix_a"):
        assert all(np.array_equal(a, b) for a, b in zip(before[name], after[name], strict=True))


WIDE = deploy("batch_norm_param { scale_bias: true }")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (deploy(""), "'norm_a' cannot become N16-3: N16-3 has no gamma: it needs a Scale layer"),
        (
            deploy("", "bias_term: true axis: 0"),
            "the Scale layer behind 'first' of .* is not its gamma and beta: its axis is 0",
        ),
        (deploy("", "filler { value: 1 }"), "Scale 'affine_a' has no bias for the beta"),
        (
            WIDE.replace("num_output: 8", "num_output: 7").replace('"first"', '"norm_a"'),
            "'norm_a' has 8 channels, 'norm_a' of .*like.prototxt has 7",
        ),
        (
            WIDE.replace('name: "mix', 'name: "other')
            .replace("num_output: 8", "num_output: 7").replace("num_output: 6", "num_output: 5"),
            "no BatchNorm layer of it belongs to one of .*'norm_a' and 'first'",
        ),
        (
            WIDE.replace("kernel_size: 3", "kernel_size: 1", 1),
            "'mix_a', blob 0: 8x3x3x3 in the weights, and 8x3x1x1 in .*another name there",
        ),
        (
            WIDE.replace("bias_term: false", "bias_term: true", 1),
            "'mix_a' has 1 blobs in the weights, and 2 in .*another name there",
        ),
        (deploy("", "bias_term: true").replace('"first/sc"', '"mix_b"'), "another layer has it"),
        ('net: "x.prototxt"\n', "is no net to fit weights to"),
        ("", "none of its layers is in .*like.prototxt"),
        ('layer { name: "one" type: "ReLU" bottom: "x" top: "y" }', "is that another net?"),
        (WIDE.replace("bottom", "botom", 1), "unknown field.; --like takes a net of nvidia-0.17"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(text: str, message: str, tmp_path: Path) -> None:
    like, made = tmp_path / "like.prototxt", tmp_path / "made.caffemodel"
    like.write_text(text)
    with pytest.raises(ProtolintError, match=message):
        convert(MODELS["bvlc"], to="nvidia-0.17", like=like, output=made)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["like.prototxt"]


def test_only_weights_are_made_to_fit(tmp_path: Path) -> None:
    like = tmp_path / "like.prototxt"
    like.write_text(WIDE)
    (tmp_path / "net.solverstate").write_bytes(b"\x08\x01\x12\x01a")
    with pytest.raises(UsageError, match="a solver state follows its own net"):
        convert(MODELS["bvlc"], tmp_path / "net.solverstate", to="nvidia-0.17", like=like)
    with pytest.raises(UsageError, match="give a caffemodel too"):
        convert(BVLC / "brook.prototxt", to="nvidia-0.17", like=like)
    with pytest.raises(InputError, match="cannot be read"):
        convert(MODELS["bvlc"], to="nvidia-0.17", like=tmp_path / "none.prototxt")


def test_a_prototxt_beside_the_weights_tells_their_eps_and_is_not_converted(
    tmp_path: Path,
) -> None:
    text = (BVLC / "brook.prototxt").read_text()
    first = text.index('name: "norm_a"')
    at = text.index("}", first)
    (tmp_path / "net.prototxt").write_text(
        text[:at] + "  batch_norm_param { eps: 0.01 }\n" + text[at:]
    )
    like = tmp_path / "like.prototxt"
    like.write_text(WIDE)
    report = convert(
        MODELS["bvlc"],
        tmp_path / "net.prototxt",
        to="nvidia-0.17",
        like=like,
        output=tmp_path / "made.caffemodel",
    )
    (result,) = report.files
    assert [row.eps_before for row in result.layers] == pytest.approx([0.01, 1e-5])
    assert [row.eps_after for row in result.layers] == pytest.approx([1e-5, 1e-5])


def test_the_engine_is_the_nets_or_the_one_that_is_asked_for(tmp_path: Path) -> None:
    like = tmp_path / "like.prototxt"
    like.write_text(deploy(FILLED))
    found = []
    for engine in ("caffe", "cudnn", None):
        made = tmp_path / f"{engine}.caffemodel"
        convert(MODELS["bvlc"], to="nvidia-0.15", engine=engine, like=like, output=made)
        found.append(blobs_of(made)["first"][0].shape)
    assert found == [(8,), (1, 8, 1, 1), (1, 8, 1, 1)]


def configured(folder: Path, settings: str, net: str) -> Path:
    """A net in a folder with a configuration of its own."""
    (folder / "protolint.toml").write_text(settings)
    path = folder / "like.prototxt"
    path.write_text(net)
    return path


def test_like_obeys_the_configuration_of_its_net(tmp_path: Path) -> None:
    """A build without cuDNN has the shapes of engine CAFFE, with --like as without."""
    net = deploy("batch_norm_param { scale_filler { value: 1 } }")
    like = configured(tmp_path, "cudnn = false\n", net)
    report = convert(
        MODELS["bvlc"], to="nvidia-0.15", like=like, output=tmp_path / "made.caffemodel"
    )
    assert {row.after for file in report.files for row in file.layers} == {"N15A"}
    assert [d for d in check(like, weights=tmp_path / "made.caffemodel") if d.code == "WT005"] == []


def test_the_caller_counts_more_than_the_configuration_of_the_net(tmp_path: Path) -> None:
    net = deploy("batch_norm_param { scale_filler { value: 1 } }")
    like = configured(tmp_path, "", net)
    report = convert(
        MODELS["bvlc"], to="nvidia-0.15", like=like, output=tmp_path / "a.caffemodel", cudnn=False
    )
    assert {row.after for file in report.files for row in file.layers} == {"N15A"}


def test_like_knows_the_fields_that_the_configuration_adds(tmp_path: Path) -> None:
    net = deploy("batch_norm_param { scale_filler { value: 1 } } my_param { }")
    like = configured(tmp_path, 'extra-fields = ["my_param"]\n', net)
    output = tmp_path / "made.caffemodel"
    convert(MODELS["bvlc"], to="nvidia-0.15", like=like, output=output)
    assert output.is_file()
    with pytest.raises(InputError, match="my_param"):
        convert(
            MODELS["bvlc"], to="nvidia-0.15", like=like, output=output, force=True, isolated=True
        )


@pytest.mark.parametrize("how", ["configured", "said"])
def test_weights_alone_obey_them_too(how: str, tmp_path: Path) -> None:
    model = tmp_path / "brook.caffemodel"
    model.write_bytes(MODELS["bvlc"].read_bytes())
    if how == "configured":
        (tmp_path / "protolint.toml").write_text("cudnn = false\n")
    output = tmp_path / "made.caffemodel"
    made = convert(model, to="nvidia-0.15", output=output, cudnn=how == "configured")
    assert {row.after for row in made.files[0].layers} == {"N15A"}
