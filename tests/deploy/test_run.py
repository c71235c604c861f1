"""Deployed models compute what their source computes, and fit their nets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import protolint
from protolint.caffe.descriptors import load_schema
from protolint.caffe.registry import DIALECTS
from protolint.deployment.run import Deployment, Wishes, deploy_files
from protolint.errors import InputError, ProtolintError, UsageError
from protolint.execution.weights import load_weights
from protolint.layers.shape import Shape
from protolint.weights.header import Storage
from protolint.weights.index import Generation, index_file
from protolint.wire import length_delimited
from protolint.workspace.workspace import Choices, Workspace
from tests.cli.command import run, write

GOLDEN = sorted((Path(__file__).parents[2] / "fixtures" / "golden").rglob("brook.prototxt"))
TRAINING = """\
layer { name: "d" type: "Data" top: "pix" top: "label" include { phase: TEST } }
%s
layer { name: "loss" type: "EuclideanLoss" bottom: "mix_b" bottom: "label" top: "loss" }
"""
FORK = """\
layer { name: "i" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 } } }
layer { name: "q" type: "BN" bottom: "x" top: "x" bn_param { frozen: true } quantum_param { a: 1 } }
"""


def deployed(net: Path, weights: Path | None, folder: Path, **wishes: object) -> Deployment:
    workspace = Workspace(Choices(isolated=True))
    return deploy_files(
        workspace,
        str(net),
        str(weights) if weights is not None else None,
        str(folder),
        Wishes(**wishes),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("net", GOLDEN, ids=lambda path: path.parent.name)
def test_golden_nets_give_the_real_outputs(net: Path, tmp_path: Path) -> None:
    """Of every Caffe, as the net is and as a training net, in the form of BVLC."""
    weights, data = net.with_suffix(".caffemodel"), net.with_name("brook.input.npy")
    wanted = np.load(net.with_name("brook.output.npy"))
    sizes = {"pix": Shape.of(np.load(data).shape)}
    found = net.read_text()
    block = found[found.index("layer {") :]
    inner = block[block.index("layer {", 5) :]
    training = write(tmp_path, "train.prototxt", TRAINING % inner)
    for source in (net, training):
        folder = tmp_path / source.stem
        done = deployed(source, weights, folder, sizes=sizes)
        assert done.to == "bvlc"
        assert done.remarks[-1].startswith("run before and after: equal within rounding in ")
        made = protolint.run(*done.written, data=data, target="bvlc", isolated=True)
        assert made["mix_b"] == pytest.approx(wanted, rel=1e-5, abs=2e-6)


def test_the_weights_lose_what_the_net_no_longer_has(fixtures: Path, tmp_path: Path) -> None:
    golden = fixtures / "golden" / "bvlc-master-9b89154"
    net = (golden / "brook.prototxt").read_text()
    cut = net[: net.rindex("layer {")]
    done = deployed(
        write(tmp_path, "cut.prototxt", cut), golden / "brook.caffemodel", tmp_path / "o"
    )
    before = index_file(str(golden / "brook.caffemodel"))
    after = index_file(done.written[1])
    kept = [layer.name for layer in done.net.layers]
    assert [layer.name for layer in after.layers] == [
        layer.name for layer in before.layers if layer.name in kept
    ]
    assert len(after.layers) == len(before.layers) - 1


def test_weights_of_v1_become_current(tmp_path: Path) -> None:
    #: layers { name: "ip" type: INNER_PRODUCT blobs { ... } } layers { name: "loss" }
    ip = bytes.fromhex("2202 6970 280e 320d 0801 1001 1801 2001 2d0000803f".replace(" ", ""))
    data = b"\x12" + bytes([len(ip)]) + ip + bytes.fromhex("12062204 6c6f7373".replace(" ", ""))
    weights = write(tmp_path, "m.caffemodel", data)
    net = write(
        tmp_path,
        "net.prototxt",
        'input: "x" input_dim: [1, 1, 1, 1]\n'
        'layers { name: "ip" type: INNER_PRODUCT bottom: "x" top: "ip"'
        " inner_product_param { num_output: 1 bias_term: false } }\n",
    )
    done = deployed(net, weights, tmp_path / "out")
    (layer,) = index_file(done.written[1]).layers
    assert (layer.generation, layer.name, layer.type) == (Generation.CURRENT, "ip", "InnerProduct")


def test_statistics_of_the_batch_give_something_else(fixtures: Path, tmp_path: Path) -> None:
    """So that they are refused, unless it is said that the stored ones take their place."""
    golden = fixtures / "golden" / "bvlc-master-9b89154"
    text, weights = (golden / "brook.prototxt").read_text(), golden / "brook.caffemodel"
    last = 'type: "BatchNorm"'
    net = write(
        tmp_path,
        "n.prototxt",
        text.replace(last, f"{last} batch_norm_param {{ use_global_stats: false }}"),
    )
    with pytest.raises(InputError, match="use_global_stats: false and normalises by each batch"):
        deployed(net, weights, tmp_path / "o")
    done = deployed(net, weights, tmp_path / "o", drop_global_stats=True)
    data = golden / "brook.input.npy"
    pairs = ((str(net), str(weights)), done.written)
    before, after = (
        protolint.run(*pair, data=data, target="bvlc", isolated=True)["mix_b"] for pair in pairs
    )
    assert np.abs(before - after).max() > 0.1 * np.abs(after).max()


def test_nothing_is_written_where_something_is_refused(fixtures: Path, tmp_path: Path) -> None:
    golden = fixtures / "golden" / "bvlc-master-9b89154"
    net, weights = golden / "brook.prototxt", golden / "brook.caffemodel"
    write(tmp_path, "o/brook.caffemodel", "mine")
    with pytest.raises(ProtolintError, match="exists"):
        deployed(net, weights, tmp_path / "o")
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["brook.caffemodel"]
    with pytest.raises(InputError, match="is no caffemodel"):
        deployed(net, net, tmp_path / "p")


def test_a_net_with_layers_of_ssd_stays_one(tmp_path: Path) -> None:
    net = write(
        tmp_path,
        "ssd.prototxt",
        'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 } } }\n'
        'layer { name: "n" type: "Permute" bottom: "x" top: "y"'
        " permute_param { order: 1 order: 0 } }\n",
    )
    assert deployed(net, None, tmp_path / "o", target=DIALECTS["ssd"]).to == "ssd"


def test_the_command_line(tmp_path: Path) -> None:
    net = write(tmp_path, "net.prototxt", 'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }\n')
    done = run("deploy", net, "-o", f"{tmp_path}/o/", "--input-shape", "x=1,2")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "dim: 1 dim: 2" in (tmp_path / "o" / "net.prototxt").read_text()
    odd = 'layer { name: "b" type: "Bias" bottom: "y" top: "z" }\n'
    odd += 'layer { name: "s" type: "Scale" bottom: "z" top: "z" }\n'
    other = write(tmp_path, "other.prototxt", net.read_text() + odd)
    shape = ("--input-shape", "x=1,2", "-o", f"{tmp_path}/o/", "--for")
    done = run("deploy", other, *shape, "tensorrt")
    assert "TensorRT 8 does not read Bias as Caffe does (b)" in done.stderr
    assert "TensorRT 8 reads a Scale as if it had a bias (s)" in done.stderr
    done = run("deploy", other, "--force", *shape, "opencv")
    assert "OpenCV 4 does not read Bias as Caffe does (b)" in done.stderr
    assert "as if it had a bias" not in done.stderr
    assert run("deploy", net, "-o", tmp_path / "p").returncode == 2
    assert not (tmp_path / "p").exists()


def test_nets_alone_have_the_manners_of_all_verbs(tmp_path: Path) -> None:
    """Each by itself: one that cannot be deployed is named and left, the rest is done."""
    shape = "input_param { shape { dim: 1 dim: 2 } }"
    text = f'layer {{ name: "x" type: "Input" top: "x" {shape} }}\n'
    text += 'layer { name: "d" type: "Dropout" bottom: "x" top: "x" }\n'
    text += 'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }\n'
    good, other = (write(tmp_path, name, text) for name in ("good.prototxt", "other.prototxt"))
    bad = write(tmp_path, "bad.prototxt", 'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }\n')
    done = run("deploy", good, "-o", "-")
    assert (done.returncode, "Dropout" in done.stdout, "ReLU" in done.stdout) == (0, False, True)
    assert done.stdout == run("deploy", good).stdout
    done = run("deploy", "--diff", good)
    assert (done.returncode, '-layer { name: "d"' in done.stdout) == (0, True)
    assert run("deploy", "--check", good).returncode == 1
    assert good.read_text() == text
    done = run("deploy", "--in-place", good, bad, other)
    assert done.returncode == 2
    assert f"{bad}: the size of the input 'x' is not known" in done.stderr
    assert "Dropout" not in good.read_text() + other.read_text()
    assert run("deploy", "--check", good, other).returncode == 0
    done = run("deploy", "--check", tmp_path / "none.prototxt", bad, tmp_path, good)
    assert (done.returncode, done.stderr.count("\n")) == (2, 3)
    assert "none.prototxt: cannot be read: No such file" in done.stderr
    assert f"{tmp_path}: not a regular file" in done.stderr
    assert run("deploy", good, other).returncode == 2


def test_a_pair_is_replaced_in_place_or_only_shown(fixtures: Path, tmp_path: Path) -> None:
    golden = fixtures / "golden" / "nvcaffe-0.17.4"
    net = write(tmp_path, "n.prototxt", (golden / "brook.prototxt").read_bytes())
    weights = write(tmp_path, "n.caffemodel", (golden / "brook.caffemodel").read_bytes())
    before = net.read_bytes(), weights.read_bytes()
    done = run("deploy", "--fold", "--diff", net, weights)
    assert (done.returncode, '-  type: "BatchNorm"' in done.stdout) == (0, True)
    assert run("deploy", net, weights).returncode == 2
    assert run("deploy", net, weights, "-o", "-").returncode == 2
    assert run("deploy", net, weights, weights, "-o", f"{tmp_path}/o/").returncode == 2
    assert (net.read_bytes(), weights.read_bytes()) == before
    done = run("deploy", "--fold", "--in-place", net, weights)
    assert (done.returncode, done.stdout) == (0, f"{net}\n{weights}\n")
    assert "BatchNorm" not in net.read_text()
    assert protolint.run(net, weights, isolated=True)


def test_a_caffemodel_alone_gives_the_net_that_it_carries(tmp_path: Path) -> None:
    """A snapshot of a training net: its phase in each layer, and the Split layers of Caffe."""
    model = load_schema("bvlc").message_class("NetParameter")(name="m")
    data = model.layer.add(name="d", type="Data", top=["x", "label"], phase=0)
    data.include.add(phase=0)
    data.transform_param.crop_size = 4
    model.layer.add(name="s", type="Split", bottom=["x"], top=["x_0", "x_1"], phase=0)
    ip = model.layer.add(name="ip", type="InnerProduct", bottom=["x_0"], top=["ip"], phase=0)
    ip.inner_product_param.num_output = 2
    for dims in ((2, 48), (2,)):
        blob = ip.blobs.add()
        blob.shape.dim.extend(dims)
        blob.data.extend(np.arange(np.prod(dims), dtype=np.float32))
    other = model.layer.add(name="o", type="ReLU", bottom=["x_1"], top=["x"], phase=0)
    other.relu_param.negative_slope = 0.5
    loss = model.layer.add(name="l", type="SoftmaxWithLoss", bottom=["ip", "label"], top=["loss"])
    loss.phase = 0
    weights = write(tmp_path, "iter_9.caffemodel", model.SerializeToString())
    done = run("deploy", weights, "--input-shape", "x=1,3,4,4", "-o", f"{tmp_path}/o/")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path}/o/iter_9.prototxt\n{tmp_path}/o/iter_9.caffemodel\n"
    blobs = protolint.run(*done.stdout.split(), isolated=True)
    assert list(blobs) == ["x", "ip", "prob"]
    assert [one.name for one in index_file(done.stdout.split()[1]).layers] == ["ip", "o"]
    done = run("deploy", weights, "-o", f"{tmp_path}/p/")
    assert "iter_9.caffemodel: the net in it: the size of the input 'x' is not known" in done.stderr
    # Fields of SSD, and one of a fork that nobody here knows (number 9999).
    ssd = load_schema("ssd").message_class("NetParameter")(name="m")
    ssd.layer.add(name="i", type="Input", top=["x"]).input_param.shape.add().dim.extend([1, 2])
    ssd.layer.add(name="p", type="Permute", bottom=["x"], top=["y"]).permute_param.order.append(1)
    unknown = length_delimited(1, b"u") + length_delimited(2, b"ReLU") + length_delimited(3, b"y")
    unknown += length_delimited(4, b"z") + length_delimited(9999, b"?")
    data = ssd.SerializeToString() + length_delimited(100, unknown)
    done = run("deploy", write(tmp_path, "ssd.caffemodel", data), "-o", f"{tmp_path}/q/")
    assert done.returncode == 0, done.stderr
    assert "left out what no Caffe here knows of u" in done.stderr
    assert "order: 1" in (tmp_path / "q" / "ssd.prototxt").read_text()
    bare = load_schema("bvlc").message_class("NetParameter")(name="m")
    bare.layer.add(name="ip", type="InnerProduct").blobs.extend(ip.blobs)
    write(tmp_path, "bare.caffemodel", bare.SerializeToString())
    done = run("deploy", tmp_path / "bare.caffemodel", "-o", f"{tmp_path}/o/")
    assert "bare.caffemodel: says nothing of the net; give the prototxt" in done.stderr


def test_hdf5_weights_become_binary_ones(fixtures: Path, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    golden = fixtures / "golden" / "nvcaffe-0.15.14"
    net = golden / "brook.prototxt"
    with h5py.File(tmp_path / "brook.caffemodel.h5", "w") as file:
        for name, blobs in load_weights(str(golden / "brook.caffemodel"), DIALECTS["bvlc"]).items():
            for i, values in enumerate(blobs):
                file.create_dataset(f"data/{name}/{i}", data=values)
    for fold in (False, True):
        made = protolint.deploy(
            net,
            tmp_path / "brook.caffemodel.h5",
            output=tmp_path / f"{fold}",
            bn_stat="variance",
            target="nvidia-0.15",
            fold=fold,
            isolated=True,
        )
        assert made.written[1] == str(tmp_path / f"{fold}" / "brook.caffemodel")
        data = net.with_name("brook.input.npy")
        found = protolint.run(*made.written, data=data, target="bvlc", isolated=True)
        wanted = np.load(net.with_name("brook.output.npy"))
        assert found["mix_b"] == pytest.approx(wanted, rel=1e-5, abs=2e-6)
    with pytest.raises(UsageError, match="only a binary caffemodel carries"):
        protolint.deploy(tmp_path / "brook.caffemodel.h5", output=tmp_path / "p")


def test_a_net_that_gives_something_else_is_not_written(
    fixtures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = fixtures / "golden" / "bvlc-master-9b89154"
    pair = golden / "brook.prototxt", golden / "brook.caffemodel"
    monkeypatch.setattr("protolint.comparison.models._limit", lambda *_: -1.0)
    with pytest.raises(ProtolintError, match="before and after differ from layer 'pix'"):
        deployed(*pair, tmp_path / "o")
    assert not (tmp_path / "o").exists()
    assert not [
        line for line in deployed(*pair, tmp_path / "o", prove="none").remarks if "run" in line
    ]


def test_every_value_becomes_a_plain_float(fixtures: Path, tmp_path: Path) -> None:
    """OpenCV reads no doubles, and others no raw_data."""
    golden = fixtures / "golden" / "bvlc-master-9b89154"
    model = load_schema("bvlc").message_class("NetParameter")()
    model.ParseFromString((golden / "brook.caffemodel").read_bytes())
    for layer in model.layer:
        for blob in layer.blobs:
            blob.double_data.extend(blob.data)
            blob.ClearField("data")
    weights = write(tmp_path, "brook.caffemodel", model.SerializeToString())
    for fold in (False, True):
        done = deployed(golden / "brook.prototxt", weights, tmp_path / f"{fold}", fold=fold)
        blobs = [blob for layer in index_file(done.written[1]).layers for blob in layer.blobs]
        assert {blob.storage for blob in blobs} == {Storage.DATA}


def test_what_cannot_be_done_is_not_passed_over(fixtures: Path, tmp_path: Path) -> None:
    golden = fixtures / "golden" / "bvlc-master-9b89154"
    net, weights = golden / "brook.prototxt", golden / "brook.caffemodel"
    done = run("deploy", net, weights, "-o", f"{tmp_path}/o/", "--input-shape", "foo=1,3,8,8")
    assert done.returncode == 0
    assert "'foo' is no input, and its size counts for nothing; inputs: pix" in done.stderr
    for given in (("--prove", "run"), ("--data", golden / "brook.input.npy")):
        done = run("deploy", net, *given, "-o", f"{tmp_path}/p/")
        assert done.returncode == 2
        assert "both nets are run with their weights: give those, too" in done.stderr
    file = write(tmp_path, "file", "mine")
    done = run("deploy", net, weights, "-o", file)
    assert done.returncode == 2
    assert f"{file}: is no folder; a net and its weights are written to one" in done.stderr
    assert file.read_text() == "mine"
    fork = write(tmp_path, "fork.prototxt", FORK)
    model = load_schema("bvlc").message_class("NetParameter")(name="m")
    model.layer.add(name="q", type="BN")
    own = write(tmp_path, "fork.caffemodel", model.SerializeToString())
    assert run("deploy", fork, own, "-o", f"{tmp_path}/q/").returncode == 0
    done = run("deploy", fork, own, "--prove", "run", "-o", f"{tmp_path}/r/")
    assert done.returncode == 2
    assert "the net has what only a fork knows, and is not run: --prove none" in done.stderr


def test_a_folder_is_made_for_a_result_alone(fixtures: Path, tmp_path: Path) -> None:
    """Where nothing can be deployed none is left behind."""
    weights = fixtures / "golden" / "bvlc-master-9b89154" / "brook.caffemodel"
    net = write(tmp_path, "n.prototxt", 'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }')
    for given in ((net,), (net, weights)):
        assert run("deploy", *given, "-o", f"{tmp_path}/o/").returncode == 2
        assert not (tmp_path / "o").exists()
    assert run("deploy", net, "--input-shape", "x=1,2", "-o", f"{tmp_path}/o/").returncode == 0
    assert (tmp_path / "o" / "n.prototxt").is_file()
