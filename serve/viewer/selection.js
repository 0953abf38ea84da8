// Which line is lit: the one under the pointer, or else the one that was chosen.
let chosen = null, hovered = null;
const listeners = [];

export const onLight = (listener) => listeners.push(listener);
export const lit = () => hovered ?? chosen;
export const chosenKey = () => chosen;

const tell = (reveal) => { for (const listener of listeners) listener(lit(), reveal); };

/** `reveal`: the list shall scroll to the line, because the choice was made elsewhere. */
export function choose(key, reveal = false) {
  chosen = key;
  hovered = null;
  tell(reveal);
}

export function hover(key) {
  if (hovered === key) return;
  hovered = key;
  tell(false);
}
