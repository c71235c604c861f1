"""Nothing of the page or the extension comes from elsewhere, or says where it was made."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "playground"
LOCKS = [PAGE / "package-lock.json", REPOSITORY / "editors" / "vscode" / "package-lock.json"]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.parent.name)
def test_lock_files_pin_every_package_and_name_no_host(path: Path) -> None:
    packages = json.loads(path.read_text("utf-8"))["packages"]
    assert len(packages) > 10
    for name, package in packages.items():
        assert not name or package["integrity"].startswith("sha512-")
        assert not {"resolved", "funding"} & package.keys()


@pytest.mark.parametrize("name", sorted(p.name for p in PAGE.glob("*.*") if p.suffix != ".json"))
def test_sources_of_the_page_name_no_address(name: str) -> None:
    text = (PAGE / name).read_text("utf-8")
    assert set(re.findall(r"\bhttps?://[\w.]+", text)) <= {"http://www.w3.org"}


def test_the_page_lets_the_browser_load_from_its_own_folder_only() -> None:
    text = (PAGE / "index.html").read_text("utf-8")
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert found is not None
    policy = dict(part.split(None, 1) for part in found[1].split("; "))
    assert policy["default-src"] == "'none'"
    assert set(" ".join(policy.values()).split()) <= {
        "'none'",
        "'self'",
        "'unsafe-inline'",
        "data:",
    }
    assert policy["script-src"] == policy["connect-src"] == "'self'"
