"""The data of a run as MLflow's record of inputs has them: known by their hash, wherever they lie."""

from __future__ import annotations

import json
from typing import Any

LONGEST_DIGEST = 36  # that MLflow's database holds; the whole hash is a tag and a parameter of the run


def data_manifest(uri: str) -> dict[str, Any] | None:
    """What converted shards tell of themselves: {"uri", "sha256", "rows"}; None where they have no manifest."""
    import fsspec

    from pipelines.manifest import MANIFEST_FILE

    try:
        with fsspec.open(f"{uri.rstrip('/')}/{MANIFEST_FILE}", encoding="utf-8", mode="r") as file:
            content = json.load(file)
        return {"uri": uri, "sha256": content.get("data_sha256"), "rows": content["rows"]}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None


def dataset_input(data: dict[str, Any]) -> Any:
    """An mlflow.entities.DatasetInput of what `data_manifest` gives."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name="+".join(data["rows"]) or "shards",
        digest=(data["sha256"] or "incomplete")[:LONGEST_DIGEST],
        source_type="chex-ray shards",
        source=json.dumps({"uri": data["uri"]}),
        profile=json.dumps({"rows": data["rows"]}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])
