"""What happens to single layers of a caffemodel: fields, storage, names, Scale layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protolint.caffe.binder import to_protobuf
from protolint.caffe.descriptors import load_schema
from protolint.caffe.registry import DIALECTS
from protolint.conversion.numbers.embedded_net import model_net
from protolint.conversion.run import convert
from protolint.errors import InputError
from protolint.weights.files import mapped
from protolint.weights.index import index_model
from protolint.wire import length_delimited

GOLDEN = Path(__file__).resolve().parents[2] / "fixtures" / "golden"
MODELS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "models"
C = 4


def net(dialect: str = "bvlc") -> Any:
    return load_schema(dialect).message_class("NetParameter")()


def add(message: Any, name: str, kind: str, *blobs: Any, bottom: str = "x", top: str = "x") -> Any:
    layer = message.layer.add(name=name, type=kind, bottom=[bottom], top=[top])
    for values in blobs:
        blob = layer.blobs.add()
        array = np.asarray(values, np.float32)
        blob.shape.dim.extend(array.shape)
        blob.data.extend(array.ravel().tolist())
    return layer


def saved(folder: Path, message: Any) -> Path:
    path = folder / "net.caffemodel"
    path.write_bytes(message.SerializeToString())
    return path


def converted(path: Path, to: str, dialect: str, **more: Any) -> Any:
    """The converted file as the schema of a dialect reads it."""
    output = path.with_name(f"{to}.caffemodel")
    convert(path, to=to, output=output, force=True, **more)
    message = net(dialect)
    message.ParseFromString(output.read_bytes())
    return message


def layers(message: Any) -> list[str]:
    return [layer.name for layer in message.layer]


def values(blob: Any) -> list[float]:
    return list(blob.data)


STATS = ([1.0, 2, 3, 4], [0.5, 1, 2, 4], [1.0])
AFFINE = ([2.0, 2, 2, 2], [1.0, 0, 1, 0])


def pair(message: Any, *, top: str = "x") -> tuple[Any, Any]:
    add(message, "conv", "Convolution", np.ones((C, 1, 1, 1)))
    norm = add(message, "bn", "BatchNorm", *STATS)
    scale = add(message, "named_oddly", "Scale", *AFFINE, top=top)
    scale.scale_param.bias_term = True
    return norm, scale


def test_a_merged_pair_has_the_top_and_the_fillers_of_its_scale(tmp_path: Path) -> None:
    message = net()
    norm, scale = pair(message, top="y")
    norm.batch_norm_param.moving_average_fraction = 0.95
    scale.scale_param.filler.value = 3
    found = converted(saved(tmp_path, message), "nvidia-0.17", "nvidia-0.17")
    assert layers(found) == ["conv", "bn"]
    made = found.layer[1]
    assert list(made.top) == ["y"]
    assert made.batch_norm_param.scale_bias
    assert made.batch_norm_param.scale_filler.value == 3
    assert made.batch_norm_param.moving_average_fraction == pytest.approx(0.95)
    assert [values(blob) for blob in made.blobs] == [*STATS, *AFFINE]
    assert [param.lr_mult for param in made.param] == [0, 0, 0, 1, 1]


def test_the_name_of_the_scale_comes_back_although_no_caffe_knows_of_it(tmp_path: Path) -> None:
    message = net()
    pair(message)
    source = saved(tmp_path, message)
    there = tmp_path / "there.caffemodel"
    convert(source, to="nvidia-0.17", output=there)
    found = net("nvidia-0.17")
    found.ParseFromString(there.read_bytes())
    assert "named_oddly" not in str(found)
    back = converted(there, "bvlc", "bvlc")
    assert layers(back) == ["conv", "bn", "named_oddly"]
    assert [values(blob) for blob in back.layer[2].blobs] == [*AFFINE]


def test_a_new_scale_layer_follows_in_place_in_the_same_phase(tmp_path: Path) -> None:
    message = net("nvidia-0.17")
    made = add(message, "bn", "BatchNorm", *STATS, *AFFINE)
    made.batch_norm_param.scale_bias = True
    made.phase = 0
    made.include.add(phase=0)
    found = converted(saved(tmp_path, message), "bvlc", "bvlc", scale_name="scale_{bn}")
    assert layers(found) == ["bn", "scale_bn"]
    scale = found.layer[1]
    assert (scale.type, list(scale.bottom), list(scale.top)) == ("Scale", ["x"], ["x"])
    assert scale.scale_param.bias_term
    assert scale.phase == 0
    assert [rule.phase for rule in scale.include] == [0]
    assert not scale.param


def test_a_name_that_is_taken_is_not_given_again(tmp_path: Path) -> None:
    message = net("nvidia-0.17")
    made = add(message, "bn", "BatchNorm", *STATS, *AFFINE)
    made.batch_norm_param.scale_bias = True
    add(message, "bn_scale", "ReLU")
    found = converted(saved(tmp_path, message), "bvlc", "bvlc")
    assert layers(found) == ["bn", "bn_scale_2", "bn_scale"]


def test_a_scale_that_does_not_belong_to_the_batchnorm_stays(tmp_path: Path) -> None:
    message = net()
    add(message, "bn", "BatchNorm", *STATS)
    add(message, "relu", "ReLU")
    add(message, "later", "Scale", *AFFINE)
    found = converted(saved(tmp_path, message), "nvidia-0.17", "nvidia-0.17")
    assert layers(found) == ["bn", "relu", "later"]
    assert len(found.layer[0].blobs) == 3
    found = converted(saved(tmp_path, message), "nvidia-0.15", "nvidia-0.15", engine="caffe")
    assert [values(blob) for blob in found.layer[0].blobs] == [
        [1.0] * C, [0.0] * C, *STATS[:2], [0.0]
    ]  # fmt: skip


def test_an_eps_below_the_floor_goes_into_the_scale_that_stays(tmp_path: Path) -> None:
    message = net()
    norm = add(message, "bn", "BatchNorm", STATS[0], [0.0, 1, 2, 4], [1.0])
    norm.batch_norm_param.eps = 1e-6
    scale = add(message, "sc", "Scale", *AFFINE)
    scale.scale_param.bias_term = True
    scale.param.add(lr_mult=2)
    scale.param.add(lr_mult=2)
    found = converted(saved(tmp_path, message), "nvidia-0.17", "nvidia-0.17")
    assert layers(found) == ["bn", "sc"]
    gamma = values(found.layer[1].blobs[0])
    # The variance of the first channel is 0 and cannot make up for the larger eps.
    assert gamma[0] == pytest.approx(2 * np.sqrt(10), rel=1e-5)
    assert gamma[1:] == [2.0, 2, 2]


def test_a_scale_layer_without_a_bias_gets_none_in_the_weights_either(tmp_path: Path) -> None:
    """As the prototxt's has none: blobs that only the file has are fatal."""
    message = net("nvidia-0.15")
    add(message, "bn", "BatchNorm", [1.0] * C, [0.0] * C, *STATS[:2], [0.0])
    add(message, "sc", "Scale", AFFINE[0])
    text = 'layer { name: "%s" type: "%s" bottom: "x" top: "x" %s }\n'
    layers = text % ("bn", "BatchNorm", "") + text % ("sc", "Scale", "")
    deploy, train = tmp_path / "deploy.prototxt", tmp_path / "train.prototxt"
    deploy.write_text('input: "x" input_shape { dim: [1, 4, 1, 1] }\n' + layers)
    train.write_text('layer { name: "d" type: "Data" top: "x" }\n' + layers)
    model = saved(tmp_path, message)
    for nets in ([deploy], [deploy, train]):
        convert(
            *nets, model, to="bvlc", source="nvidia-0.15", output=f"{tmp_path}/out/", force=True
        )
        found = net()
        found.ParseFromString((tmp_path / "out" / model.name).read_bytes())
        scale = found.layer[1]
        # What is trained is not known to stay as it is: there the beta moves over, in all files.
        trained = train in nets
        assert [values(blob) for blob in scale.blobs] == [AFFINE[0], [0.0] * C][: 1 + trained]
        assert scale.scale_param.bias_term == trained
        for path in nets:
            made = (tmp_path / "out" / path.name).read_text()
            assert ("bias_term: true" in made) == trained


