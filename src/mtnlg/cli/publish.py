"""`mtnlg report --publish EXPERIMENT`, `--refresh` and `--check`: the boards of reports/published,
and their tables in README.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mtnlg.report.publish import check_published, publish, refresh_excerpts, refresh_published


def publish_boards(words: Sequence[str]) -> int:
    """Publish, make again or check; the status is 1 where a check finds a board stale."""
    parser = argparse.ArgumentParser(prog="mtnlg report", description=__doc__)
    parser.add_argument("--publish", metavar="EXPERIMENT", help="a folder of runs/")
    parser.add_argument("--check", action="store_true", help="fail where a board is stale")
    parser.add_argument(
        "--refresh", action="store_true", help="make the boards again from their records"
    )
    parser.add_argument(
        "--samples", type=int, default=2, help="examples shown; mind the data's licence"
    )
    for name in ("runs", "artifacts", "reports"):
        parser.add_argument(f"--{name}-root", type=Path, default=Path(name))
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    options = parser.parse_args(words)
    published_root = options.reports_root / "published"
    if options.publish:
        for path in publish(
            options.publish,
            runs_root=options.runs_root,
            artifacts_root=options.artifacts_root,
            published_root=published_root,
            num_samples=options.samples,
        ):
            print(path)
        if options.readme.is_file():
            refresh_excerpts(options.readme, published_root=published_root)
        return 0
    readme = options.readme if options.readme.is_file() else None
    if options.refresh:
        for line in refresh_published(published_root):
            print(line)
        if readme is not None:
            refresh_excerpts(readme, published_root=published_root)
        return 0
    stale = check_published(published_root, readme=readme)
    for what in stale:
        print(f"stale: {what}", file=sys.stderr)
    return 1 if stale else 0
