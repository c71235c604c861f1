"""One run: which files, with which settings; a file that cannot be read does not stop it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from protolint.errors import InputError, UsageError
from protolint.lint.runner import FileReport, check_source
from protolint.source import Source
from protolint.workspace.workspace import Choices, Workspace

if TYPE_CHECKING:
    from protolint.lint.weights import GivenNet

__all__ = ["Session"]


class Session:
    """The command line's choices, applied to file after file.

    `failed` says that some input could not be read; stderr has told why.
    """

    def __init__(self, choices: Choices, weights: tuple[str, ...] = ()) -> None:
        self.workspace = Workspace(choices)
        self.weights = weights
        self.failed = False

    def exit_code(self, code: int) -> int:
        """The exit code of the run: 2 where some input could not be read."""
        return 2 if self.failed else code

    def tell(self, error: Exception) -> None:
        """Say on stderr what is wrong with an input, and go on."""
        self.failed = True
        click.echo(f"protolint: {error}", err=True)

    def find(self, paths: Iterable[str]) -> list[str]:
        """The files to check; stderr tells of paths that cannot be looked at."""
        return self.workspace.find(
            paths, self.tell, lambda text: click.echo(f"protolint: {text}", err=True)
        )

    def read(self, path: str) -> Source | str | None:
        """The source of a prototxt; of weights their path, because they are not read here.

        None, with a message told, where the file cannot be read.
        """
        try:
            source = self.workspace.source_or_weights(path)
        except InputError as error:
            self.tell(error)
            return None
        return path if source is None else source

    def check_weights(self, path: str, given: GivenNet | None = None) -> list[FileReport]:
        """The reports of a weight file; none, with a message told, where it cannot be read."""
        from protolint.cli.progress import progress_bar
        from protolint.lint.weights import check_weights

        workspace = self.workspace
        try:
            with progress_bar() as progress:
                return check_weights(
                    path,
                    targets=workspace.choices.targets,
                    settings=workspace.settings(path),
                    build=workspace.build(path),
                    given=given,
                    progress=progress,
                )
        except (InputError, UsageError) as error:
            self.tell(error)
            return []

    def check(self, source: Source) -> list[FileReport]:
        """The reports of one source, one for each target."""
        workspace = self.workspace
        return check_source(
            source,
            targets=workspace.choices.targets,
            settings=workspace.settings(source.path),
            build=workspace.build(source.path),
            project=workspace.relatives,
        )

    def check_all(self, files: Sequence[str], jobs: int) -> list[FileReport]:
        """The reports of every file, in order; in several processes where that pays."""
        from protolint.cli.jobs import in_processes, workers_for

        workers = workers_for(files, jobs)
        if workers > 1:
            return in_processes(self, files, workers)
        return self.check_each(files)

    def check_each(self, files: Iterable[str]) -> list[FileReport]:
        """The reports of every file, one after the other; of a net, of its weights too."""
        reports: list[FileReport] = []
        for path in files:
            found = self.read(path)
            if isinstance(found, str):
                if self.weights:
                    self.tell(UsageError(f"{path}: weights, and --weights goes with a net"))
                reports += self.check_weights(found)
            elif found is not None:
                reports += self.checked(found)
        return reports

    def checked(self, source: Source) -> list[FileReport]:
        """The reports of a net, and those of the weights that were given for it."""
        reports = self.check(source)
        if not self.weights:
            return reports
        from protolint.lint.weights import GivenNet

        targets = [report.target for report in reports]
        given = GivenNet(self.workspace.readings(source), targets)
        more = (self.check_weights(path, given) for path in self.weights)
        return [*reports, *(report for found in more for report in found)]
