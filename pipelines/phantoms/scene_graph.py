"""A phantom's scene graph as Chest ImaGenome 1.0.0 lays it out: region boxes, and what the report says of each."""

from __future__ import annotations

import functools

from chex.records import Box
from pipelines.phantoms.grammar import Sentence, read_words
from pipelines.phantoms.planned import PlannedStudy
from pipelines.phantoms.reports import PhantomReport, phrase_in
from pipelines.phantoms.truth import PhantomImage

FRAME = 224  # Chest ImaGenome's own boxes are in a padded square of this many pixels


def scene_graph(image: PhantomImage, report: PhantomReport, planned: PlannedStudy) -> dict:
    """The content of one `<dicom_id>_SceneGraph.json`."""
    decade = image.age // 10 * 10
    return {
        "image_id": planned.image_id,
        "viewpoint": image.view,
        "patient_id": int(planned.patient_id),
        "study_id": int(planned.study_id),
        "gender": image.sex,
        "age_decile": f"{decade}-{decade + 10}",
        "reason_for_exam": report.indication,
        "StudyOrder": planned.order,
        "StudyDateTime": f"{planned.taken:%Y-%m-%d %H:%M:%S} UTC",
        "objects": [_object(name, box, image, planned) for name, box in sorted(image.regions.items())],
        "attributes": _attributes(image, report, planned),
        "relationships": [],
    }


def _object(name: str, box: Box, image: PhantomImage, planned: PlannedStudy) -> dict:
    height, width = image.pixels.shape
    original = (round(box[0] * width), round(box[1] * height), round(box[2] * width), round(box[3] * height))
    scale = FRAME / max(height, width)
    left, top = (FRAME - width * scale) / 2, (FRAME - height * scale) / 2
    x1, y1 = round(original[0] * scale + left), round(original[1] * scale + top)
    x2, y2 = round(original[2] * scale + left), round(original[3] * scale + top)
    return {
        "object_id": f"{planned.image_id}_{name}",
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "width": x2 - x1,
        "height": y2 - y1,
        "bbox_name": name,
        "synsets": [],
        "name": name[0].upper() + name[1:],
        "original_x1": original[0],
        "original_y1": original[1],
        "original_x2": original[2],
        "original_y2": original[3],
        "original_width": original[2] - original[0],
        "original_height": original[3] - original[1],
    }


def _attributes(image: PhantomImage, report: PhantomReport, planned: PlannedStudy) -> list[dict]:
    said: dict[str, list[tuple[int, Sentence]]] = {}
    for number, sentence in enumerate(report.sentences):
        for region in sentence.regions:
            said.setdefault(region, []).append((number, sentence))
    return [_attribute(region, said[region], report, planned) for region in image.regions if region in said]


def _attribute(region: str, said: list[tuple[int, Sentence]], report: PhantomReport, planned: PlannedStudy) -> dict:
    statements = [_statements(sentence) for _, sentence in said]
    return {
        region: True,
        "bbox_name": region,
        "synsets": [],
        "name": region[0].upper() + region[1:],
        "attributes": statements,
        "attributes_ids": [["" for _ in phrase] for phrase in statements],
        "phrases": [phrase_in(report.text, sentence.text) for _, sentence in said],
        "phrase_IDs": [f"{planned.study_id}|{number}" for number, _ in said],
        "sections": ["finalreport" for _ in said],
        "comparison_cues": [[] for _ in said],
        "temporal_cues": [[] for _ in said],
        "severity_cues": [[f"severity|yes|{s.severity}"] if s.severity else [] for _, s in said],
        "texture_cues": [[] for _ in said],
        "object_id": f"{planned.image_id}_{region}",
    }


def _statements(sentence: Sentence) -> list[str]:
    """`category|yes or no|name` of what a sentence states, and whether that is normal (a tube is neither)."""
    statements = [f"{_category(name)}|{'yes' if present else 'no'}|{name}" for name, present in sentence.labels]
    if sentence.abnormal:
        statements.append("nlp|yes|abnormal")
    elif not any(present for _, present in sentence.labels):
        statements.append("nlp|yes|normal")
    return statements


@functools.cache
def _category(name: str) -> str:
    categories = read_words("phrases")["categories"]
    return next((category for category, names in categories.items() if name in names), "anatomicalfinding")
