"""Open-i: six reports of one image each."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

from tests.pipelines.small_sources import PATIENTS, SmallSource, encoded, store, table_bytes

IDS = tuple(f"CXR{n + 1}_IM-000{n}-1001" for n in range(PATIENTS))


def report(*images: str, findings: str = "", impression: str = "", indication: str = "") -> bytes:
    """The XML of a report, with the elements that the collection has and nothing else."""
    texts = {"COMPARISON": "None.", "INDICATION": indication, "FINDINGS": findings, "IMPRESSION": impression}
    abstract = "\n".join(f'<AbstractText Label="{name}">{escape(text)}</AbstractText>' for name, text in texts.items())
    shown = "\n".join(f'<parentImage id="{name}"><caption>PA and lateral</caption></parentImage>' for name in images)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<eCitation><MedlineCitation><Article><Abstract>\n'
        f"{abstract}\n</Abstract></Article></MedlineCitation>\n<MeSH><major>Opacity/lung/base/left</major></MeSH>\n"
        f"{shown}\n</eCitation>\n"
    ).encode()


def write(folder: Path) -> SmallSource:
    root, table = folder / "open-i", "indiana_projections.csv"
    columns = ("uid", "filename", "projection")
    store(root / table, table_bytes(columns, [(n + 1, f"{name[3:]}.png", "Frontal") for n, name in enumerate(IDS)]))
    return SmallSource(
        sources=(("open-i", str(root)),),
        images=[store(root / "NLMCXR_png" / f"{name}.png", encoded(".png", n)) for n, name in enumerate(IDS)],
        tables={table: columns},
        annotations=[
            store(root / "ecgen-radiology" / f"{n + 1}.xml", report(name, findings="No edema.", impression="No mass."))
            for n, name in enumerate(IDS)
        ],
    )
