// Formats that the server writes, of the sentences as the reader left them.
import { fetchExport } from "../api.js";
import { withImage } from "../images.js";
import { isEdited } from "../lines.js";
import { state } from "../state.js";
import { answerLines, reportLines } from "./content.js";

// what the page makes by itself is left out; a format it does not know goes by the server's name for it
const OWN = ["text", "json-lines", "overlays"];
const KNOWN = {
  "dicom-sr": ["DICOM structured report", "dcm"],
  "dicom-gsps": ["DICOM presentation state", "gsps.dcm"],
  fhir: ["FHIR bundle", "fhir.json"],
  coco: ["COCO annotations", "coco.json"],
};

const findingOf = ({ query, boxes, sentence, probabilities, parents }) => ({
  sentence, probabilities, parents,
  query: { name: query.name, text: query.text, box: query.box },
  boxes: boxes.map(({ box, score }) => ({ box, score })),
});

const isChanged = (line) => line.added || isEdited(line) || line.review === "rejected";

/** Whose report it is, and whether it is no longer as the server gave it; nothing of a report that no model wrote. */
const originOf = ({ provenance, lines }) => (provenance ? { provenance, edited: lines.some(isChanged) } : {});

/** [what the reader sees, the file's ending, what makes a Blob of an image] per format. */
export function serverFormats() {
  const offered = (state.vocabulary?.export_formats ?? []).filter((format) => !OWN.includes(format));
  return offered.map((format) => [...(KNOWN[format] ?? [format, format]), (image) => {
    const lines = reportLines(image), origin = lines.length ? originOf(image.report) : {};
    const findings = (lines.length ? lines : answerLines(image)).map(findingOf);
    return withImage(image, (id) => fetchExport(id, { format, findings, ...origin }));
  }]);
}
