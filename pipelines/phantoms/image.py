"""One phantom from one seed: the patient, the diseases, the projection, the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chex.records import Box
from pipelines.phantoms import lung_lesions, pleural_lesions
from pipelines.phantoms.affected import affected_regions
from pipelines.phantoms.anatomy import draw_anatomy
from pipelines.phantoms.beam import Beam
from pipelines.phantoms.chest import Chest
from pipelines.phantoms.deposit import Deposit
from pipelines.phantoms.detector import expose
from pipelines.phantoms.devices import support_device
from pipelines.phantoms.disease_shapes import heart_width, reshape
from pipelines.phantoms.findings import FindingRequest, complete, drained, draw_findings
from pipelines.phantoms.fractures import break_ribs
from pipelines.phantoms.habitus import Habitus, draw_habitus
from pipelines.phantoms.lung_vessels import add_vessels
from pipelines.phantoms.projection import project_chest
from pipelines.phantoms.regions import region_boxes
from pipelines.phantoms.skeleton import add_skeleton
from pipelines.phantoms.truth import FINDING_KINDS, PhantomImage, PlacedFinding

# one independent stream of random numbers per purpose, so that a disease changes nothing but itself
HABITUS, ANATOMY, PLAN, VESSELS, DETECTOR, DISEASE = range(6)
LESIONS = {
    "pleural effusion": pleural_lesions.effusion,
    "pneumothorax": pleural_lesions.pneumothorax,
    "pleural thickening": pleural_lesions.thickening,
    "consolidation": lung_lesions.consolidation,
    "atelectasis": lung_lesions.atelectasis,
    "edema": lung_lesions.edema,
    "nodule": lung_lesions.nodule,
    "mass": lung_lesions.mass,
    "calcified granuloma": lung_lesions.granuloma,
    "emphysema": lung_lesions.emphysema,
    "support device": support_device,
}


def render(
    seed: int,
    size: int = 256,
    findings: Sequence[FindingRequest | str] | None = None,
    habitus: Habitus | None = None,
) -> PhantomImage:
    """The phantom of a seed: 12-bit pixels whose longer side is `size`, with its truth.

    `findings` None draws the diseases from the seed as well; a sequence (kinds or requests, empty for a healthy
    patient) asks for exactly these, in the same patient. `habitus` replaces the drawn patient and exposure.
    Raises ValueError for a negative seed, a size outside 64 … 2048, or an unknown kind of finding.
    """
    if seed < 0:
        raise ValueError(f"a seed is a non-negative integer; found {seed}")
    if not 64 <= size <= 2048:
        raise ValueError(f"size is the longer side in pixels, 64 to 2048; found {size}")
    habitus = habitus or draw_habitus(_stream(seed, HABITUS))
    anatomy = draw_anatomy(habitus, _stream(seed, ANATOMY))
    if findings is None:
        asked = draw_findings(habitus, _stream(seed, PLAN))
    else:
        asked = tuple(FindingRequest(one) if isinstance(one, str) else one for one in findings)
    streams = [_stream(seed, DISEASE, FINDING_KINDS.index(one.kind), place) for place, one in enumerate(asked)]
    requests = drained(asked, [complete(one, habitus, stream) for one, stream in zip(asked, streams, strict=True)])
    reshape(anatomy, requests)
    chest = project_chest(Beam(habitus=habitus, size=size), anatomy, supine=habitus.supine)
    regions = region_boxes(chest)
    fractures: list = []
    placed = []
    for request, stream in zip(requests, streams, strict=True):
        deposit = _deposit(chest, request, stream, regions, fractures)
        boxes = deposit.clipped(chest)
        if boxes:
            placed.append(
                PlacedFinding(
                    kind=request.kind,
                    side=request.side,
                    zone=request.zone,
                    severity=request.severity,
                    boxes=boxes,
                    regions=affected_regions(request, boxes, regions),
                    details=deposit.details,
                )
            )
    add_vessels(chest, _stream(seed, VESSELS))
    add_skeleton(chest, tuple(fractures))
    return PhantomImage(
        seed=seed,
        pixels=expose(chest, habitus, _stream(seed, DETECTOR)),
        view=habitus.view,
        sex=habitus.sex,
        age=habitus.age,
        pixel_spacing_mm=chest.beam.spacing,
        regions=regions,
        findings=tuple(placed),
    )


def _stream(seed: int, *purpose: int) -> np.random.Generator:
    return np.random.default_rng([seed, *purpose])


def _deposit(
    chest: Chest, request: FindingRequest, random: np.random.Generator, regions: dict[str, Box], fractures: list
) -> Deposit:
    height, width = chest.beam.height, chest.beam.width
    if request.kind in ("cardiomegaly", "aortic enlargement"):
        name = "cardiac silhouette" if request.kind == "cardiomegaly" else "aortic arch"
        deposit = Deposit()
        if name in regions:
            x_min, y_min, x_max, y_max = regions[name]
            deposit.boxes.append((x_min * width, y_min * height, x_max * width, y_max * height))
        if request.kind == "cardiomegaly":
            ratio = heart_width(chest.anatomy) / (2 * chest.anatomy.chest_half_width)
            deposit.details["cardiothoracic_ratio"] = round(ratio, 2)
        return deposit
    if request.kind == "rib fracture":
        broken, deposit = break_ribs(chest, request, random)
        fractures.extend(broken)
        return deposit
    return LESIONS[request.kind](chest, request, random)
