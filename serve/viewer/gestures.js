// Pointer, wheel and fingers on the stage: drawing, moving, windowing, zooming, and choosing a box.
import { byId } from "./dom.js";
import { box, drawBetween, gripAt, moveBox } from "./drawing.js";
import { onImage, panBy, zoomBy } from "./image_view.js";
import { lineAt } from "./overlay.js";
import { choose, hover, chosenKey } from "./selection.js";
import { changed, state } from "./state.js";
import { adjustWindow } from "./windowing.js";

const stage = byId("stage");
const CLICK = 4; // pixels
const GRIP = 12;
const LEVELS_PER_PIXEL = 0.6;
const fingers = new Map();
let stroke = null;

const ready = () => state.current?.phase === "ready";
const onPicture = (event) => event.target === stage || byId("picture").contains(event.target);

/** Relative size of a grip, which has the same size on the screen at every zoom. */
function reach(event) {
  const [x, y] = onImage(event), [farX, farY] = onImage({ clientX: event.clientX + GRIP, clientY: event.clientY + GRIP });
  return [farX - x, farY - y];
}

/** Left button: the tool; middle: move; right: window and level. */
function strokeOf(event) {
  const tool = event.button === 1 ? "pan" : event.button === 2 ? "window" : state.tool;
  const start = onImage(event);
  if (tool === "pan") return { drag: (dx, dy) => panBy(dx, dy) };
  if (tool === "window") return { drag: (dx, dy) => adjustWindow({ width: dx * LEVELS_PER_PIXEL, centre: dy * LEVELS_PER_PIXEL }) };
  const grip = gripAt(start, reach(event));
  if (grip === "inside") {
    let last = start;
    return { drag(_, __, now) { const at = onImage(now); moveBox(at[0] - last[0], at[1] - last[1]); last = at; } };
  }
  return { drag: (_, __, now) => drawBetween(grip ?? start, onImage(now)), ends: () => { if (box()) byId("text").focus(); } };
}

stage.addEventListener("pointerdown", (event) => {
  if (!ready() || !onPicture(event)) return;
  fingers.set(event.pointerId, event);
  stage.setPointerCapture(event.pointerId);
  stage.focus({ preventScroll: true });
  event.preventDefault();
  if (fingers.size === 1) stroke = { ...strokeOf(event), first: event, last: event, moved: false };
  else stroke = null;
});

stage.addEventListener("pointermove", (event) => {
  if (!ready()) return;
  if (fingers.size === 2 && fingers.has(event.pointerId)) return pinch(event);
  if (!stroke) {
    if (event.pointerType === "mouse" && onPicture(event)) hover(lineAt(onImage(event))?.key ?? null);
    return;
  }
  if (!fingers.has(event.pointerId)) return;
  stroke.moved ||= Math.hypot(event.clientX - stroke.first.clientX, event.clientY - stroke.first.clientY) > CLICK;
  if (stroke.moved) {
    stroke.drag(event.clientX - stroke.last.clientX, event.clientY - stroke.last.clientY, event);
    stroke.last = event;
  }
  fingers.set(event.pointerId, event);
});

function pinch(event) {
  const [one, other] = [...fingers.values()];
  const apart = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  const middle = (a, b) => ({ clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 });
  const [before, was] = [apart(one, other), middle(one, other)];
  fingers.set(event.pointerId, event);
  const [now, then] = [...fingers.values()];
  const is = middle(now, then);
  panBy(is.clientX - was.clientX, is.clientY - was.clientY);
  if (before > 0) zoomBy(apart(now, then) / before, is);
}

function lift(event) {
  if (!fingers.delete(event.pointerId)) return;
  if (stroke && event.type === "pointerup") {
    if (stroke.moved) stroke.ends?.();
    else if (event.button === 0) click(event);
  }
  stroke = null;
}

function click(event) {
  const line = lineAt(onImage(event));
  choose(line && line.key !== chosenKey() ? line.key : null, true);
}

stage.addEventListener("pointerup", lift);
stage.addEventListener("pointercancel", lift);
stage.addEventListener("pointerleave", () => hover(null));
stage.addEventListener("contextmenu", (event) => { if (ready() && onPicture(event)) event.preventDefault(); });
stage.addEventListener("wheel", (event) => {
  if (!ready() || !onPicture(event)) return;
  event.preventDefault();
  zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event);
}, { passive: false });

export function takeTool(tool) {
  state.tool = tool;
  changed();
}
