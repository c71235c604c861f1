"""Models as people have them: nets and weights of different Caffes, tools of others, old reports.

`truth` is one model as BVLC's Caffe has it; the other cases have its numbers in other layouts.
Each is converted to every target, and the result is run.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import protolint
from protolint.errors import ProtolintError
from protolint.execution.executor import Executor
from protolint.execution.step import Array
from protolint.execution.weights import load_weights
from protolint.layers.states import NetState
from tests.cli.command import run

SHARED = Path(__file__).resolve().parents[3] / "shared" / "cases"
CASES = SHARED / "convert"

pytestmark = pytest.mark.skipif(not CASES.exists(), reason="needs the shared cases")

TARGETS = ("bvlc", "ssd", "nvidia-0.14", "nvidia-0.15", "nvidia-0.16", "nvidia-0.17")
_NO_PERMUTE = ("bvlc", "nvidia-0.14", "nvidia-0.15", "nvidia-0.16")


class Case(NamedTuple):
    """A folder, its net, how far it may be from the truth, and why a target refuses it."""

    folder: str
    net: str = "net.prototxt"
    tolerance: float = 2e-5
    refusals: tuple[tuple[tuple[str, ...], str], ...] = ()
    options: tuple[tuple[str, str], ...] = ()


def _refused(reason: str, *targets: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    return ((targets or TARGETS, reason),)


_ONLY_SSD = "Permute|Normalize|norm_param"
_ENGINE = "gamma and beta have no place in nvidia-0.14 on engine CAFFE; --engine CUDNN"
_FROZEN = "use_global_stats: true in TRAIN does not freeze cuDNN BatchNorm in nvidia-0.14"
_STAT = "say which with --bn-stat variance or --bn-stat inv-std"
_HALF = 1e-3

CASES_OF = (
    Case("truth"),
    Case("H1-h5"),
    Case("H2-h5-bvlc-into-nvnet"),
    Case("K1-net-half-adapted"),
    Case("K2-scale-renamed"),
    Case("K3-scale-missing-in-net", refusals=_refused("'sc1', and the net has no place for them")),
    Case("K4-intel-half"),
    Case("K5-n15a-with-bvlc-net"),
    Case("K6-n16raw-with-bvlc-net"),
    Case("M1-shrunk-sums", tolerance=_HALF),
    Case("M2-shrunk-sums-f100", tolerance=_HALF),
    Case("R01-nsfw45-b3-into-015"),
    Case("R01-nsfw45-b3-into-015", "bvlc.prototxt"),
    Case("R02-nv436-F0-old-format", refusals=_refused("--from nvidia-0.16 .* or --from bvlc")),
    Case("R02-nv436-F0-old-format", options=(("source", "nvidia-0.16"),)),
    Case("R02b-nv436-F0-5blob"),
    Case("R03-nv512-sums-in-016"),
    Case("R04-cv10718-015-fillers", refusals=_refused(_STAT)),
    Case("R04-cv10718-015-fillers", options=(("bn_stat", "variance"),)),
    Case("R04b-015-engine-caffe", refusals=_refused(_ENGINE, "nvidia-0.14")),
    Case("R05-contrib1631-raw-float"),
    Case("R05b-raw-half", tolerance=_HALF),
    Case("R06-nv394-scale_bias-with-b3"),
    Case("R06-nv394-scale_bias-with-b3", "bvlc.prototxt"),
    Case("R07-intel234-i5"),
    Case("R07b-intel-F1"),
    Case("R09-nv307-engine-shape"),
    Case("R09-nv307-engine-shape", "caffe-engine.prototxt", 2e-5, _refused(_ENGINE, "nvidia-0.14")),
    Case("R10-mergebn1-bn-test-only"),
    Case("R14-jetson134-015-trt", refusals=_refused(_STAT)),
    Case("R14-jetson134-015-trt", options=(("bn_stat", "variance"),)),
    Case("R14b-014-cudnn4", refusals=_refused(_STAT)),
    # cuDNN 4 of 0.14 has its eps of 1e-4 in the statistic.
    Case("R14b-014-cudnn4", tolerance=5e-4, options=(("bn_stat", "inv-std"),)),
    Case("R18-diff-only", refusals=_refused("its values are in 'diff'")),
    Case("R20-bvlc6024-scale_bias"),
    Case("R22-one-channel", refusals=_refused("say who wrote it: --from nvidia-0.17")),
    Case("R22b-one-channel-15", refusals=_refused("say who wrote it: --from nvidia-0.17")),
    Case(
        "S1-ssd-from-nv17",
        refusals=_refused(f"({_ONLY_SSD}).*--to (ssd|nvidia-0.17)", *_NO_PERMUTE),
    ),
    Case(
        "S2-nv17-ssd-to-ssdfork",
        refusals=_refused(f"({_ONLY_SSD}).*--to (ssd|nvidia-0.17)", *_NO_PERMUTE),
    ),
    Case(
        "S3-ssd-frozen",
        "train.prototxt",
        refusals=(
            (("nvidia-0.14",), _FROZEN),
            (("bvlc", "nvidia-0.15", "nvidia-0.16"), f"({_ONLY_SSD}).*--to (ssd|nvidia-0.17)"),
        ),
    ),
    Case("S3-ssd-frozen", "train_noperm.prototxt", 2e-5, _refused(_FROZEN, "nvidia-0.14")),
    Case(
        "S6-config-nv17-to-ssd",
        refusals=_refused(f"({_ONLY_SSD}).*--to (ssd|nvidia-0.17)", *_NO_PERMUTE),
    ),
)


def _run(net_path: Path, weights_path: Path, target: str) -> tuple[Executor, Array]:
    """Run a net, and return what its classifier reads."""
    net = protolint.load(net_path, target=target, isolated=True)
    weights = load_weights(str(weights_path), net.dialect)
    missing = [layer for layer in net.layers if layer.name not in weights]
    for layer in missing:
        if layer.type == "Normalize":
            param = layer.parameter("norm_param")
            shared = param is None or "channel_shared" not in param or param.flag("channel_shared")
            weights[layer.name] = [np.ones(1 if shared else 5, np.float32)]
        elif layer.name == "fc":
            weights[layer.name] = [np.zeros((4, 216), np.float32), np.zeros(4, np.float32)]
    executor = Executor(net, weights, NetState("TEST"))
    values = np.random.default_rng(5).standard_normal((1, 3, 8, 8)).astype(np.float32)
    given = {"data": values}
    if any(top.name == "label" for layer in net.layers for top in layer.tops):
        given["label"] = np.zeros(1, np.float32)
    executor.forward(given)
    (last,) = {layer.bottoms[0].name for layer in net.layers if layer.name == "fc"}
    return executor, executor.blobs[last]


@lru_cache
def _truth() -> Array:
    return _run(CASES / "truth/net.prototxt", CASES / "truth/w.caffemodel", "bvlc")[1]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("case", CASES_OF, ids=lambda case: f"{case.folder}-{case.net}")
def test_a_case_is_right_or_refused_by_name(case: Case, target: str, tmp_path: Path) -> None:
    folder = CASES / case.folder
    (weights,) = folder.glob("w.caffemodel*")
    reason = next((reason for targets, reason in case.refusals if target in targets), None)
    paths = (folder / case.net, weights)
    options: dict[str, Any] = dict(case.options)
    if reason is not None:
        with pytest.raises(ProtolintError) as caught:
            protolint.convert(*paths, to=target, output=f"{tmp_path}/", isolated=True, **options)
        assert re.search(reason, str(caught.value)), str(caught.value)
        assert not any(tmp_path.iterdir())
        return
    protolint.convert(*paths, to=target, output=f"{tmp_path}/", isolated=True, **options)
    executor, found = _run(tmp_path / case.net, tmp_path / weights.name, target)
    truth = _truth()
    assert np.abs(found - truth).max() <= case.tolerance * np.abs(truth).max()
    names = {layer.name for layer in executor.net.layers}
    assert set(load_weights(str(tmp_path / weights.name), executor.net.dialect)) <= names


@pytest.mark.parametrize("case", ["R16-nv518-bn-after-ip", "R21-double-legacy"])
@pytest.mark.parametrize("target", TARGETS)
def test_a_batchnorm_behind_an_inner_product(case: str, target: str, tmp_path: Path) -> None:
    paths = [CASES / case / name for name in ("net.prototxt", "w.caffemodel")]
    protolint.convert(*paths, to=target, output=f"{tmp_path}/", isolated=True)
    data = np.random.default_rng(5).standard_normal((4, 3, 3, 3)).astype(np.float32)
    before = protolint.run(*paths, data=data, target="bvlc", isolated=True)
    after = protolint.run(
        *(tmp_path / path.name for path in paths), data=data, target=target, isolated=True
    )
    assert np.abs(before["bn1"] - after["bn1"]).max() <= 2e-5 * np.abs(before["bn1"]).max()


#: Cases that are their own truth: folder, net, its Caffe, and why targets refuse it.
_OWN: tuple[tuple[str, str, str, tuple[tuple[tuple[str, ...], str], ...]], ...] = (
    ("R10c-both-phases-twice", "train_val.prototxt", "bvlc", ()),
    (
        "S4-ssd-eps-frozen-priorbox",
        "train.prototxt",
        "ssd",
        (
            (("nvidia-0.14",), _FROZEN),
            (("bvlc", "nvidia-0.15", "nvidia-0.16"), "'Normalize'.*--to nvidia-0.17 or --to ssd"),
        ),
    ),
    ("S5-config", "train_noperm.prototxt", "bvlc", _refused(_FROZEN, "nvidia-0.14")),
    ("S5-config", "train.prototxt", "ssd", _refused(_FROZEN, "nvidia-0.14")),
)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("folder", "net", "caffe", "refusals"), _OWN, ids=lambda value: str(value)[:24]
)
def test_a_case_computes_what_its_source_does(
    folder: str,
    net: str,
    caffe: str,
    refusals: tuple[tuple[tuple[str, ...], str], ...],
    target: str,
    tmp_path: Path,
) -> None:
    paths = [CASES / folder / name for name in (net, "w.caffemodel")]
    reason = next((reason for targets, reason in refusals if target in targets), None)
    # The settings beside a net of SSD say that its Caffe has Permute.
    if reason is not None:
        with pytest.raises(ProtolintError, match=reason):
            protolint.convert(*paths, to=target, output=f"{tmp_path}/")
        return
    protolint.convert(*paths, to=target, output=f"{tmp_path}/")
    text = (tmp_path / net).read_text()
    if folder != "R10c-both-phases-twice" and target in (
        "nvidia-0.15",
        "nvidia-0.16",
        "nvidia-0.17",
    ):
        assert "BatchNorm" not in text
    if target in _NO_PERMUTE and "Permute" in text:
        return  # not a type that those run
    truth = _run(paths[0], paths[1], caffe)[1]
    found = _run(tmp_path / net, tmp_path / "w.caffemodel", target)[1]
    assert np.abs(found - truth).max() <= 2e-5 * np.abs(truth).max()


@pytest.mark.parametrize("target", ["nvidia-0.15", "nvidia-0.17"])
def test_a_run_goes_on_with_its_history(target: str, tmp_path: Path) -> None:
    """R13: solver, net, weights and state, there and back, from any folder."""
    folder = CASES / "R13-solverstate"
    names = ("solver.prototxt", "train_val.prototxt", "w.caffemodel", "s_iter_500.solverstate")
    there, back = tmp_path / "there", tmp_path / "back"
    made = protolint.convert(
        *(folder / name for name in names), to=target, output=f"{there}/", isolated=True
    )
    home = protolint.convert(
        *(there / name for name in names), to="bvlc", output=f"{back}/", isolated=True
    )
    summaries = [file.summary for report in (made, home) for file in report.files]
    assert sum(summary.startswith("14 history blobs") for summary in summaries) == 2
    assert (back / "solver.prototxt").read_bytes() == (folder / "solver.prototxt").read_bytes()
    before, after = (
        _run(place / "train_val.prototxt", place / "w.caffemodel", "bvlc")[1]
        for place in (folder, back)
    )
    assert np.abs(before - after).max() <= 2e-6 * np.abs(before).max()


@pytest.mark.parametrize(
    ("case", "raised"),
    [
        ("E1-eps-f32-016/net.prototxt", {"nvidia-0.16.1"}),
        ("E2-eps-f32-0161/net.prototxt", set()),
        ("E3-eps-f32-second/net.prototxt", {"nvidia-0.16.1"}),
        ("eps-text/n.prototxt", {"nvidia-0.15", "nvidia-0.16", "nvidia-0.16.1", "nvidia-0.17"}),
    ],
)
def test_eps_is_compared_as_caffe_holds_it(case: str, raised: set[str]) -> None:
    """As a 32-bit float: 9.99999974738e-06 is 1e-5, and 9.999e-06 is not."""
    for target in ("bvlc", "nvidia-0.15", "nvidia-0.16", "nvidia-0.16.1", "nvidia-0.17"):
        result = protolint.check(CASES / case, target=target, isolated=True)
        codes = {d.code for report in result.reports for d in report.diagnostics}
        assert bool(codes & {"BN023", "BN025"}) == (target in raised), target


@pytest.mark.parametrize("case", ["E1-eps-f32-016/net.prototxt", "eps-text/n.prototxt"])
def test_what_convert_writes_has_no_finding_on_eps(case: str, tmp_path: Path) -> None:
    for target in ("nvidia-0.15", "nvidia-0.16", "nvidia-0.17"):
        report = protolint.convert(CASES / case, to=target, output=f"{tmp_path}/{target}/")
        result = protolint.check(report.files[0].output, target=target, isolated=True)
        codes = {d.code for file in result.reports for d in file.diagnostics}
        assert not codes & {"BN023", "BN025"}


def test_every_case_has_a_test() -> None:
    here = Path(__file__).read_text()
    missing = [path.name for path in CASES.iterdir() if path.is_dir() and path.name not in here]
    assert not missing


def test_one_call_has_one_source(tmp_path: Path) -> None:
    """An SSD net beside sums is none of NVIDIA 0.17, which would not freeze it."""
    paths = [CASES / "S3-ssd-frozen" / name for name in ("train.prototxt", "w.caffemodel")]
    report = protolint.convert(*paths, to="nvidia-0.17", output=f"{tmp_path}/", isolated=True)
    assert {result.source for result in report.files} == {"ssd"}
    text = (tmp_path / "train.prototxt").read_text()
    assert "use_global_stats" not in text
    assert "BatchNorm" not in text


@pytest.mark.parametrize("target", TARGETS)
def test_halves_of_opencv_beside_sums(target: str, tmp_path: Path) -> None:
    weights = CASES / "M3-shrunk-big-sums/w.caffemodel"
    report = protolint.convert(weights, to=target, output=f"{tmp_path}/", isolated=True)
    assert {row.before for row in report.files[0].layers} == {"B3"}


def test_the_note_names_what_was_found_where(tmp_path: Path) -> None:
    folder = CASES / "R06-nv394-scale_bias-with-b3"
    report = protolint.convert(
        folder / "net.prototxt",
        folder / "w.caffemodel",
        to="nvidia-0.16",
        output=f"{tmp_path}/",
        isolated=True,
    )
    notes = {(note.layer, note.message) for result in report.files for note in result.notes}
    found = "'sc1' of the weights is its gamma and beta, which the net has in the BatchNorm"
    assert ("bn1", found) in notes


@pytest.mark.parametrize("target", ["nvidia-0.14", "nvidia-0.15"])
def test_own_work_comes_back_without_options(target: str, tmp_path: Path) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    paths = [CASES / "truth" / name for name in ("net.prototxt", "w.caffemodel")]
    protolint.convert(*paths, to=target, output=f"{there}/", isolated=True)
    protolint.convert(
        *(there / path.name for path in paths), to="bvlc", output=f"{back}/", isolated=True
    )
    _, found = _run(back / "net.prototxt", back / "w.caffemodel", "bvlc")
    assert np.abs(found - _truth()).max() <= 2e-6 * np.abs(_truth()).max()


def test_a_net_that_the_target_does_not_build_is_refused(tmp_path: Path) -> None:
    """A Concat of one bottom may work in place in 0.15, and aborts in 0.17."""
    net = tmp_path / "n.prototxt"
    net.write_text(
        'input: "data"\ninput_shape { dim: 1 dim: 2 dim: 3 dim: 3 }\n'
        'layer { name: "r" type: "ReLU" bottom: "data" top: "a" }\n'
        'layer { name: "c" type: "Concat" bottom: "a" top: "a" }\n'
    )
    with pytest.raises(ProtolintError, match=r"'c'|c: "):
        protolint.convert(net, to="nvidia-0.17", source="nvidia-0.15", isolated=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["n.prototxt"]


#: What the review found unclear, by its number, a run that said it, and what it says now; U5, U10,
#: U12 and U13 are in test_refusals.py, tests/rules/more/wt007.py and tests/stats/test_html.py.
WORDS = (
    ("U1", "convert --to nvidia-0.17 R02-nv436-F0-old-format/w.caffemodel", 2,
     "say who wrote it: --from nvidia-0.16 (as v0.16.1 to v0.16.4 leave it) or --from bvlc"),
    ("U1", "check --isolated R02-nv436-F0-old-format/w.caffemodel", 1,
     "help: protolint convert --to bvlc --from nvidia-0.16 R02-nv436-F0-old-format/w.caffemodel"),
    ("U2 and U3", "convert --to nvidia-0.14 S2-nv17-ssd-to-ssdfork/net.prototxt", 2,
     ("no layer types 'Normalize', 'Permute'; --to nvidia-0.17 or --to ssd has all types of the"
     " net; or --config 'layer-types=[\"Normalize\", \"Permute\"]' --config 'extra-fields=["
     "\"LayerParameter.norm_param\", \"LayerParameter.permute_param\"]' if your own Caffe")),
    ("U6", "convert --to nvidia-0.17 R18-diff-only/w.caffemodel", 2,
     "its values are in 'diff', where Caffe keeps gradients and which it does not load"),
    ("U7", "convert --to bvlc K4-intel-half/net.prototxt K4-intel-half/w.caffemodel", 0,
     "(caffemodel, intel to bvlc)"),
    ("U8", "convert --to nvidia-0.17 R18-diff-only/w.caffemodel --output-format json", 2,
     '"path": "R18-diff-only/w.caffemodel"'),
    ("U9", "show truth/w.caffemodel", 0, "TEST: case"),
    ("U11", "convert --to bvlc R05-contrib1631-raw-float/w.caffemodel", 0,
     "4 blobs of other layers from raw_data FLOAT to data"),
)  # fmt: skip


@pytest.mark.parametrize(("arguments", "code", "words"), [row[1:] for row in WORDS])
def test_messages_say_what_the_review_missed(
    arguments: str, code: int, words: str, tmp_path: Path
) -> None:
    more = ["-o", f"{tmp_path}/out/"] if arguments.startswith("convert") else []
    done = run(*arguments.split(), *more, cwd=CASES)
    assert done.returncode == code, done.stderr
    assert words in done.stdout + done.stderr


def test_a_state_keeps_its_statistics_and_the_way_back_names_resume(tmp_path: Path) -> None:
    """U4: from iteration 500 on nothing replaces the statistics that were loaded."""
    given = sorted((CASES / "R13-solverstate").iterdir())
    done = run("convert", "--to", "nvidia-0.16", *given, "-o", f"{tmp_path}/there/")
    assert done.returncode == 0, done.stderr
    assert "CV005" not in done.stdout
    made = sorted((tmp_path / "there").iterdir())
    done = run("convert", "--to", "bvlc", *made, "-o", f"{tmp_path}/back/")
    assert "--resume gives them the factor of a long run" in done.stdout
