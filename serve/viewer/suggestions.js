// Names from the model's vocabulary, offered while the reader types; without words, what was asked before.
import { byId, element } from "./dom.js";
import { state } from "./state.js";

const MOST = 8;
const input = byId("text"), list = byId("suggestions");
let active = -1;

/** {words, hint} of every name: findings first, then regions; a synonym brings the name it stands for as a hint. */
function names() {
  const { findings, regions } = state.vocabulary;
  const of = (kind, prompt, name, synonyms) => [{ words: prompt, hint: kind },
    ...synonyms.map((words) => ({ words, hint: name }))];
  return [...findings.flatMap((f) => of("", f.prompt, f.display, f.synonyms)),
    ...regions.flatMap((r) => of("region", r.prompt, r.name, r.synonyms))];
}

function matches(typed) {
  if (!typed) return state.recent.filter(({ query }) => query.text).map(({ query }) => ({ words: query.text, hint: "asked before" }));
  if (!state.vocabulary) return [];
  const rank = ({ words }) => {
    const at = words.toLowerCase().indexOf(typed);
    return at < 0 ? Infinity : at === 0 ? 0 : words[at - 1] === " " ? 1 : 2;
  };
  return names().filter((name) => rank(name) < Infinity).sort((one, other) => rank(one) - rank(other));
}

function open() {
  const found = matches(input.value.trim().toLowerCase());
  const seen = new Set();
  const shown = found.filter(({ words }) => !seen.has(words) && seen.add(words)).slice(0, MOST);
  if (!shown.length || (shown.length === 1 && shown[0].words === input.value.trim())) return close();
  list.replaceChildren(...shown.map(({ words, hint }, place) => element("li", {
    id: `suggestion-${place}`, role: "option", "aria-selected": "false",
    mousedown(event) { event.preventDefault(); take(words); },
  }, element("span", {}, words), hint ? element("small", {}, hint) : null)));
  list.hidden = false;
  input.setAttribute("aria-expanded", "true");
  point(-1);
}

function close() {
  list.hidden = true;
  active = -1;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function point(place) {
  active = place;
  [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === place)));
  if (place >= 0) {
    input.setAttribute("aria-activedescendant", `suggestion-${place}`);
    list.children[place].scrollIntoView({ block: "nearest" });
  } else input.removeAttribute("aria-activedescendant");
}

function take(words) {
  input.value = words;
  input.dispatchEvent(new Event("input"));
  close();
  input.focus();
}

input.addEventListener("input", open);
input.addEventListener("blur", close);
input.addEventListener("keydown", (event) => {
  const count = list.hidden ? 0 : list.children.length;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (!count) open();
    else point(event.key === "ArrowDown" ? (active + 1) % count : (active <= 0 ? count : active) - 1);
  } else if (event.key === "Enter" && active >= 0) {
    event.preventDefault(); // takes the suggestion; the next Enter asks
    take(list.children[active].querySelector("span").textContent);
  } else if (event.key === "Escape" && count) {
    event.stopPropagation();
    close();
  }
});
export const closeSuggestions = close;
