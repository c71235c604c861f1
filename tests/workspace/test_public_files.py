"""Public reports and public nets: whose file it is, alone and in a folder, and what is found.

The cases lie in fixtures/cases, the nets in ../shared/corpus; the tests of these skip without them.
"""

from __future__ import annotations

import csv
from pathlib import Path
from shutil import copy

import pytest

from protolint.caffe.descriptors import load_schema
from protolint.caffe.forks import forks_that_know, new_name_of
from protolint.caffe.registry import FOREIGN, registered_by
from protolint.errors import InputError
from protolint.lint.check_files import check_files
from protolint.lint.file_report import FileReport
from protolint.workspace.evidence import strangers
from protolint.workspace.reading import Readings
from protolint.workspace.target import Target
from protolint.workspace.workspace import Choices, Workspace

_HERE = Path(__file__).parent
#: File to what it is taken for, and the code and line of each finding.
EXPECTED = {
    name: (target, found)
    for name, target, *found in map(str.split, (_HERE / "cases.txt").read_text().splitlines()[1:])
}
#: Solvers of one net, one of which is NVIDIA's, and a net whose solver is for a later Caffe.
WITH_OTHERS = {
    "field/08_step_without_stepsize": ["SV014:3"],
    "field/10_test_iter_but_no_test_net": ["SV012:2"],
    "field/50_solver_words_misspelt": ["SV010:2", "SV010:6"],
    "field/61_four_blocks_no_filler_train": ["BN019:5", "PT010:5", "BN008:13"],
    "field/train_val_08": [],
}
FORKS = {
    "Axpy": "SENet", "DeephiResize": "Vitis AI", "Interp": "DeepLab",
    "PSROIPooling": "R-FCN", "ROIPooling": "Faster R-CNN", "ReLU6": "MobileNet-YOLO",
    "Reorg": "MobileNet-YOLO", "ShuffleChannel": "ShuffleNet", "Transpose": "caffe_ocr",
    "Upsample": "SegNet",
}  # fmt: skip


@pytest.fixture(scope="module")
def cases(repository: Path) -> Path:
    return repository / "fixtures" / "cases"


def check(*paths: Path) -> list[FileReport]:
    workspace = Workspace(Choices(isolated=True))
    files = workspace.find(map(str, paths), lambda error: pytest.fail(str(error)), pytest.fail)
    return check_files(workspace, files, lambda error: pytest.fail(str(error)), jobs=1)


def lines(report: FileReport) -> list[str]:
    data = Path(report.path).read_bytes()
    return [f"{d.code}:{data.count(10, 0, d.span.start) + 1}" for d in report.diagnostics]


@pytest.mark.parametrize("name", EXPECTED)
def test_files_of_public_reports(cases: Path, name: str) -> None:
    (report,) = check(cases / f"{name}.prototxt")
    assert (report.target.dialect.name, lines(report)) == EXPECTED[name]


def test_every_case_has_a_test(cases: Path) -> None:
    files = {str(f.relative_to(cases).with_suffix("")) for f in cases.rglob("*.prototxt")}
    assert files - set(EXPECTED) == {"field/58_digits_stage_net_plain_norm"}


@pytest.mark.parametrize("folder", ["field", "forks", "target"])
def test_each_is_judged_in_a_folder_as_alone(cases: Path, folder: str) -> None:
    found = {}
    for report in check(cases / folder):
        name = str(Path(report.path).relative_to(cases).with_suffix(""))
        found[name] = (report.target.dialect.name, lines(report))
    for name, expected in EXPECTED.items():
        if name.startswith(f"{folder}/") and not name.endswith("/deploy"):
            others = WITH_OTHERS.get(name)
            assert found[name] == (expected if others is None else ("nvidia-0.17", others))


@pytest.mark.parametrize(
    ("pair", "codes"),
    [
        ("30_pair", ["NT009:8"]),
        ("30_pair2", ["NT009:4", "NT009:8"]),
        ("32_pair_input_side", ["NT009:11"]),
        ("ctl_pair", ["NT009:3", "NT009:7", "NT009:11"]),
    ],
)
def test_a_deploy_net_is_compared_with_its_training_net(
    cases: Path, pair: str, codes: list[str]
) -> None:
    (deploy,) = (r for r in check(cases / "field" / pair) if r.path.endswith("deploy.prototxt"))
    assert lines(deploy) == codes


def test_a_deploy_net_is_for_the_caffe_of_the_training_net(cases: Path) -> None:
    for report in check(cases / "field" / "60_pair_015"):
        assert (report.target.dialect.name, report.diagnostics) == ("nvidia-0.15", ())


def test_a_digits_net_with_a_plain_norm_is_checked_for_both_caffes(cases: Path) -> None:
    first, second = check(cases / "field" / "58_digits_stage_net_plain_norm.prototxt")
    assert (first.target.dialect.name, second.target.dialect.name) == ("nvidia-0.15", "bvlc")
    assert {"BN003", "BN001", "BN007"} <= {d.code for d in first.diagnostics}
    assert {d.code for d in second.diagnostics} == {"BN022"}
    fixes = [d.fix for d in (*first.diagnostics, *second.diagnostics) if d.fix is not None]
    assert {fix.applicability.value for fix in fixes} == {"unsafe"}


