"""What was found by attacking protolint stays mended: each input gives the stated result.

The inputs are beside a checkout, in ../shared/cases/attack, and the tests skipped without them.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import FrameType

import pytest

import protolint
from protolint.caffe.registry import DIALECTS
from protolint.diagnostic import Severity
from protolint.errors import ProtolintError
from protolint.lint.check_text import check_source
from protolint.net import settled
from protolint.report import FORMATS, renderer
from protolint.source import Source
from protolint.text.scan import forget as forget_text
from protolint.workspace.workspace import Choices, Workspace

from .cli.command import run, write

ATTACK = Path(__file__).resolve().parent.parent.parent / "shared" / "cases" / "attack"
pytestmark = pytest.mark.skipif(not ATTACK.exists(), reason="the inputs are not here")

#: Of each text: whether BVLC's parser takes it.
TEXTS = {
    "parse/bigU.prototxt": True, "parse/contline_nested.prototxt": True,
    "parse/contline_top.prototxt": True, "parse/empty_short_list.prototxt": True,
    "parse/mixed_surrogates.prototxt": True, "parse/octfloat.prototxt": False,
    "parse/octfloat2.prototxt": False, "parse/sep_nextline_top.prototxt": True,
    "parse/solver_cont.prototxt": True, "parse/span_beyond.prototxt": True,
    "fixerr.prototxt": False, "fixerr2.prototxt": False, "fixerr_min.prototxt": False,
}  # fmt: skip

#: What is said of models that are damaged; that of a layer in Latin-1 is read.
MODELS = {
    "deep800.caffemodel.h5": "groups lie in each other more than 64 deep",
    "latin1_layer_name.caffemodel.h5": "bn_caf",
    "nulls.caffemodel.h5": "/data/bn/0 has no values and no shape",
    "wcrash0.caffemodel.h5": "cannot be read as HDF5",
    "wcrash1.caffemodel.h5": "/data/sense_bn/0 is of a type that cannot be read",
    "esc.solverstate": "perhaps a solverstate",
}
SLOW = sorted(ATTACK.glob("slow-*.prototxt"))
#: Kinds of nets, with a number of lines beyond which the work grows as the net does.
GROWTH = [("notstages", 90), ("sametop", 300), ("stages", 300), ("unkbottom", 1200)]
NETS = sorted(ATTACK.glob("*.prototxt")) + sorted(ATTACK.glob("n[2i]/*.prototxt"))


def read(path: Path) -> Source:
    return Source(path.name, path.read_bytes())


@pytest.mark.parametrize("name", TEXTS)
def test_the_reader_takes_what_the_cpp_parser_takes(name: str) -> None:
    workspace = Workspace(Choices(targets=(DIALECTS["bvlc"],), isolated=True))
    (report,) = check_source(workspace, read(ATTACK / name))
    assert report.accepted == TEXTS[name]
    assert any(d.code == "PT001" for d in report.diagnostics) != TEXTS[name]


@pytest.mark.parametrize("name", MODELS)
def test_a_damaged_model_is_one_message(name: str) -> None:
    done = run("stats", ATTACK / name)
    assert MODELS[name] in done.stdout + done.stderr
    assert done.returncode == (2 if done.stderr.startswith("protolint: ") else 0)
    assert (done.returncode == 0) == (name == "latin1_layer_name.caffemodel.h5")


def test_a_scale_of_other_channels_is_a_finding() -> None:
    folder = ATTACK / "crash_wt_shape"
    found = protolint.check(
        folder / "b.prototxt",
        target="nvidia-0.17",
        weights=folder / "a.caffemodel",
        select="WT005",
        isolated=True,
    )
    assert [d.layer for d in found] == ["bn18", "bn25"]


@pytest.mark.parametrize("path", NETS, ids=lambda path: path.stem)
def test_findings_lie_in_the_file_and_print_in_every_format(path: Path) -> None:
    size = path.stat().st_size
    for target in ("bvlc", "nvidia-0.17"):
        workspace = Workspace(Choices(targets=(DIALECTS[target],), isolated=True))
        reports = check_source(workspace, read(path))
        for found in reports[0].diagnostics:
            assert 0 <= found.span.start <= found.span.end <= size
        for form in FORMATS:
            renderer(form)(reports, False)


@pytest.mark.parametrize("path", NETS, ids=lambda path: path.stem)
def test_fixes_end_and_nobody_blames_protolint(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "net.prototxt"
    shutil.copyfile(path, copy)
    fix = ("check", "--isolated", "--target", "bvlc", "--fix", "--unsafe-fixes", copy)
    shown = run(*fix)
    once = copy.read_bytes()
    assert "fault of protolint" not in shown.stdout + shown.stderr
    run(*fix)
    assert copy.read_bytes() == once


@pytest.mark.parametrize("path", sorted(ATTACK.glob("conv-*")), ids=lambda path: path.stem)
def test_a_conversion_has_no_new_error_and_twice_is_once(path: Path, tmp_path: Path) -> None:
    target = "nvidia-0.17" if "0.17" in path.stem else "nvidia-0.16"
    first, second = tmp_path / "first.prototxt", tmp_path / "second.prototxt"
    shutil.copyfile(path, tmp_path / "net.prototxt")
    protolint.convert(tmp_path / "net.prototxt", to=target, source="bvlc", output=first)
    protolint.convert(first, to=target, output=second)
    assert second.read_bytes() == first.read_bytes()
    errors = [
        d
        for d in protolint.check(first, target=target, isolated=True)
        if d.severity is Severity.ERROR
    ]
    assert errors == []


def test_suppressions_are_added_once(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    shutil.copyfile(ATTACK / "supp-left-nvidia-0.16.prototxt", net)
    run("check", "--isolated", "--target", "nvidia-0.16", "--add-suppressions", "why", net)
    assert len(protolint.check(net, target="nvidia-0.16", isolated=True)) == 0


def work(path: Path) -> int:
    """Return how many calls, of Python and of C, a check of a file makes: no clock, no noise.

    What the process keeps of files read before is forgotten, and filled by a first check.
    """
    forget_text()
    settled.forget()
    protolint.check(path, target="bvlc", isolated=True)
    made = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        protolint.check(path, target="bvlc", isolated=True)
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize("path", SLOW, ids=lambda path: path.stem)
def test_what_was_slow_makes_few_calls(path: Path) -> None:
    assert work(path) < 20 * path.stat().st_size


@pytest.mark.parametrize(("kind", "count"), GROWTH)
def test_twice_the_layers_are_twice_the_work(kind: str, count: int, tmp_path: Path) -> None:
    path = max((ATTACK / "perf").glob(f"{kind}-*"), key=lambda path: path.stat().st_size)
    lines = path.read_text("utf-8").splitlines(keepends=True)
    small, large = (
        write(tmp_path, f"{times}.prototxt", "".join(lines[: times * count])) for times in (1, 2)
    )
    assert work(large) < 2.2 * work(small)


def test_a_pair_is_converted_whole_or_not(tmp_path: Path) -> None:
    for name in ("brook.prototxt", "brook.caffemodel"):
        shutil.copyfile(ATTACK / "partial" / "d" / name, tmp_path / name)
    before = (tmp_path / "brook.prototxt").read_bytes()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "brook.caffemodel").mkdir()
    with pytest.raises(ProtolintError):
        protolint.convert(
            tmp_path / "brook.prototxt",
            tmp_path / "brook.caffemodel",
            to="nvidia-0.17",
            source="bvlc",
            output=f"{tmp_path}/out/",
            force=True,
        )
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["brook.caffemodel"]
    assert (tmp_path / "brook.prototxt").read_bytes() == before
