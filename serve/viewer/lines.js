// A line of the answers or of the report: what the model found, and what the reader made of its sentence.
const COLOURS = ["#ffc43d", "#40c4ff", "#ff6e84", "#78e68c", "#c692ff", "#ff9648", "#48e0d0", "#f080e0", "#cee654",
  "#78a0ff", "#ffb0a8", "#a8ecff"];

let keys = 0;

/** phase: "waiting" (nothing known), "writing" (boxes known), "written", "failed"; added: the report has it from its reader. */
export const newLine = (query) => ({
  key: `line-${keys += 1}`, query, boxes: [], probabilities: {}, parents: [], present: null,
  sentence: null, original: null, review: "unread", editing: false, phase: "waiting", added: false,
  problem: null, number: 0,
});

/** What the server said about the line's query. Words that the reader changed or reviewed stay. */
export function fillLine(line, finding) {
  const touched = isTouched(line);
  Object.assign(line, {
    query: finding.query, boxes: finding.boxes, probabilities: finding.probabilities, parents: finding.parents,
    present: finding.present ?? null, original: finding.sentence ?? (touched ? line.original : null),
  });
  if (!touched) line.sentence = finding.sentence;
  line.phase = line.sentence === null ? "writing" : "written";
  return line;
}

export const lineOf = (finding) => fillLine(newLine(finding.query), finding);

export const colourOf = (line) => COLOURS[(line.number - 1) % COLOURS.length];

export const isEdited = (line) => line.sentence !== line.original;

export const isReviewed = (line) => line.review !== "unread";

/** Whether there is work of the reader in it. */
export const isTouched = (line) => line.added || line.editing || isReviewed(line) || isEdited(line);

const sameQuery = (one, other) => one.name === other.name && one.text === other.text && String(one.box) === String(other.box);

export const lineAbout = (lines, { query }) => lines.find((line) => !line.added && sameQuery(line.query, query));

/** The findings of the server as lines; what the reader has touched stays, even if the server merged it into another. */
export function settled(lines, findings) {
  const told = findings.map((finding) => {
    const line = lineAbout(lines, finding);
    return line ? fillLine(line, finding) : lineOf(finding);
  });
  const stays = lines.filter((line) => isTouched(line) || told.includes(line));
  for (const line of stays) if (!line.added && !told.includes(line)) standAlone(line, told);
  return [...stays, ...told.filter((line) => !lines.includes(line))];
}

/** No other speaks for it: a rejected finding must not be stated by the parents of another. */
function standAlone(line, others) {
  line.added = true;
  for (const other of others) other.parents = other.parents.filter((name) => name !== (line.query.name ?? line.query.text));
}

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
