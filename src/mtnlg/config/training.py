"""How a model is trained: tokenizer, optimiser, schedule, batches, budget."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mtnlg.config.checks import above, at_least, require, share


@dataclass(kw_only=True)
class TokenizerConfig:
    """Byte-level BPE (Radford et al. 2019), trained on the train splits of the chosen tasks."""

    vocabulary_size: int = 8_000
    """Tokens, special ones included; at least the 256 bytes and the special tokens."""
    min_frequency: int = 2
    """Pairs rarer than this are not merged."""

    def __post_init__(self) -> None:
        at_least("tokenizer.vocabulary_size", self.vocabulary_size, 300)
        at_least("tokenizer.min_frequency", self.min_frequency, 1)


class Schedule(Enum):
    """The learning rate after the warm-up."""

    cosine = "cosine"
    inverse_sqrt = "inverse_sqrt"
    constant = "constant"


@dataclass(kw_only=True)
class OptimizerConfig:
    """AdamW (Loshchilov and Hutter 2019); biases, norms and embeddings of positions are not
    decayed.
    """

    learning_rate: float = 2.5e-3
    beta1: float = 0.9
    beta2: float = 0.98
    epsilon: float = 1e-8
    weight_decay: float = 0.01
    schedule: Schedule = Schedule.cosine
    warmup_steps: int = 400
    min_learning_rate_ratio: float = 0.05
    """Floor of the cosine, as a share of the peak."""
    clip_norm: float = 1.0
    """Largest gradient norm; 0: no clipping."""

    def __post_init__(self) -> None:
        above("optimizer.learning_rate", self.learning_rate, 0)
        share("optimizer.beta1", self.beta1)
        share("optimizer.beta2", self.beta2)
        above("optimizer.epsilon", self.epsilon, 0)
        at_least("optimizer.weight_decay", self.weight_decay, 0)
        at_least("optimizer.warmup_steps", self.warmup_steps, 0)
        share("optimizer.min_learning_rate_ratio", self.min_learning_rate_ratio, includes_one=True)
        at_least("optimizer.clip_norm", self.clip_norm, 0)


class Precision(Enum):
    """Arithmetic of the forward and backward pass; the weights stay in fp32."""

    fp32 = "32-true"
    bf16_mixed = "bf16-mixed"


class Accelerator(Enum):
    """The kind of device."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


@dataclass(kw_only=True)
class TrainerConfig:
    """Budget and batches. The schedule's horizon is `max_steps`; `max_minutes` only ends a training
    early.
    """

    max_steps: int = 2_800
    """Optimizer steps, and the horizon of the schedule."""
    max_minutes: float | None = None
    """Wall-clock minutes of training, counted over resumes; None: no limit."""
    batch_tokens: int = 4_096
    """Tokens of one micro-batch, padding included."""
    accumulation: int = 1
    """Micro-batches per optimizer step and process."""
    label_smoothing: float = 0.1
    precision: Precision = Precision.fp32
    accelerator: Accelerator = Accelerator.auto
    devices: int = 1
    num_threads: int | None = None
    """CPU threads of one process; None: PyTorch's choice. It changes the last bits of every sum."""
    num_workers: int = 0
    """Processes that load data; they change no result."""
    validate_every_steps: int = 250
    log_every_steps: int = 20
    validation_rows: int = 200
    """Rows per task, at a fixed stride, that are decoded greedily for the choice of the
    checkpoint.
    """
    max_validation_batches: int = 50
    """Batches per validation loss."""

    def __post_init__(self) -> None:
        positive = (
            "max_steps",
            "accumulation",
            "devices",
            "validate_every_steps",
            "log_every_steps",
        )
        for name in (*positive, "validation_rows", "max_validation_batches"):
            at_least(f"trainer.{name}", getattr(self, name), 1)
        at_least("trainer.batch_tokens", self.batch_tokens, 16)
        at_least("trainer.num_workers", self.num_workers, 0)
        share("trainer.label_smoothing", self.label_smoothing)
        if self.max_minutes is not None:
            above("trainer.max_minutes", self.max_minutes, 0)
        if self.num_threads is not None:
            at_least("trainer.num_threads", self.num_threads, 1)
        is_supported = self.devices == 1 or self.accelerator is not Accelerator.auto
        require(
            is_supported,
            "trainer.accelerator",
            "auto",
            "named (cpu or cuda) where trainer.devices > 1",
        )
