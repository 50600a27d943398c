"""The errors that a user can cause.

Each message names the file or key, the value, what is allowed and what to do. The command line
prints the message alone and exits with the class's code. Any other exception is a bug of this
package and keeps its traceback.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping

NO_MEMORY = (
    *("out of memory", "can't allocate memory", "cannot allocate memory", "bad alloc"),
    *("can't start new thread", "failed to map segment"),
)
"""Words of PyTorch, CUDA, Python and the dynamic linker."""


class MtnlgError(Exception):
    """A failure with a cause that the user can act on."""

    exit_code = 2


class ConfigError(MtnlgError, ValueError):
    """A setting that is unknown, out of range or at odds with another."""


class DataError(MtnlgError, ValueError):
    """A data file that is missing, broken or empty."""

    exit_code = 3


class InterruptedReadingError(DataError):
    """The hub gave no data, mostly for want of a network; the command resumes at the last shard."""


class EndpointError(DataError):
    """An endpoint that gives no usable answer; the command resumes with the answers it gave."""


class ArtifactError(MtnlgError, RuntimeError):
    """A folder of ours that is missing, corrupt or of a newer schema."""

    exit_code = 4


class NewerVersionError(ArtifactError):
    """A document that a later version of this package wrote."""


class DamagedError(ArtifactError):
    """A folder of ours with a file that is not what was written; it is set aside and built again
    when a run needs it.
    """


class InterruptedTrainingError(MtnlgError):
    """A training that was stopped; the same command resumes at its last checkpoint."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(f"{message}; the same command goes on from the last checkpoint")
        self.exit_code = exit_code


class PrunedTrainingError(MtnlgError):
    """A training that a search ended early, which is no failure."""

    exit_code = 0

    def __init__(self, message: str, validations: Mapping[int, float]) -> None:
        super().__init__(message)
        self.validations = validations
        """Step -> what a search maximizes."""


class TrainingError(MtnlgError, RuntimeError):
    """A training that cannot continue, as when its loss is not finite."""

    exit_code = 5


class NotFiniteError(TrainingError):
    """A number of a training that is NaN or infinite; no checkpoint holds it."""

    def __init__(self, what: str, *, step: int) -> None:
        super().__init__(f"{what} at step {step:,}")
        self.step = step


class OutOfMemoryError(MtnlgError, MemoryError):
    """Work that needs more memory than the machine, or a limit, has left."""

    exit_code = 5


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python, PyTorch or the system means that memory is used up."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    text = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError | ImportError) and any(words in text for words in NO_MEMORY)
    )


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name most like the word; None where none is like it."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, list(known), n=1)), None)


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a message that names the known name most like the word; empty without one."""
    name = nearest(word, known)
    return f"; did you mean {name!r}?" if name else ""
