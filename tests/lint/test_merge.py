"""What is alike in a file is one finding, with its number and all its fixes."""

from __future__ import annotations

from protolint.edit import apply_edits
from protolint.lint.check_text import check_source
from protolint.lint.file_report import FileReport
from protolint.lint.suppress import suppression_edits
from protolint.source import Source
from protolint.workspace.workspace import Choices, Workspace

TWO = 'layer { name: "a" type: "BN" top: "a" bn_param { frozen: true } }\n'


def check(text: str) -> FileReport:
    (report,) = check_source(Workspace(Choices(isolated=True)), Source("x", text.encode()))
    return report


def test_a_type_of_a_fork_is_reported_once_with_its_parameters() -> None:
    (found,) = check(TWO * 3).diagnostics[:1]
    assert found.message.startswith("bvlc has no layer type 'BN' (3 times): it is of SegNet")
    assert {d.code for d in check(TWO * 3).diagnostics} == {"PT005", "NT002", "NT005"} & {
        d.code for d in check(TWO * 3).diagnostics
    }
    assert len([d for d in check(TWO * 3).diagnostics if d.code.startswith("PT")]) == 1


def test_what_is_suppressed_at_one_place_is_reported_at_the_others() -> None:
    text = TWO.rstrip() + "  # protolint: ignore[PT005]\n" + TWO
    (found,) = [d for d in check(text).diagnostics if d.code == "PT005"]
    assert (found.span.start > len(TWO), found.repeats) == (True, ())


def test_suppressions_are_added_at_every_place() -> None:
    report = check(TWO * 3)
    source = report.source
    data = apply_edits(source.data, suppression_edits(source, report.diagnostics, "ours"))
    assert not check(data.decode()).diagnostics


def test_a_fix_of_one_finding_mends_every_place() -> None:
    text = 'layer { name: "%s" type: "Batchnorm" bottom: "x" top: "%s" }\n'
    report = check('input: "x" input_dim: [1, 2, 3, 3]\n' + text % ("a", "a") + text % ("b", "b"))
    (found,) = [d for d in report.diagnostics if d.code == "PT005"]
    assert found.fix is not None
    data = apply_edits(report.source.data, found.fix.edits)
    assert data.count(b'"BatchNorm"') == 2


def test_many_are_merged_in_no_time() -> None:
    report = check("layer { }\n" + "x: 1\n" * 20_000)
    assert [len(d.repeats) for d in report.diagnostics if d.code == "PT002"] == [19_999]
