// Questions: asked of the image that is looked at, answered by a line.
import { askQuery } from "./api.js";
import { withImage } from "./images.js";
import { fillLine, newLine } from "./lines.js";
import { choose } from "./selection.js";
import { changed, state } from "./state.js";
import { announce } from "./telling.js";

const MOST_RECENT = 12;
let asked = 0;

/** `text` and `box` (relative, x_min y_min x_max y_max): one of them, or both. */
export function ask(image, { text, box }) {
  const query = { ...(text && { text }), ...(box && { box }) };
  const line = newLine({ name: null, text: null, box: null, ...query });
  line.number = (image.answers[0]?.number ?? 0) + 1;
  image.answers.unshift(line);
  remember(query);
  state.tab = "answers";
  choose(line.key, true);
  changed();
  return answer(image, line, query);
}

export async function answer(image, line, query = ownQuery(line)) {
  Object.assign(line, { phase: "waiting", problem: null });
  changed();
  try {
    fillLine(line, await withImage(image, (id) => askQuery(id, query)));
    announce(line.sentence ? `Answer: ${line.sentence}` : "Answered, without words.");
  } catch (problem) {
    Object.assign(line, { phase: "failed", problem });
  }
  changed();
}

const ownQuery = ({ query: { text, box } }) => ({ ...(text && { text }), ...(box && { box }) });

function remember(query) {
  const same = (other) => other.query.text === query.text && String(other.query.box) === String(query.box);
  const known = state.recent.filter((other) => !same(other));
  state.recent = [{ key: `recent-${asked += 1}`, query }, ...known].slice(0, MOST_RECENT);
}

export function removeAnswer(image, line) {
  image.answers.splice(image.answers.indexOf(line), 1);
  choose(null);
  changed();
}
