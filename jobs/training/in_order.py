"""Several stages one after the other, each from the one before; what is finished is not trained again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chex.training_config import TrainingConfig


def train_in_order(
    configs: Sequence[TrainingConfig],
    folder: Path,
    *,
    data_uri: str,
    preset: str,
    init: str | None = None,
    tracking_uri: str | None = None,
    experiment: str | None = None,
) -> str | None:
    """Trains each stage into `folder`/STAGE, the first from `init`; gives the last one's model folder.

    Goes on with a stage that was interrupted. Raises what `jobs.training.driver.train` raises.
    """
    from jobs.training.driver import train

    for config in configs:
        output = folder / config.stage
        train(
            config,
            data_uri=data_uri,
            output=output,
            preset=preset,
            init=init,
            resume=True,
            tracking_uri=tracking_uri,
            experiment=experiment,
        )
        init = str(output)
    return init
