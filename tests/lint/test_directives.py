"""Comments that suppress: what they cover, what is told when they cannot be followed."""

from __future__ import annotations

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.lint.check_text import check_source
from protolint.lint.file_report import FileReport
from protolint.source import Source
from protolint.workspace.workspace import Choices, Workspace

BAD = 'layer { name: "a" type: "Nope" }'


def check(text: str, *targets: str) -> list[FileReport]:
    chosen = tuple(DIALECTS[name] for name in targets or ("bvlc",))
    return check_source(Workspace(Choices(targets=chosen)), Source("x", text.encode()))


def codes(text: str, *targets: str) -> list[tuple[int, str]]:
    return [
        (report.source.line_number(d.span.start), d.code)
        for report in check(text, *targets)
        for d in report.diagnostics
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"{BAD}\n", [(1, "PT005")], id="nothing"),
        pytest.param(f"{BAD}  # protolint: ignore[PT005] ours\n", [], id="same line"),
        pytest.param(f"{BAD}  # protolint: ignore[pt005]\n", [], id="any case"),
        pytest.param(f"{BAD}  # protolint: ignore[unknown-layer-type]\n", [], id="by name"),
        pytest.param(f"{BAD}  # note # protolint:ignore[PT005]\r\n", [], id="behind a note"),
        pytest.param(f"# protolint: ignore[PT005]\n\n# more\n{BAD}\n", [], id="field below"),
        pytest.param(
            f"# protolint: ignore[PT005]\n{BAD}\n{BAD}\n", [(3, "PT005")], id="one field only"
        ),
        pytest.param(
            '# protolint: ignore[PT005]\nlayer {\n  name: "a"\n  type: "Nope"\n}\n',
            [],
            id="the whole layer below",
        ),
        pytest.param(
            'layer {\n  # protolint: ignore[PT005]\n  type: "Nope"\n  name: "a"\n}\n',
            [],
            id="a field inside a layer",
        ),
        pytest.param(
            f"# protolint: disable[PT005]\n{BAD}\n# protolint: enable[PT005]\n{BAD}\n",
            [(4, "PT005")],
            id="range",
        ),
        pytest.param(f"# protolint: disable[PT005]\n{BAD}\n{BAD}\n", [], id="range to the end"),
        pytest.param(f"{BAD}\n# protolint: ignore-file[PT005]\n", [], id="file"),
        pytest.param(
            f"{BAD}  # protolint: ignore[PT001]\n",
            [(1, "PT005"), (1, "PL002")],
            id="another code",
        ),
        pytest.param(f"{BAD}  # protolint: ignore\n", [(1, "PT005"), (1, "PL001")], id="no code"),
        pytest.param('name: "# protolint: ignore-file[PT005]"\n', [], id="in a string"),
        pytest.param(f"{BAD}  # protolint: ignore[PT005, XX]\n", [(1, "PL001")], id="no such rule"),
        pytest.param(
            'layer { nam "a" } # protolint: ignore[PT001]\n',
            [(1, "PT001"), (1, "PL002")],
            id="no syntax error",
        ),
    ],
)
def test_what_is_suppressed(text: str, expected: list[tuple[int, str]]) -> None:
    assert codes(text) == expected


def test_suppressions_used_for_one_target_are_not_unused_for_another() -> None:
    text = 'layer { name: "s" type: "Input" top: "s" }  # protolint: ignore[PT005] not in 0.14\n'
    assert codes(text, "bvlc", "nvidia-0.14") == []
    assert codes(text, "bvlc") == [(1, "PL002")]


def test_rules_that_did_not_run_leave_suppressions_alone() -> None:
    text = 'layer { name: "i" type: "Input" top: "x" }  # protolint: ignore[BN001]\n'
    assert codes(text, "bvlc") == []
    assert codes(text, "nvidia-0.15") == [(1, "PL002")]


def test_suppressed_findings_are_counted() -> None:
    (report,) = check(f"{BAD}  # protolint: ignore[PT005]\n")
    assert report.suppressed == 1


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("ignore", "'ignore' needs codes, as in ignore[BN001]"),
        ("noqa[BN001]", "unknown directive 'noqa'; known: ignore, ignore-file, disable, enable"),
        ("target=caffe2", "unknown target 'caffe2'"),
        ("enable[BN001]", "nothing above disables BN001"),
        ("ignore[BN0001]", "there is no rule 'BN0001'; did you mean 'BN001'?"),
    ],
)
def test_directives_that_cannot_be_followed_are_told(comment: str, message: str) -> None:
    (report,) = check(f"# protolint: {comment}\nname: 'x'\n")
    (found,) = report.diagnostics
    assert found.code == "PL001"
    assert message in found.message
