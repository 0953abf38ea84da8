// What the page knows, and who is told when it changes.
export const state = {
  images: [], // see images.js
  current: null, // the image that is looked at
  tab: "answers",
  tool: "draw",
  boxesShown: true,
  vocabulary: null,
  model: null,
  promptSet: null, // of the next report; the server's own choice if null
  recent: [], // questions of this visit, newest first
};

const listeners = [];
let waiting = false;

export const onChange = (listener) => listeners.push(listener);

/** Several changes in a row are shown at once. */
export function changed() {
  if (waiting) return;
  waiting = true;
  queueMicrotask(() => {
    waiting = false;
    for (const listener of listeners) listener();
  });
}

/** The lines whose boxes are on the image now. */
export function visibleLines() {
  if (!state.current) return [];
  return state.tab === "report" ? state.current.report?.lines ?? [] : state.current.answers;
}

export function showTab(tab) {
  state.tab = tab;
  changed();
}
