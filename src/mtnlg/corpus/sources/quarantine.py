"""Unreadable lines of a split, and how many are tolerated."""

from __future__ import annotations

from mtnlg.errors import DataError


class Quarantine:
    """Collects the unreadable lines of one split."""

    def __init__(self, max_bad_share: float = 0.0) -> None:
        self.max_bad_share = max_bad_share
        self.num_lines = 0
        self.entries: list[tuple[str, str]] = []
        """Location and reason of each unreadable line."""

    def reject(self, location: str, error: DataError) -> None:
        """Quarantine a line; raises the error where no bad line is tolerated."""
        if self.max_bad_share == 0:
            raise error
        self.entries.append((location, str(error).removeprefix(f"{location}: ")))

    def check(self) -> None:
        """Raise DataError if more lines are unreadable than are tolerated."""
        if len(self.entries) > self.max_bad_share * self.num_lines:
            location, reason = self.entries[0]
            raise DataError(
                f"{location}: {reason}; and so on: {len(self.entries)} of {self.num_lines} lines "
                f"are unreadable, more than cleaning.max_bad_share={self.max_bad_share}; "
                "repair them or raise the share"
            )
