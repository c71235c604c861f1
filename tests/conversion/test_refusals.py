"""Every refusal says what was found and what to do next, and what it names is done here."""

from __future__ import annotations

import inspect
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from protolint.conversion import file_refusals, refusals
from protolint.weights.blobs import encode_blob
from protolint.wire import WireError, length_delimited, varint_field
from tests.cli.command import run
from tests.conversion.test_joint import BETA, GAMMA, MEAN, VARIANCE, layer, net, weights

INPUT = 'input: "data" input_shape { dim: [2, 3, 8, 8] }\n'
DATA = (
    'layer { name: "data" type: "DummyData" top: "data"'
    " dummy_data_param { shape { dim: [2, 3, 8, 8] } } }\n"
)
CONV = (
    'layer { name: "c" type: "Convolution" bottom: "data" top: "c"'
    " convolution_param { num_output: 4 kernel_size: 1 bias_term: false } }\n"
)
LOSS = 'layer { name: "loss" type: "Reduction" bottom: "c" top: "loss" loss_weight: 1 }\n'
TRAIN, TEST = "include { phase: TRAIN }", "include { phase: TEST }"
ONES = "scale_filler { value: 1 } bias_filler { value: 0 }"
DEEP = INPUT.replace("8, 8", "2, 2, 2")


def bn(fields: str = "", more: str = "", *, bottom: str = "c", top: str = "c") -> str:
    blobs = f'bottom: "{bottom}" top: "{top}"'
    return (
        f'layer {{ name: "n" type: "BatchNorm" {blobs} {more} batch_norm_param {{ {fields} }} }}\n'
    )


def scale(more: str = "", blob: str = "c") -> str:
    blobs = f'bottom: "{blob}" top: "{blob}"'
    return f'layer {{ name: "s" type: "Scale" {blobs} scale_param {{ bias_term: true {more} }} }}\n'


def solver(more: str) -> str:
    return f'base_lr: 0.1 lr_policy: "fixed" max_iter: 1 {more}\n'


def own(type: str, more: str) -> str:
    return f'layer {{ name: "x" type: "{type}" bottom: "data" top: "x" {more} }}\n'


def loose(name: str, type: str, *blobs: object) -> bytes:
    """A layer of a file that names neither bottoms nor tops."""
    fields = length_delimited(1, name.encode()) + length_delimited(2, type.encode())
    made = (encode_blob(np.asarray(blob, np.float32)) for blob in blobs)
    return length_delimited(100, fields + b"".join(length_delimited(7, blob) for blob in made))


PAIR = INPUT + CONV + bn() + scale()
PERMUTE = own("Permute", "permute_param { order: [0, 2, 3, 1] }")
SHUFFLE = 'layer { name: "x" type: "Data" top: "x" data_param { source: "x" shuffle: true } }\n'
UNKNOWN = own("Convolution", "convolution_param { num_output: 1 kernel_size: 1 fuse: 3 }")
LAYERS = 'layer: [{ name: "a" type: "ReLU" bottom: "data" top: "a" }]\n'
ONE = 'layer { name: "i" type: "Input" top: "i" input_param { shape { dim: 4 } } %s }\n'
NEVER = "use_global_stats: false"
FREEZE = "use_global_stats: true"
ADAPTED = "# protolint: target=bvlc\n" + INPUT + CONV + bn("scale_bias: true")
FORK = INPUT + CONV + 'layer { name: "n" type: "BN" bottom: "c" top: "c" bn_param { } }\n'
IN_PLACE = 'layer { name: "c" type: "Concat" bottom: "r" top: "r" }\n'
FLAT = (
    'layer { name: "%s" type: "Reshape" bottom: "%s" top: "%s"'
    " reshape_param { shape { dim: [0, 0, 0, -1] } } }\n"
)
RELU = 'layer { name: "r" type: "ReLU" bottom: "data" top: "r" }\n'
NORM = layer("bn", "BatchNorm", MEAN, VARIANCE, [1])
CONV_IN = CONV.replace('top: "c"', f'top: "c" {TRAIN}')
POOL = 'layer { name: "o" type: "Pooling" bottom: "data" top: "c" include { phase: TEST } }\n'
#: A net for --like, where a message names that option.
LIKE = net("batch_norm_param { scale_bias: true }", scale=False)
STATE = varint_field(1, 1) + length_delimited(2, b"w.caffemodel")
FROZEN = DATA + CONV.replace("num_output: 4", "num_output: 3") + bn(FREEZE) + LOSS
INSIDE = layer("bn", "BatchNorm", MEAN, VARIANCE, [1], GAMMA, BETA)
SMALL = layer("bn", "BatchNorm", MEAN, [1e-6, 1e-6, 1], [1])


