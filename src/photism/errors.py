"""Every error photism raises, drawn as one tree.

    PhotismError
    ├── InputError              the user's input or options are wrong: exit code 2
    │   ├── DataError           DATA: a folder, a CSV, its labels or its parts
    │   ├── OptionError         an option's value, or two options that contradict each other
    │   ├── RunError            RUN: missing, already there, damaged or of a newer format
    │   └── WeightsError        a backbone's name, its weights file or its checksum
    ├── DecodeError             one file cannot be used; callers turn it into a Skipped(reason)
    ├── EngineError             an inference engine is absent or failed on this machine
    └── WorkerError             a decoding worker was killed (time or memory) or died

Messages are one plain sentence that names the file, what was expected and what was received. The command
line prints them as they are; a traceback is shown only with ``--debug``.
"""

from __future__ import annotations

__all__ = [
    "DataError",
    "DecodeError",
    "EngineError",
    "InputError",
    "OptionError",
    "PhotismError",
    "RunError",
    "WeightsError",
    "WorkerError",
]


class PhotismError(Exception):
    """The root: catch this to catch everything photism raises on purpose."""


class InputError(PhotismError):
    """The user's input or options are wrong; the command line exits with 2."""


class DataError(InputError):
    """DATA (a folder or a CSV) is not what training or evaluation needs."""


class OptionError(InputError):
    """An option has a value that is not allowed, or two options contradict each other."""


class RunError(InputError):
    """A RUN folder is missing, already there, damaged, or written by a newer photism."""


class WeightsError(InputError):
    """A backbone is unknown, or its weights are missing, unreadable or not the expected ones."""


class DecodeError(PhotismError):
    """One file cannot be decoded or rendered; the message becomes the reason of a ``Skipped``."""


class EngineError(PhotismError):
    """An inference engine is not installed, or failed on this machine."""


class WorkerError(PhotismError):
    """A decoding worker was killed because it took too long, or died."""