@pytest.mark.parametrize("written", FORKS)
def test_one_finding_names_the_fork(cases: Path, written: str) -> None:
    (report,) = check(cases / "forks" / f"fork_{written}.prototxt")
    (found,) = report.diagnostics
    assert found.code == "PT005"
    assert f"it is of {FORKS[written]} (" in found.message
    assert "did you mean" not in found.message
    assert report.target.fork == FORKS[written]


def test_an_old_net_with_a_forks_type_is_named_like_a_new_one(cases: Path) -> None:
    old, new = (check(cases / "target" / f"{v}_bn.prototxt")[0] for v in ("v1", "v2"))
    words = [[d.message for d in r.diagnostics if d.code == "PT005"] for r in (old, new)]
    assert words[0] == words[1] != []
    assert {"PT007", "PT002"}.isdisjoint(d.code for d in old.diagnostics)


def test_a_net_without_a_loss_is_not_trained(cases: Path) -> None:
    (report,) = check(cases / "target" / "test_net_noloss.prototxt")
    assert "BN013" not in {d.code for d in report.diagnostics}


def test_an_ssd_tree_is_clean(cases: Path, tmp_path: Path) -> None:
    copy(cases / "forks" / "ssdlike.prototxt", tmp_path / "deploy.prototxt")
    (tmp_path / "labelmap.prototxt").write_text('item { name: "cat" label: 1 }\n', "utf-8")
    (tmp_path / "solver_test.prototxt").write_text(
        'net: "deploy.prototxt"\nbase_lr: 0.1\nlr_policy: "fixed"\nmax_iter: 1\n'
        'test_initialization: false\neval_type: "detection"\n', "utf-8",
    )  # fmt: skip
    found = check(tmp_path)
    assert {report.target.dialect.name for report in found} == {"ssd"}
    codes = {d.code for report in found for d in report.diagnostics}
    assert codes.isdisjoint({"PT002", "PT003", "PT005", "SV007", "NT007", "BN011"})


def manifest(corpus: Path) -> list[dict[str, str]]:
    text = (corpus / "MANIFEST.tsv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


#: What the manifest says, as forks are called here.
_FORKS = {
    "happynear/caffe-windows": {"caffe-windows", "R-FCN"}, "yjxiong/caffe": {"TSN"},
    "intel/caffe": {"R-FCN", "py-R-FCN", "Faster R-CNN"}, "BVLC/caffe@opencl": {"OpenCL"},
    "eric612/MobileNet-YOLO": {"MobileNet-YOLO", "SegNet"},
}  # fmt: skip
#: Taken for a fork that took over a field of Intel's: caffe-jacinto's, Xilinx' quantisation.
_BETTER = {"caffe-jacinto", "Vitis AI"}


def is_right(row: dict[str, str], target: Target) -> bool | None:
    """Return whether a file is taken for what the manifest says, None where it does not say."""
    meant = row["dialect"]
    if row["kind"] == "malformed":
        return None
    if meant == "segnet":
        return target.fork in ("SegNet", "ENet")
    if meant == "other":
        only = row["reason"].partition("accepted only by: ")[2].split(", ")
        return any(target.fork in _FORKS[name] for name in only) if only != [""] else None
    if target.fork in _BETTER:
        return True
    name = meant.rstrip("+")
    # 0.14 and 0.15, 0.15 and 0.17, and 0.16 and 0.17 read these files alike.
    alike = {"nvidia-0.14": "0.15", "nvidia-0.15": "0.17", "nvidia-0.16": "0.17"}
    return target.dialect.name in (name, f"nvidia-{alike.get(name)}")


@pytest.fixture(scope="module")
def judged(corpus: Path) -> dict[str, tuple[Readings, list[Target]]]:
    """The files of the corpus that can be read, and what each is taken for."""
    workspace, found = Workspace(Choices(isolated=True)), {}
    for path in sorted(corpus.glob("*.prototxt")):
        try:
            readings = workspace.readings(workspace.source(str(path)))
        except InputError:
            continue
        found[path.name] = (readings, workspace.targets(readings))
    return found


def test_public_nets_are_taken_for_what_they_are(
    corpus: Path, judged: dict[str, tuple[Readings, list[Target]]]
) -> None:
    asked, wrong = 0, []
    for row in manifest(corpus):
        if row["file"] not in judged:
            continue
        verdicts = [is_right(row, target) for target in judged[row["file"]][1]]
        if verdicts[0] is not None:
            asked += 1
            if not any(verdicts):
                wrong.append(row["file"])
    assert asked >= 140
    assert len(wrong) <= 0.03 * asked, wrong


def test_nearly_every_unknown_field_and_type_has_its_fork_named(
    judged: dict[str, tuple[Readings, list[Target]]],
) -> None:
    """A field that some message has, written at another place, is a slip and of no fork."""
    unnamed = {}
    for name, (readings, targets) in judged.items():
        left = [
            f"{thing.message}.{thing.name}"
            for thing, _ in strangers(readings, targets[0].dialect)
            if not forks_that_know(thing)
            and new_name_of(thing.name) is None
            and not registered_by(thing.name)
            and not registered_by(thing.name.capitalize())
            and not _is_known_somewhere(thing.name)
        ]
        if left and not readings.tree.broken:
            unnamed[name] = left
    assert len(unnamed) <= 7, unnamed


def _is_known_somewhere(field: str) -> bool:
    schemas = (load_schema(dialect.schema) for dialect in FOREIGN)
    return any(field in m.fields for schema in schemas for m in schema.messages.values())
