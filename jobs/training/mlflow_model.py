"""A model folder as an MLflow model: what `mlflow.pyfunc.load_model` gives.

Input: a data frame with the columns `image` (bytes of a DICOM, JPEG or PNG file) and, optionally, `text`
(a query; without it a report is written). Output: a list of {"text", "findings"} per row, boxes x_min, y_min, x_max,
y_max relative to the image.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas


class ChexModel:
    def __init__(self, folder: str) -> None:
        from chex import Chex
        from chex.inference.session import Session

        self.session = Session(Chex.load(folder))

    def predict(self, model_input: pandas.DataFrame, params=None) -> list[dict]:
        return [self._answer(row) for row in model_input.to_dict("records")]

    def _answer(self, row: dict) -> dict:
        from chex.pixels import read_radiograph
        from chex.records import Query

        pixels = read_radiograph(row["image"], "image").pixels
        text = row.get("text")
        if not isinstance(text, str) or not text.strip():  # pandas has NaN where a cell is empty
            (report,) = self.session.report([pixels])
            return {"text": report.text, "findings": [asdict(finding) for finding in report.findings]}
        (features,) = self.session.encode([pixels])
        ((finding,),) = self.session.ask([features], [[Query(text=text, name=text)]])
        return {"text": finding.sentence, "findings": [asdict(finding)]}


def _load_pyfunc(path: str) -> ChexModel:
    """MLflow calls this when it loads a model; `path` is the model folder in it."""
    return ChexModel(path)
