"""Files that a script writes: brought up to date, or checked to be so."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["write_or_check"]

EXIT_OK, EXIT_OUT_OF_DATE = 0, 1


def write_or_check(
    script: str, about: str | None, files: Mapping[Path, str], arguments: Sequence[str] | None
) -> int:
    """Write the files that changed or, with ``--check``, name them; return the exit code.

    Args:
        script: The name of the script, for who has to run it.
        about: Its docstring.
        files: The text of each file.
        arguments: Those of the command line; those of the process if None.
    """
    parser = argparse.ArgumentParser(description=(about or "").partition("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    options = parser.parse_args(arguments)
    code = EXIT_OK
    for path, text in files.items():
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        if options.check:
            print(f"{path.name} is out of date: run python scripts/{script}")
            code = EXIT_OUT_OF_DATE
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    return code
