"""What convert wrote comes back without an option, as the very text it was made of."""

from __future__ import annotations

import random
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import protolint

verify = import_module("scripts.verify_return")

NET = """\
name: "n"  # mine
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 4 dim: 4 } } }
layer {
  name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 4 kernel_size: 1 }
}
layer {
  name: "bn" type: "BatchNorm" bottom: "c" top: "bn"
  param { lr_mult: 0 } param { lr_mult: 0 } param { lr_mult: 0 }
  batch_norm_param { use_global_stats: true eps: 1e-6 }
}
layer {
  name: "sc" type: "Scale" bottom: "bn" top: "sc"
  scale_param { filler { value: 1 } bias_term: true }
}
layer { name: "r" type: "ReLU" bottom: "sc" top: "sc" }
"""


def _moved(path: Path, *targets: str) -> Path:
    """The net after conversions to targets, one after the other."""
    for i, target in enumerate(targets):
        folder = path.parent / f"{i}-{target}"
        protolint.convert(path, to=target, output=f"{folder}/", isolated=True, force=True)
        path = folder / path.name
    return path


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "n.prototxt"
    path.write_text(NET)
    return path


@pytest.mark.parametrize(
    "route",
    [("nvidia-0.14",), ("nvidia-0.15",), ("nvidia-0.17",), ("nvidia-0.15", "nvidia-0.17")],
)
def test_every_byte_comes_back(route: tuple[str, ...], net: Path) -> None:
    assert _moved(net, *route, "bvlc").read_text() == NET


def test_the_lines_say_what_a_net_is_for_and_was(net: Path) -> None:
    text = _moved(net, "nvidia-0.15").read_text()
    assert text.startswith("# protolint: target=nvidia-0.15 was=bvlc bn-stat=variance\n")
    assert text.count("# protolint: undo=") == 1
    assert not [
        d
        for r in protolint.check(_moved(net, "nvidia-0.15")).reports
        for d in r.diagnostics
        if d.code == "PL001"
    ]


def test_a_net_that_comes_back_by_itself_has_no_such_line(net: Path) -> None:
    net.write_text(
        NET.replace(" param { lr_mult: 0 } param { lr_mult: 0 } param { lr_mult: 0 }", "")
        .replace("batch_norm_param { use_global_stats: true eps: 1e-6 }", "")
        .replace('top: "sc"', 'top: "bn"')
        .replace('bottom: "sc"', 'bottom: "bn"')
        .replace("filler { value: 1 } ", "")
    )
    text = _moved(net, "nvidia-0.17").read_text()
    assert "undo=" not in text
    assert "target=" not in text


def test_a_text_that_a_third_caffe_would_be_read_from_says_what_it_is_for(net: Path) -> None:
    """0.16 and 0.17 ignore what BVLC obeys; the text alone would be taken for BVLC's."""
    text = NET.replace("use_global_stats: true eps: 1e-6", "use_global_stats: false")
    net.write_text(text)
    there = net.parent / "there"
    protolint.convert(
        net, to="nvidia-0.17", source="nvidia-0.16", output=f"{there}/", isolated=True
    )
    head = "# protolint: target=nvidia-0.17 was=nvidia-0.16\n"
    assert (there / net.name).read_text() == head + text
    assert _moved(there / net.name, "nvidia-0.16").read_text() == text


def test_a_layer_of_the_users_own_comes_back(net: Path) -> None:
    """Axpy is SENet's and NVIDIA 0.17's; a net that had it in BVLC's words has it again."""
    axpy = 'layer { name: "x" type: "Axpy" bottom: "g" bottom: "c" bottom: "sc" top: "x" }\n'
    text = NET.replace("use_global_stats: true", "") + (
        'layer { name: "g" type: "Pooling" bottom: "sc" top: "g"'
        " pooling_param { pool: AVE global_pooling: true } }\n"
    )
    net.write_text(text + axpy)
    there = _moved(net, "nvidia-0.17")
    assert _moved(there, "bvlc").read_text() == text + axpy
    # A text that was edited since has nothing to show for the type.
    there.write_text(there.read_text().replace("# mine", "# yours"))
    with pytest.raises(protolint.InputError, match="bvlc has no layer type 'Axpy'"):
        _moved(there, "bvlc")


def test_a_gamma_that_is_shared_comes_back(net: Path) -> None:
    """Two BatchNorms share gamma and beta by name; in BVLC's Caffe their Scale layers do."""
    one = (
        'layer { name: "bn" type: "BatchNorm" bottom: "c" top: "bn" param { } param { } param { }'
        ' param { name: "gamma" } param { name: "beta" } batch_norm_param { scale_bias: true } }\n'
    )
    two = one.replace('"bn"', '"bn2"').replace('bottom: "c"', 'bottom: "bn"')
    text = NET[: NET.index('layer {\n  name: "bn"')] + one + two
    net.write_text(text)
    there = _moved(net, "bvlc")
    assert there.read_text().count("Scale") == 2
    assert _moved(there, "nvidia-0.17").read_text() == text
    # Of other Scale layers that share, nobody knows that one layer may hold them.
    there.write_text(there.read_text().partition("# protolint: undo")[0])
    assert _moved(there, "nvidia-0.17").read_text().count('"Scale"') == 2


