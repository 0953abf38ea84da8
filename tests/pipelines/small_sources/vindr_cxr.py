"""VinDr-CXR: four training images of two readers each, two test images."""

from __future__ import annotations

from pathlib import Path

from chex.vocabulary import load
from tests.pipelines.small_sources import SmallSource, encoded, store, table_bytes


def write(folder: Path) -> SmallSource:
    root = folder / "vindr-cxr"
    names = [label.partition("/")[2] for label in load().labels_of("vindr-image")]
    box = ("class_name", "x_min", "y_min", "x_max", "y_max")
    values = ["1" if name == "ILD" else "0" for name in names]
    train, test = [f"a{n}bcdef" for n in range(4)], [f"e{n}bcdef" for n in range(2)]
    images = []
    for part, ids, readers in (("train", train, ("R1", "R2")), ("test", test, ())):
        images += [store(root / part / f"{image}.dicom", encoded(".dicom", n)) for n, image in enumerate(ids)]
        keys = [(image, reader) for image in ids for reader in readers] or [(image,) for image in ids]
        reader = ("rad_id",) if readers else ()
        labels = table_bytes(("image_id", *reader, *names), [(*key, *values) for key in keys])
        store(root / f"annotations/image_labels_{part}.csv", labels)
        boxes = table_bytes(("image_id", *reader, *box), [(*key, "ILD", 5, 5, 40, 30) for key in keys])
        store(root / f"annotations/annotations_{part}.csv", boxes)
    return SmallSource(
        sources=(("vindr-cxr", str(root)),),
        images=images,
        tables={
            "annotations/annotations_train.csv": ("image_id", "rad_id", *box),
            "annotations/annotations_test.csv": ("image_id", *box),
            "annotations/image_labels_train.csv": ("image_id", "rad_id", *names),
            "annotations/image_labels_test.csv": ("image_id", *names),
        },
        identifiers=dict.fromkeys(
            (f"annotations/image_labels_{part}.csv" for part in ("train", "test")), ("image_id",)
        ),
        unique={f"annotations/image_labels_{part}.csv": "COPD" for part in ("train", "test")},
    )
