"""Nets and weights of one call are read as one Caffe: their functions stay, by NumPy's account."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from protolint import DIALECTS
from protolint.conversion.run import convert
from protolint.errors import InputError, UsageError
from protolint.weights.blobs import encode_blob
from protolint.wire import length_delimited
from tests.conversion.goldens import blobs_of

HEAD = 'input: "x" input_shape { dim: [2, 3, 4, 4] }\n'
MEAN, VARIANCE = np.array([0.3, 0.1, -2]), np.array([2e-5, 1e-4, 3e-6])
GAMMA, BETA = np.array([1.7, 1, 0.2]), np.array([0.9, 1, -3])


def net(norm: str = "", *, scale: bool = True, head: str = "") -> str:
    text = f'{head}{HEAD}layer {{ name: "bn" type: "BatchNorm" bottom: "x" top: "y" {norm} }}\n'
    if scale:
        text += 'layer { name: "sc" type: "Scale" bottom: "y" top: "y" '
        text += "scale_param { bias_term: true } }\n"
    return text


def layer(name: str, type: str, *blobs: object) -> bytes:
    fields = length_delimited(1, name.encode()) + length_delimited(2, type.encode())
    top = b"y"
    fields += length_delimited(3, b"x" if type == "BatchNorm" else top) + length_delimited(4, top)
    made = (encode_blob(np.asarray(blob, np.float32)) for blob in blobs)
    return length_delimited(100, fields + b"".join(length_delimited(7, blob) for blob in made))


def weights(factor: float = 1.0) -> bytes:
    norm = layer("bn", "BatchNorm", MEAN * factor, VARIANCE * factor, [factor])
    return norm + layer("sc", "Scale", GAMMA, BETA)


def gain(eps: float, spread: np.ndarray = VARIANCE, gamma: np.ndarray = GAMMA) -> np.ndarray:
    return np.asarray(gamma / np.sqrt(spread.astype(np.float64) + np.float64(np.float32(eps))))


def gain_of(text: str, model: Path, least: float = 0.0) -> np.ndarray:
    """What a three-blob BatchNorm and the Scale behind it multiply by."""
    blobs = blobs_of(model)
    mean, spread, factor = blobs["bn"]
    shown = re.search(r"\beps: (\S+)", text)
    eps = max(float(shown[1]) if shown else 1e-5, least)
    assert len(mean) == len(spread)
    return gain(eps, spread.astype(np.float64) / float(factor[0]), blobs["sc"][0])


@pytest.mark.parametrize("target", ["bvlc", "nvidia-0.16"])
@pytest.mark.parametrize("hdf5", [False, True])
def test_the_least_eps_of_the_nets_caffe_counts_for_its_weights(
    target: str, hdf5: bool, tmp_path: Path
) -> None:
    text = tmp_path / "net.prototxt"
    # 0.17 raises this eps to 1e-5; three blobs with a factor of 1 might be BVLC's, too.
    text.write_text(net("batch_norm_param { eps: 1e-6 engine: CAFFE }"), "utf-8")
    model = tmp_path / "net.caffemodel"
    model.write_bytes(weights())
    if hdf5:
        h5py = pytest.importorskip("h5py", reason="HDF5 needs h5py")
        made = blobs_of(model)
        model = tmp_path / "net.caffemodel.h5"
        with h5py.File(model, "w") as file:
            for name, blobs in made.items():
                for i, values in enumerate(blobs):
                    file[f"data/{name}/{i}"] = values
    report = convert(text, model, to=target, keep_scale=True, output=f"{tmp_path}/out/")
    assert {file.source for file in report.files if file.kind == "prototxt"} == {"nvidia-0.17"}
    converted = tmp_path / "out" / model.name
    if hdf5:
        return
    least = 0.0 if target == "bvlc" else 1e-5
    found = gain_of((tmp_path / "out" / "net.prototxt").read_text("utf-8"), converted, least)
    np.testing.assert_allclose(found, gain(1e-5), rtol=1e-6)


@pytest.mark.parametrize("together", [True, False])
def test_what_a_comment_says_a_net_is_for_counts(together: bool, tmp_path: Path) -> None:
    text, model = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    norm = "batch_norm_param { scale_filler { value: 1 } }"
    text.write_text(net(norm, scale=False, head="# protolint: target = nvidia-0.14\n"), "utf-8")
    one = (1, 3, 1, 1)
    stored = (GAMMA, BETA, np.zeros(1), MEAN, VARIANCE)
    model.write_bytes(
        layer("bn", "BatchNorm", *(b.reshape(one if b.size > 1 else (1, 1, 1, 1)) for b in stored))
    )
    calls = [(text, model)] if together else [(text,), (model,)]
    for paths in calls:
        convert(*paths, to="bvlc", bn_stat="variance", output=f"{tmp_path}/out/", force=True)
    new = (tmp_path / "out" / "net.prototxt").read_text("utf-8")
    blobs = blobs_of(tmp_path / "out" / "net.caffemodel")
    scale = next(name for name in blobs if name != "bn")
    shown = re.search(r"\beps: (\S+)", new)
    assert shown is not None, "cuDNN of 0.14 adds 1e-4 whatever is said"
    found = gain(float(shown[1]), blobs["bn"][1].astype(np.float64), blobs[scale][0])
    np.testing.assert_allclose(found, gain(1e-4), rtol=1e-6)


def test_a_net_for_several_caffes_is_asked_about(tmp_path: Path) -> None:
    text = tmp_path / "net.prototxt"
    text.write_text(net(head="# protolint: target=bvlc\n# protolint: target=nvidia\n"), "utf-8")
    with pytest.raises(UsageError, match=r"is for bvlc, nvidia-0\.17, .*; say with --from"):
        convert(text, to="nvidia-0.15")
    assert convert(text, to="nvidia-0.15", source="bvlc", dry_run=True).files


@pytest.mark.parametrize("first", ["train", "deploy"])
def test_nets_that_disagree_about_eps_are_refused(first: str, tmp_path: Path) -> None:
    paths = {"train": tmp_path / "train.prototxt", "deploy": tmp_path / "deploy.prototxt"}
    paths["train"].write_text(net("batch_norm_param { eps: 0.001 }"), "utf-8")
    paths["deploy"].write_text(net(), "utf-8")
    model = tmp_path / "net.caffemodel"
    model.write_bytes(weights(999.98))
    order = [paths[first], *(path for name, path in paths.items() if name != first)]
    with pytest.raises(InputError, match=r"'bn' has eps .* here and .*fits one of them only"):
        convert(*order, model, to="nvidia-0.17", output=f"{tmp_path}/out/")
    assert not (tmp_path / "out").exists()
    assert convert(*order, to="nvidia-0.17", output=f"{tmp_path}/out/").files


def test_fields_of_a_fork_are_kept_as_its_settings_name_them(tmp_path: Path) -> None:
    text = tmp_path / "net.prototxt"
    text.write_text(net() + 'layer { name: "u" type: "Up" bottom: "y" up_param { n: 2 } }\n')
    with pytest.raises(InputError, match="extra-fields"):
        convert(text, to="nvidia-0.17", dry_run=True)
    (tmp_path / "protolint.toml").write_text(
        'extra-fields = ["LayerParameter.up_param"]\nlayer-types = ["Up"]\n', "utf-8"
    )
    convert(text, to="nvidia-0.17", output=tmp_path / "new.prototxt")
    assert "up_param { n: 2 }" in (tmp_path / "new.prototxt").read_text("utf-8")


def test_broken_statistics_are_told(tmp_path: Path) -> None:
    model = tmp_path / "net.caffemodel"
    for spread in ([np.nan, 1, 1], [np.inf, 1, 1], [-1e-6, 1, 1]):
        model.write_bytes(layer("bn", "BatchNorm", MEAN, spread, [1]))
        report = convert(model, to="nvidia-0.17", output=tmp_path / "new", force=True)
        shown = [note.message for file in report.files for note in file.notes]
        assert any(text.startswith("NaN, infinite or negative statistics") for text in shown)


def test_arguments_may_be_single_strings_and_dialects(tmp_path: Path) -> None:
    text = tmp_path / "net.prototxt"
    text.write_text(net("batch_norm_param { engine: CAFFE }"), "utf-8")
    report = convert(text, to=DIALECTS["bvlc"], drop_fields="layer.odd, engine", dry_run=True)
    assert report.target == "bvlc"
    with pytest.raises(UsageError, match="verify with 'opencvv'; did you mean 'opencv'"):
        convert(text, to="bvlc", verify_with="opencvv")


def test_a_layer_without_room_for_gamma_says_what_has_it(tmp_path: Path) -> None:
    text, model, room = (tmp_path / n for n in ("n.prototxt", "n.caffemodel", "room.prototxt"))
    text.write_text(net("batch_norm_param { eps: 1e-6 }", scale=False), "utf-8")
    room.write_text(net("batch_norm_param { scale_bias: true }", scale=False), "utf-8")
    model.write_bytes(layer("bn", "BatchNorm", MEAN, [1e-6, 1e-6, 1], [1]))
    with pytest.raises(InputError, match="given as --like, has room"):
        convert(text, model, to="nvidia-0.17", output=f"{tmp_path}/out/")
    new = tmp_path / "new.caffemodel"
    convert(text, model, to="nvidia-0.17", like=room, output=new)
    blobs = blobs_of(new)["bn"]
    found = gain(1e-5, blobs[1].astype(np.float64), blobs[3])
    np.testing.assert_allclose(found, gain(1e-6, np.array([1e-6, 1e-6, 1]), np.ones(3)), rtol=1e-6)
