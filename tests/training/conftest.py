"""The two tasks that tests of a training begin with."""

from made_training import prepared

__all__ = ["prepared"]
