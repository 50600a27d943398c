"""How a model is trained: tokenizer, optimizer, schedule, batches, budget."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from mtnlg.config.checks import (
    Count,
    CountOrZero,
    NonNegative,
    Positive,
    PositiveShare,
    PositiveShareOrAll,
    Share,
    ShareOrAll,
    at_least,
    check_fields,
    require,
)
from mtnlg.config.third_party import ThirdParty

DEFAULT_MAX_STEPS = 2_800
"""Enough for the small data sets and models that come with this package."""


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

    learning_rate: Positive = 2.5e-3
    beta1: Share = 0.9
    beta2: Share = 0.98
    epsilon: Positive = 1e-8
    weight_decay: NonNegative = 0.01
    schedule: Schedule = Schedule.cosine
    warmup_steps: CountOrZero = 400
    min_learning_rate_ratio: ShareOrAll = 0.05
    """Floor of the cosine, as a share of the peak."""
    clip_norm: NonNegative = 1.0
    """Largest gradient norm; 0: no clipping."""

    def __post_init__(self) -> None:
        check_fields(self, "optimizer.")


class Precision(Enum):
    """Arithmetic of the forward and backward pass; the weights stay in fp32."""

    fp32 = "32-true"
    bf16_mixed = "bf16-mixed"
    fp16_mixed = "16-mixed"
    """With a scaled loss; on a CUDA device alone."""


class Accelerator(Enum):
    """The kind of device."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


