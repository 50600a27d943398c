"""The code of a run: the hash of each stage's, and which are not as they were at the launch."""

from __future__ import annotations

from pathlib import Path

from mtnlg.artifacts.source import Code
from mtnlg.config import Config
from mtnlg.errors import MtnlgError
from mtnlg.experiment import artifacts


def code_hashes(config: Config) -> dict[str, str]:
    """The hash of the code of each stage, as the keys of this run's artifacts have it; empty where
    the settings ask for a row that no table has.
    """
    from mtnlg.evaluation.metrics.registry import used_metrics
    from mtnlg.evaluation.score import make_scores

    try:
        codes = {
            "rows": Code(artifacts.make_rows, rows=artifacts.reading_rows(config.tasks.values())),
            "contamination": Code(artifacts.search_contamination),
            "tokenizer": Code(artifacts.make_tokenizer),
            "tokens": Code(artifacts.make_tokens),
            "model": Code(artifacts.make_model, rows=artifacts.validation_rows(config)),
            "predictions": Code(artifacts.make_predictions, rows=artifacts.decoding_rows(config)),
            "baselines": Code(artifacts.make_baseline),
            "scores": Code(make_scores, rows=used_metrics(config.evaluation.metrics)),
        }
    except MtnlgError:  # the run itself says it
        return {}
    return {stage: code.digest(Path(config.artifacts_root)) for stage, code in codes.items()}
