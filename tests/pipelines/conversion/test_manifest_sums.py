"""Every input is accounted for: of half-broken sources, rows, what rules leave out and quarantine sum up to the inputs."""

from __future__ import annotations

from collections import Counter

import pytest

from pipelines.adapters import kinds
from pipelines.conversion.manifest import total
from tests.pipelines.bad_input.half_broken import ANNOTATION_FAULTS
from tests.pipelines.converted_sources import Converted, convert_small
from tests.pipelines.small_sources import SmallSource, write_source


def spoil(kind: str, small: SmallSource) -> tuple[int, int]:
    """Breaks the annotations of the first two images and the files of the next two.

    Returns how many images that quarantines, and how many it leaves out.
    """
    change, quarantined, left_out = ANNOTATION_FAULTS[kind]
    change(small)
    small.images[2].write_bytes(b"")
    small.images[3].write_bytes(small.images[3].read_bytes()[: small.images[3].stat().st_size // 2])
    return quarantined + 2, left_out


def check_sums(result: Converted, images: dict[str, int]) -> None:
    """`images`: how many images of each dataset the sources list."""
    manifest = result.manifest
    for dataset, inputs in images.items():
        parts = {key: sum(manifest[key].get(dataset, {}).values()) for key in ("rows", "left_out", "quarantined")}
        assert sum(parts.values()) == inputs, f"{dataset}: {parts}"
    assert manifest["inputs"] == sum(images.values())
    assert total(manifest["quarantined"]) == len(result.quarantine)
    of_dataset = Counter(row["sample_id"].partition("/")[0] for row in result.quarantine)
    for dataset, reasons in manifest["quarantined"].items():
        assert of_dataset[dataset] == sum(reasons.values())
        found = Counter(row["reason"] for row in result.quarantine if row["sample_id"].startswith(f"{dataset}/"))
        assert found == reasons, "the files give the same reasons as often"
    assert len({row["sample_id"] for row in result.quarantine}) == len(result.quarantine)


@pytest.mark.parametrize("kind", kinds())
def test_inputs_are_rows_left_out_and_quarantined(kind, tmp_path):
    small = write_source(kind, tmp_path)
    quarantined, left_out = spoil(kind, small)
    result = convert_small(small, tmp_path / "shards")
    check_sums(result, {result.dataset: len(small.images)})
    assert (len(result.quarantine), total(result.manifest["left_out"])) == (quarantined, left_out)
    assert len(result.images()) == len(small.images) - quarantined - left_out


def test_all_kinds_together(tmp_path):
    """Sources of one dataset share its images, so they are spoiled one after the other."""
    sources = [write_source(kind, tmp_path) for kind in kinds() if kind != "mimic-cxr-dicom"]
    for small in sources:
        spoil(small.sources[-1][0], small)
    result = convert_small(sources[0], tmp_path / "shards", *sources[1:])
    datasets = {"mimic-cxr", "nih-cxr14", "open-i", "vindr-cxr"}
    assert set(result.manifest["rows"]) == datasets
    check_sums(result, dict.fromkeys(datasets, len(sources[0].images)))
