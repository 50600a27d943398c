"""How a model is trained: optimizer, schedule, batches, budget."""

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
"""Enough for the small data sets and models of this package."""


class Schedule(Enum):
    """The learning rate after the warm-up."""

    cosine = "cosine"
    """Half a cosine down to a floor at the last step (Loshchilov and Hutter 2017)."""
    inverse_sqrt = "inverse_sqrt"
    """In proportion to 1 / sqrt(step) (Vaswani et al. 2017, eq. 3)."""
    constant = "constant"
    """The peak to the end."""


class OptimizerName(Enum):
    """What turns gradients into steps."""

    adamw = "adamw"
    """Loshchilov and Hutter 2019."""
    muon = "muon"
    """Jordan et al. 2024, for the matrices of the blocks; AdamW for all other weights."""


@dataclass(kw_only=True)
class OptimizerConfig:
    """Biases, norms and position embeddings do not decay."""

    name: OptimizerName = OptimizerName.adamw
    """What turns gradients into steps."""
    learning_rate: Positive = 2.5e-3
    """Peak, at the end of the warm-up."""
    beta1: Share = 0.9
    """Decay of the mean of AdamW's gradients."""
    beta2: Share = 0.98
    """Decay of the mean of their squares; 0.98 as in Vaswani et al. 2017, sec. 5.3."""
    epsilon: Positive = 1e-8
    """Added to the root of that mean."""
    momentum: Share = 0.95
    """Decay of the sum of Muon's gradients."""
    weight_decay: NonNegative = 0.01
    """Decoupled decay of matrices, times the learning rate (Loshchilov and Hutter 2019)."""
    schedule: Schedule = Schedule.cosine
    """The learning rate after the warm-up."""
    warmup_steps: CountOrZero = 400
    """Steps in which the learning rate rises evenly from 0 to its peak."""
    min_learning_rate_ratio: ShareOrAll = 0.05
    """Floor of the cosine as a share of the peak."""
    clip_norm: NonNegative = 1.0
    """Largest gradient norm; 0: no clipping."""

    def __post_init__(self) -> None:
        check_fields(self, "optimizer.")

    def late_peak(self, horizon: int) -> str:
        """A warning where the learning rate never leaves the warm-up; empty otherwise."""
        if horizon > self.warmup_steps:
            return ""
        return (
            f"optimizer.warmup_steps={self.warmup_steps}: the training has {horizon} steps, and "
            f"its learning rate never reaches {self.learning_rate:g}; lower optimizer.warmup_steps "
            "or raise trainer.max_steps"
        )


class Precision(Enum):
    """Arithmetic of the forward and backward pass; the weights stay in fp32."""

    fp32 = "32-true"
    """Single precision."""
    bf16_mixed = "bf16-mixed"
    """bfloat16 where it is safe (torch.autocast)."""
    fp16_mixed = "16-mixed"
    """With a scaled loss; only on CUDA devices."""


class Accelerator(Enum):
    """The kind of device."""

    auto = "auto"
    """CUDA where there is a device of it."""
    cpu = "cpu"
    """Also where there is a GPU."""
    cuda = "cuda"
    """GPUs of NVIDIA."""


