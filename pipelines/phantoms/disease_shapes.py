"""Diseases that change the organs' shapes: applied to the anatomy before it is projected."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.phantoms.anatomy import SIDES, SIGN, Anatomy
from pipelines.phantoms.findings import FindingRequest
from pipelines.phantoms.organs import heart_solids

LARGEST_NORMAL_HEART = 0.495  # cardiothoracic ratio


def sides_of(request: FindingRequest) -> tuple[str, ...]:
    return SIDES if request.side == "bilateral" else (request.side,)


def graded(severity: str, mild: float, moderate: float, severe: float) -> float:
    return {"mild": mild, "moderate": moderate, "severe": severe}[severity]


def heart_width(anatomy: Anatomy) -> float:
    """Transverse diameter of the heart in mm."""
    solids = heart_solids(anatomy).values()
    return max(s.centre[0] + s.extent()[0] for s in solids) - min(s.centre[0] - s.extent()[0] for s in solids)


def reshape(anatomy: Anatomy, requests: Iterable[FindingRequest]) -> None:
    """Changes the anatomy in place as the completed requests demand."""
    requests = tuple(requests)
    if all(request.kind != "cardiomegaly" for request in requests):
        anatomy.heart *= min(LARGEST_NORMAL_HEART * 2 * anatomy.chest_half_width / heart_width(anatomy), 1.0)
    for request in requests:
        change = SHAPES.get(request.kind)
        if change is not None:
            change(anatomy, request)


def _cardiomegaly(anatomy: Anatomy, request: FindingRequest) -> None:
    wanted = graded(request.severity, 0.545, 0.60, 0.67) * 2 * anatomy.chest_half_width
    anatomy.heart_drop = max(anatomy.heart_drop - 0.18, 0.35)
    for _ in range(3):
        anatomy.heart *= max(wanted / heart_width(anatomy), 0.9)


def _aorta(anatomy: Anatomy, request: FindingRequest) -> None:
    anatomy.arch = max(anatomy.arch, 1.0) * graded(request.severity, 1.25, 1.45, 1.7)
    anatomy.unfolding += graded(request.severity, 6.0, 11.0, 17.0) * anatomy.scale


def _emphysema(anatomy: Anatomy, request: FindingRequest) -> None:
    grade = graded(request.severity, 0.7, 1.0, 1.3)
    anatomy.lung_density *= 1 - 0.33 * grade
    for side in SIDES:
        anatomy.sulcus[side] += 6 * grade * anatomy.scale
        rise = anatomy.sulcus[side] - anatomy.dome[side]
        anatomy.dome[side] += 0.5 * min(grade, 1.2) * rise
    anatomy.chest_half_depth *= 1 + 0.08 * grade
    anatomy.heart *= 1 - 0.09 * grade
    anatomy.heart_drop = min(anatomy.heart_drop + 0.15, 1.0)
    anatomy.vessel_calibre *= 1 - 0.13 * grade
    anatomy.rib_slope *= 1 - 0.1 * grade


def _atelectasis(anatomy: Anatomy, request: FindingRequest) -> None:
    for side in sides_of(request):
        anatomy.dome[side] -= graded(request.severity, 5.0, 11.0, 18.0) * anatomy.scale
        anatomy.mediastinal_shift += SIGN[side] * graded(request.severity, 0.0, 2.0, 4.0)


def _effusion(anatomy: Anatomy, request: FindingRequest) -> None:
    if request.side != "bilateral":
        anatomy.mediastinal_shift -= SIGN[request.side] * graded(request.severity, 0.0, 1.0, 6.0)


def _pneumothorax(anatomy: Anatomy, request: FindingRequest) -> None:
    if request.side != "bilateral":
        anatomy.mediastinal_shift -= SIGN[request.side] * graded(request.severity, 0.0, 2.0, 9.0)
        anatomy.dome[request.side] += graded(request.severity, 0.0, 2.0, 8.0)


def _edema(anatomy: Anatomy, request: FindingRequest) -> None:
    anatomy.upper_vessels = max(anatomy.upper_vessels, graded(request.severity, 1.0, 1.15, 1.25))
    anatomy.vessel_calibre *= graded(request.severity, 1.08, 1.15, 1.2)
    anatomy.mediastinum *= 1.05


SHAPES = {
    "cardiomegaly": _cardiomegaly,
    "aortic enlargement": _aorta,
    "emphysema": _emphysema,
    "atelectasis": _atelectasis,
    "pleural effusion": _effusion,
    "pneumothorax": _pneumothorax,
    "edema": _edema,
}
