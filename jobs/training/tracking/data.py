"""The data of a run as MLflow's record of inputs has them: known by their hash, wherever they lie."""

from __future__ import annotations

import json
from typing import Any

LONGEST_DIGEST = 36  # that MLflow's database holds; the whole hash is a tag and a parameter of the run


def dataset_input(data: dict[str, Any]) -> Any:
    """An mlflow.entities.DatasetInput of what `training_data` gives, and where the data are under "uri"."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name="+".join(data["images"]) or "shards",
        digest=(data["sha256"] or "incomplete")[:LONGEST_DIGEST],
        source_type="chex-ray shards",
        source=json.dumps({"uri": data["uri"]}),
        profile=json.dumps({"training_images": data["images"]}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])
