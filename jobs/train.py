"""Trains one stage of the model: `python -m jobs.train --stage detector --data URI --preset base --output DIR`.

Exit status: 0 trained, 1 stopped (not finite, or workers lost), 2 the command, configuration or data cannot be used.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chex.config import ConfigError, from_mapping, merged, read_mapping
from chex.training_config import STAGES, TrainingConfig
from jobs.waiting_threads import wait_briefly

if TYPE_CHECKING:
    from chex.model.pretrained import PretrainedParts

EXTENDS = "extends"  # a key of files that only say what differs from the preset's
logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    try:
        config = configuration(
            arguments.preset, arguments.stage, file=arguments.config, overrides=arguments.set, workers=arguments.workers
        )
        wait_briefly()  # in this process, where it trains
        from jobs.training.driver import train

        outcome = train(
            config,
            data_uri=arguments.data,
            output=arguments.output,
            preset=arguments.preset,
            init=arguments.init,
            pretrained=_pretrained(arguments),
            resume=arguments.resume,
            tracking_uri=arguments.tracking_uri,
            parent_run=arguments.parent_run,
            experiment=arguments.experiment,
            device=arguments.device,
        )
    except (ValueError, OSError) as error:
        logger.error("%s", error)
        return 2
    except RuntimeError as error:
        logger.error("%s", error)
        return 1
    logger.info("%s: %d steps, model in %s", arguments.stage, outcome["steps"], arguments.output)
    return 0


def configuration(
    preset: str,
    stage: str,
    *,
    file: str | Path | None = None,
    overrides: Sequence[str] = (),
    workers: int | None = None,
) -> TrainingConfig:
    """The configuration of a stage: the preset's experiment file (or another, by name or path), then the overrides.

    A file with `extends: preset` holds only what differs from the preset's file of the stage.
    Raises ConfigError with everything that is wrong; ValueError for an unknown experiment.
    """
    if file is None or not (Path(file).suffix or Path(file).is_file()):
        file = experiment(file or f"{preset}-{stage}")
    given = [*overrides, f"stage={stage}"] + ([] if workers is None else [f"workers={workers}"])
    return from_mapping(TrainingConfig, _settings(file, f"{preset}-{stage}"), overrides=given, source=str(file))


def _settings(file: str | Path, presets: str) -> Any:
    """What a file says, on top of the preset's experiment where it extends that."""
    settings = read_mapping(file)
    if not isinstance(settings, dict) or EXTENDS not in settings:
        return settings
    extended = settings.pop(EXTENDS)
    if extended != "preset":
        raise ConfigError([f"{EXTENDS}: expected 'preset', the preset's own experiment, found {extended!r}"], str(file))
    return merged(read_mapping(experiment(presets)), settings)


def experiment(name: str | Path) -> Path:
    """The file of an experiment that comes with the project."""
    folder = Path(str(resources.files("jobs").joinpath("experiments")))
    file = folder / f"{name}.yaml"
    if not file.is_file():
        files = [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("*/*.yaml"))]
        there = [path.relative_to(folder).with_suffix("").as_posix() for path in files]
        raise ValueError(f"no experiment {name}; there are {', '.join(there)}")
    return file


def _pretrained(arguments: argparse.Namespace) -> PretrainedParts | None:
    """The parts to start from, with absolute paths, for they travel to other processes; None where none are given."""
    given = {
        name: str(Path(source).resolve()) if Path(source).exists() else source
        for name in ("clip", "clip_tokenizer", "language_model")
        if (source := getattr(arguments, name))
    }
    if not given:
        return None
    if set(given) == {"clip_tokenizer"}:
        raise ValueError("--clip-tokenizer: belongs to --clip, which is not given")
    from chex.model.pretrained import PretrainedParts

    return PretrainedParts(**given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jobs.train", description="Trains one stage of the model.")
    parser.add_argument("--stage", required=True, choices=STAGES)
    parser.add_argument("--data", required=True, metavar="URI", help="converted shards (jobs.convert)")
    parser.add_argument("--preset", default="tiny", help="tiny (CPU, phantoms) or base (the paper)")
    parser.add_argument("--output", required=True, metavar="URI", help="the model folder to write, local or s3://…")
    parser.add_argument("--init", metavar="URI", help="model folder of the stage before")
    parser.add_argument(
        "--clip", metavar="FILE", help="start from these CLIP towers: weights in OpenAI's layout, as CheXzero's .pt"
    )
    parser.add_argument(
        "--clip-tokenizer", metavar="BPE_FILE_OR_HUB_ID",
        help="CLIP's table of merges (default: openai/clip-vit-base-patch32, from the hub)",
    )  # fmt: skip
    parser.add_argument(
        "--language-model", metavar="DIR_OR_HUB_ID",
        help="start from this GPT-2 and its tokenizer, for example healx/gpt-2-pubmed-medium",
    )  # fmt: skip
    parser.add_argument("--workers", type=int, metavar="N", help="training processes; 0: this one, without Ray Train")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the workers compute")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="optimizer.lr=0.0003; repeatable"
    )
    parser.add_argument(
        "--config", type=Path, metavar="NAME_OR_FILE", help="another experiment than the preset's for this stage"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint of this output")
    parser.add_argument(
        "--tracking-uri", metavar="URI", help="MLflow; default: a database beside the output; 'none': off"
    )
    parser.add_argument(
        "--experiment", metavar="NAME", help="what this stage belongs to; MLflow shows stages of one name together"
    )
    parser.add_argument("--parent-run", metavar="ID", help="MLflow run that this one belongs to, instead of a name")
    return parser


if __name__ == "__main__":
    sys.exit(main())