class Case(NamedTuple):
    """What is refused: files in their order, options, and the words found and advised.

    `remedy` are options that the message names, or other contents of the files, None for one
    that is not given.
    """

    wording: Callable[..., Any]
    files: Mapping[str, str | bytes]
    options: str
    found: str
    advice: str
    remedy: str | Mapping[str, str | bytes | None]


def _net(text: str) -> dict[str, str | bytes]:
    return {"n.prototxt": text}


CASES = (
    Case(refusals.types_unknown, _net(INPUT + PERMUTE), "--to bvlc",
         "'x': bvlc has no layer type 'Permute'", "has all types", "--to nvidia-0.17"),
    Case(refusals.types_unknown, _net(INPUT + PERMUTE), "--to nvidia-0.16",
         "'x': nvidia-0.16 has no layer type 'Permute'", "if your own Caffe has it",
         "--config 'layer-types=[\"Permute\"]' --config"
         " 'extra-fields=[\"LayerParameter.permute_param\"]'"),
    Case(refusals.no_counterpart, _net(SHUFFLE), "--to nvidia-0.15 --from nvidia-0.17",
         "'data_param.shuffle' has no counterpart", "keeps it if your own Caffe has it",
         "--config 'extra-fields=[\"DataParameter.shuffle\"]'"),
    Case(refusals.scales_unknown, _net(PAIR), "--to nvidia-0.14 --engine CAFFE",
         "nvidia-0.14 has no layer type 'Scale'", "puts convolutions", "--scale-as convolution"),
    Case(refusals.no_place, {"n.prototxt": net(scale=False), "w.caffemodel": weights()},
         "--to nvidia-0.16", "gamma and beta in its Scale layer 'sc'", "without the net",
         {"n.prototxt": None}),
    Case(refusals.fork_norm, _net(FORK), "--to bvlc", "line 3: 'bn_param' does not fit",
         "write it as BatchNorm and Scale", {"n.prototxt": PAIR}),
    Case(refusals.nothing_between,
         {"w.caffemodel": loose("bn", "BatchNorm", MEAN, VARIANCE, [1])
          + loose("other", "Scale", [1.0, 2.0]) + loose("sc", "Scale", [1.0] * 4)},
         "--to nvidia-0.16", "which BatchNorm it follows is open", "give the net's prototxt too",
         {"n.prototxt": net(scale=False)}),
    Case(refusals.two_holders,
         {"n.prototxt": net(), "w.caffemodel": NORM + layer("other", "Scale", GAMMA, BETA)
          + loose("sc", "Scale", GAMMA, BETA)},
         "--to nvidia-0.16", "two Scale layers for it, 'sc' by the net and 'other'",
         "convert the weights without the net", {"n.prototxt": None}),
    Case(refusals.filled_otherwise,
         {"n.prototxt": net().replace("bias_term", "filler { value: 2 } bias_term"),
          "w.caffemodel": NORM},
         "--to nvidia-0.15", "its fillers are not 1 and 0", "layer of its own", "--keep-scale"),
    Case(refusals.syntax, _net(INPUT + "layer {"), "--to bvlc", "expected", "protolint check",
         {"n.prototxt": INPUT}),
    Case(refusals.misfit, _net(ADAPTED), "--to nvidia-0.15", "'scale_bias' does not fit",
         "reads it", "--from nvidia-0.17"),
    Case(refusals.misfit, _net(INPUT + UNKNOWN), "--to nvidia-0.17",
         "line 2: 'fuse' does not fit ConvolutionParameter", "if your own does",
         "--config 'extra-fields=[\"ConvolutionParameter.fuse\"]'"),
    Case(refusals.misfit, _net(INPUT + UNKNOWN.replace("fuse: 3", "num_output: 2")),
         "--to nvidia-0.17", "(duplicate field)", "protolint check",
         {"n.prototxt": INPUT + UNKNOWN.replace("fuse: 3", "")}),
    Case(refusals.one_list, _net(INPUT + LAYERS), "--to nvidia-0.17", "its layers are one list",
         "a layer { } of its own", {"n.prototxt": INPUT + RELU}),
    Case(refusals.no_solver, _net(solver('type: "SAG"')), "--to nvidia-0.16 --from nvidia-0.17",
         "no solver of type 'SAG'", "has it", "--to nvidia-0.17"),
    Case(refusals.no_counterpart, _net(SHUFFLE), "--to bvlc --from nvidia-0.17",
         "'data_param.shuffle' has no counterpart", "leaves it out", "--drop-field shuffle"),
    Case(refusals.inputs_inside_solver, _net(solver(f"net_param {{ {INPUT}{RELU} }}")),
         "--to bvlc --from nvidia-0.14", "reads no inputs of a net that stands inside a solver",
         "into a file of its own", {"n.prototxt": solver('net: "x"'), "x": INPUT + RELU}),
    Case(refusals.inputs_without_shape, _net('input: "data"\n' + RELU), "--to nvidia-0.14",
         "the inputs have no shape", "input_shape { dim: ... }", {"n.prototxt": INPUT + RELU}),
    Case(refusals.inputs_twice, _net(INPUT + "input_dim: [2, 3, 8, 8]\n" + RELU),
         "--to nvidia-0.14", "both given", "leave one of them out", {"n.prototxt": INPUT + RELU}),
    Case(refusals.input_of_a_phase, _net(ONE % TEST), "--to nvidia-0.14",
         "has inputs in every phase", "protolint deploy", {"n.prototxt": ONE % ""}),
    Case(refusals.input_shapes,
         _net('layer { name: "i" type: "Input" top: "i" input_param { } }\n'), "--to nvidia-0.14",
         "needs a shape for each", "give input_param one shape", {"n.prototxt": ONE % ""}),
    Case(refusals.input_fields_mixed,
         _net('input: "b" input_dim: [1, 1, 1, 1]\n' + ONE % ""), "--to nvidia-0.14",
         "takes input_shape or input_dim", "protolint upgrade",
         {"n.prototxt": 'input: "b" input_shape { dim: [1, 1, 1, 1] }\n' + ONE % ""}),
    Case(refusals.not_built, _net(INPUT + RELU + IN_PLACE), "--to nvidia-0.17 --from nvidia-0.15",
         "'c': nvidia-0.17 does not build the net: Concat does not work in place",
         "protolint check --target nvidia-0.17 shows where",
         {"n.prototxt": INPUT + RELU + IN_PLACE.replace('top: "r"', 'top: "c"')}),
    Case(refusals.not_one_blob, _net(INPUT + bn(bottom='data" bottom: "data')), "--to nvidia-0.17",
         "a BatchNorm with 2 bottoms and 1 top", "one of each", {"n.prototxt": PAIR}),
    Case(refusals.weights_in_text, _net(INPUT + CONV + bn(more="blobs { data: 1 }")),
         "--to nvidia-0.17", "carries its weights in the text", "take the blobs out",
         {"n.prototxt": PAIR}),
    Case(refusals.two_at_once, _net(INPUT + CONV + bn() + bn(top="x")), "--to nvidia-0.17",
         "two BatchNorm layers of this name are active in TEST", "another name",
         {"n.prototxt": INPUT + CONV + bn() + bn(top="x").replace('"n"', '"m"')}),
    Case(refusals.variants_differ, _net(DATA + CONV + bn("eps: 1e-3", TRAIN) + bn("", TEST)),
         "--to nvidia-0.17", "its phase variants differ in eps", "write the same in both",
         {"n.prototxt": DATA + CONV + bn("", TRAIN) + bn("", TEST)}),
    Case(refusals.not_renamed, _net(DATA + CONV_IN + bn(more=TRAIN) + POOL + LOSS),
         "--to nvidia-0.15", "another phase feeds the layers below", "a top of its own",
         {"n.prototxt": DATA + CONV_IN + bn(more=TRAIN, top="y") + POOL + LOSS}),
    Case(refusals.convolution_axes,
         _net('input: "c" input_shape { dim: [4, 5] }\n' + bn() + scale()),
         "--to nvidia-0.14 --engine CAFFE --scale-as convolution",
         "its bottom has 2 axes, and a convolution needs 4", "has a place", "--engine CUDNN"),
    Case(refusals.convolution_channels, _net(bn() + scale()),
         "--to nvidia-0.14 --engine CAFFE --scale-as convolution",
         "a convolution has to say how many channels", "give the weights too",
         {"w.caffemodel": layer("n", "BatchNorm", MEAN, VARIANCE, [1])
          + layer("s", "Scale", GAMMA, BETA)}),
    Case(refusals.axes, _net(DEEP + bn(bottom="data", top="c")), "--to nvidia-0.15",
         "its bottom has 5 axes", "takes more", "--engine CAFFE"),
    Case(refusals.axes, _net(DEEP + bn(bottom="data", top="c")), "--to nvidia-0.16",
         "its bottom has 5 axes", "reshape it to 4 axes in the net",
         {"n.prototxt": DEEP + FLAT % ("to", "data", "f") + bn(bottom="f", top="g")}),
    Case(refusals.never_stored, _net(INPUT + CONV + bn(NEVER)), "--to nvidia-0.16",
         "use_global_stats: false in TEST has no counterpart", "rarely meant",
         "--drop-global-stats"),
    Case(refusals.not_frozen, _net(DATA + CONV + bn(FREEZE) + LOSS), "--to nvidia-0.14",
         "does not freeze cuDNN BatchNorm", "obeys it", "--engine CAFFE"),
    Case(refusals.no_affine, _net(INPUT + CONV + bn("scale_bias: true")),
         "--to nvidia-0.14 --engine CAFFE", "gamma and beta have no place", "has one",
         "--engine CUDNN"),
    Case(file_refusals.no_equivalent,
         {"n.prototxt": net("batch_norm_param { eps: 1e-6 }", scale=False),
          "w.caffemodel": SMALL},
         "--to nvidia-0.17", "layer 'bn' cannot become N16-3", "has room",
         "--like like.prototxt"),
    Case(file_refusals.kinless, {"w.caffemodel": NORM, "like.prototxt": PAIR},
         "--to nvidia-0.17 --like like.prototxt", "have neither name nor place in common",
         "give the net that the weights are for too",
         {"n.prototxt": net(scale=False),
          "like.prototxt": net("batch_norm_param { scale_bias: true }", scale=False)}),
    Case(file_refusals.other_channels,
         {"w.caffemodel": layer("n", "BatchNorm", MEAN, VARIANCE, [1]), "like.prototxt": PAIR},
         "--to nvidia-0.17 --like like.prototxt", "'n' has 3 channels, 'n' of like.prototxt has 4",
         "give it and the layer above other names there",
         {"like.prototxt": PAIR.replace("num_output: 4", "num_output: 3")}),
    Case(file_refusals.other_blobs,
         {"w.caffemodel": NORM + loose("c", "Convolution", np.ones((4, 3, 3, 3))),
          "like.prototxt": INPUT + CONV + net(scale=False).partition("\n")[2]},
         "--to nvidia-0.17 --like like.prototxt", "'c', blob 0: 4x3x3x3 in the weights",
         "give the layer another name there",
         {"like.prototxt": INPUT + CONV.replace('name: "c"', 'name: "other"')
          + net(scale=False).partition("\n")[2]}),
    Case(file_refusals.no_gamma_there,
         {"w.caffemodel": weights(),
          "like.prototxt": net().replace("bias_term", "axis: 0 bias_term")},
         "--to nvidia-0.17 --like like.prototxt", "is not its gamma and beta: its axis is 0",
         "mend that Scale there", {"like.prototxt": net()}),
    Case(file_refusals.empty, _net("# a comment\n"), "--to bvlc", "holds no field",
         "nothing to convert", {"n.prototxt": PAIR}),
    Case(file_refusals.other_text, _net('item { name: "a" label: 1 }\n'), "--to bvlc",
         "a label map", "give a net's or a solver's prototxt", {"n.prototxt": PAIR}),
    Case(file_refusals.no_net_to_fit, {"w.caffemodel": weights(), "like.prototxt": solver("")},
         "--to nvidia-0.17 --like like.prototxt", "is no net to fit weights to",
         "give --like a net's prototxt", {"like.prototxt": LIKE}),
    Case(file_refusals.model_missing, {"s.solverstate": STATE}, "--to nvidia-0.17",
         "needs the model that was saved with it", "give w.caffemodel too",
         {"w.caffemodel": weights()}),
    Case(file_refusals.other_eps,
         {"a.prototxt": net("batch_norm_param { eps: 1e-3 }"), "b.prototxt": net(),
          "w.caffemodel": weights()},
         "--to nvidia-0.17", "has eps 1e-05 here and 0.001 in", "make them agree",
         {"a.prototxt": net()}),
    Case(file_refusals.not_positive,
         {"n.prototxt": FROZEN, "w.caffemodel": layer("n", "BatchNorm", MEAN, [-1, 1, 1], [1])},
         "--to nvidia-0.16", "var + eps is not positive", "protolint check",
         {"w.caffemodel": layer("n", "BatchNorm", MEAN, VARIANCE, [1])}),
    Case(file_refusals.no_gamma_for_each,
         {"n.prototxt": net("batch_norm_param { scale_bias: true }"),
          "w.caffemodel": INSIDE + layer("sc", "Scale", [2], [0])},
         "--to bvlc --from nvidia-0.17 --keep-scale", "its own gamma and beta have no place",
         "has no gamma for each channel",
         {"w.caffemodel": INSIDE + layer("sc", "Scale", GAMMA, BETA)}),
    Case(file_refusals.folded,
         {"w.caffemodel": NORM + loose("c", "Convolution", np.ones((4, 3, 1, 1))),
          "like.prototxt": INPUT + CONV.replace("bias_term: false", "bias_term: true")},
         "--to nvidia-0.17 --like like.prototxt", "does not fit like.prototxt",
         "take the net that was trained", {"like.prototxt": LIKE}),
    Case(file_refusals.no_bias,
         {"w.caffemodel": weights(),
          "like.prototxt": net().replace("bias_term: true", "bias_term: false")},
         "--to nvidia-0.17 --like like.prototxt", "has no bias for the beta there is now",
         "give it bias_term: true in the net", {"like.prototxt": net()}),
    Case(file_refusals.other_sizes,
         {"n.prototxt": net(), "w.caffemodel": NORM + layer("sc", "Scale", [1, 2], [0, 0])},
         "--to nvidia-0.17", "has blobs of 2 and 2 values for 3 channels",
         "leaves it a layer of its own", "--keep-scale"),
    Case(file_refusals.name_taken,
         {"w.caffemodel": weights() + layer("other", "Power", [1]),
          "like.prototxt": net().replace('"sc"', '"other"')},
         "--to nvidia-0.17 --like like.prototxt", "would have to give a layer the name 'other'",
         "rename that one in the net first", {"like.prototxt": net()}),
    Case(file_refusals.no_layer_in_common, {"w.caffemodel": NORM, "like.prototxt": INPUT + RELU},
         "--to nvidia-0.17 --like like.prototxt", "none of its layers is in like.prototxt",
         "is that another net?", {"like.prototxt": LIKE}),
)  # fmt: skip

