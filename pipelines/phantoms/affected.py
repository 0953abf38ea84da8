"""Which anatomical regions a finding touches: those a report would name, where the boxes overlap."""

from __future__ import annotations

from collections.abc import Sequence

from chex.records import Box
from pipelines.phantoms.findings import FindingRequest

ZONES = ("lung", "apical zone", "upper lung zone", "mid lung zone", "lower lung zone")
# regions by kind; the names without a side stand for that of the finding
CANDIDATES = {
    "pleural effusion": ("lung", "lower lung zone", "costophrenic angle", "hemidiaphragm"),
    "pneumothorax": ZONES,
    "consolidation": (*ZONES, "hilar structures", "costophrenic angle"),
    "atelectasis": ("lung", "mid lung zone", "lower lung zone", "hemidiaphragm"),
    "edema": (*ZONES, "hilar structures"),
    "nodule": ZONES,
    "mass": (*ZONES, "hilar structures"),
    "cardiomegaly": ("cardiac silhouette", "mediastinum"),
    "aortic enlargement": ("aortic arch", "upper mediastinum", "mediastinum"),
    "pleural thickening": (*ZONES, "costophrenic angle"),
    "rib fracture": ("lung", "apical zone", "upper lung zone", "mid lung zone", "lower lung zone"),
    "emphysema": ZONES,
    "calcified granuloma": ZONES,
}
DEVICE_CANDIDATES = {
    "endotracheal tube": ("trachea", "carina", "upper mediastinum"),
    "central venous catheter": ("svc", "cavoatrial junction", "right atrium", "upper mediastinum"),
    "nasogastric tube": ("mediastinum", "upper mediastinum", "abdomen"),
    "chest tube": ("right lung", "left lung"),
    "pacemaker": ("cardiac silhouette", "svc", "right atrium", "mediastinum"),
}
LEAST_OF_REGION, LEAST_OF_BOX = 0.12, 0.4


def affected_regions(request: FindingRequest, boxes: Sequence[Box], regions: dict[str, Box]) -> tuple[str, ...]:
    """Names of the candidate regions that one of the finding's boxes covers to a fair part, or mostly lies in."""
    names = CANDIDATES.get(request.kind) or DEVICE_CANDIDATES[request.device]
    found = []
    for name in names:
        for full in (name,) if name in regions else (f"right {name}", f"left {name}"):
            if full in regions and any(_touches(box, regions[full]) for box in boxes):
                found.append(full)
    return tuple(found)


def _touches(box: Box, region: Box) -> bool:
    width = min(box[2], region[2]) - max(box[0], region[0])
    height = min(box[3], region[3]) - max(box[1], region[1])
    if width <= 0 or height <= 0:
        return False
    shared = width * height
    of_region = (region[2] - region[0]) * (region[3] - region[1])
    of_box = (box[2] - box[0]) * (box[3] - box[1])
    return shared >= LEAST_OF_REGION * of_region or shared >= LEAST_OF_BOX * of_box
