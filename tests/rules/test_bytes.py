"""What Caffe reads over is a warning: a byte that is not UTF-8 in a comment."""

from __future__ import annotations

import protolint
from protolint.diagnostic import Severity


def test_a_byte_that_is_not_utf_8_is_a_warning_and_no_syntax_error() -> None:
    (found,) = protolint.check(b'name: "x" # caf\xe9\n', target="bvlc", select="PT001")
    assert found.severity is Severity.WARNING
    assert found.message.startswith("byte 0xE9 is not UTF-8")