@dataclass(kw_only=True)
class TrainerConfig:
    """Budget and batches. The schedule's horizon is `max_steps` or `max_epochs`; everything else
    only ends a training early.
    """

    max_steps: Count | None = None
    """Optimizer steps, and the horizon of the schedule. None: those of `max_epochs`, or 2,800."""
    max_epochs: Count | None = None
    """Passes over the training data, after those of a curriculum, in place of `max_steps`."""
    max_minutes: Positive | None = None
    """Wall-clock minutes of training, counted over resumes; None: no limit."""
    batch_tokens: Annotated[int, at_least(16)] = 4_096
    """Tokens of one micro-batch, padding included."""
    accumulation: Count = 1
    """Micro-batches per optimizer step and process."""
    label_smoothing: Share = 0.1
    precision: Precision = Precision.fp32
    accelerator: Accelerator = Accelerator.auto
    devices: Count = 1
    num_threads: Count | None = None
    """CPU threads of one process; None: PyTorch's choice. It changes the last bits of every sum."""
    num_workers: CountOrZero = 0
    """Processes that load data; they change no result."""
    validate_every_steps: Count = 250
    log_every_steps: Count = 20
    validation_rows: Count = 200
    """Rows per task, at a fixed stride, that are decoded greedily for the choice of the
    checkpoint.
    """
    limit_val_batches: Count | None = 50
    """Batches per task of a validation loss; None: all."""
    ema_decay: PositiveShare | None = None
    """Decay of an exponential moving average of the weights over the steps (Polyak and Juditsky
    1992); validations, the choice of the checkpoint and the model folder then use the averaged
    weights. It warms up as min(ema_decay, (1 + step) / (10 + step)). None: no average.
    """
    average_last: Annotated[int, at_least(2)] | None = None
    """Validations at whose weights a mean is taken when the training ends (Vaswani et al. 2017,
    sec. 6.1). The mean is validated and competes as one more candidate for the model folder: it is
    kept only where it is better than every single one. None: no mean.
    """
    activation_checkpointing: bool = False
    """Compute each block again in the backward pass instead of keeping its activations (Chen et al.
    2016): the same gradients with less memory, in about a third more time.
    """
    step_target_tokens: Count | None = None
    """Target tokens of an optimizer step, all ranks together, as nearly as whole examples allow;
    `accumulation` then follows from the data. None: as many as the micro-batches happen to hold.
    """
    patience: Count | None = None
    """Validations in a row without a better one, after which the training ends. None: no limit."""
    r_drop: Positive | None = None
    """Weight alpha of the divergence between two passes with different dropout (R-Drop, Liang et
    al. 2021, eq. 4). The loss is half of theirs, so that it stays one cross-entropy per label;
    theirs is 5 for translation. It doubles the work of a step. None: one pass.
    """
    source_loss_weight: Positive | None = None
    """Weight of the cross-entropy of the source's tokens and of the separator beside that of the
    targets; the sum is still divided by the step's target tokens. None: targets alone.
    """
    curriculum_steps: Count | None = None
    """Steps until the longest examples are shown: before, only those shorter than the competence
    allows, in its square-root form (Platanios et al. 2019, eq. 8). None: all from the start.
    """
    task_temperature: Positive | None = None
    """Temperature T of the mixture of tasks: a task of n examples is drawn in proportion to
    weight * n^(1/T) (Arivazhagan et al. 2019, sec. 4.2), 1 being the mixture without it; the length
    of an epoch stays. None: in proportion to weight * n.
    """
    bpe_dropout: PositiveShareOrAll | None = None
    """Probability with which a merge is left out when training text is segmented, anew each time it
    is shown (Provilkov et al. 2020; they take 0.1). Batches are planned by whole segmentations, so
    they grow by what the dropout adds. None: the tokenizer's own segmentation.
    """
    frozen: list[str] | None = None
    """Parameters that keep their initial values: names, parts before a dot (`blocks.0`) or patterns
    (`*.attention.*`). A tied unembedding is frozen with `token_embedding`. None: all are trained.
    """
    has_profile: bool = False
    """Whether the first steps are timed by torch.profiler; profile.txt in the model folder."""
    profiler: ThirdParty | None = None
    """A profiler of Lightning's, which times its hooks; it changes no result."""
    strategy: ThirdParty | None = None
    """How several devices train together. None: DDP."""
    fast_dev_run: bool = False
    """Train one step and validate one batch and one row, without trackers: does it run at all?"""
    detect_anomaly: bool = False
    """Name the operation whose gradient is NaN; slow, and it changes no result."""
    enable_progress_bar: bool = True
    """Show how far the training is; a progress bar of `callbacks` is shown in its place."""

    def __post_init__(self) -> None:
        if self.fast_dev_run:
            self._shorten()
        check_fields(self, "trainer.")
        if self.frozen is not None:
            is_named = bool(self.frozen) and all(self.frozen)
            require(is_named, "trainer.frozen", self.frozen, "names of parameters; null: none")
        is_supported = self.devices == 1 or self.accelerator is not Accelerator.auto
        require(
            is_supported,
            "trainer.accelerator",
            "auto",
            "named (cpu or cuda) where trainer.devices > 1",
        )
        self._check_options()

    @property
    def horizon(self) -> int:
        """Optimizer steps of the schedule, once those of `max_epochs` are counted."""
        assert self.max_epochs is None, f"the steps of {self.max_epochs} epochs are not counted"
        return DEFAULT_MAX_STEPS if self.max_steps is None else self.max_steps

    def _shorten(self) -> None:
        self.max_steps, self.max_epochs = 1, None
        self.validate_every_steps = self.log_every_steps = 1
        self.limit_val_batches = self.validation_rows = 1
        self.curriculum_steps = self.average_last = self.patience = None

    def _check_options(self) -> None:
        """What is off by default."""
        if self.max_epochs is not None:
            allowed = f"null where trainer.max_epochs={self.max_epochs} sets the horizon"
            require(self.max_steps is None, "trainer.max_steps", self.max_steps, allowed)
        if self.average_last is not None:
            require(
                self.ema_decay is None,
                "trainer.average_last",
                self.average_last,
                f"null where trainer.ema_decay={self.ema_decay} averages the weights already",
            )
        if self.step_target_tokens is not None:
            require(
                self.accumulation == 1,
                "trainer.accumulation",
                self.accumulation,
                "left at 1 where trainer.step_target_tokens sets it",
            )
        if self.curriculum_steps is not None and self.max_epochs is None:
            require(
                self.curriculum_steps <= self.horizon,
                "trainer.curriculum_steps",
                self.curriculum_steps,
                f"at most trainer.max_steps={self.horizon}",
            )
        if self.precision is Precision.fp16_mixed:
            require(
                self.accelerator is not Accelerator.cpu,
                "trainer.precision",
                self.precision.name,
                "fp32 or bf16_mixed where trainer.accelerator=cpu",
            )
