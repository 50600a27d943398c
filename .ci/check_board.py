"""Check a board: every trained row stands above every baseline, with intervals apart.

Usage: python .ci/check_board.py reports/demo/leaderboard.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def faults_of(board: dict) -> list[str]:
    """What is wrong with the order of one board; nothing where each trained row is clearly best."""
    title = f"{board['task']} {board['test_set']} ({board['subset']})"
    trained = [row for row in board["rows"] if row["kind"] == "trained"]
    baselines = [row for row in board["rows"] if row["kind"] == "baseline"]
    if not trained or not baselines:
        return [f"{title}: {len(trained)} trained rows and {len(baselines)} baselines"]
    metric = board["main_metric"]
    faults = [
        f"{title}: {row['system']} has no {metric}: {row['status']}, {row['reason']}"
        for row in trained
        if metric not in row["metrics"]
    ]
    for row in trained:
        for baseline in baselines:
            if metric in row["metrics"] and metric in baseline["metrics"]:
                low, high = row["metrics"][metric]["low"], baseline["metrics"][metric]["high"]
                if low <= high:
                    systems = f"{row['system']} {low:.2f}", f"{baseline['system']} {high:.2f}"
                    faults.append(f"{title}: {' is not above '.join(systems)}")
    return faults


def main(path: Path) -> int:
    boards = json.loads(path.read_text(encoding="utf-8"))["boards"]
    whole = [board for board in boards if board["subset"] == "all"]
    faults = [fault for board in whole for fault in faults_of(board)]
    print("\n".join(faults) or f"{len(whole)} boards: every trained row is above every baseline")
    return 1 if faults or not whole else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
