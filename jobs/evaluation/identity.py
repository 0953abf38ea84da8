"""What tells two data sets apart, wherever they lie: their shards, and the converter's hash of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from pipelines.output_folder import OutputFolder
from pipelines.rows.row_groups import units_of


def data_identity(data_uri: str, splits: Iterable[str]) -> dict[str, Any]:
    """The rows of the splits and a hash of where they lie in the shards; with it, the hash of the data where known.

    Raises FileNotFoundError if a split has no shards, ValueError if one is damaged.
    """
    rows, layout = {}, hashlib.sha256()
    for split in splits:
        units = units_of(data_uri, split)
        rows[split] = sum(len(unit.rows) for unit in units)
        for unit in units:
            place = (*unit.path.split("/")[-3:], unit.row_group, len(unit.rows))
            layout.update(json.dumps(place).encode())
    try:
        content = json.loads(OutputFolder(data_uri).read("manifest.json") or b"{}").get("data_sha256")
    except (ValueError, AttributeError):
        content = None  # shards may be used without their manifest, and less is said then
    return {"rows": rows, "layout_sha256": layout.hexdigest(), "data_sha256": content}
