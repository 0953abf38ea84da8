// A line of the answers or of the report as it stands in the list.
import { element, iconButton, setText } from "./dom.js";
import { alsoOf, colourOf, isEdited, nameOf, scoreOf } from "./lines.js";
import { explain } from "./problem.js";
import { choose, chosenKey, hover, onLight } from "./selection.js";

const shown = new Map(); // key of the line: its node

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "es"}`;

function facts(line) {
  if (line.phase === "waiting") return "looking …";
  if (!line.boxes.length) return line.phase === "failed" ? "" : "no box";
  return `score ${scoreOf(line).toFixed(2)}, ${plural(line.boxes.length, "box")}`;
}

/** `actions(line)` are the buttons at its end; `words` may replace the sentence while it is edited. */
export function lineView(first, { actions, editor, retry }) {
  const badge = element("span", { class: "badge" });
  const name = element("span", { class: "name" }), known = element("span", { class: "known" });
  const sentence = element("p", { class: "sentence" });
  const mark = element("span", { class: "mark" });
  const pick = element("button", { type: "button", class: "pick", "aria-pressed": "false",
    click: () => choose(chosenKey() === first.key ? null : first.key) }, badge, name, known);
  const also = element("p", { class: "also" });
  const words = element("div", { class: "words" }, sentence);
  const bar = element("div", { class: "actions", role: "group" });
  const node = element("li", { class: "item", "data-line": first.key,
    pointerenter: (event) => { if (event.pointerType === "mouse") hover(first.key); }, pointerleave: () => hover(null) }, element("div", { class: "top" }, pick, mark, bar), words, also);
  sentence.addEventListener("click", () => choose(first.key));
  bar.append(...actions(first));
  shown.set(first.key, node);
  let editing = null;

  return {
    node,
    update(line) {
      node.style.setProperty("--hue", colourOf(line));
      Object.assign(node.dataset, { phase: line.phase, review: line.review, absent: line.present === false });
      setText(badge, String(line.number));
      setText(name, nameOf(line));
      setText(known, facts(line));
      setText(mark, [line.review === "unread" ? "" : line.review, isEdited(line) ? "edited" : ""].filter(Boolean).join(", "));
      const failure = line.phase === "failed" ? explain(line.problem).join(" ") : null;
      setText(sentence, failure ?? line.sentence ?? (line.phase === "written" ? "" : "\u00a0"));
      sentence.classList.toggle("skeleton", line.phase === "waiting" || line.phase === "writing");
      if (line.phase === "written" && !line.sentence) setText(sentence, "(no words)");
      setText(also, line.parents.length ? `Also speaks for ${alsoOf(line).join(", ")}` : "");
      also.hidden = !line.parents.length;
      bar.setAttribute("aria-label", `Sentence ${line.number}`);
      bar.hidden = line.editing || line.phase === "waiting" || line.phase === "writing";
      for (const button of bar.children) button.onShow?.(line);
      if (line.editing && !editing) words.replaceChildren(editing = editor(line));
      if (!line.editing && editing) {
        words.replaceChildren(sentence);
        editing = null;
      }
      if (retry && line.phase === "failed" && !words.querySelector(".retry")) {
        words.append(element("button", { type: "button", class: "retry", click: () => retry(line) }, "Try again"));
      } else if (line.phase !== "failed") words.querySelector(".retry")?.remove();
    },
  };
}

/** A button that knows how it looks for each state of its line. */
export function action(name, label, press, onShow = () => {}, attributes = {}) {
  const button = iconButton(name, label, press, attributes);
  button.onShow = (line) => onShow(button, line);
  return button;
}

onLight((key, reveal) => {
  for (const [of, node] of shown) {
    if (!node.isConnected && of !== key) {
      shown.delete(of);
      continue;
    }
    node.classList.toggle("lit", of === key);
    node.querySelector(".pick").setAttribute("aria-pressed", String(of === chosenKey()));
    if (of === key && reveal) {
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      node.scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
    }
  }
});

