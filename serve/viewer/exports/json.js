// Everything as JSON: also what was rejected, and what the model wrote before a sentence was edited.
import { isEdited } from "../lines.js";
import { state } from "../state.js";
import { answerLines, provenanceOf, reportText, WARNING } from "./content.js";

const lineRecord = (line) => ({
  query: line.query, boxes: line.boxes, probabilities: line.probabilities, parents: line.parents,
  sentence: line.sentence, written_by_model: line.original, edited: isEdited(line), review: line.review,
});

export function recordOf(image) {
  const { id, width, height, view, notes } = image;
  return {
    warning: WARNING,
    notice: state.model?.notice ?? null,
    image: { image_id: id, width, height, view, notes },
    boxes: "x_min, y_min, x_max, y_max, relative to the original image",
    report: image.report && { text: reportText(image), sentences: image.report.lines.map(lineRecord) },
    answers: answerLines(image).map(lineRecord),
    provenance: provenanceOf(image),
  };
}

export const makeJson = (image) => new Blob([`${JSON.stringify(recordOf(image), null, 2)}\n`], { type: "application/json" });
