"""What public reports come to: the line and the rule that end the search.

The files lie beside the project; each kind has an example in the module of its rule, too.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import protolint

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
#: File, target, and what is wrong: rule and line.
MORE = [
    ("01-ssd-one-conf-head-kept-21/train_dummy.prototxt", "ssd", "NT021:183"),
    ("01-ssd-one-conf-head-kept-21/right_dummy.prototxt", "ssd", ""),
    ("02-ssd-box-field-of-another-fork/a_with_field.prototxt", "ssd", "PT002:60"),
    ("02-ssd-box-field-of-another-fork/b_without_field.prototxt", "ssd", "NT021:72"),
    ("02-ssd-box-field-of-another-fork/right.prototxt", "ssd", ""),
    ("03-ssd-propagate-down-five/train_dummy.prototxt", "ssd", "NT026:186"),
    ("03-ssd-propagate-down-five/right_dummy.prototxt", "ssd", ""),
    ("04-ssd-solver-fields/solver.prototxt", "ssd", ""),
    ("04-ssd-solver-fields/solver.prototxt", "bvlc", "PT003:18 PT003:19 PT003:20 SV016:1 SV016:2"),
    ("05-ssd-deploy-batch-stats/deploy.prototxt", "ssd", "BN012:4 BN012:8"),
    ("05-ssd-deploy-batch-stats/right.prototxt", "ssd", ""),
    ("06-ssd-evaluate-plain-labels/test.prototxt", "ssd", "NT021:29"),
    ("06-ssd-evaluate-plain-labels/right_dummy.prototxt", "ssd", ""),
    ("07-ssd-sampler-scale-zero/train.prototxt", "ssd", "NT038:26"),
    ("08-intel-net-engine/train_val.prototxt", "intel", ""),
    ("10-deploy-memorydata/deploy.prototxt", "bvlc", ""),
    ("18-upgrade-solver-both-types/solver.prototxt", "bvlc", "SV009:11"),
    ("18-upgrade-solver-both-types/right_type_only.prototxt", "bvlc", ""),
    ("23-ssd-max-out-background/with_max_out.prototxt", "ssd", ""),
    ("23-ssd-max-out-background/without_max_out.prototxt", "ssd", "NT021:21"),
]
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")


def found(path: Path, target: str) -> str:
    """Every finding as `code:line`; remarks, and nets that are elsewhere, do not count."""
    result = protolint.check(path, target=target, isolated=True)
    return " ".join(
        sorted(
            f"{finding.code}:{result.position(finding).line}"
            for finding in result
            if finding.severity.value != "info" and finding.code != "SV008"
        )
    )


@pytest.mark.parametrize(("name", "target", "wanted"), MORE)
def test_more_reports(name: str, target: str, wanted: str) -> None:
    assert found(CASES / "more" / name, target) == wanted


def test_the_head_is_named() -> None:
    (finding,) = protolint.check(CASES / "more" / MORE[0][0], target="ssd", isolated=True)
    assert "'s5_box_conf' has num_output 126 and needs 30" in finding.message
