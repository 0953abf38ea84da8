// Keys: one table of what they do, which the help shows, too.
import { byId, element } from "./dom.js";
import { box, moveBox, placeBox, removeBox, resizeBox } from "./drawing.js";
import { pickFiles } from "./dropping.js";
import { openExports } from "./exports/menu.js";
import { takeTool } from "./gestures.js";
import { fit, panBy, zoomBy } from "./image_view.js";
import { showNeighbour } from "./images.js";
import { review, writeReport } from "./report.js";
import { edit } from "./report_view.js";
import { choose, chosenKey } from "./selection.js";
import { state, visibleLines } from "./state.js";
import { resetView, toggleBoxes } from "./tools.js";
import { adjustWindow, invert } from "./windowing.js";

const SWITCHED_OFF = "chex-ray single keys off";
const stage = byId("stage"), help = byId("keys");
const STEP = 0.01, PAN = 40;

const ready = () => state.current?.phase === "ready";
const chosenLine = () => visibleLines().find((line) => line.key === chosenKey());

function chooseNext(step) {
  const lines = visibleLines(), at = lines.findIndex((line) => line.key === chosenKey());
  if (lines.length) choose(lines[(at < 0 ? (step > 0 ? 0 : lines.length - 1) : at + step + lines.length) % lines.length].key, true);
}

function reviewChosen(verdict) {
  const line = chosenLine();
  if (state.tab !== "report" || line?.phase !== "written") return;
  review(line, verdict);
  if (line.review === verdict) chooseNext(1);
}

function editChosen() {
  const line = chosenLine();
  if (state.tab === "report" && line?.phase === "written") edit(line);
}

function boxByKeys() {
  placeBox();
  stage.focus();
}

/** Arrows on the stage: the drawn box if there is one (with Shift its size), or else the image. */
function arrow(x, y) {
  return (event) => {
    if (box()) (event.shiftKey ? resizeBox : moveBox)(x * STEP, y * STEP);
    else panBy(-x * PAN, -y * PAN);
  };
}

function escape() {
  if (box()) removeBox();
  else if (chosenKey()) choose(null);
  else state.current?.report?.stop();
}

const ARROWS = { ArrowLeft: arrow(-1, 0), ArrowRight: arrow(1, 0), ArrowUp: arrow(0, -1), ArrowDown: arrow(0, 1) };

// what the help calls it, its keys, what it does, and whether an image must be there
const GROUPS = [
  ["Asking", [
    ["Type a question", ["/"], () => byId("text").focus()],
    ["Draw a box by keys: arrows move it, Shift and arrows size it, Enter goes to the question", ["b"], boxByKeys, ready],
    ["Write the report", ["r"], () => writeReport(state.current), ready],
    ["Remove the drawn box, unlight, stop writing", ["Escape"], escape],
  ]],
  ["Reading", [
    ["Next, previous line", ["j", "k"], (event) => chooseNext(event.key === "j" ? 1 : -1)],
    ["Accept the lit sentence", ["a"], () => reviewChosen("accepted")],
    ["Edit it", ["e"], editChosen],
    ["Reject it", ["x"], () => reviewChosen("rejected")],
    ["Export", ["s"], openExports],
  ]],
  ["Image", [
    ["Zoom in, out", ["+", "-"], (event) => zoomBy(event.key === "-" ? 0.8 : 1.25), ready],
    ["Fit", ["f"], fit, ready],
    ["Window narrower, wider", ["[", "]"], (event) => adjustWindow({ width: event.key === "[" ? -12 : 12 }), ready],
    ["Level lower, higher", ["{", "}"], (event) => adjustWindow({ centre: event.key === "{" ? -6 : 6 }), ready],
    ["Invert", ["i"], invert, ready],
    ["Reset window, level and zoom", ["0"], resetView, ready],
    ["Show or hide boxes", ["h"], toggleBoxes, ready],
    ["Draw, move, window with the pointer", ["d", "m", "w"],
      (event) => takeTool({ d: "draw", m: "pan", w: "window" }[event.key]), ready],
  ]],
  ["Files", [
    ["Open radiographs", ["o"], pickFiles],
    ["Next, previous image", [".", ","], (event) => showNeighbour(event.key === "." ? 1 : -1)],
    ["This list", ["?"], () => openHelp()],
  ]],
];

const POINTER = [["Left button", "draws a box, or chooses the one it clicks"], ["Right button", "window and level"],
  ["Middle button", "moves the image"], ["Wheel, two fingers", "zoom, move"]];

const actions = new Map(GROUPS.flatMap(([, entries]) => entries.flatMap(([, keys, act, when]) => keys.map((key) => [key, { act, when }]))));
const isOn = () => localStorage.getItem(SWITCHED_OFF) === null;
const isTyping = (target) => target.closest("input, textarea, select, dialog, [contenteditable]") !== null;

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape" && !event.target.closest("dialog")) return escape();
  if (isTyping(event.target)) return;
  if (event.target === stage && ready()) {
    if (ARROWS[event.key]) {
      ARROWS[event.key](event);
      return event.preventDefault();
    }
    if (event.key === "Enter" && box()) {
      byId("text").focus();
      return event.preventDefault();
    }
  }
  const found = actions.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  if (!found || !isOn() || found.when?.() === false) return;
  event.preventDefault();
  found.act({ key: event.key.toLowerCase() });
});

const NAMES = { Escape: "Esc", "/": "/" };
const key = (name) => element("kbd", {}, NAMES[name] ?? name.toUpperCase());

byId("keys-list").append(...GROUPS.map(([title, entries]) => element("section", {}, element("h3", {}, title),
  element("dl", {}, ...entries.flatMap(([words, keys]) => [element("dt", {}, ...keys.map(key)), element("dd", {}, words)])))),
element("section", {}, element("h3", {}, "Pointer"), element("dl", {}, ...POINTER.flatMap(([what, does]) =>
  [element("dt", {}, what), element("dd", {}, does)]))));

function openHelp() {
  byId("keys-on").checked = isOn();
  help.showModal();
}

byId("show-keys").addEventListener("click", openHelp);
byId("keys-on").addEventListener("change", ({ target }) => {
  if (target.checked) localStorage.removeItem(SWITCHED_OFF);
  else localStorage.setItem(SWITCHED_OFF, "yes");
});
