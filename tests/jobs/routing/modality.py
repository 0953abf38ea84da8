"""The other side of the line: phantoms as a modality has them, and dcmtk's programs that send them."""

from __future__ import annotations

import functools
import io
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pydicom import Dataset
from pydicom.uid import generate_uid

from tests.needed_tools import require_tool


@functools.lru_cache(maxsize=8)
def _phantom(number: int) -> tuple:
    from pipelines.phantoms.planned import plan_vindr
    from pipelines.phantoms.studies import render_study

    planned = plan_vindr(8, 0, seed=5)[number % 8]
    return planned, render_study(planned, 96)


def phantom(number: int, **elements) -> Dataset:
    """A radiograph of a chest; equal numbers are the same image. Eight chests are there, but any number of instances."""
    from pipelines.phantoms.dicom import radiograph

    dataset = radiograph(*_phantom(number))
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        dataset.decompress(generate_instance_uid=False)
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=["test image", str(number)])
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    return dataset


def written(dataset: Dataset, path: Path) -> Path:
    dataset.save_as(path, enforce_file_format=True)
    return path


def as_bytes(dataset: Dataset) -> bytes:
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def storescu(port: int, *files: Path, caller: str = "MODALITY", called: str = "CHEXRAY", options: Sequence[str] = ()):
    """Sends files with dcmtk; its whole log is in `stdout`."""
    command = [require_tool("storescu", "dcmtk"), "-v", "-nh", "-R", "-aet", caller, "-aec", called, *options]
    return subprocess.run(
        [*command, "127.0.0.1", str(port), *map(str, files)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
    )  # fmt: skip


def echoscu(port: int, *, caller: str = "MODALITY", called: str = "CHEXRAY", options: Sequence[str] = ()):
    command = [require_tool("echoscu", "dcmtk"), "-v", "-aet", caller, "-aec", called, *options, "127.0.0.1", str(port)]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)


def answers(log: str) -> list[str]:
    """What storescu was answered, image by image ("Success", "Error: …")."""
    return re.findall(r"Received Store Response \((.*)\)", log)
