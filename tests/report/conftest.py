"""The launches that most tests of boards and reports begin with."""

from made_launch import launch, troubled

__all__ = ["launch", "troubled"]
