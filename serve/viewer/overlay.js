// The boxes on the image, each in the colour of its line; lit with it, and a way to it.
import { byId, drawn } from "./dom.js";
import { box as drawnBox } from "./drawing.js";
import { onMove, onStage } from "./image_view.js";
import { colourOf } from "./lines.js";
import { lit, onLight } from "./selection.js";
import { state, visibleLines } from "./state.js";

const svg = byId("boxes");
const TAG = 18;

/** Sentences that deny, and those that the reader rejected, show their boxes only when they are lit; drawn boxes stay. */
const isQuiet = (line) => (line.present === false && !line.query.box) || line.review === "rejected";

function rectangle(box, classes, colour) {
  const made = drawn("rect", { ...onStage(box), class: classes, rx: 2 });
  if (colour) made.style.color = colour;
  return made;
}

function tag(line) {
  const { x, y } = onStage(line.boxes[0].box);
  const wide = line.number > 9 ? TAG + 6 : TAG;
  const made = drawn("g", { class: "tag", transform: `translate(${x}, ${Math.max(0, y - TAG)})` },
    drawn("rect", { width: wide, height: TAG, rx: 3 }),
    drawn("text", { x: wide / 2, y: 13, "text-anchor": "middle" }, String(line.number)));
  made.style.color = colourOf(line);
  return made;
}

function boxesOf(line, isLit) {
  const group = drawn("g", { class: isLit ? "line lit" : "line", "data-line": line.key });
  for (const [place, { box }] of line.boxes.entries()) {
    group.append(rectangle(box, place ? "second" : "first", colourOf(line)));
  }
  if (line.boxes.length) group.append(tag(line));
  return group;
}

export function showBoxes() {
  if (state.current?.phase !== "ready") return svg.replaceChildren();
  const key = lit();
  const lines = state.boxesShown ? visibleLines().filter((line) => line.key === key || !isQuiet(line)) : [];
  lines.sort((one, other) => (one.key === key) - (other.key === key)); // the lit one on top
  svg.classList.toggle("focused", lines.some((line) => line.key === key));
  svg.replaceChildren(...lines.map((line) => boxesOf(line, line.key === key)));
  if (drawnBox()) svg.append(...handled(drawnBox()));
}

function handled(box) {
  const { x, y, width, height } = onStage(box);
  const corners = [[x, y], [x + width, y], [x, y + height], [x + width, y + height]];
  return [rectangle(box, "shade"), rectangle(box, "drawn"), ...corners.map(([cx, cy]) => drawn("circle", { cx, cy, r: 4, class: "handle" }))];
}

/** The line with the smallest box at a place of the image; null where there is none. */
export function lineAt([x, y]) {
  if (!state.boxesShown) return null;
  let found = null, smallest = Infinity;
  for (const line of visibleLines()) {
    if (isQuiet(line) && line.key !== lit()) continue;
    for (const { box: [left, top, right, bottom] } of line.boxes) {
      const area = (right - left) * (bottom - top);
      if (x >= left && x <= right && y >= top && y <= bottom && area < smallest) [found, smallest] = [line, area];
    }
  }
  return found;
}

onMove(showBoxes);
onLight(showBoxes);
