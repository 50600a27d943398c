"""A report whose every text is an attack."""

from __future__ import annotations

import json
from pathlib import Path

from made_launch import MadeLaunch, made_metric
from mtnlg.text.display import visible
from read_report import written

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
TEMPLATE = "{{7*7}}{% raw %}"
TABLE = "a|b\nc `d` *e* _f_ </details>"
FORMULA = "=cmd()|' /C calc'!A0"
HOSTILE = [SCRIPT, IMAGE, TEMPLATE, TABLE, FORMULA, "\u202egnp.exe", "\x00\x1b[31m", "\ud800"]


def report_with(text: str, launch: MadeLaunch, folder: Path) -> dict[str, str]:
    """A report in which the text stands wherever text can come from outside."""
    metric = made_metric(20.0, signature=text, interval=text, unit=text)
    changes = {"decoding": text, "contamination": {"checked": 7, "flagged": 1, "rule": text}}
    table = f"step,train_loss,validation_metric/x\n1,2.5,0.5\n2,{json.dumps(text)},0.6\n"
    for place in (1, 2):
        key = launch.add_scores(f"run{place}", all={"bleu": metric, text: metric})
        launch.add_predictions(key, [text, text])
        launch.add_run(
            f"run{place}",
            [launch.score(key, system=text, language=text, **changes)],
            system=text,
            overrides=[f"{text}={place}"],
            artifacts={"model": launch.add_metrics("model", visible(table))},
            versions={text: text},
            hardware={text: text},
        )
    launch.add_run("fell", status="failed", reason=text, system=text)
    launch.run_ids.append(text)
    return written(launch.build(command=text), folder)
