"""Record what each rule finds in its examples in ``tests/rules/findings/``, word for word.

A record shows a reviewer every message, label and fix that a change touches. It also makes the
examples hold the wording, as scripts/mutate_rules.py expects.

    python scripts/record_findings.py            write the records that changed
    python scripts/record_findings.py --check    change nothing; exit 1 if a record is out of date
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from run_examples import Runner

from protolint.lint.registry import all_rules

REPO_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO_ROOT))

from tests.rules.more import more_examples  # noqa: E402

RECORDS = REPO_ROOT / "tests" / "rules" / "findings"

EXIT_OK, EXIT_OUT_OF_DATE = 0, 1


def render_all() -> dict[str, str]:
    """Return the record of each of protolint's own rules by its file name."""
    records: dict[str, str] = {}
    for rule in all_rules():
        if rule.module.startswith("protolint.rules."):
            with tempfile.TemporaryDirectory() as folder:
                module = importlib.import_module(rule.module)
                runner = Runner(rule.code, module, Path(folder), more_examples(rule.code))
                text = "\n".join(one for one in runner.outcome() if one.startswith("INVALID"))
                records[f"{rule.code}.txt"] = text.replace(folder, "").rstrip("\n") + "\n"
    return records


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the records and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    options = parser.parse_args(arguments)
    records = render_all()
    before = {path.name: path.read_bytes() for path in RECORDS.glob("*.txt")}
    changed = [name for name, text in records.items() if before.get(name) != text.encode()]
    gone = sorted(before.keys() - records.keys())
    if options.check:
        for name in (*changed, *gone):
            print(f"{name} is out of date: run python scripts/record_findings.py")
        return EXIT_OUT_OF_DATE if changed or gone else EXIT_OK
    RECORDS.mkdir(exist_ok=True)
    for name in changed:
        (RECORDS / name).write_bytes(records[name].encode())
    for name in gone:
        (RECORDS / name).unlink()
    print(f"{len(changed)} written, {len(gone)} removed")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