def test_a_scale_layer_of_an_old_file_gets_blobs_of_one_axis(tmp_path: Path) -> None:
    """1x1x1xC by the old four sizes loads as C; written as a shape it would not."""
    message = net("nvidia-0.15")
    add(message, "bn", "BatchNorm", [2.0] * C, [0.0] * C, *STATS[:2], [0.0])
    scale = add(message, "sc", "Scale", *AFFINE)
    scale.scale_param.bias_term = True
    for blob in scale.blobs:
        blob.ClearField("shape")
        blob.num = blob.channels = blob.height = 1
        blob.width = C
    found = converted(saved(tmp_path, message), "bvlc", "bvlc")
    assert [list(blob.shape.dim) for blob in found.layer[1].blobs] == [[C], [C]]
    assert not any(blob.HasField("width") for blob in found.layer[1].blobs)


def test_fields_of_the_other_caffe_are_renumbered_or_left_out(tmp_path: Path) -> None:
    message = net()
    layer = add(message, "rnn", "RNN", np.ones(3))
    layer.recurrent_param.num_output = 7
    layer = add(message, "clip", "Clip")
    layer.clip_param.min, layer.clip_param.max = 0, 1
    pair(message)
    output = tmp_path / "out.caffemodel"
    report = convert(saved(tmp_path, message), to="nvidia-0.17", output=output)
    found = net("nvidia-0.17")
    found.ParseFromString(output.read_bytes())
    assert found.layer[0].recurrent_param.num_output == 7
    assert not found.layer[1].HasField("backward_math")
    shown = " ".join(note.message for note in report.files[0].notes)
    assert "recurrent_param (1x)" in shown
    assert "clip_param (1x)" in shown


