// The report and the answers as plain text.
import { nameOf } from "../lines.js";
import { state } from "../state.js";
import { answerLines, asSentence, provenanceOf, reportLines, reviewWords, WARNING } from "./content.js";

export function textOf(image) {
  const made = provenanceOf(image), report = reportLines(image), answers = answerLines(image);
  const parts = [`Chest radiograph, read with Chex-Ray ${made.software_version ?? ""}`.trim(), WARNING];
  if (state.model?.notice) parts.push(state.model.notice);
  if (report.length) {
    parts.push("", "REPORT", ...report.map((line) => asSentence(line.sentence)), "", reviewWords(image));
  }
  if (answers.length) {
    parts.push("", "QUESTIONS AND ANSWERS", ...answers.map((line) => `${nameOf(line)}: ${asSentence(line.sentence)}`));
  }
  parts.push("", `Model ${made.model_name} ${made.model_version}` + (made.prompt_set ? `, prompt set ${made.prompt_set}` : ""));
  parts.push(`Image ${made.input_sha256 ?? image.id}`, "");
  return parts.join("\n");
}

export const makeText = (image) => new Blob([textOf(image)], { type: "text/plain;charset=utf-8" });
