"""The matplotlib figure: its file, its names, and that nothing in it overlaps."""

from __future__ import annotations

import struct
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from protolint.batchnorm.numbers import Numbers
from protolint.errors import InputError, UsageError
from protolint.stats.model import Snapshot, StatsReport
from protolint.stats.plot import write_plot
from protolint.weights.kinds import FileKind
from tests.stats.reports import finding, layer, many, moving, report

pytest.importorskip("matplotlib")

SVG = "{http://www.w3.org/2000/svg}"


def texts(path: Path) -> list[str]:
    root = ElementTree.fromstring(path.read_bytes())
    return ["".join(element.itertext()).strip() for element in root.iter(f"{SVG}text")]


def test_a_png_is_a_png_of_the_size_of_a_figure(tmp_path: Path) -> None:
    target = tmp_path / "out.PNG"
    write_plot(many(5), str(target))
    data = target.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert 900 < width < 1400
    assert 700 < height < 1400


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_same_report_gives_the_same_bytes(tmp_path: Path, ending: str) -> None:
    for name in ("one", "two"):
        write_plot(many(5, 3), str(tmp_path / f"{name}.{ending}"))
    one, two = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("one", "two"))
    assert one == two


@pytest.mark.parametrize("layers", [1, 5, 53, 200])
def test_no_two_names_of_layers_overlap(
    tmp_path: Path, layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kept: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, *_, **__: kept.append(self))
    write_plot(many(layers, 2), str(tmp_path / "out.png"))
    figure = kept[0]
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    labels = [label for label in figure.axes[1].get_xticklabels() if label.get_text()]
    boxes = [label.get_window_extent(canvas.get_renderer()) for label in labels]
    assert len(labels) >= min(layers, 50)
    assert all(a.x1 <= b.x0 for a, b in pairwise(boxes))
    assert all(box.x0 >= 0 and box.y0 >= 0 for box in boxes)
    # A layer with a finding is named even where not every layer is.
    named = {label.get_text()[-6:] for label in labels}
    assert {one.layer[-6:] for one in many(layers).findings if one.layer} <= named
    # No panel lies over another.
    panels = [axes.get_tightbbox(canvas.get_renderer()) for axes in figure.axes]
    tight = [box for box in panels if box is not None]
    assert len(tight) == 3
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in pairwise(tight))


def test_an_svg_names_the_file_the_fault_and_the_layers(tmp_path: Path) -> None:
    target = tmp_path / "out.svg"
    bad = layer("conv2_bn", [0.0, 5.6e-45, 1.0])
    write_plot(report(layer("conv1_bn", [1.0, 2.0]), bad, path="a/net.caffemodel"), str(target))
    found = texts(target)
    assert {"net.caffemodel", "conv1_bn", "conv2_bn", "eps"} <= set(found)
    assert "A variance under eps in 2 channels of 1 layer." in found
    assert "denormal variance" in found


def test_snapshots_add_a_panel_of_lines(tmp_path: Path) -> None:
    target = tmp_path / "out.svg"
    write_plot(moving([1.0, 2.0], [7.0, 14.0], [9.0, 9.0]), str(target))
    found = " ".join(texts(target))
    assert "layers that moved most" in found
    assert "iter 1 " in found
    assert "\N{MULTIPLICATION SIGN}7.00  bn" in found


@pytest.mark.parametrize(
    "name",
    ["$x^2$", "$unclosed", "<script>&", "a\x00\x1b[31m", "_hidden", "\u5c42\u4e00", "x" * 300],
)
def test_any_name_can_be_drawn(tmp_path: Path, name: str) -> None:
    target = tmp_path / "out.svg"
    drawn = moving([1.0, 2.0], [7.0, 1.0])
    layers = (layer(name, [1.0, 3.0]), layer("bn", [0.0, 1.0]))
    files = tuple(Snapshot(f"{name}.h5", name, FileKind.MODEL_HDF5, layers) for _ in range(2))
    drifts = tuple(drift._replace(layer=name) for drift in drawn.drifts)
    write_plot(StatsReport(files, drifts=drifts, findings=(finding("net", name),)), str(target))
    if len(name) < 30 and name.isprintable():
        assert name in texts(target)


@pytest.mark.parametrize(
    "layers",
    [
        (),
        (layer("bn", [np.nan, np.inf]),),
        (layer("bn", [-1.0, -7e-44]),),
        (layer("bn", [0.0, 0.0]),),
        (layer("bn", []),),
        (layer("bn", [1.0]), layer("bn", [1.7e308, 5e-324])),
    ],
    ids=["none", "not finite", "negative", "zero", "no channel", "far apart"],
)
def test_numbers_that_have_no_place_on_a_log_axis(
    tmp_path: Path, layers: tuple[Numbers, ...]
) -> None:
    write_plot(report(*layers), str(tmp_path / "out.svg"))
    assert "Variance" in texts(tmp_path / "out.svg")


@pytest.mark.parametrize("name", ["out.pdf", "out", "out.svg.gz", ".png"])
def test_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"a \.png or a \.svg file"):
        write_plot(many(1), str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r"protolint-caffe\[plot\]"):
        write_plot(many(1), str(tmp_path / "out.png"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_one_clear_message(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_plot(many(1), str(tmp_path / "no" / "out.png"))


def test_nothing_of_matplotlib_is_changed_or_asked_of_a_display(tmp_path: Path) -> None:
    program = (
        "import sys, matplotlib; matplotlib.rcParams['font.size'] = 30;"
        "from tests.stats.reports import many; from protolint.stats.plot import write_plot;"
        f"write_plot(many(2), {str(tmp_path / 'out.svg')!r});"
        "assert matplotlib.rcParams['font.size'] == 30;"
        "assert 'matplotlib.pyplot' not in sys.modules and 'tkinter' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
