"""What a run says of its data: the converter's own count and hash of them."""

from __future__ import annotations

import json
from typing import Any

from pipelines.output_folder import OutputFolder


def training_data(data_uri: str) -> dict[str, Any] | None:
    """The training images per dataset and the hash of all shards; None where the converter left no manifest."""
    try:
        content = json.loads(OutputFolder(data_uri).read("manifest.json") or b"null")
        images = {dataset: splits["train"] for dataset, splits in content["rows"].items() if splits.get("train")}
        return {"images": images, "sha256": content.get("data_sha256")}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None  # shards may be used without their manifest, and less is said then
