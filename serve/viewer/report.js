// The report of an image: streamed in, then read line by line and accepted, edited or rejected.
import { streamReport } from "./api.js";
import { withImage } from "./images.js";
import { fillLine, isTouched, lineAbout, number, settled } from "./lines.js";
import { Problem, problemOf } from "./problem.js";
import { mayReplace } from "./replacing.js";
import { choose } from "./selection.js";
import { changed, state } from "./state.js";
import { announce, tell, tellFault } from "./telling.js";

export const isBusy = (report) => report?.phase === "looking" || report?.phase === "writing";

const hasWork = (report) => report?.lines.some(isTouched) ?? false;

/** Replaces a report that was there; one that holds work of the reader only if the reader agrees. */
export async function writeReport(image) {
  if (isBusy(image.report)) return;
  if (!hasWork(image.report) || await mayReplace()) await write(image);
}

/** phase: "looking" (no boxes yet), "writing", "written", "failed". */
async function write(image) {
  const stopping = new AbortController();
  const report = { phase: "looking", lines: [], provenance: null, stop: () => stopping.abort() };
  const before = image.report;
  image.report = report;
  state.tab = "report";
  choose(null);
  changed();
  try {
    await withImage(image, (id) => stream(report, id, stopping.signal));
    announce(`The report is written: ${report.lines.length} sentences.`);
  } catch (problem) {
    report.phase = "failed";
    report.lines = report.lines.filter((line) => line.phase === "written");
    const isEmpty = report.lines.every((line) => line.added);
    if (before && (isEmpty || hasWork(before))) bringBack(image, before);
    else if (!report.lines.length) image.report = null;
    tellFault(problem, [["Try again", () => writeReport(image)]]);
  }
  changed();
}

/** What was added in the meantime comes along. */
function bringBack(image, before) {
  const isKnown = ({ key }) => before.lines.some((line) => line.key === key);
  before.lines.push(...image.report.lines.filter((line) => line.added && !isKnown(line)));
  number(before.lines);
  image.report = before;
}

async function stream(report, id, signal) {
  await streamReport(id, state.promptSet, (...event) => take(report, ...event), signal);
  if (report.phase !== "written") throw new Problem("away"); // the stream broke off
}

function take(report, kind, content) {
  if (kind === "selected") {
    report.lines = settled(report.lines, content.findings);
    report.phase = "writing";
  } else if (kind === "finding") {
    const line = lineAbout(report.lines, content);
    if (line) fillLine(line, content);
  } else if (kind === "report") {
    report.lines = settled(report.lines, content.findings);
    Object.assign(report, { phase: "written", provenance: content.provenance });
  } else if (kind === "problem") {
    throw problemOf(content.status, content, content.retry_after_s ?? null);
  }
  number(report.lines);
  changed();
}

/** review: "accepted", "rejected" or "unread"; the same twice takes it back. */
export function review(line, verdict) {
  line.review = line.review === verdict ? "unread" : verdict;
  changed();
}

export function acceptRest(report) {
  for (const line of report.lines) if (line.review === "unread" && line.phase === "written") line.review = "accepted";
  changed();
}

/** What the reader writes is what the reader accepts; empty words change nothing. */
export function rewrite(line, words) {
  const tidy = words.trim().replace(/\s+/g, " ");
  if (tidy && tidy !== line.sentence) Object.assign(line, { sentence: tidy, review: "accepted" });
  line.editing = false;
  changed();
}

export function restore(line) {
  Object.assign(line, { sentence: line.original, review: "unread" });
  changed();
}

/** An answer becomes the last sentence of the report. */
export function addToReport(image, line) {
  image.report ??= { phase: "written", lines: [], provenance: null, stop() {} };
  const copy = { ...line, key: `${line.key}-in-report`, review: "unread", editing: false, added: true };
  if (image.report.lines.some((known) => known.key === copy.key)) return tell("It is in the report already.");
  image.report.lines.push(copy);
  number(image.report.lines);
  tell(`Added to the report as sentence ${copy.number}.`);
  changed();
}
