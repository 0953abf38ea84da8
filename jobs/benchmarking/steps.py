"""What a benchmark is made of, step by step; every step goes on where an earlier run was interrupted."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chex.config import to_mapping
from chex.records import Sample
from chex.training_config import STAGES
from jobs.benchmarking.config import BenchmarkConfig
from jobs.evaluation.model_source import SessionFactory
from jobs.going_on import check_noted, note

SOURCES = ("mimic-cxr-jpg", "mimic-cxr-reports", "chest-imagenome", "ms-cxr", "vindr-cxr", "nih-cxr14")
_TEXTS_AND_BOXES = ("sample_id", "image_id", "sentences", "anatomy", "pathology_boxes", "pathology_labels")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Where a benchmark lies, and what is there already: shards, a trained model, its contrastive stage."""

    config: BenchmarkConfig
    output: Path
    data: str | None = None
    model: str | None = None
    contrastive: str | None = None
    tracking_uri: str = "none"

    @property
    def shards(self) -> str:
        return self.data or str(self.output / "shards")

    @property
    def model_folder(self) -> str:
        return self.model or str(self.output / "training" / STAGES[-1])

    @property
    def contrastive_folder(self) -> str:
        """The model that similarity maps and retrieval look through."""
        if self.contrastive or not self.model:
            return self.contrastive or str(self.output / "training" / "contrastive")
        return str(Path(self.model).parent / "contrastive")


def check_data(benchmark: Benchmark) -> None:
    """Raises ConfigError if the phantoms that are there are not those of the configuration."""
    if not benchmark.data:
        check_noted(benchmark.output / "raw", _phantoms(benchmark))


def make_data(benchmark: Benchmark) -> None:
    """Phantoms and shards, unless shards were given."""
    if benchmark.data:
        return
    from jobs.demonstration.steps import convert_phantoms
    from jobs.phantoms import write_with_bar
    from pipelines.phantoms.planned_splits import plan_splits

    data, raw = benchmark.config.data, benchmark.output / "raw"
    if not raw.is_dir():
        partial = benchmark.output / "raw.partial"
        shutil.rmtree(partial, ignore_errors=True)
        plan = plan_splits(data.train, data.validate, data.test, data.seed)
        write_with_bar(partial, plan, image_size=data.image_size)
        note(partial, _phantoms(benchmark))
        partial.replace(raw)
    convert_phantoms(benchmark.output, SOURCES, resume=True)


def _phantoms(benchmark: Benchmark) -> dict[str, Any]:
    return {"data": to_mapping(benchmark.config.data)}


def train_model(benchmark: Benchmark) -> None:
    """Chex-Ray's five stages, unless a model was given."""
    if benchmark.model:
        return
    from jobs.training.in_order import train_in_order

    train_in_order(
        [benchmark.config.stage(stage) for stage in STAGES],
        benchmark.output / "training",
        data_uri=benchmark.shards,
        preset=benchmark.config.preset,
        tracking_uri=benchmark.tracking_uri,
        experiment=benchmark.output.name,
    )


def train_detector(benchmark: Benchmark) -> SessionFactory:
    """The detector without text."""
    from jobs.benchmarking.baselines.supervised_detector import SupervisedDetector
    from jobs.benchmarking.supervised.stage import ClassStage
    from jobs.training.driver import train

    folder = benchmark.output / "baselines" / "supervised-detector"
    train(
        benchmark.config.detector(),
        data_uri=benchmark.shards,
        output=folder,
        preset=benchmark.config.preset,
        resume=True,
        tracking_uri=benchmark.tracking_uri,
        stage_of=ClassStage,
    )
    return SupervisedDetector(str(folder))


def _mean_box(benchmark: Benchmark) -> SessionFactory:
    from jobs.benchmarking.baselines import mean_box

    return mean_box.MeanBoxes(_kept(benchmark, "mean-box", lambda: mean_box.learn(_training_texts(benchmark))))


def _commonest(benchmark: Benchmark) -> SessionFactory:
    from jobs.benchmarking.baselines import commonest

    return commonest.Commonest(_kept(benchmark, "commonest", lambda: commonest.learn(_training_texts(benchmark))))


def _similarity_maps(benchmark: Benchmark) -> SessionFactory:
    from jobs.benchmarking.baselines import similarity_maps
    from pipelines.shards import samples

    def tuned() -> dict[str, Any]:
        from chex.model.chex import Chex

        return similarity_maps.tune(Chex.load(benchmark.contrastive_folder), samples(benchmark.shards, "validate"))

    return similarity_maps.SimilarityMaps(
        benchmark.contrastive_folder, _kept(benchmark, "similarity-maps", tuned, benchmark.contrastive_folder)
    )


def _retrieval(benchmark: Benchmark) -> SessionFactory:
    from jobs.benchmarking.baselines import retrieval

    file = _kept(benchmark, "retrieval", lambda: retrieval.learn(_training_texts(benchmark)))
    return retrieval.Retrieval(benchmark.contrastive_folder, file)


def baseline(benchmark: Benchmark, name: str) -> SessionFactory:
    """A baseline of BASELINES, after whatever it needs was learned."""
    return _MAKERS[name](benchmark)


_MAKERS = {
    "mean-box": _mean_box,
    "supervised-detector": train_detector,
    "similarity-maps": _similarity_maps,
    "retrieval": _retrieval,
    "commonest": _commonest,
}


def _kept(benchmark: Benchmark, name: str, learn, model: str = "") -> str:
    """The file with what a baseline has learned from these data and model, learned now if it is not there."""
    from jobs.evaluation.identity import data_identity

    file = benchmark.output / "baselines" / f"{name}.json"
    learned_from = {"data": data_identity(benchmark.shards, ("train", "validate")), "model": _weights_of(model)}
    if file.is_file() and json.loads(file.read_text(encoding="utf-8"))["learned_from"] == learned_from:
        return str(file)
    logger.info("%s: learns", name)
    content = {**learn(), "learned_from": learned_from}
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(content) + "\n", encoding="utf-8")
    partial.replace(file)
    return str(file)


def _weights_of(folder: str) -> str | None:
    """The hash of a model's weights, as its configuration tells it."""
    if not folder:
        return None
    content = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
    return content["provenance"]["weights_sha256"]


def _training_texts(benchmark: Benchmark) -> Iterable[Sample]:
    from pipelines.shards import samples

    return samples(benchmark.shards, "train", columns=_TEXTS_AND_BOXES)