#: Wordings without such a case, and why.
ELSEWHERE = {
    refusals.scales_in_hdf5: "tests/conversion/test_hdf5.py has the files",
    refusals.new_error: "tests/conversion/test_prove_text.py has the texts",
    refusals.unreadable: "a fault of protolint's own, to be reported",
    file_refusals.of_no_kind: "nothing helps but another file",
    file_refusals.damaged_blob: "nothing helps but another copy",
    file_refusals.scale_name_taken: "a fault of protolint's own, which takes names that are free",
    file_refusals.history_gap: "tests/conversion/test_hdf5.py has the files",
    file_refusals.no_net_in_hdf5: "tests/cli/test_compare.py has the files",
    file_refusals.no_net_inside: "of a caffemodel alone",
    file_refusals.layers_open: "tests/conversion/test_hdf5.py has the files",
    file_refusals.layers_of_no_net: "tests/conversion/test_hdf5.py has the files",
    file_refusals.no_name_in_hdf5: "tests/conversion/test_like.py has the files",
    file_refusals.damaged: "nothing helps but another copy",
    file_refusals.other_history: "tests/conversion/test_solverstate.py has the files",
    file_refusals.history_count: "tests/conversion/test_solverstate.py has the files",
}


def _convert(folder: Path, files: Mapping[str, str | bytes | None], options: str) -> Any:
    given = {name: content for name, content in files.items() if content is not None}
    for name, content in {"like.prototxt": LIKE, **given}.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
    names = [name for name in given if "like" not in name and "." in name]
    return run("convert", *shlex.split(options), "--isolated", "-o", "out/", "--force", *names,
               cwd=folder)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.wording.__name__)
