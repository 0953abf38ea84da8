"""Raw datasets of any size in seconds: a few phantoms, each under many ids with its rows of every table."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

from pipelines.phantoms.studies import TRUTH, write_phantoms

DISTINCT = 24
PIXELS = 64  # the longer side
KINDS = ("mimic-cxr-jpg", "mimic-cxr-reports", "chest-imagenome", "vindr-cxr")


def write_copies(output: Path, images: int) -> list[tuple[str, str]]:
    """Writes `images` images below `output`, which is new; returns the sources (kind, root) that they are."""
    originals = output / "originals"
    write_phantoms(originals, studies=DISTINCT, seed=1, image_size=PIXELS)
    known = [json.loads(line) for line in (originals / TRUTH).read_text().splitlines()]
    files = {
        study["image_id"]: [path for path in _files(originals) if study["image_id"] in str(path)
                            or (study["dataset"] != "vindr-cxr" and f"s{study['study_id']}." in path.name)]
        for study in known
    }  # fmt: skip
    copies = [(known[number % DISTINCT], number) for number in range(images)]
    for study, number in copies:
        for path in files[study["image_id"]]:
            copy = output / _renamed(str(path.relative_to(originals)), study, number)
            copy.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, copy)
    for table in originals.rglob("*.csv*"):
        header, lines = _lines(table)
        rows = {study["image_id"]: [line for line in lines if _is_of(line, study)] for study in known}
        content = [header, *(_renamed(row, *copy) for copy in copies for row in rows[copy[0]["image_id"]])]
        copy = output / table.relative_to(originals)
        copy.parent.mkdir(parents=True, exist_ok=True)
        data = ("\n".join(content) + "\n").encode()
        copy.write_bytes(gzip.compress(data, 1) if copy.suffix == ".gz" else data)
    return [(kind, str(output / kind)) for kind in KINDS]


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix in (".jpg", ".txt", ".json", ".dicom")]


def _lines(table: Path) -> tuple[str, list[str]]:
    data = table.read_bytes()
    header, *lines = (gzip.decompress(data) if table.suffix == ".gz" else data).decode().splitlines()
    return header, lines


def _is_of(line: str, study: dict) -> bool:
    return study["image_id"] in line or (study["dataset"] != "vindr-cxr" and study["study_id"] in line.split(","))


def _renamed(text: str, study: dict, number: int) -> str:
    """The text about one study with the ids of its copy `number`; folders are called after a patient's first digits."""
    for old, new in _ids(study, number):
        text = text.replace(old, new)
    return text


def _ids(study: dict, number: int) -> Iterator[tuple[str, str]]:
    image, patient = study["image_id"], study["patient_id"]
    yield image, f"{image[:-8]}{number:08x}"
    if study["dataset"] != "vindr-cxr":
        yield patient, f"{patient[:2]}{number:06}"
        yield study["study_id"], f"{study['study_id'][0]}{number:07}"
