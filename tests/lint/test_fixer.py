"""Fixing: to an end, only what is allowed, and no byte more than the edits say."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolint.caffe.registry import DIALECTS, TARGETS
from protolint.diagnostic import Diagnostic, Severity
from protolint.edit import Applicability, Edit, Fix, apply_edits
from protolint.errors import ProtolintError
from protolint.lint.check_text import check_source
from protolint.lint.fixer import fix_source, select_edits
from protolint.lint.suppress import suppression_edits
from protolint.source import Source, Span
from protolint.text import parse
from protolint.workspace.workspace import Choices, Workspace
from tests.sample import sample


def finding(
    *edits: Edit, code: str = "XX001", how: Applicability = Applicability.SAFE
) -> Diagnostic:
    fix = Fix("x", edits, how)
    return Diagnostic(code, "x", Severity.ERROR, "x", "x", Span(0, 1), fix=fix)


def test_edits_are_made_together_and_nothing_else_changes() -> None:
    edits = [Edit(4, 5, "E"), Edit(0, 1, "AA"), Edit(2, 2, "-"), Edit(2, 2, "+")]
    assert apply_edits(b"abcdefg", edits) == b"AAb-+cdEfg"


@pytest.mark.parametrize(
    "edits", [[Edit(0, 3, ""), Edit(2, 4, "")], [Edit(0, 9, "")], [Edit(3, 2, "")]]
)
def test_impossible_edits_are_refused(edits: list[Edit]) -> None:
    with pytest.raises(ValueError, match="overlaps another or is out of range"):
        apply_edits(b"abcde", edits)


@given(st.binary(max_size=60), st.data())
def test_bytes_outside_the_edits_stay(data: bytes, draw: st.DataObject) -> None:
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=8)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    edits = [Edit(a, b, "<é>") for a, b in pairs]
    result = apply_edits(data, draw.draw(st.permutations(edits)))
    kept = []
    at = 0
    for a, b in pairs:
        kept.append(data[at:a])
        at = b
    kept.append(data[at:])
    assert result == "<é>".encode().join(kept)


def test_fixes_in_each_others_way_wait_and_shared_edits_are_made_once() -> None:
    first = finding(Edit(0, 2, "x"), Edit(5, 6, "y"))
    overlapping = finding(Edit(1, 3, "z"))
    sharing = finding(Edit(5, 6, "y"), Edit(8, 9, "w"))
    unsafe = finding(Edit(20, 21, "u"), how=Applicability.UNSAFE)
    shown = finding(Edit(30, 31, "u"), how=Applicability.DISPLAY_ONLY)
    found = [first, overlapping, sharing, unsafe, shown]
    assert [fix for _, fix in select_edits(found, unsafe=False)] == [first.fix, sharing.fix]
    assert len(select_edits(found, unsafe=True)) == 3


def test_fixes_that_undo_each_other_are_told() -> None:
    def check(source: Source) -> list[Diagnostic]:
        return [finding(Edit(0, 1, "b" if source.data.startswith(b"a") else "a"))]

    with pytest.raises(ProtolintError, match="never come to an end; nothing was changed"):
        fix_source(Source("x", b"abc"), check)


def test_a_fix_that_breaks_the_syntax_is_told() -> None:
    def check(source: Source) -> list[Diagnostic]:
        if b"{" in source.data:
            return [finding(code="PT001")]
        return [finding(Edit(0, 0, "{"))]

    with pytest.raises(ProtolintError, match="broke the file; nothing was changed"):
        fix_source(Source("x", b"abc"), check)


def fixed(source: Source, target: str, *, unsafe: bool) -> Source:
    def check(found: Source) -> list[Diagnostic]:
        (report,) = check_source(Workspace(Choices(targets=(DIALECTS[target],))), found)
        return list(report.diagnostics)

    return fix_source(source, check, unsafe=unsafe).source


def assert_fixing_is_sound(source: Source, target: str, unsafe: bool) -> None:
    result = fixed(source, target, unsafe=unsafe)
    assert fixed(result, target, unsafe=unsafe).data == result.data
    if not parse(source).broken:
        assert not parse(result).broken


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("unsafe", [False, True])
def test_fixing_the_shipped_nets_ends_and_keeps_them_sound(
    fixtures: Path, target: str, unsafe: bool
) -> None:
    for path in sorted((fixtures / "nets").glob("*.prototxt")):
        assert_fixing_is_sound(Source(path.name, path.read_bytes()), target, unsafe)


@pytest.mark.parametrize("target", TARGETS)
def test_fixing_public_nets_ends_and_keeps_them_sound(corpus: Path, target: str) -> None:
    # Other files for each target.
    for path in sample(sorted(corpus.glob("*.prototxt")), 14, 2 * TARGETS.index(target)):
        assert_fixing_is_sound(Source(path.name, path.read_bytes()), target, True)


def test_comments_and_style_survive_fixing(fixtures: Path) -> None:
    source = Source("x", (fixtures / "nets" / "digits_inplace_cudnn.prototxt").read_bytes())
    result = fixed(source, "nvidia-0.15", unsafe=False)
    assert result.data != source.data
    before = [line.partition("#")[2] for line in source.text.splitlines() if "#" in line]
    after = [line.partition("#")[2] for line in result.text.splitlines() if "#" in line]
    assert before == after


def test_suppressions_are_added_where_findings_are_and_suppress_them() -> None:
    text = 'layer { name: "a" type: "Nope" }\r\nlayer { name: "b" } # protolint: ignore[BN001]'
    source = Source("x", text.encode())
    (before,) = check_source(Workspace(), source)
    edits = suppression_edits(source, before.diagnostics, "old")
    after = Source("x", apply_edits(source.data, edits))
    assert after.data == (
        b'layer { name: "a" type: "Nope" }  # protolint: ignore[PT005] old\r\n'
        b'layer { name: "b" } # protolint: ignore[PT005, BN001]'
    )
    (report,) = check_source(Workspace(), after)
    assert report.diagnostics == ()


def test_a_file_that_is_broken_already_is_not_broken_by_a_fix() -> None:
    """Both faults are reported: the field that nobody knows, and the syntax error behind it."""
    source = Source("net.prototxt", b"llayer {\n}}\n")
    workspace = Workspace(Choices(isolated=True))
    (report,) = check_source(workspace, source)
    assert [d.code for d in report.diagnostics] == ["PT002", "PT001"]
    done = fix_source(
        source,
        lambda text: [d for r in check_source(workspace, text) for d in r.diagnostics],
        unsafe=True,
    )
    assert done.source.data == b"layer {\n}}\n"


def test_what_is_announced_as_safe_is_what_fixing_applies() -> None:
    """A fix that waits for the spelling of a field is announced as unsafe, and applied as such."""
    net = Path(__file__).parents[2] / "fixtures" / "nets" / "digits_opening_post.prototxt"
    workspace = Workspace(Choices(targets=(DIALECTS["nvidia-0.15"],), isolated=True))

    def check(source: Source) -> tuple[Diagnostic, ...]:
        return check_source(workspace, source)[0].diagnostics

    fixed = fix_source(Source(str(net), net.read_bytes()), check).source
    left = [d for d in check(fixed) if d.fix and d.fix.applicability is Applicability.SAFE]
    assert not left, left
    assert not check(fix_source(fixed, check, unsafe=True).source)
