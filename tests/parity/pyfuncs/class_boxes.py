"""The fused boxes of findings in the model image, whole or its centre square, and as training targets."""

from __future__ import annotations

from collections import Counter

import torch

from chex.augmentation import frame_annotations
from chex.boxes import xyxy_to_cxcywh
from chex.geometry import Frame
from chex.queries.pathology import pathology_targets
from chex.records import Annotations, PathologyBox, PathologyLabel
from chex.vocabulary import load
from pipelines.raw.boxes import relative_box
from tests.parity.cases import Case, parts_of, read_cases
from tests.parity.comparison import Compared, NotCompared
from tests.parity.pyfuncs.recorded_readers import drawn_boxes, fused_rows, in_order_of, our_label, upright
from tests.parity.registry import Found, check

FITS = {"0": "stretch", "1": "center_crop"}  # by the ends of the cases' names
TARGETS_OF = "vindr_load_class_bboxes_center1"
LEAST_SIDE = 1e-3  # boxes with a smaller side are left out there


@check("vindr_load_class_bboxes_center0", "vindr_load_class_bboxes_center1")
def load_class_bboxes(case: Case) -> Found:
    names = case.extra["class_names"]
    found: dict = {"extra.note": NotCompared("a remark"), "extra.boxes": NotCompared("compared image by image below")}
    for name in ("class_names", "H", "W"):
        found[f"extra.{name}"] = NotCompared("what the case is given")
    frames = _frames(case)
    # a frame's map takes points relative to the image to points relative to the part of it that is seen
    seen = [(frame.width / frame.matrix[0, 0], frame.height / frame.matrix[1, 1]) for frame in frames]
    crops = [[frame.width - width, frame.height - height] for frame, (width, height) in zip(frames, seen, strict=True)]
    found["extra.crops"] = (torch.tensor(crops), torch.tensor(case.extra["crops"]))
    rescales = torch.tensor(case.extra["rescales"], dtype=torch.float64)
    found["extra.rescales"] = Compared(
        torch.tensor(seen), 1 / rescales, note="as pixels"
    )  # else too small to be told apart
    label_ids = {our_label(name): float(i) for i, name in enumerate(names)}
    for i, (image, recorded) in enumerate(zip(_annotations(case, frames), case.extra["boxes"], strict=True)):
        ours = [(*_centred(one), label_ids[one.label]) for one in image.pathology_boxes]
        found[f"{i}.boxes"] = Compared(in_order_of(recorded, ours), recorded, kind="forward")
    return found


@check("collate_class_bboxes")
def collate_class_bboxes(case: Case) -> Found:
    ids, boxes, mask = parts_of(
        {k: v for k, v in case.extra.items() if k != "note"}, "class_ids", "boxes_padded", "mask"
    )
    source = _sibling(case, TARGETS_OF)
    labels = [our_label(source.extra["class_names"][i]) for i in ids]
    vocabulary = load()
    annotations = [
        Annotations(
            pathology_boxes=tuple(box for box in one.pathology_boxes if box.label in labels),
            pathology_labels=tuple(PathologyLabel(label, 0) for label in labels),
        )
        for one in _annotations(source, _frames(source))
    ]
    everything = len(vocabulary.findings)
    targets = pathology_targets(
        annotations, vocabulary, torch.Generator(), most_with_boxes=everything, most_with_labels=everything
    )
    columns = [targets.findings.index(vocabulary.finding_of(label).id) for label in labels]
    present = targets.present[:, columns]
    found = torch.cat([targets.boxes_cxcywh, torch.zeros_like(targets.boxes_cxcywh[..., :1])], dim=-1)[:, columns]
    found[..., 4] = torch.tensor(ids, dtype=found.dtype)[None, :, None]
    found[~present] = 0.0
    expected = torch.tensor(boxes)
    for b, q in torch.tensor(mask).any(dim=-1).nonzero().tolist() if found.shape == expected.shape else ():
        rows = found[b, q].tolist()
        found[b, q] = torch.tensor(in_order_of(boxes[b][q], rows))
    return {
        "extra.note": NotCompared("a remark"),
        "extra.class_ids": NotCompared("what the case is given"),
        "extra.boxes_padded": (found, expected),
        "extra.mask": (present, torch.tensor(mask)),
    }


def _sibling(case: Case, name: str) -> Case:
    return next(other for other in read_cases(case.folder, "pyfuncs") if other.name == name)


def _frames(case: Case) -> list[Frame]:
    sizes = zip(case.extra["H"], case.extra["W"], strict=True)
    return [Frame(height, width, size=1, fit=FITS[case.name[-1]]) for height, width in sizes]


def _annotations(case: Case, frames: list[Frame]) -> list[Annotations]:
    """What our consensus of the recorded readers is in each frame; the images are those of the case of the readers."""
    readers = _sibling(case, "vindr_fuse_boxes")
    drawn = _kept(drawn_boxes(readers.extra["input"]))
    found = []
    for image, frame in zip(readers.extra["fused"], frames, strict=True):
        boxes = [
            PathologyBox(our_label(name), box)
            for *corners, name in fused_rows(drawn, image)
            if (box := relative_box(corners, frame.height, frame.width))
        ]
        framed = frame_annotations(Annotations(pathology_boxes=tuple(boxes)), frame)
        large = tuple(box for box in framed.pathology_boxes if min(_centred(box)[2:]) > LEAST_SIDE)
        found.append(Annotations(pathology_boxes=large))
    return found


def _kept(drawn: list[dict]) -> list[dict]:
    """Without what is lost there: a class's only box where it is not drawn from its top left; our fusion turns it."""
    boxes = Counter((row["image_id"], row["class_name"]) for row in drawn)
    return [row for row in drawn if upright(row) or boxes[row["image_id"], row["class_name"]] > 1]


def _centred(box: PathologyBox) -> list[float]:
    return xyxy_to_cxcywh(torch.tensor(box.box, dtype=torch.float64)).tolist()
