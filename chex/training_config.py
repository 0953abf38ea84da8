"""The configuration of a training run: optimizer, augmentation, data, and how the run is watched and kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, get_args

from chex.geometry import Fit
from chex.objective_config import ObjectiveConfig

StageName = Literal["contrastive", "detector", "post-decoder", "sentences", "generator"]
STAGES: tuple[str, ...] = get_args(StageName)


@dataclass(frozen=True, slots=True)
class OptimizerConfig:
    """AdamW with linear warm-up from 0 to `lr`, then a cosine to `final_lr` at `steps`.

    `accumulate` cuts a batch into parts that are worked through one after the other, for what does not fit in memory;
    contrasts then see the negatives of their own part only. `average` keeps a moving average of the trained weights,
    which is what is validated and saved.
    """

    lr: float = 1e-4
    final_lr: float = 1e-7
    weight_decay: float = 1e-5
    betas: tuple[float, float] = (0.9, 0.999)
    clip_norm: float | None = 1.0
    warmup_steps: int = 1000
    steps: int = 50_000
    accumulate: int = 1
    lr_factors: dict[str, float] = field(default_factory=dict)  # part of the model -> its share of the learning rate
    average: float | None = None  # share of the old average that a step keeps, 0.999 for example

    def scaled(self, effort: float) -> Self:
        """With `effort` times the steps; the warm-up takes a quarter of them at most."""
        steps = max(1, round(self.steps * effort))
        return replace(self, steps=steps, warmup_steps=min(self.warmup_steps, steps // 4))

    def problems(self) -> list[str]:
        found = []
        if self.lr <= 0:
            found.append(f"lr: expected a number above 0, found {self.lr}")
        if not 0 <= self.final_lr <= max(self.lr, 0):
            found.append(f"final_lr: expected 0 <= final_lr <= lr ({self.lr}), found {self.final_lr}")
        if self.weight_decay < 0:
            found.append(f"weight_decay: expected 0 or more, found {self.weight_decay}")
        if not all(0 <= beta < 1 for beta in self.betas):
            found.append(f"betas: expected two numbers in [0, 1), found {list(self.betas)}")
        if self.clip_norm is not None and self.clip_norm <= 0:
            found.append(f"clip_norm: expected a number above 0, or null for no clipping, found {self.clip_norm}")
        if self.steps < 1:
            found.append(f"steps: expected at least 1, found {self.steps}")
        if self.accumulate < 1:
            found.append(f"accumulate: expected at least 1, found {self.accumulate}")
        found += [
            f"lr_factors.{part}: expected a number above 0, found {factor}"
            for part, factor in self.lr_factors.items()
            if factor <= 0
        ]
        if self.average is not None and not 0 < self.average < 1:
            found.append(f"average: expected a number between 0 and 1, or null, found {self.average}")
        if not 0 <= self.warmup_steps <= max(self.steps, 0):
            found.append(f"warmup_steps: expected 0 <= warmup_steps <= steps ({self.steps}), found {self.warmup_steps}")
        return found


@dataclass(frozen=True, slots=True)
class AugmentationConfig:
    """What happens to an image and its annotations before the model sees them (paper, section 3.3 setup)."""

    crop_area: tuple[float, float] = (0.5, 1.0)  # part of the image's area that a random crop keeps
    crop_aspect: tuple[float, float] = (0.75, 1.3333)  # width / height of the crop
    flip: float = 0.5  # probability
    swap_sides_on_flip: bool = True  # False: words stay as they are, as in the paper's own pipeline
    rotation_degrees: float = 10.0  # ±
    shift: float = 0.02  # ±, relative to the image
    scale: tuple[float, float] = (0.95, 1.0)
    contrast: tuple[float, float] = (0.6, 1.4)
    brightness: tuple[float, float] = (0.6, 1.4)
    blur: float = 0.5  # probability
    blur_sigma: tuple[float, float] = (0.1, 1.0)  # pixels of the model image
    least_visible: float = 0.2  # a box of which less of its area stays in the image is dropped

    def problems(self) -> list[str]:
        found = []
        if not 0 < self.crop_area[0] <= self.crop_area[1] <= 1:
            found.append(f"crop_area: expected 0 < min <= max <= 1, found {list(self.crop_area)}")
        for name in ("flip", "blur", "least_visible"):
            if not 0 <= getattr(self, name) <= 1:
                found.append(f"{name}: expected a number in [0, 1], found {getattr(self, name)}")
        if not 0 <= self.rotation_degrees <= 90:
            found.append(f"rotation_degrees: expected a number in [0, 90], found {self.rotation_degrees}")
        if not 0 <= self.shift < 0.5:
            found.append(f"shift: expected a number in [0, 0.5), found {self.shift}")
        for name in ("crop_aspect", "scale", "contrast", "brightness"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                found.append(f"{name}: expected 0 < min <= max, found {[low, high]}")
        if not 0 <= self.blur_sigma[0] <= self.blur_sigma[1]:
            found.append(f"blur_sigma: expected 0 <= min <= max, found {list(self.blur_sigma)}")
        return found


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Which images come how often, and in which size they reach the model."""

    batch_size: int = 256  # over all workers together
    image_size: int = 224
    fit: Fit = "stretch"  # the model's preprocessing.fit
    oversample: dict[str, int] | Literal["equal"] = field(default_factory=dict)  # dataset -> how often in an epoch
    shuffle_buffer: int = 2048  # samples that wait, shuffled, for their batch

    def problems(self) -> list[str]:
        found = []
        for name in ("batch_size", "image_size", "shuffle_buffer"):
            if getattr(self, name) < 1:
                found.append(f"{name}: expected at least 1, found {getattr(self, name)}")
        if isinstance(self.oversample, dict):
            found += [
                f"oversample.{dataset}: expected at least 1, found {factor}"
                for dataset, factor in self.oversample.items()
                if factor < 1
            ]
        return found


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """One stage's run. Steps count optimizer updates; 0 switches a periodic action off.

    It still happens at the end, but for validation where no figure is watched: then there is none.
    """

    stage: StageName = "detector"
    seed: int = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    recompute_activations: bool = False  # of the language model: a third of the time more, a fraction of the memory
    workers: int = 1  # 0: in this process, without Ray Train
    threads: int | None = None  # of a process that computes on the CPU; None: its share of the cores
    log_every: int = 50
    validate_every: int = 1000
    validation_batches: int | None = None  # None: the whole validation split
    validation_tasks: tuple[str, ...] = ()  # evaluation tasks whose figures are watched beside the losses
    checkpoint_every: int = 1000
    keep_checkpoints: int = 1  # the last so many; the best weights are kept besides
    restarts: int = 0  # how often Ray Train replaces workers that were lost
    watch: str | None = None  # the validation figure that chooses the best weights; None: the last are kept
    watch_mode: Literal["min", "max"] = "min"
    patience: int | None = None  # validations without a better figure before the run stops early
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    data: DataConfig = field(default_factory=DataConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    model: dict[str, Any] = field(default_factory=dict)  # what differs from the preset's architecture (model_config.py)

    def problems(self) -> list[str]:
        found = []
        for name in ("seed", "workers", "log_every", "validate_every", "checkpoint_every", "restarts"):
            if getattr(self, name) < 0:
                found.append(f"{name}: expected 0 or more, found {getattr(self, name)}")
        if self.keep_checkpoints < 1:
            found.append(f"keep_checkpoints: expected at least 1, found {self.keep_checkpoints}")
        for name in ("patience", "validation_batches", "threads"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                found.append(f"{name}: expected at least 1, or null, found {getattr(self, name)}")
        if self.patience is not None and self.watch is None:
            found.append("patience: expected null, because no figure to watch is given (watch)")
        parts = max(1, self.workers) * self.optimizer.accumulate
        if parts > 1 and self.data.batch_size % parts:
            found.append(
                f"data.batch_size: expected a multiple of workers ({self.workers}) times optimizer.accumulate "
                f"({self.optimizer.accumulate}), found {self.data.batch_size}"
            )
        return found
