"""Which check of a document counts, and what goes on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from threading import Event

import pytest

pytest.importorskip("pygls", reason="the server needs pygls")

from protolint.lsp.checks import Checked, Checks
from protolint.lsp.document import Client, Document, Opened, open_document

URI = "untitled:net"


def document(version: int) -> Document:
    return open_document(Opened(URI, f"# {version}\n", version), "net.prototxt", Client())


class Desk:
    """Checks that end when they are let, and what was published and reported."""

    def __init__(self) -> None:
        self.reported: list[Exception] = []
        self.published: list[int | None] = []
        self.begun: list[int] = []
        self.checks = Checks(self.reported.append)

    def begin(self, version: int, let: Event | None = None, pause: float = 0) -> None:
        def check() -> Checked:
            self.begun.append(version)
            if let is not None:
                assert let.wait(60)
            return Checked(URI, version, [], document(version))

        self.checks.start(URI, check, lambda found: self.published.append(found.version), pause)

    async def newest(self) -> int | None:
        found = await self.checks.newest(URI)
        return found.opened.version if found is not None else None


def run(scene: Callable[[Desk], Awaitable[None]]) -> Desk:
    desk = Desk()
    asyncio.run(asyncio.wait_for(scene(desk), 60))
    return desk


def test_what_is_superseded_is_not_published() -> None:
    """Neither what waits for its turn nor what runs, and who waits is told of the newest."""

    async def scene(desk: Desk) -> None:
        let = Event()
        desk.begin(1, let)
        waiting = asyncio.ensure_future(desk.newest())
        while not desk.begun:
            await asyncio.sleep(0.001)
        desk.begin(2)
        desk.begin(3)
        await asyncio.sleep(0)
        assert not waiting.done()
        let.set()
        assert await waiting == 3

    desk = run(scene)
    assert desk.published == [3]
    assert desk.begun == [1, 3]


def test_a_text_that_changes_again_within_the_pause_is_not_checked() -> None:
    async def scene(desk: Desk) -> None:
        desk.begin(1, pause=30)
        desk.begin(2)
        assert await desk.newest() == 2

    assert run(scene).begun == [2]


def test_a_check_that_runs_stops_no_answer() -> None:
    async def scene(desk: Desk) -> None:
        let = Event()
        desk.begin(1, let)
        assert await desk.checks.newest(URI, 0.001) is None
        assert await desk.checks.answer(str.upper, "a") == "A"
        let.set()
        assert await desk.newest() == 1
        assert await desk.checks.newest(URI, 0.001) is not None

    run(scene)


def test_a_document_that_is_closed_is_forgotten() -> None:
    async def scene(desk: Desk) -> None:
        let = Event()
        desk.begin(1, let)
        desk.checks.close(URI)
        let.set()
        assert await desk.newest() is None
        await desk.checks.in_turn(str)
        assert await desk.newest() is None

    assert run(scene).published == []


def test_a_check_that_fails_is_reported() -> None:
    async def scene(desk: Desk) -> None:
        def check() -> Checked:
            raise ValueError("a fault")

        desk.begin(1)
        assert await desk.newest() == 1
        desk.checks.start(URI, check, lambda found: None)
        await desk.newest()
        await asyncio.sleep(0)

    desk = run(scene)
    assert [str(error) for error in desk.reported] == ["a fault"]
