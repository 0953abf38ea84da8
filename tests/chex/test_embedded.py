from __future__ import annotations

import numpy as np
import pytest

from chex import Chex
from chex.embedded import NOTICE, PHANTOM, phantom_folder
from chex.inference.session import Session
from chex.records import Query
from pipelines.model_folder import checked_model_folder, model_folder_exists, model_folder_on_disk
from pipelines.phantoms.grey_levels import display_window, windowed
from pipelines.phantoms.image import render


@pytest.fixture(scope="module")
def session() -> Session:
    with model_folder_on_disk(PHANTOM) as folder:
        return Session(Chex.load(folder))


def test_it_is_small_named_and_says_what_it_is():
    folder = phantom_folder()
    assert (folder / "model.safetensors").stat().st_size <= 12_000_000
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert NOTICE in card and 'license: "apache-2.0"' in card and "## Intended use and limits" in card
    assert model_folder_exists(PHANTOM) and checked_model_folder(PHANTOM) == PHANTOM


def test_it_finds_the_organs_of_a_phantom_it_has_never_seen(session):
    overlaps = []
    for seed in (900_001, 900_002, 900_003):
        image = render(seed, 256)
        names = [name for name in ("right lung", "left lung", "cardiac silhouette") if name in image.regions]
        answers = session.ask(session.encode([shown(image.pixels)]), [[Query(text=name) for name in names]])[0]
        overlaps += [iou(answer.boxes[0].box, image.regions[name]) for name, answer in zip(names, answers, strict=True)]
    assert len(overlaps) >= 6 and np.mean(overlaps) > 0.7


def test_it_writes_a_report(session):
    [report] = session.report([shown(render(900_004, 256).pixels)])
    assert report.text.strip() and all(finding.sentence for finding in report.findings)


def shown(pixels: np.ndarray) -> np.ndarray:
    return windowed(pixels, *display_window(pixels))


def iou(one, other) -> float:
    left, top, right, bottom = (*np.maximum(one, other)[:2], *np.minimum(one, other)[2:])
    shared = max(right - left, 0) * max(bottom - top, 0)
    return shared / (sum((b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)) - shared)
