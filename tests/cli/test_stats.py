"""`protolint stats` as a user meets it: tables, formats, options, refusals."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner

from protolint.cli.stats import command
from protolint.errors import InputError, ProtolintError, UsageError
from protolint.report.style import width
from protolint.stats.document import COLUMNS
from protolint.stats.rows import SORTS

TABLE = """\
tide_iter_2000.caffemodel: caffemodel, 2 BatchNorms
Three numbers are the lowest, the median and the highest of the channels.

layer  layout  C                       mean            variance           gamma                 gain  eps    eps share  dead   age
-----  ------  -  -------------------------  ------------------  --------------  -------------------  -----  ---------  ----  ----
bn1    B3      8  -0.0208  -0.00495  0.0176   1.45   2.56   3.6  0.6  0.95  1.3  0.366  0.622  0.913  1e-05     <0.01%     0  2000
bn2    B3      6    -1.19    -0.081    1.11  0.638  0.989  1.44  0.6  0.95  1.3  0.576   0.98    1.3  1e-05     <0.01%     0  2000
"""  # noqa: E501


class Done(NamedTuple):
    """What a run gave: its exit code and standard output."""

    code: int
    text: str


def stats(*arguments: str | Path, **environment: str) -> Done:
    """Run the command; an error of protolint's is raised."""
    environment = {"COLUMNS": "400", "NO_COLOR": "", "FORCE_COLOR": "", **environment}
    runner = CliRunner(env=environment)
    result = runner.invoke(command, [*map(str, arguments)], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return Done(result.return_value or 0, result.stdout)


def as_json(*arguments: str | Path) -> dict[str, Any]:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    text = stats(*arguments, "--format", "json").text
    document: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return document


@pytest.fixture
def tide(fixtures: Path) -> list[Path]:
    return sorted((fixtures / "stats").glob("tide_iter_*.caffemodel"))


@pytest.fixture
def here(fixtures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the fixtures to be in."""
    folder = tmp_path / "stats"
    shutil.copytree(fixtures / "stats", folder)
    monkeypatch.chdir(folder)
    return folder


def test_the_table_of_a_file(here: Path) -> None:
    assert stats("tide_iter_2000.caffemodel") == (0, TABLE)


def test_several_files_are_compared(here: Path) -> None:
    # Given the wrong way round: the names tell the order.
    names = [f"tide_iter_{n}.caffemodel" for n in (4000, 3000, 2000, 1000)]
    done = stats(*names)
    lines = done.text.splitlines()
    assert done.code == 0
    assert lines[0] == "4 snapshots, ordered by iteration (_iter_N in the names)"
    rows = [line.split()[:2] for line in lines[4:8]]
    assert rows == [["iter", str(n)] for n in (1000, 2000, 3000, 4000)]
    assert lines[6].endswith("outlier")
    assert (
        "The first to move beyond a threshold: layer 'bn2', between iter 2000 and iter 3000."
        in lines
    )
    assert "Outlier: iter 3000 is 9.16 times from its nearer neighbour" in done.text
    assert done.text.count("WT012") == 2
    assert "iter 3000: warning: WT012 bn2: variance moved by 9.16 times" in done.text
    assert "caffemodel, 2 BatchNorms" not in done.text
    assert stats(*names, "--each").text.count("caffemodel, 2 BatchNorms") == 4


def test_findings_fail_a_run_only_if_asked(tide: list[Path]) -> None:
    assert stats(*tide).code == 0
    assert stats(*tide, "--exit-code").code == 1
    assert stats(*tide[:2], "--exit-code").code == 0
    assert stats(*tide, "--exit-code", "--threshold", "drift-median=10").code == 0


@pytest.mark.parametrize("columns", [30, 40, 60, 80, 100, 132, 200])
def test_no_line_is_wider_than_the_terminal(tide: list[Path], columns: int) -> None:
    for arguments in (tide[:1], tide, [*tide, "--each"]):
        text = stats(*arguments, COLUMNS=str(columns)).text
        tables, shown = text.split("The first to move")[0], text
        rows = [line for line in tables.splitlines() if not line.startswith(("Three", "From"))]
        wide = [line for line in rows if width(line) > columns and ".caffemodel:" not in line]
        assert [line for line in wide if "snapshots, ordered" not in line] == []
        for word in ("bn1", "1.45" if arguments is not tide else "9.16"):
            assert word in shown or len(arguments) == 1


def test_a_narrow_terminal_loses_no_number(tide: list[Path]) -> None:
    whole = stats(tide[1]).text.splitlines()[5:]
    numbers = {word for line in whole for word in line.split()}
    narrow = {word.strip(";") for word in stats(tide[1], COLUMNS="50").text.split()}
    assert numbers <= narrow


def test_colour_is_for_those_who_want_it(tide: list[Path]) -> None:
    assert "\x1b[" not in stats(*tide).text
    assert "\x1b[33;1mwarning\x1b[0m" in stats(*tide, "--color", "always").text
    assert "\x1b[33;1m" in stats(*tide, FORCE_COLOR="1").text
    assert "\x1b[" not in stats(*tide, FORCE_COLOR="1", NO_COLOR="1").text
    assert "\x1b[" not in stats(*tide, "--color", "never", FORCE_COLOR="1").text


def test_json_has_everything(tide: list[Path]) -> None:
    document = as_json(*tide)
    assert document["schema_version"] == 1
    assert document["order"] == "iteration"
    assert [file["iteration"] for file in document["files"]] == [1000, 2000, 3000, 4000]
    layer = document["files"][1]["layers"][1]
    assert (layer["name"], layer["layout"], layer["channels"]) == ("bn2", "B3", 6)
    assert layer["age"] == {"passes": 2000, "at_least": False}
    assert layer["variance"]["min"] == pytest.approx(0.638, rel=1e-3)
    assert len(document["drifts"]) == 6
    moved = [drift for drift in document["drifts"] if drift["moved"]]
    assert [Path(drift["to"]).name for drift in moved] == [path.name for path in tide[2:]]
    assert document["first_moved"] == moved[0]
    assert Path(document["outlier"]["path"]) == tide[2]
    assert [finding["code"] for finding in document["findings"]] == ["WT012", "WT012"]
    assert document["findings"][0]["name"] == "snapshot-drift"


def test_csv_has_a_row_for_each_layer_and_file(tide: list[Path]) -> None:
    rows = list(csv.DictReader(io.StringIO(stats(*tide, "--format", "csv").text)))
    assert len(rows) == 8
    assert tuple(rows[0]) == COLUMNS
    document = as_json(*tide)
    for row, (file, layer) in zip(
        rows, [(f, layer) for f in document["files"] for layer in f["layers"]], strict=True
    ):
        assert (row["file"], row["layer"]) == (file["path"], layer["name"])
        assert float(row["variance_median"]) == layer["variance"]["median"]
        assert int(row["age"]) == layer["age"]["passes"]


def test_what_is_not_finite_is_null_and_counted(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    nan = np.full(2, np.nan, np.float32)
    tensors = {"a.running_mean": nan, "a.running_var": nan}
    numpy.save_file(tensors, tmp_path / "x.safetensors")
    path = tmp_path / "x.safetensors"
    (layer,) = as_json(path)["files"][0]["layers"]
    assert layer["non_finite"] == 2
    assert layer["variance"] == {"min": None, "median": None, "max": None}
    (row,) = csv.DictReader(io.StringIO(stats(path, "--format", "csv").text))
    assert (row["variance_min"], row["non_finite"]) == ("", "2")
    assert "WT001" in stats(path).text


def test_a_layer_whose_layout_is_not_certain_is_shown_with_what_settles_it(
    tmp_path: Path,
) -> None:
    from protolint.weights.blobs import encode_blob
    from protolint.wire import length_delimited

    values = [[0.5, 2.0], [1.0, 3.0], [0.0], [0.1, 0.2], [0.5, 0.6]]
    blobs = b"".join(
        length_delimited(7, encode_blob(np.array(blob, np.float32))) for blob in values
    )
    layer = length_delimited(1, b"odd") + length_delimited(2, b"BatchNorm") + blobs
    path = tmp_path / "odd.caffemodel"
    path.write_bytes(length_delimited(100, layer))
    done = stats(path)
    assert done.code == 0
    assert "say who wrote it: --from nvidia-0.17" in done.text
    (row,) = as_json(path)["files"][0]["layers"]
    assert "--from nvidia-0.14" in row["problem"]
    (line,) = csv.DictReader(io.StringIO(stats(path, "--format", "csv").text))
    assert (line["channels"], line["problem"]) == ("", row["problem"])
    (row,) = as_json(path, "--from", "nvidia-0.17")["files"][0]["layers"]
    assert (row["layout"], row["variance"]["max"]) == ("N16-5", 3)
    old = ("--from", "nvidia-0.14")
    (row,) = as_json(path, *old)["files"][0]["layers"]
    assert "--bn-stat variance or --bn-stat inv-std" in row["problem"]
    (row,) = as_json(path, *old, "--bn-stat", "variance")["files"][0]["layers"]
    assert row["variance"]["max"] == pytest.approx(0.6)


@pytest.mark.parametrize("sort", SORTS)
def test_rows_are_sorted_by_what_is_asked_for(fixtures: Path, sort: str) -> None:
    pytest.importorskip("safetensors")
    paths = [fixtures / "stats" / f"epoch_{n}.safetensors" for n in (300, 700)]
    layers = as_json(paths[0], "--sort", sort)["files"][0]["layers"]
    names = [layer["name"] for layer in layers]
    if sort in ("net", "name", "drift"):
        assert names == ["bn1", "layer2.0.bn1", "layer4.2.bn3"]
    else:
        assert names[0] == "layer4.2.bn3"
    drifts = as_json(*paths, "--sort", sort)["drifts"]
    ratios = [drift["variance_ratio"]["median"] for drift in drifts]
    assert (ratios == sorted(ratios, reverse=True)) == (sort == "drift")


def test_layers_are_picked_by_pattern(fixtures: Path) -> None:
    pytest.importorskip("safetensors")
    path = fixtures / "stats" / "epoch_300.safetensors"
    document = as_json(path, "--layer", "layer?.*", "--layer", "bn1")
    assert len(document["files"][0]["layers"]) == 3
    document = as_json(path, "--layer", "layer4*")
    assert [layer["name"] for layer in document["files"][0]["layers"]] == ["layer4.2.bn3"]
    assert [finding["layer"] for finding in document["findings"]] == ["layer4.2.bn3"]
    with pytest.raises(UsageError, match="no BatchNorm is called 'bn2'; did you mean 'bn1'"):
        stats(path, "--layer", "bn2")


def test_a_net_gives_eps_and_says_what_it_lacks(here: Path) -> None:
    text = Path("tide.prototxt").read_text("utf-8")
    Path("eps.prototxt").write_text(
        text.replace('top: "conv1" }', 'top: "conv1" batch_norm_param { eps: 0.5 } }', 1)
        .replace('"bn2"', '"norm2"')
    )  # fmt: skip
    document = as_json("tide_iter_1000.caffemodel", "--net", "eps.prototxt")
    assert document["files"][0]["layers"][0]["eps"] == 0.5
    assert "not in eps.prototxt, such as 'bn2'" in document["notes"][0]
    # NVIDIA 0.16 adds 1e-5 at least, whatever is written.
    Path("low.prototxt").write_text(Path("eps.prototxt").read_text().replace("0.5", "1e-9"))
    arguments = ("tide_iter_1000.caffemodel", "--net", "low.prototxt", "--target")
    found = [
        as_json(*arguments, target)["files"][0]["layers"][0]["eps"]
        for target in ("bvlc", "nvidia-0.17")
    ]
    assert found == pytest.approx([1e-9, 1e-5])


def test_data_is_measured_in_every_format(here: Path) -> None:
    arguments = ("--net", "tide.prototxt", "--data", "batch.npy", "tide_iter_3000.caffemodel")
    text = stats(*arguments).text
    assert "On batch.npy, run by numpy: stored against batch" in text
    data = as_json(*arguments)["data"]
    assert (data["path"], data["run_by"]) == ("batch.npy", "numpy")
    first, second = data["layers"]
    assert first["values_per_channel"] == 512
    assert first["gap"] < 0.1 < 0.5 < second["gap"]
    assert second["variance_ratio"]["median"] == pytest.approx(1 / 9, rel=0.15)
    assert as_json("tide_iter_3000.caffemodel")["data"] is None


def test_a_report_can_go_to_a_file(here: Path, tmp_path: Path) -> None:
    path = tmp_path / "out é.txt"
    done = stats("tide_iter_2000.caffemodel", "-o", path, COLUMNS="40", FORCE_COLOR="1")
    assert done == (0, "")
    assert path.read_text("utf-8") == TABLE
    assert stats("tide_iter_2000.caffemodel", "-o", "-").text == TABLE
    for output in ("tide_iter_2000.caffemodel", "../stats/tide_iter_2000.caffemodel"):
        with pytest.raises(UsageError, match="is used already"):
            stats("tide_iter_2000.caffemodel", "-o", output)
    with pytest.raises(InputError, match="is a folder"):
        stats("tide_iter_2000.caffemodel", "-o", tmp_path)


def test_files_of_nets_that_have_nothing_in_common_are_shown_one_by_one(
    fixtures: Path, tide: list[Path]
) -> None:
    other = fixtures / "golden" / "nvcaffe-0.17.4" / "brook.caffemodel"
    text = stats(tide[0], other).text
    assert text.count("caffemodel, 2 BatchNorms") == 2
    assert "have no BatchNorm of one name: not compared" in text
    assert "snapshots" not in text


def test_a_file_without_batchnorms_is_told(tmp_path: Path) -> None:
    from protolint.weights.blobs import encode_blob
    from protolint.wire import length_delimited

    blob = length_delimited(7, encode_blob(np.ones(4, np.float32)))
    layer = length_delimited(1, b"fc") + length_delimited(2, b"InnerProduct") + blob
    path = tmp_path / "fc.caffemodel"
    path.write_bytes(length_delimited(100, layer))
    assert "holds no BatchNorm (1 layer)" in stats(path).text
    path.write_bytes(length_delimited(1, b"a net of no layers"))
    with pytest.raises(InputError, match="holds no layer with weights"):
        stats(path)


def test_a_damaged_file_is_refused_with_the_place(tide: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "nét.caffemodel"
    path.write_bytes(tide[0].read_bytes()[:2000])
    with pytest.raises(
        InputError, match=r"nét\.caffemodel: byte \d+ \(layer \d+ '\w+'\)"
    ) as caught:
        stats(path)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "bvcl"], "did you mean 'bvlc'"),
        (["--data", "x.npy"], "--data needs the net"),
        (["--net", "nothere.prototxt"], "nothere.prototxt: cannot be read"),
    ],
)
def test_wrong_options_are_refused(tide: list[Path], arguments: list[str], message: str) -> None:
    with pytest.raises(ProtolintError, match=message):
        stats(tide[0], *arguments)
    with pytest.raises(UsageError, match="is given twice"):
        stats(tide[0], tide[0])


def test_a_net_that_is_none_is_refused(tide: list[Path], fixtures: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.prototxt"
    broken.write_text('layer { name: "x" }\nlayer { name "y"\n', "utf-8")
    with pytest.raises(InputError, match="line 2, column 14: expected"):
        stats(tide[0], "--net", broken)
    with pytest.raises(InputError, match="a solver, not a net"):
        stats(tide[0], "--net", fixtures / "nets" / "bvlc_solver.prototxt")
    with pytest.raises(InputError, match="a prototxt file is wanted"):
        stats(tide[0], "--net", tide[0])


def test_a_table_draws_no_picture(tide: list[Path]) -> None:
    program = (
        "import sys; from protolint.cli.stats import command; "
        "command(sys.argv[1:], standalone_mode=False); "
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tide[0])], capture_output=True, text=True, timeout=120
    )
    loaded = set(done.stderr.split())
    assert "protolint.stats.table" in loaded
    assert loaded & {"matplotlib", "cv2", "torch", "safetensors", "h5py", "json"} == set()


def test_many_findings_are_cut_short(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    zero, one = np.zeros(2, np.float32), np.array([0, 1], np.float32)
    tensors: dict[str, Any] = {}
    for i in range(40):
        tensors |= {f"bn{i}.running_mean": zero, f"bn{i}.running_var": one}
    numpy.save_file(tensors, tmp_path / "x.safetensors")
    text = stats(tmp_path / "x.safetensors").text
    assert text.count("WT007") == 30
    assert "... and 10 more; --format json has all of them" in text
    assert len(as_json(tmp_path / "x.safetensors")["findings"]) == 40