@pytest.mark.parametrize("target", ["nvidia-0.14", "nvidia-0.15", "nvidia-0.17"])
def test_a_net_inside_a_solver_comes_back(target: str, tmp_path: Path) -> None:
    inside = NET.replace("layer {", "  layer {").replace('name: "n"  # mine', "")
    text = f'base_lr: 0.1 lr_policy: "fixed" max_iter: 1\nnet_param {{\n{inside}}}\n'
    solver = tmp_path / "s.prototxt"
    solver.write_text(text.replace("use_global_stats: true", ""))
    there = _moved(solver, target)
    assert there.read_text() != solver.read_text()
    assert _moved(there, "bvlc").read_text() == solver.read_text()


def test_an_edited_net_comes_back_by_its_meaning(net: Path) -> None:
    there = _moved(net, "nvidia-0.15")
    there.write_text(there.read_text().replace("# mine", "# yours"))
    text = _moved(there, "bvlc").read_text()
    assert "# yours" in text
    assert 'name: "sc"' in text
    assert "# protolint: t" not in text
    assert "undo=" not in text


@pytest.mark.parametrize("broken", ["undo=AAAA", "undo=eJw=", "undo=eJyLjgUAARUAuQ=="])
def test_a_broken_line_is_read_over(broken: str, net: Path) -> None:
    there = _moved(net, "nvidia-0.15")
    text = there.read_text()
    there.write_text(text[: text.index("undo=")] + broken + "\n")
    assert 'name: "sc"' in _moved(there, "bvlc").read_text()


def test_options_count_for_more(net: Path) -> None:
    there = _moved(net, "nvidia-0.15")
    back = protolint.convert(
        there, to="bvlc", scale_name="{bn}_x", drop_global_stats=True, isolated=True
    )
    assert Path(back.files[0].output).read_text() != NET


def test_a_gamma_that_was_trained_is_not_lost(tmp_path: Path) -> None:
    """A BatchNorm without gamma gets one in 0.15; once it is trained, its net needs a Scale."""
    net = tmp_path / "n.prototxt"
    text = NET[: NET.index('layer {\n  name: "sc"')]
    net.write_text(text.replace("eps: 1e-6", ""))
    rng = np.random.default_rng(3)
    there = _moved(net, "nvidia-0.15")
    weights = tmp_path / "w.caffemodel"
    module = import_module("scripts.verify_convert")
    floats = [np.asarray(rng.uniform(0.5, 2, 4), np.float32) for _ in range(4)]
    kernel = np.asarray(rng.standard_normal((4, 3, 1, 1)), np.float32)
    blobs = [*floats, np.zeros(1, np.float32)]
    weights.write_bytes(
        module._layer("c", "Convolution", ("data", "c"), [kernel, np.zeros(4, np.float32)], b"")
        + module._layer("bn", "BatchNorm", ("c", "bn"), blobs, b"")
    )
    protolint.convert(there, weights, to="bvlc", output=f"{tmp_path}/back/", isolated=True)
    assert '"Scale"' in (tmp_path / "back/n.prototxt").read_text()


def test_the_line_of_the_net_decides_what_weights_do_not_show(tmp_path: Path) -> None:
    """HDF5 has no room for the remark that a caffemodel has."""
    folder = Path(__file__).resolve().parents[3] / "shared/cases/convert/H1-h5"
    if not folder.is_dir():
        pytest.skip("needs the shared cases")
    paths = [folder / name for name in ("net.prototxt", "w.caffemodel.h5")]
    protolint.convert(*paths, to="nvidia-0.15", output=f"{tmp_path}/there/", isolated=True)
    there = [tmp_path / "there" / path.name for path in paths]
    report = protolint.convert(*there, to="bvlc", output=f"{tmp_path}/back/", isolated=True)
    assert any("as the net says" in n.message for f in report.files for n in f.notes)
    back, source = ((tmp_path / "back" / "net.prototxt").read_bytes(), paths[0].read_bytes())
    assert verify._message(back, "bvlc") == verify._message(source, "bvlc")


@pytest.mark.parametrize("number", range(8))
def test_models_come_back_with_their_numbers(number: int, tmp_path: Path) -> None:
    made = import_module("scripts.verify_convert").model(random.Random(number), consistent=True)
    case = verify.Case("", made.dialect, made.net.encode(), made.weights)
    target = verify.TARGETS[number % len(verify.TARGETS)]
    found = verify.outcome(case, target, tmp_path)
    assert not found.startswith(("OTHER", "REFUSED")), found


def test_the_net_inside_a_caffemodel_is_shown(tmp_path: Path) -> None:
    """As its prototxt is, where it has the parameters of its layers."""
    from protolint.conversion.numbers.embedded_net import net_in_weights

    folder = Path(__file__).resolve().parents[3] / "shared/golden/nvcaffe-0.17.4"
    if not folder.is_dir():
        pytest.skip("the golden vectors are not beside this checkout")
    dialect = protolint.load(folder / "brook.prototxt", target="nvidia-0.17").dialect
    inside = net_in_weights(str(folder / "brook.caffemodel"), dialect)
    nets = [
        protolint.load(source, target="nvidia-0.17")
        for source in (inside.data.decode(), folder / "brook.prototxt")
    ]
    first, second = ([(layer.name, layer.type) for layer in net.layers] for net in nets)
    assert first == second
    assert b"blobs" not in inside.data
