"""COCO: boxes in pixels with scores, to be compared with annotations by detection tools."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from chex.exports.concepts import display_name
from chex.exports.pixel_boxes import corners
from chex.exports.provenance import NOTICE, algorithm_name, algorithm_version
from chex.exports.statements import shows_boxes
from chex.records import Report, SourceImage

FORMAT = "coco"
SUFFIX = ".json"
MEDIA_TYPE = "application/json"
NEEDS = frozenset()


def encode(report: Report, source: SourceImage) -> bytes:
    """The boxes that sentences speak for; images and categories have ids that are the same in every file."""
    image = {
        "id": _number(source.uri, 13),
        "file_name": source.uri,
        "width": source.width,
        "height": source.height,
        "text": report.text,
    }
    categories, annotations = {}, []
    for finding in report.findings:
        name = display_name(finding)
        categories[name] = {"id": _number(name, 8), "name": name}
        for scored in finding.boxes if shows_boxes(finding) else ():
            x_min, y_min, x_max, y_max = corners(scored.box, source)
            width, height = round(x_max - x_min, 3), round(y_max - y_min, 3)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image["id"],
                    "category_id": categories[name]["id"],
                    "bbox": [x_min, y_min, width, height],
                    "area": round(width * height, 3),
                    "iscrowd": 0,
                    "score": scored.score,
                    "sentence": finding.sentence,
                }
            )
    info = {
        "description": f"{algorithm_name(report.provenance)}, {algorithm_version(report.provenance)}. {NOTICE}",
        "version": report.provenance.software_version,
    }
    return _written(info, [image], categories, annotations)


def join(files: Sequence[bytes]) -> bytes:
    """One file; annotations are numbered through."""
    contents = [json.loads(file) for file in files]
    categories = {category["name"]: category for content in contents for category in content["categories"]}
    images = [image for content in contents for image in content["images"]]
    annotations = [annotation for content in contents for annotation in content["annotations"]]
    numbered = [annotation | {"id": number} for number, annotation in enumerate(annotations, start=1)]
    return _written(contents[0]["info"], images, categories, numbered)


def _written(info: dict, images: list[dict], categories: dict[str, dict], annotations: list[dict]) -> bytes:
    content = {
        "info": info,
        "licenses": [],
        "images": images,
        "categories": [categories[name] for name in sorted(categories)],
        "annotations": annotations,
    }
    return json.dumps(content, ensure_ascii=False).encode()


def _number(name: str, digits: int) -> int:
    """Small enough for programs that count in double precision."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:digits], 16)
