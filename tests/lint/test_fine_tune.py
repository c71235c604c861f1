"""With --fine-tune the rules on what training starts from say less: weights are loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.diagnostic import Diagnostic, Severity
from protolint.lint.check_text import check_source
from protolint.lint.registry import find_rule
from protolint.lint.rule import Invalid
from protolint.source import Source
from protolint.workspace.workspace import Choices, Workspace

from ..rules.more import examples


def found(code: str, folder: Path, *, fine_tunes: bool) -> list[list[Diagnostic]]:
    """Return what a rule finds in each of its examples that needs no solver."""
    result = []
    for example in examples(find_rule(code))[1]:
        if isinstance(example, Invalid) and not example.others:
            choices = Choices(
                targets=(DIALECTS[example.target],), fine_tunes=fine_tunes, isolated=True
            )
            source = Source(str(folder / example.name), example.text.encode())
            (report,) = check_source(Workspace(choices), source)
            result.append([d for d in report.diagnostics if d.code == code])
    assert len(result) >= 2
    return result


@pytest.mark.parametrize("code", ["BN013", "BN032"])
def test_a_blob_that_is_loaded_is_no_fault(code: str, tmp_path: Path) -> None:
    assert all(found(code, tmp_path, fine_tunes=False))
    assert not any(found(code, tmp_path, fine_tunes=True))


def test_a_gamma_that_is_loaded_needs_no_filler(tmp_path: Path) -> None:
    for fine_tunes, severity in ((False, Severity.ERROR), (True, Severity.INFO)):
        for diagnostics in found("BN003", tmp_path, fine_tunes=fine_tunes):
            assert {d.severity for d in diagnostics} == {severity}