def test_what_a_refusal_advises_helps(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = []

    def noted(*arguments: Any, **more: Any) -> Any:
        used.append(case.wording)
        return case.wording(*arguments, **more)

    monkeypatch.setattr(sys.modules[case.wording.__module__], case.wording.__name__, noted)
    done = _convert(tmp_path, case.files, case.options)
    assert done.returncode == 2, done.stdout
    assert case.found in done.stderr
    assert case.advice in done.stderr.partition(case.found)[2]
    assert used
    assert not (tmp_path / "out").exists()
    if isinstance(case.remedy, str):
        option = case.remedy.partition(" like.prototxt")[0]
        assert option in done.stderr
        options = case.options
        if (name := shlex.split(option)[0]) in options:
            options = re.sub(rf"{name} \S+", "", options)
        done = _convert(tmp_path, case.files, f"{options} {case.remedy}")
    else:
        done = _convert(tmp_path, {**case.files, **case.remedy}, case.options)
    assert done.returncode == 0, done.stderr


def test_every_refusal_has_a_case() -> None:
    known = {
        function
        for module in (refusals, file_refusals)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    assert known == {case.wording for case in CASES} | set(ELSEWHERE)


def test_a_damaged_file_is_to_be_fetched_again() -> None:
    text = file_refusals.damaged(WireError(12, "a field ends behind its message"))
    assert text.startswith("byte 12: a field ends behind its message; the file is damaged: fetch")


def test_a_net_with_many_fields_of_a_fork_is_shown_where_they_are_listed() -> None:
    fields = [f"LayerParameter.field_{i}" for i in range(9)]
    text = str(refusals.misfit("x", "line 1: 'field_0' does not fit", (), fields))
    assert "this and 8 more fields" in text
    assert "extra-fields in protolint.toml (protolint check names them)" in text
