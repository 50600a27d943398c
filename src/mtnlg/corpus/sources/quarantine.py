"""What is put aside of a split because it cannot be read, and how much of that is borne.

Refuses to know: what a line is, and why it cannot be read.
"""

from __future__ import annotations

from mtnlg.errors import DataError


class Quarantine:
    """The unreadable lines of one split, and how many of them are borne."""

    def __init__(self, max_bad_share: float = 0.0) -> None:
        self.max_bad_share = max_bad_share
        self.num_lines = 0
        self.entries: list[tuple[str, str]] = []
        """Location and reason."""

    def reject(self, location: str, error: DataError) -> None:
        """Put a line aside; raises the error where none is borne."""
        if self.max_bad_share == 0:
            raise error
        self.entries.append((location, str(error).removeprefix(f"{location}: ")))

    def check(self) -> None:
        """Raise DataError if more lines were put aside than are borne."""
        if len(self.entries) > self.max_bad_share * self.num_lines:
            location, reason = self.entries[0]
            raise DataError(
                f"{location}: {reason}; and so on: {len(self.entries)} of {self.num_lines} lines "
                f"are unreadable, more than cleaning.max_bad_share={self.max_bad_share}; "
                "repair them or raise the share"
            )
