// What an export holds: every written line but the rejected ones, in the words that the reader left.
import { isEdited, isReviewed } from "../lines.js";
import { state } from "../state.js";

export const WARNING = "Research use only, not a medical device. Nothing here may guide the care of a patient.";

const written = (line) => line.phase === "written" && Boolean(line.sentence);
const kept = (line) => written(line) && line.review !== "rejected";

export const reportLines = (image) => (image.report?.lines ?? []).filter(kept);

/** Oldest first. */
export const answerLines = (image) => image.answers.filter(written).reverse();

/** The lines that a picture shows: of the report if there is one, of the answers otherwise. */
export const pictureLines = (image) => (reportLines(image).length ? reportLines(image) : answerLines(image));

export const isEmpty = (image) => !image || (!reportLines(image).length && !answerLines(image).length);

export function asSentence(words) {
  const tidy = words.trim();
  return /[.!?]$/.test(tidy) ? tidy : `${tidy}.`;
}

export const reportText = (image) => reportLines(image).map((line) => asSentence(line.sentence)).join(" ");

/** "2 of 7 sentences were reviewed by a reader, 1 of them edited; 1 more was rejected." */
export function reviewWords(image) {
  const lines = reportLines(image), rejected = (image.report?.lines ?? []).filter((line) => line.review === "rejected").length;
  const edited = lines.filter(isEdited).length;
  return `${lines.filter(isReviewed).length} of ${lines.length} sentences were reviewed by a reader` +
    (edited ? `, ${edited} of them edited` : "") + (rejected ? `; ${rejected} more rejected and left out` : "") + ".";
}

/** The report's own provenance, or what the server says of the model it answers with. */
export const provenanceOf = (image) => image.report?.provenance ?? state.model ?? {};

export const fileName = (image, ending) => `chex-ray-${image.id.slice(0, 12)}.${ending}`;
