"""Check a board: every trained row stands above every baseline, with intervals apart.

Usage: python .ci/check_board.py reports/demo/leaderboard.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def faults(board: dict) -> list[str]:
    """What is wrong with the order of one board; nothing where each trained row is clearly best."""
    title = f"{board['task']} {board['test_set']} ({board['subset']})"
    trained = [row for row in board["rows"] if row["kind"] == "trained"]
    baselines = [row for row in board["rows"] if row["kind"] == "baseline"]
    if not trained or not baselines:
        return [f"{title}: {len(trained)} trained rows and {len(baselines)} baselines"]
    failed = [f"{title}: {row['system']}: {row['reason']}" for row in trained if row["reason"]]
    scored = [row for row in baselines if board["main_metric"] in row["metrics"]]
    return failed + [
        f"{title}: {row['system']} {low:.2f} is not above {baseline['system']} {high:.2f}"
        for row in trained
        for baseline in scored
        if (low := row["metrics"][board["main_metric"]]["low"])
        <= (high := baseline["metrics"][board["main_metric"]]["high"])
    ]


def main(path: Path) -> int:
    boards = json.loads(path.read_text(encoding="utf-8"))["boards"]
    whole = [board for board in boards if board["subset"] == "all"]
    found = [fault for board in whole for fault in faults(board)]
    print("\n".join(found) or f"{len(whole)} boards: every trained row is above every baseline")
    return 1 if found or not whole else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
