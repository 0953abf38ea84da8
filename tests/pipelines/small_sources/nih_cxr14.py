"""NIH ChestX-ray14: six patients with one image each, the last one for the test."""

from __future__ import annotations

from pathlib import Path

from tests.pipelines.small_sources import PATIENTS, SmallSource, encoded, store, table_bytes


def write(folder: Path) -> SmallSource:
    root = folder / "nih-cxr14"
    names = [f"0000000{n}_000.png" for n in range(PATIENTS)]
    columns = ("Image Index", "Finding Labels", "Follow-up #", "Patient ID", "View Position")
    rows = [(name, "Cardiomegaly|Effusion", 0, n, "PA") for n, name in enumerate(names)]
    store(root / "Data_Entry_2017_v2020.csv", table_bytes(columns, rows))
    header = ("Image Index", "Finding Label", "Bbox [x", "y", "w", "h]", "", "", "")
    store(root / "BBox_List_2017.csv", table_bytes(header, [(name, "Effusion", 5, 5, 40, 30) for name in names]))
    store(root / "train_val_list.txt", "\n".join(names[:-1]).encode())
    store(root / "test_list.txt", names[-1].encode())
    return SmallSource(
        sources=(("nih-cxr14", str(root)),),
        images=[store(root / "images" / name, encoded(".png", n)) for n, name in enumerate(names)],
        tables={
            "Data_Entry_2017_v2020.csv": ("Image Index", "Finding Labels", "Patient ID", "View Position"),
            "BBox_List_2017.csv": header[:6],
        },
        identifiers={"Data_Entry_2017_v2020.csv": ("Image Index", "Patient ID")},
        unique={"Data_Entry_2017_v2020.csv": "Finding Labels"},
    )