@dataclass(kw_only=True)
class TrainerConfig:
    """Budget and batches. `max_steps` or `max_epochs` is the schedule's horizon; all other limits
    only end a training early.
    """

    max_steps: Count | None = None
    """Optimizer steps and horizon of the schedule. None: those of `max_epochs`, or 2,800."""
    max_epochs: Count | None = None
    """Passes over the training data after a curriculum, instead of `max_steps`."""
    max_minutes: Positive | None = None
    """Minutes of training, resumes included; None: no limit."""
    batch_tokens: Annotated[int, at_least(16)] = 4_096
    """Tokens of one micro-batch, padding included."""
    accumulation: Count = 1
    """Micro-batches per optimizer step and process."""
    label_smoothing: Share = 0.1
    """Probability spread over all tokens (Szegedy et al. 2016; 0.1 as in Vaswani et al. 2017)."""
    precision: Precision = Precision.fp32
    """Arithmetic of the forward and backward pass; the weights stay in fp32."""
    accelerator: Accelerator = Accelerator.auto
    """The kind of device."""
    devices: Count = 1
    """Devices that train together, with a process each."""
    num_threads: Count | None = None
    """CPU threads of one process; None: PyTorch's choice. It changes the last bits of every sum."""
    num_workers: CountOrZero = 0
    """Processes that load data; they change no result."""
    validate_every_steps: Count = 250
    """Optimizer steps between validations; each also saves a checkpoint."""
    log_every_steps: Count = 20
    """Optimizer steps between rows of metrics.csv."""
    validation_rows: Count = 200
    """Rows per task, at a fixed stride, that are decoded greedily for the choice of the
    checkpoint.
    """
    validation_samples: CountOrZero = 0
    """Of these rows, as many per task are shown with their outputs after each validation, and kept
    in the log and in trackers; they change no result.
    """
    limit_val_batches: Count | None = 50
    """Batches per task of a validation loss; None: all."""
    ema_decay: PositiveShare | None = None
    """Decay of an exponential moving average of the weights (Polyak and Juditsky 1992) for
    validations and the model folder; warms up as min(ema_decay, (1 + step) / (10 + step)). None: no
    average.
    """
    average_last: Annotated[int, at_least(2)] | None = None
    """Last validations whose weights are averaged at the end (Vaswani et al. 2017, sec. 6.1). The
    mean is validated too, and kept only if it beats every single one. None: no mean.
    """
    activation_checkpointing: bool = False
    """Compute each block again in the backward pass (Chen et al. 2016): the same gradients with
    less memory, in about a third more time.
    """
    step_target_tokens: Count | None = None
    """Target tokens of an optimizer step over all ranks, as nearly as whole examples allow, instead
    of `accumulation`. None: whatever the micro-batches hold.
    """
    patience: Count | None = None
    """Validations without improvement after which a training ends. None: no limit."""
    r_drop: Positive | None = None
    """Weight alpha of the divergence between two passes with different dropout (R-Drop, Liang et
    al. 2021, eq. 4; 5 for translation). The loss is half of theirs, to stay one cross-entropy per
    label, and takes twice the work. None: one pass.
    """
    source_loss_weight: Positive | None = None
    """Weight of the cross-entropy of the source and the separator; the sum is still divided by the
    step's target tokens. None: only targets count.
    """
    curriculum_steps: Count | None = None
    """Steps until the longest examples are shown; before, length is limited by the square-root
    competence (Platanios et al. 2019, eq. 8). None: all from the start.
    """
    task_temperature: Positive | None = None
    """Temperature T of the mixture of tasks: a task of n examples is drawn in proportion to its
    weight * n^(1/T) (Arivazhagan et al. 2019, sec. 4.2); epochs keep their length. None: T = 1.
    """
    bpe_dropout: PositiveShareOrAll | None = None
    """Probability of skipping a merge, drawn anew each time a training text is shown (Provilkov et
    al. 2020; they take 0.1). Batches are planned without it, so they grow by what it adds. None:
    the tokenizer's own segmentation.
    """
    frozen: list[str] | None = None
    """Parameters that keep their initial values: names, parts before a dot (`blocks.0`) or patterns
    (`*.attention.*`). `token_embedding` includes a tied unembedding. None: all are trained.
    """
    has_profile: bool = False
    """Time the first steps by torch.profiler; see profile.txt in the model folder."""
    profiler: ThirdParty | None = None
    """A Lightning profiler, which times its hooks; it changes no result."""
    strategy: ThirdParty | None = None
    """How several devices train together. None: DDP."""
    fast_dev_run: bool | CountOrZero = False
    """Train so many steps, then validate as many batches and rows of each task, without trackers;
    true: one.
    """
    detect_anomaly: bool = False
    """Name the operation whose gradient is NaN; slow, but it changes no result."""
    enable_progress_bar: bool = True
    """Show the progress of training; a progress bar in `callbacks` replaces it."""

    def __post_init__(self) -> None:
        if self.fast_dev_run in (0, 1):
            self.fast_dev_run = bool(self.fast_dev_run)
        if self.fast_dev_run:
            self._shorten(max(int(self.fast_dev_run), 1))
        check_fields(self, "trainer.")
        if self.frozen is not None:
            is_named = bool(self.frozen) and all(self.frozen)
            require(is_named, "trainer.frozen", self.frozen, "names of parameters; null: none")
        is_supported = self.devices == 1 or self.accelerator is not Accelerator.auto
        allowed = "named (cpu or cuda) where trainer.devices > 1"
        require(is_supported, "trainer.accelerator", "auto", allowed)
        self._check_options()

    @property
    def horizon(self) -> int:
        """Optimizer steps of the schedule; call it only once `max_epochs` is resolved."""
        assert self.max_epochs is None, f"the steps of {self.max_epochs} epochs are not counted"
        return DEFAULT_MAX_STEPS if self.max_steps is None else self.max_steps

    def _shorten(self, num_steps: int) -> None:
        self.max_steps, self.max_epochs, self.log_every_steps = num_steps, None, 1
        self.validate_every_steps = self.limit_val_batches = self.validation_rows = num_steps
        self.curriculum_steps = self.average_last = self.patience = None

    def _check_options(self) -> None:
        """Raise ConfigError for options that exclude each other."""
        if self.max_epochs is not None:
            allowed = f"null where trainer.max_epochs={self.max_epochs} sets the horizon"
            require(self.max_steps is None, "trainer.max_steps", self.max_steps, allowed)
        if self.average_last is not None:
            allowed = f"null where trainer.ema_decay={self.ema_decay} averages the weights already"
            require(self.ema_decay is None, "trainer.average_last", self.average_last, allowed)
        if self.step_target_tokens is not None:
            allowed = "left at 1 where trainer.step_target_tokens sets it"
            require(self.accumulation == 1, "trainer.accumulation", self.accumulation, allowed)
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
