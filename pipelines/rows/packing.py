"""A sample without its image as bytes, and back: how annotations travel from the tasks that read to those that train."""

from __future__ import annotations

import json

from chex.records import Annotations, GroundedPhrase, PathologyBox, PathologyLabel, Region, Sample, Study


def pack(sample: Sample) -> bytes:
    """JSON of values in the order of the records' fields; the image's bytes are left out."""
    study, notes = sample.study, sample.annotations
    return json.dumps(
        (
            (study.dataset, study.split, study.patient_id, study.study_id, study.image_id, study.uri, study.view),
            notes.sentences,
            notes.indication,
            [(r.region, r.box, r.sentences, r.labels_present, r.labelled) for r in notes.anatomy],
            [(b.label, b.box, b.readers) for b in notes.pathology_boxes],
            [(x.label, x.value) for x in notes.pathology_labels],
            [(g.phrase, g.boxes, g.label) for g in notes.grounded],
            (sample.height, sample.width, sample.original_height, sample.original_width),
            sample.pixel_notes,
            (sample.source_sha256, sample.converter_version),
        ),
        separators=(",", ":"),
    ).encode()


def unpack(packed: bytes) -> Sample:
    """The sample that `pack` was given, with an empty image."""
    study, sentences, indication, anatomy, boxes, labels, grounded, sizes, notes, origin = json.loads(packed)
    return Sample(
        Study(*study),
        Annotations(
            sentences=tuple(sentences),
            indication=indication,
            anatomy=tuple(
                Region(name, tuple(box), tuple(said), tuple(present), labelled)
                for name, box, said, present, labelled in anatomy
            ),
            pathology_boxes=tuple(PathologyBox(label, tuple(box), readers) for label, box, readers in boxes),
            pathology_labels=tuple(PathologyLabel(label, value) for label, value in labels),
            grounded=tuple(GroundedPhrase(phrase, tuple(map(tuple, at)), label) for phrase, at, label in grounded),
        ),
        b"",
        *sizes,
        tuple(notes),
        *origin,
    )
