"""One stage of a run over a large corpus, in a process of its own: `large_run.py FOLDER STAGE`."""

from __future__ import annotations

import sys
from pathlib import Path

from mtnlg.config import (
    Config,
    ModelConfig,
    PreparationConfig,
    TaskConfig,
    TaskKind,
    TokenizerConfig,
    TrainerConfig,
)
from mtnlg.experiment import artifacts

STAGES = ("rows", "contamination", "tokenizer", "tokens", "training")
NUM_STEPS = 20


def large_config(folder: Path) -> Config:
    task = TaskConfig(
        kind=TaskKind.translation,
        reader="parallel_text",
        source_language="en",
        target_language="zh",
        folder=str(folder / "data"),
        columns={"source": "en", "target": "zh"},
    )
    return Config(
        tasks={"large": task},
        preparation=PreparationConfig(num_workers=2),
        tokenizer=TokenizerConfig(vocabulary_size=8_000, max_training_rows=50_000),
        model=ModelConfig(name="small", num_layers=4, hidden_size=128, num_heads=4),
        trainer=TrainerConfig(
            max_steps=NUM_STEPS,
            validate_every_steps=NUM_STEPS,
            validation_rows=4,
            limit_val_batches=2,
            num_threads=1,
        ),
        artifacts_root=str(folder / "artifacts"),
    )


def main() -> None:
    folder, last = Path(sys.argv[1]), sys.argv[2]
    config = large_config(folder)
    prepared = artifacts.Prepared()
    prepared.rows["large"] = artifacts.make_rows(config, "large", config.tasks["large"])
    if last == "rows":
        return
    prepared.contamination = artifacts.search_contamination(config, prepared)
    if last == "contamination":
        return
    prepared.tokenizer = artifacts.make_tokenizer(config, prepared)
    if last == "tokenizer":
        return
    prepared.tokens["large"] = artifacts.make_tokens(
        config, "large", config.tasks["large"], prepared
    )
    if last == "training":
        artifacts.make_model(config, prepared)


if __name__ == "__main__":
    main()
