// The tools beside the image.
import { byId, iconButton } from "./dom.js";
import { pickFiles } from "./dropping.js";
import { takeTool } from "./gestures.js";
import { fit, zoomBy } from "./image_view.js";
import { changed, onChange, state } from "./state.js";
import { invert, resetWindow } from "./windowing.js";

export function resetView() {
  fit();
  resetWindow();
}

export function toggleBoxes() {
  state.boxesShown = !state.boxesShown;
  changed();
}

const inHand = (tool) => () => state.tool === tool;

// icon, label, key, what it does, whether it is on (for those that stay on)
const TOOLS = [
  ["open", "Open radiographs", "O", pickFiles],
  null,
  ["draw", "Draw a box", "D", () => takeTool("draw"), inHand("draw")],
  ["pan", "Move the image", "M", () => takeTool("pan"), inHand("pan")],
  ["window", "Window and level, on the 8 bits that the model sees", "W", () => takeTool("window"), inHand("window")],
  null,
  ["zoom-in", "Zoom in", "+", () => zoomBy(1.25)],
  ["zoom-out", "Zoom out", "-", () => zoomBy(0.8)],
  ["fit", "Fit", "F", fit],
  ["invert", "Invert", "I", invert, () => state.current?.window.inverted ?? false],
  ["reset", "Reset window, level and zoom", "0", resetView],
  null,
  ["boxes", "Show boxes", "H", toggleBoxes, () => state.boxesShown],
];

const bar = byId("tools");
const buttons = [];
for (const tool of TOOLS) {
  if (!tool) {
    bar.append(document.createElement("hr"));
    continue;
  }
  const [name, label, key, press, isOn] = tool;
  const button = iconButton(name, label, press, { title: `${label} (${key})`, "aria-keyshortcuts": key, "data-tool": name });
  buttons.push({ button, isOn, always: name === "open" });
  bar.append(button);
}

// a toolbar is one stop of the Tab key: arrows go from tool to tool
bar.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const usable = buttons.map(({ button }) => button).filter((button) => !button.disabled);
  const next = usable[(usable.indexOf(document.activeElement) + step + usable.length) % usable.length];
  next.focus();
  event.preventDefault();
  event.stopPropagation();
});
function stopAt(tool) {
  for (const { button } of buttons) button.tabIndex = button === tool ? 0 : -1;
}
bar.addEventListener("focusin", (event) => stopAt(event.target));
stopAt(buttons[0].button);

onChange(() => {
  const ready = state.current?.phase === "ready";
  for (const { button, isOn, always } of buttons) {
    button.disabled = !ready && !always;
    if (isOn) button.setAttribute("aria-pressed", String(isOn()));
  }
  // one that cannot be focused would close the whole bar to the Tab key
  if (buttons.some(({ button }) => button.disabled && button.tabIndex === 0)) stopAt(buttons.find(({ button }) => !button.disabled).button);
  byId("stage").dataset.tool = state.tool;
});
