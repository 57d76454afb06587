"""The program itself: its name, what holds for every verb, and how it ends.

Exit codes: 0 done, 1 a defect of photism, 2 the input or the options are wrong, 3 done but some inputs were skipped,
130 interrupted.
"""

from __future__ import annotations

import atexit
import errno
import os
import sys
from contextlib import suppress
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from photism.cli.options import DEFECT, DONE, INTERRUPTED, WRONG_INPUT
from photism.errors import InputError, PhotismError

__all__ = ["app", "run"]

INTERRUPTED_SENTENCE = "interrupted; a training continues with the same command and --resume."
FULL_SENTENCE = (
    "expected room to write, and the disk is full; a training continues with the same command and --resume once there "
    "is room ($PHOTISM_CACHE says where what can be made again is kept)."
)

NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG)
NOT_ALLOWED_SENTENCE = (
    "expected a place that can be read and written ($PHOTISM_CACHE says where the cache is), and the system says:"
)

app = typer.Typer(
    name="photism",
    help="Turn anything into a picture and recognise it: photographs, sounds, binary files, pointer tracks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    if debug:
        os.environ["PHOTISM_DEBUG"] = "1"
    if version:
        from photism import __version__

        typer.echo(__version__)
        raise typer.Exit(DONE)


def run() -> NoReturn:
    """Run the command line and exit with the contract's exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A file name that is not UTF-8 must not end the program when it is printed.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(standalone_mode=False)
    except (InputError, PhotismError) as error:
        _stop(error, str(error), WRONG_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        _leave_interrupted()
    except TyperException as error:
        said = error.format_message()
        context = getattr(error, "ctx", None)
        manual = f"`{context.command_path if context else 'photism'} --help` is the manual."
        _stop(error, f"{said if said.endswith(('.', '?')) else said + '.'} {manual}", WRONG_INPUT)
    except BrokenPipeError:
        # The reader of our answers has left (`| head`): nothing more to say, and no traceback at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(DONE)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            _stop(error, f"{error.filename or 'the disk of RUN or of the cache'}: {FULL_SENTENCE}", WRONG_INPUT)
        if error.errno in NOT_ALLOWED and error.filename is not None:
            _stop(error, f"{os.fsdecode(error.filename)}: {NOT_ALLOWED_SENTENCE} {error.strerror}.", WRONG_INPUT)
        _stop(error, f"a defect of photism: {type(error).__name__}: {error} (--debug shows where).", DEFECT)
    except Exception as error:  # noqa: BLE001  # the last door: a user is never shown a traceback
        _stop(error, f"a defect of photism: {type(error).__name__}: {error} (--debug shows where).", DEFECT)
    if code == INTERRUPTED:  # typer has caught Ctrl-C itself
        _leave_interrupted()
    sys.exit(code if isinstance(code, int) else DONE)


def _stop(error: BaseException | None, sentence: str, code: int) -> NoReturn:
    if error is not None and os.environ.get("PHOTISM_DEBUG"):
        raise error
    print(f"photism: {sentence}", file=sys.stderr)
    sys.exit(code)


def _leave_interrupted() -> NoReturn:
    """Say that it was interrupted, and end with that exit code whatever was interrupted.

    Not by ``sys.exit``: where a library was running code of its own through Python's C interface (some do while they
    are imported), Python remembers that, and ends by the signal in the end.
    """
    print(f"photism: {INTERRUPTED_SENTENCE}", file=sys.stderr)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(INTERRUPTED)
