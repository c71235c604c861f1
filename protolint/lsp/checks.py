"""Checks of what an editor has open: the newest text of each, in a thread, so that answers go on.

Two threads: what reads the files around a document (checks, and answers that need them) takes
turns in one, what asks a document that was read in the other. The loop of the protocol does
neither. Threads share one interpreter, so a long check slows answers, but stops none.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from lsprotocol import types

from protolint.lsp.document import Document
from protolint.record import NamedTuple

__all__ = ["Checked", "Checks"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Checked(NamedTuple):
    """What a check found in one version of a document, which is None where it could not be read."""

    uri: str
    version: int | None
    diagnostics: list[types.Diagnostic]
    document: Document | None


class Checks:
    """The documents that are open, each as it was when it was last checked."""

    def __init__(self, report: Callable[[Exception], None]) -> None:
        self.documents: dict[str, Document] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._report = report
        self._checker = ThreadPoolExecutor(1, "check")
        self._reader = ThreadPoolExecutor(1, "answer")

    def start(
        self,
        uri: str,
        check: Callable[[], Checked],
        publish: Callable[[Checked], None],
        pause: float = 0,
    ) -> None:
        """Check a document in a thread, after a pause, in place of an earlier check of it."""

        async def task() -> None:
            await asyncio.sleep(pause)
            found = await self.in_turn(_without_collecting, check)
            self.documents.pop(uri, None)
            if found.document is not None:
                self.documents[uri] = found.document
            publish(found)

        self.stop(uri)
        self._tasks[uri] = asyncio.ensure_future(task())
        self._tasks[uri].add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._report(error)

    def stop(self, uri: str) -> None:
        """Cancel the check of a document: it does not run, or its result is dropped."""
        task = self._tasks.pop(uri, None)
        if task is not None:
            task.cancel()

    def close(self, uri: str) -> None:
        """Forget a document."""
        self.stop(uri)
        self.documents.pop(uri, None)

    async def newest(self, uri: str, patience: float | None = None) -> Document | None:
        """Return a document as it is now, when its check is over.

        None where it cannot be checked, or not within `patience` seconds.
        """
        while (task := self._tasks.get(uri)) is not None and not task.done():
            await asyncio.wait([task], timeout=patience)
            if patience is not None and not task.done():
                return None
        return self.documents.get(uri)

    async def in_turn(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Return what a function says that reads the files around a document."""
        return await _in(self._checker, function, *args, **kwargs)

    async def answer(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Return what a function says about a document that is read."""
        return await _in(self._reader, function, *args, **kwargs)


async def _in(
    threads: ThreadPoolExecutor, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
) -> _T:
    return await asyncio.wrap_future(threads.submit(function, *args, **kwargs))


def _without_collecting(check: Callable[[], _T]) -> _T:
    """Run a check without the collector, which stops every thread for as long as it looks.

    A net holds no cycles. What is there afterwards is never looked at: it goes when nothing
    refers to it.
    """
    gc.disable()
    try:
        return check()
    finally:
        gc.freeze()
        gc.enable()