def test_the_number_formats_of_016_are_not_left_for_bvlc_to_misread(tmp_path: Path) -> None:
    source = GOLDEN / "nvcaffe-0.17.4" / "brook.caffemodel"
    found = converted_from(source, tmp_path, "bvlc")
    for layer in found.layer:
        numbers = {field.number for field, _ in layer.ListFields()}
        assert not numbers & {145, 146, 147, 148}
        for blob in layer.blobs:
            assert len(blob.data) == np.prod(blob.shape.dim)


def converted_from(source: Path, folder: Path, to: str, **more: Any) -> Any:
    output = folder / "made.caffemodel"
    convert(source, to=to, output=output, **more)
    message = net("nvidia-0.17" if to != "bvlc" else "bvlc")
    message.ParseFromString(output.read_bytes())
    return message


@pytest.mark.parametrize("half", [False, True])
def test_halves_stay_only_when_asked_for_and_never_in_batchnorm(half: bool, tmp_path: Path) -> None:
    source = GOLDEN / "nvcaffe-0.17.4" / "brook_half.caffemodel"
    found = converted_from(source, tmp_path, "nvidia-0.17", half=half)
    kinds = {layer.name: {blob.raw_data_type for blob in layer.blobs} for layer in found.layer}
    assert kinds["mix_a"] == {2 if half else 1}
    assert kinds["norm_a"] == {1}


def test_unknown_fields_of_other_forks_survive(tmp_path: Path) -> None:
    message = net()
    pair(message)
    # Field 8266 of a layer, which no Caffe here knows.
    mark = length_delimited(8266, b"odd")
    body = length_delimited(1, b"odd") + length_delimited(2, b"Odd") + mark
    path = saved(tmp_path, message)
    path.write_bytes(length_delimited(100, body) + path.read_bytes())
    convert(path, to="nvidia-0.17", output=tmp_path / "out.caffemodel")
    assert mark in (tmp_path / "out.caffemodel").read_bytes()


def test_segnet_and_its_kin_become_batchnorm(tmp_path: Path) -> None:
    message = net("nvidia-0.17")
    layer = add(message, "bn", "BN")
    for array in AFFINE:
        blob = layer.blobs.add()
        blob.shape.dim.extend((1, C, 1, 1))
        blob.data.extend(array)
    path = saved(tmp_path, message)
    with pytest.raises(InputError, match="training net hold no statistics"):
        convert(path, to="bvlc")
    found = converted(path, "bvlc", "bvlc", source="segnet")
    assert [(layer.name, layer.type) for layer in found.layer] == [
        ("bn", "BatchNorm"), ("bn_scale", "Scale")
    ]  # fmt: skip
    assert values(found.layer[1].blobs[0]) == AFFINE[0]


def test_a_blob_that_no_caffe_could_load_is_refused_by_name(tmp_path: Path) -> None:
    message = net()
    pair(message)
    del message.layer[0].blobs[0].data[-1]
    with pytest.raises(InputError, match=r"'conv', blob 0.* needs 4 values, and the file has 3"):
        convert(saved(tmp_path, message), to="nvidia-0.17")


FILES = [
    *sorted(GOLDEN.glob("*/*.caffemodel")),
    *(sorted(MODELS.glob("*.caffemodel")) if MODELS.is_dir() else []),
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_net_in_a_model_is_what_the_protobuf_library_reads(path: Path) -> None:
    dialect = "nvidia-0.17" if "nvcaffe-0.17" in str(path) else "bvlc"
    with mapped(str(path)) as (data, _):
        found = to_protobuf(
            model_net(data, index_model(str(path), data), DIALECTS[dialect]).message
        )
    wanted = net(dialect)
    wanted.ParseFromString(path.read_bytes())
    for layer in (*wanted.layer, *wanted.layers):
        layer.ClearField("blobs")
        layer.DiscardUnknownFields()
    assert found == wanted


def test_settings_inside_a_message_stay_while_those_of_a_layer_go(tmp_path: Path) -> None:
    """Inside, nothing in the target is in their place; its own reader passes over them."""
    message = net("nvidia-0.17")
    layer = add(message, "p", "Pooling")
    layer.debug = True
    layer.pooling_param.torch_pooling = True
    layer.pooling_param.kernel_size = 2
    kept = layer.pooling_param.SerializeToString()
    path = saved(tmp_path, message)
    made = converted(path, "bvlc", "nvidia-0.17", source="nvidia-0.17")
    assert made.layer[0].pooling_param.SerializeToString() == kept
    assert not made.layer[0].HasField("debug")
