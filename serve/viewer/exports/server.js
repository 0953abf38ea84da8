// Formats that the server writes, of the sentences as the reader left them.
import { fetchExport } from "../api.js";
import { withImage } from "../images.js";
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

/** [what the reader sees, the file's ending, what makes a Blob of an image] per format. */
export function serverFormats() {
  const offered = (state.vocabulary?.export_formats ?? []).filter((format) => !OWN.includes(format));
  return offered.map((format) => [...(KNOWN[format] ?? [format, format]), (image) => {
    const lines = reportLines(image).length ? reportLines(image) : answerLines(image);
    return withImage(image, (id) => fetchExport(id, { format, findings: lines.map(findingOf) }));
  }]);
}
