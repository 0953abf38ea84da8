"""Where are the pathologies? All of VinDr-CXR's classes, with boxes read as they are always shown: nothing is tuned.

What a training may watch on its validation split; the paper's task is `detection_vindr.py`.
"""

from __future__ import annotations

from jobs.evaluation.tasks import detection_vindr


class Task(detection_vindr.Task):
    gives = ("pathology_map",)
    tunes = False
    label_set = "vindr"
    figure = "pathology_map"
