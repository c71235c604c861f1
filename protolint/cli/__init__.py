"""The command line: one module per verb, imported when the verb is used."""

from __future__ import annotations

import io
import os
import sys
from typing import NoReturn

from protolint.errors import CLOSED, FAILED, OK, STOPPED, ProtolintError

__all__ = ["exit_code_of", "main"]


def exit_code_of(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    protolint.errors says what each means. Only faults of protolint's own and of standard output
    are raised.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        plain = _PLAIN.get(given[0]) if given else None
        code = plain(given[1:]) if plain is not None else None
        if code is None:
            code = _by_click(arguments if given else ["--help"])
        if not given:
            code = FAILED
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return STOPPED
    except ProtolintError as error:
        from protolint.cli.terminal import warn

        warn(str(error))
        return error.exit_code
    return code


def _plain_check(arguments: list[str]) -> int | None:
    """Check as plain arguments ask and return the exit code; None where click has to read them."""
    from protolint.cli.checking import check
    from protolint.cli.plain import plain_options

    options = plain_options(arguments)
    return None if options is None else check(options)


def _plain_convert(arguments: list[str]) -> int | None:
    """Convert as plain arguments ask and return the exit code; None as in _plain_check."""
    from protolint.cli.plain import plain_conversion

    asked = plain_conversion(arguments)
    if asked is None:
        return None
    from protolint.cli.converting import convert

    return convert(**asked)


#: The verbs whose everyday command lines are read without click.
_PLAIN = {"check": _plain_check, "convert": _plain_convert}


def _by_click(arguments: list[str] | None) -> int:
    """Run a command line that click reads, and return its exit code."""
    import click

    from protolint.cli.verbs import cli

    try:
        code = cli.main(arguments, prog_name="protolint", standalone_mode=False)
    except click.exceptions.Abort:
        return STOPPED
    except click.ClickException as error:
        from protolint.shown import shown

        if isinstance(error, click.NoSuchOption) and error.possibilities:
            # The others are far-fetched: '--help' for '--selct'.
            error = click.NoSuchOption(error.option_name, None, error.possibilities[:1], error.ctx)
        click.UsageError(shown(error.format_message()), getattr(error, "ctx", None)).show()
        return FAILED
    return code if isinstance(code, int) else OK


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and leave the process with its exit code, as `exit_code_of` gives it.

    A fault of protolint's own is 2 as well. A closed pipe ends it without a traceback.
    """
    import gc

    if sys.stdout is None:  # `>&-`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    # A message may hold letters that the terminal's encoding has not.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Threads of NumPy's OpenBLAS spin before they sleep, even before they work.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    # Trees hold no cycles, and a check is over before a collection would pay.
    gc.disable()
    try:
        code = exit_code_of(arguments)
    except KeyboardInterrupt:
        code = STOPPED
    except BrokenPipeError:
        # The reader has gone; nothing more can be printed, not even at interpreter exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = CLOSED
    except MemoryError as error:
        code = FAILED
        print(f"protolint: there is not enough memory: {error}".rstrip(": "), file=sys.stderr)
    except Exception as error:  # a fault of protolint's own must not look like findings
        code = FAILED
        if isinstance(error, FileNotFoundError) and error.filename is None:
            print("protolint: the working directory is there no more", file=sys.stderr)
        elif isinstance(error, OSError) and error.filename is None:
            # Only standard output is written without its name being known.
            print(f"protolint: standard output: {error.strerror or error}", file=sys.stderr)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        else:
            import traceback

            from protolint.shown import shown

            for line in traceback.format_exc().splitlines():
                print(f"| {shown(line)}", file=sys.stderr)
            print("protolint: this is a fault of protolint; please report it", file=sys.stderr)
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End the process at once: taking modules and trees apart would take longer than a check."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or 2
    os._exit(code)
