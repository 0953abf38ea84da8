"""What a report run is asked to do."""

from __future__ import annotations

import os
from dataclasses import dataclass

from chex.exports import formats
from chex.exports.deidentification import Deidentifier, deidentifier_from
from pipelines.model_folder import checked_model_folder

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True, slots=True)
class ReportRun:
    """Everything a run is asked to do; refused as a whole, before any work, if something in it is impossible."""

    model: str
    input: str
    output: str
    prompts: str | None = None  # a prompt file; None: the default prompt set
    formats: tuple[str, ...] = ("parquet",)
    resume: bool = False
    report_anyway: bool = False  # also what does not look like a frontal chest radiograph
    deidentify: bool = False  # the key comes from the environment
    batch_size: int = 32
    rows_per_part: int = 128
    detectors: int = 1
    generators: int = 1
    gpus_per_detector: float | None = None  # None: the GPUs are shared evenly
    gpus_per_generator: float | None = None
    device: str = "auto"  # "auto", "cpu" or "cuda"
    precision: str = "auto"  # "float32", "bfloat16"; "auto": the latter on a GPU

    def __post_init__(self) -> None:
        faults = [
            f"{name} must be at least 1, found {getattr(self, name)}"
            for name in ("batch_size", "detectors", "generators", "rows_per_part")
            if getattr(self, name) < 1
        ]
        for name in ("gpus_per_detector", "gpus_per_generator"):
            value = getattr(self, name)
            if value is not None and not (0 < value <= 1 or (value > 1 and value == int(value))):
                faults.append(f"{name} must be a fraction of a GPU or a whole number of them, found {value:g}")
        valid = ("parquet", *sorted(formats()))
        unknown = [name for name in self.formats if name not in valid]
        if unknown:
            faults.append(f"unknown format {', '.join(unknown)}; valid: {', '.join(valid)}")
        for name, known in (("device", DEVICES), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                faults.append(f"{name} must be one of {', '.join(known)}, found {getattr(self, name)}")
        try:
            # workers have another working directory
            object.__setattr__(self, "model", checked_model_folder(self.model))
        except ValueError as fault:
            faults.append(str(fault))
        if self.deidentify:
            try:
                deidentifier_from()
            except ValueError as fault:
                faults.append(str(fault))
        if "://" not in self.output:
            object.__setattr__(self, "output", os.path.abspath(self.output))
        if _lies_in(self.output, self.input):
            faults.append(f"the output {self.output} lies in the input: its pictures would be reported on next time")
        if faults:
            raise ValueError("; ".join(faults))

    @property
    def further_formats(self) -> tuple[str, ...]:
        """The chosen formats besides the rows that are always written."""
        return tuple(sorted(set(self.formats) - {"parquet"}))

    @property
    def deidentifier(self) -> Deidentifier | None:
        return deidentifier_from() if self.deidentify else None

    @property
    def plan_folder(self) -> str:
        """Where the plan lies, which knows every input by its name: outside of an output that must not."""
        return f"{self.output.rstrip('/')}.plan" if self.deidentify else self.output


def _lies_in(place: str, folder: str) -> bool:
    place, folder = (text if "://" in text else os.path.realpath(text) for text in (place, folder))
    return f"{place.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")
