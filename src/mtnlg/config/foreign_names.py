"""Settings by their names in Lightning, PyTorch and Hugging Face, and what to set here instead."""

from __future__ import annotations

LEARNING_RATE = "set optimizer.learning_rate"
EPOCHS = "set trainer.max_epochs"
BATCHES = "set trainer.batch_tokens, and trainer.accumulation or trainer.step_target_tokens"
CLIPPING = "set optimizer.clip_norm, the largest gradient norm"
VALIDATION = "set trainer.validate_every_steps"
FEWER_ROWS = "set tasks.<name>.max_train_rows or trainer.max_steps; debug=overfit learns few rows"
BEAMS = "set decoding.strategy=beam and decoding.num_beams"
RESUMING = (
    "an interrupted training goes on when it is started again; to begin with other weights, set "
    "initial_model=<model folder>"
)

TOP = {
    **dict.fromkeys(("lr", "learning_rate"), LEARNING_RATE),
    **dict.fromkeys(("epochs", "max_epochs"), EPOCHS),
    "batch_size": BATCHES,
    "max_steps": "set trainer.max_steps",
    **dict.fromkeys(("data", "dataset"), "choose task=<kind>/<name>; --help lists them"),
    **dict.fromkeys(("scheduler", "lr_scheduler"), "set optimizer.schedule"),
    "ckpt_path": RESUMING,
}
OPTIMIZER = {
    "lr": LEARNING_RATE,
    "min_lr": "set optimizer.min_learning_rate_ratio, a share of the peak",
    "betas": "set optimizer.beta1 and optimizer.beta2",
    "eps": "set optimizer.epsilon",
    **dict.fromkeys(("warmup", "num_warmup_steps"), "set optimizer.warmup_steps"),
    **dict.fromkeys(("scheduler", "lr_scheduler"), "set optimizer.schedule"),
    **dict.fromkeys(("max_grad_norm", "gradient_clip_val"), CLIPPING),
}
TRAINER = {
    **dict.fromkeys(("epochs", "num_epochs", "num_train_epochs"), EPOCHS),
    "max_time": "set trainer.max_minutes",
    **dict.fromkeys(
        ("min_epochs", "min_steps"), "only trainer.patience and callbacks end a training early"
    ),
    **dict.fromkeys(("limit_train_batches", "overfit_batches"), FEWER_ROWS),
    **dict.fromkeys(
        ("limit_test_batches", "limit_predict_batches"),
        "a score is of a whole test set; choose among them by tasks.<name>.test_sets",
    ),
    **dict.fromkeys(("batch_size", "accumulate_grad_batches"), BATCHES),
    **dict.fromkeys(("gradient_clip_val", "max_grad_norm"), CLIPPING),
    "gradient_clip_algorithm": CLIPPING,
    **dict.fromkeys(("val_check_interval", "check_val_every_n_epoch"), VALIDATION),
    "log_every_n_steps": "set trainer.log_every_steps",
    **dict.fromkeys(("num_nodes", "gpus"), "one machine trains; set trainer.devices"),
    **dict.fromkeys(("ckpt_path", "resume_from_checkpoint"), RESUMING),
    "enable_checkpointing": "the best weights and two checkpoints to resume from are always kept",
    "enable_model_summary": "see lightning.pytorch.callbacks.ModelSummary, by callbacks.<name>",
    "num_sanity_val_steps": "debug=fast runs every stage in a few steps",
    "deterministic": "a training is repeated bit for bit with the same trainer.num_threads",
    "default_root_dir": "set artifacts_root and runs_root",
    "logger": "choose logger=tensorboard, at the top level",
    "callbacks": "choose callbacks=early_stopping, at the top level",
    "plugins": "choose strategy=ddp, at the top level",
    **dict.fromkeys(
        (
            *("barebones", "benchmark", "enable_autolog_hparams", "inference_mode"),
            *("model_registry", "reload_dataloaders_every_n_epochs", "sync_batchnorm"),
            "use_distributed_sampler",
        ),
        "it would change nothing here; take it out",
    ),
    "lr": LEARNING_RATE,
}
MODEL = {
    **dict.fromkeys(("d_model", "n_embd", "embed_dim"), "set model.hidden_size"),
    **dict.fromkeys(("n_layer", "n_layers", "num_hidden_layers"), "set model.num_layers"),
    **dict.fromkeys(("n_head", "n_heads", "num_attention_heads"), "set model.num_heads"),
    **dict.fromkeys(("d_ff", "ffn_dim", "intermediate_size"), "set model.feed_forward_size"),
    **dict.fromkeys(("block_size", "max_length", "n_positions"), "set model.context_length"),
    "vocab_size": "set tokenizer.vocabulary_size",
}
DECODING = {
    **dict.fromkeys(("beam", "beam_size"), BEAMS),
    **dict.fromkeys(("max_length", "max_tokens"), "set decoding.max_new_tokens"),
    "min_length": "set decoding.min_new_tokens",
    "do_sample": "set decoding.strategy=sampling",
    "num_return_sequences": "set decoding.num_alternatives",
}
FOREIGN_NAMES = {
    "Config": TOP,
    "DecodingConfig": DECODING,
    "ModelConfig": MODEL,
    "OptimizerConfig": OPTIMIZER,
    "TokenizerConfig": {"vocab_size": "set tokenizer.vocabulary_size"},
    "TrainerConfig": TRAINER,
}
"""Class of settings -> a name that it does not have -> what to do."""
FOREIGN_VALUES = {
    "trainer.devices": "a number; name trainer.accelerator where it is more than one",
    "trainer.limit_val_batches": "batches of each task; null: all",
    "trainer.profiler": "choose profiler=simple, at the top level",
    "trainer.strategy": "several devices train by DDP; strategy=ddp, at the top level, is the same",
}
"""Setting -> what its values are, where other frameworks have others."""
