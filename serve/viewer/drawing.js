// The box that the reader draws: by pointer from corner to corner, or by keys; moved and resized afterwards.
import { changed, state } from "./state.js";

const SMALLEST = 0.01; // a click without a stroke is no box
const within = (value) => Math.min(1, Math.max(0, value));

export const box = () => state.current?.box ?? null;

export function removeBox() {
  if (state.current) state.current.box = null;
  changed();
}

/** Between two places relative to the image, however they lie; too small a stroke leaves no box. */
export function drawBetween([x1, y1], [x2, y2]) {
  const [left, right] = [within(Math.min(x1, x2)), within(Math.max(x1, x2))];
  const [top, bottom] = [within(Math.min(y1, y2)), within(Math.max(y1, y2))];
  state.current.box = right - left > SMALLEST && bottom - top > SMALLEST ? [left, top, right, bottom] : null;
  changed();
}

export function placeBox() {
  state.current.box ??= [0.35, 0.35, 0.65, 0.65];
  changed();
}

export function moveBox(x, y) {
  const [left, top, right, bottom] = state.current.box;
  const dx = Math.min(1 - right, Math.max(-left, x)), dy = Math.min(1 - bottom, Math.max(-top, y));
  state.current.box = [left + dx, top + dy, right + dx, bottom + dy];
  changed();
}

/** Moves the right and lower edges. */
export function resizeBox(x, y) {
  const [left, top, right, bottom] = state.current.box;
  state.current.box = [left, top, Math.max(left + 2 * SMALLEST, within(right + x)), Math.max(top + 2 * SMALLEST, within(bottom + y))];
  changed();
}

/** What a stroke that begins at a place would do: the corner opposite to it if it begins on a corner, "inside", or null. */
export function gripAt([x, y], [nearX, nearY]) {
  if (!box()) return null;
  const [left, top, right, bottom] = box();
  for (const [cornerX, oppositeX] of [[left, right], [right, left]]) {
    for (const [cornerY, oppositeY] of [[top, bottom], [bottom, top]]) {
      if (Math.abs(x - cornerX) < nearX && Math.abs(y - cornerY) < nearY) return [oppositeX, oppositeY];
    }
  }
  return x > left && x < right && y > top && y < bottom ? "inside" : null;
}

export function describeBox([left, top, right, bottom]) {
  const percent = (value) => Math.round(value * 100);
  return `${percent(left)} to ${percent(right)} % across, ${percent(top)} to ${percent(bottom)} % down`;
}
