// A line of the answers or of the report: what the model found, and what the reader made of its sentence.
const COLOURS = ["#ffc43d", "#40c4ff", "#ff6e84", "#78e68c", "#c692ff", "#ff9648", "#48e0d0", "#f080e0", "#cee654",
  "#78a0ff", "#ffb0a8", "#a8ecff"];

let keys = 0;

/** phase: "waiting" (nothing known), "writing" (boxes known), "written", "failed". */
export const newLine = (query) => ({
  key: `line-${keys += 1}`, query, boxes: [], probabilities: {}, parents: [], present: null,
  sentence: null, original: null, review: "unread", editing: false, phase: "waiting", problem: null, number: 0,
});

/** What the server said about the line's query. Words that the reader changed stay. */
export function fillLine(line, finding) {
  const untouched = line.sentence === line.original;
  Object.assign(line, {
    query: finding.query, boxes: finding.boxes, probabilities: finding.probabilities, parents: finding.parents,
    present: finding.present ?? null, original: finding.sentence,
    phase: finding.sentence === null ? "writing" : "written",
  });
  if (untouched) line.sentence = finding.sentence;
  return line;
}

export const lineOf = (finding) => fillLine(newLine(finding.query), finding);

export const colourOf = (line) => COLOURS[(line.number - 1) % COLOURS.length];

export const isEdited = (line) => line.sentence !== line.original;

const spoken = (name) => name.replaceAll("_", " ");

export function nameOf(line) {
  const { name, text, box } = line.query;
  if (!text) return name ? spoken(name) : "drawn box";
  return spoken(name ?? text) + (box ? ", in the drawn box" : "");
}

export const alsoOf = (line) => line.parents.map(spoken);

export const scoreOf = (line) => line.boxes[0]?.score ?? null;

export function number(lines) {
  lines.forEach((line, place) => { line.number = place + 1; });
}
