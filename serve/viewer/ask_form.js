// The form that asks: words, hints and the drawn box together make one question.
import { byId, element, setText } from "./dom.js";
import { box, describeBox, removeBox } from "./drawing.js";
import { clearHints, pickedRegion } from "./hints.js";
import { ask } from "./questions.js";
import { onChange, state } from "./state.js";
import { closeSuggestions } from "./suggestions.js";
import { tell } from "./telling.js";

const text = byId("text"), asked = byId("asked");

/** The words that are sent: "pleural effusion in the right lower lung zone", or the region alone. */
function words() {
  const typed = text.value.trim().replace(/\s+/g, " "), region = pickedRegion();
  if (!region) return typed;
  return typed ? `${typed} in the ${region.prompt}` : region.prompt;
}

function submit() {
  closeSuggestions();
  if (state.current?.phase !== "ready") return tell(state.current ? "The image is not ready yet." : "Open a radiograph first.");
  const question = { text: words(), box: box() };
  if (!question.text && !question.box) {
    text.focus();
    return tell("Type what to look for, pick a place, or draw a box on the image.");
  }
  ask(state.current, question);
  text.value = "";
  clearHints();
  removeBox();
}

/** Asks again what was asked before, of the image that is looked at. */
export function askAgain(query) {
  if (state.current?.phase !== "ready") return tell("Open a radiograph first.");
  ask(state.current, query);
}

byId("ask").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
text.addEventListener("input", preview);

const chip = element("button", { type: "button", class: "chip box", title: "Remove the drawn box (Esc)",
  "aria-label": "Remove the drawn box", click: removeBox }, "drawn box ×");

function preview() {
  const will = words(), drawn = box();
  const composed = pickedRegion() && text.value.trim();
  const said = drawn ? `, ${describeBox(drawn)}` : "";
  asked.hidden = !composed && !drawn;
  if (asked.hidden) return;
  const sentence = drawn ? (will ? `Asks for “${will}” in the ` : "Asks what is in the ") : `Asks for “${will}”`;
  if (asked.dataset.sentence === sentence + said) return; // announced once
  asked.dataset.sentence = sentence + said;
  asked.replaceChildren(sentence, ...(drawn ? [chip, element("span", { class: "hidden-words" }, said)] : []));
}

onChange(() => {
  preview();
  setText(byId("text").labels[0], state.current ? "Ask about a finding or a region" : "Ask, once an image is open");
});
