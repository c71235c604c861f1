"""What several test modules share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"

sys.path.append(str(REPOSITORY / "scripts"))

from field_names import check_field_names  # noqa: E402

# Machines differ and are shared: what is slow is measured by scripts/bench.py, not here.
settings.register_profile("protolint", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("protolint")

# A field's name that no schema has would make a rule quiet for ever.
check_field_names()

# What the command line looks at must not depend on where the tests are run.
for _name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "GITHUB_WORKSPACE",
              "CI_PROJECT_DIR", "TERM"):  # fmt: skip
    os.environ.pop(_name, None)


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of each file and folder below one."""
    found = {}
    for root, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            path = os.path.join(root, name)
            status = os.lstat(path)
            found[path] = status.st_size, status.st_mtime_ns
    return found


@pytest.fixture(scope="session", autouse=True)
def _what_others_gave_stays() -> Iterator[None]:
    """No test writes into `../shared`, and none into the project's own nets and models."""
    before = {folder: _listing(folder) for folder in (SHARED, REPOSITORY / "fixtures")}
    yield
    for folder, listing in before.items():
        changed = sorted({path for path, _ in listing.items() ^ _listing(folder).items()})
        assert not changed, f"a test has written below {folder}: {', '.join(changed[:20])}"


@pytest.fixture(scope="session", autouse=True)
def _disks_are_not_waited_for() -> Iterator[None]:
    """Thousands of files are written, and no test cuts the power off to see which are there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The project's own nets and broken files."""
    return REPOSITORY / "fixtures"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Public prototxts that lie beside the checkout; skips where they do not."""
    folder = SHARED / "corpus"
    if not folder.is_dir():
        pytest.skip("the corpus of public nets is not beside this checkout")
    return folder
