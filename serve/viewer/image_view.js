// Where the image lies on the stage: fitted, zoomed or moved. Boxes and drawing ask here.
import { byId, setText } from "./dom.js";
import { changed, onChange, state } from "./state.js";

const stage = byId("stage"), image = byId("image");
const MARGIN = 24, MOST_ZOOM = 16;
const listeners = [];
let room = { width: 1, height: 1 };

export const onMove = (listener) => listeners.push(listener);

const fitScale = ({ width, height }) =>
  Math.min((room.width - 2 * MARGIN) / width, (room.height - 2 * MARGIN) / height);

/** {scale, x, y} in pixels of the stage; images without a viewport of their own are fitted. */
function viewport() {
  const current = state.current;
  if (current.viewport) return current.viewport;
  const scale = fitScale(current);
  return { scale, x: (room.width - current.width * scale) / 2, y: (room.height - current.height * scale) / 2 };
}

/** A box relative to the image, as {x, y, width, height} on the stage. */
export function onStage([left, top, right, bottom]) {
  const { scale, x, y } = viewport(), { width, height } = state.current;
  return { x: x + left * width * scale, y: y + top * height * scale,
    width: (right - left) * width * scale, height: (bottom - top) * height * scale };
}

/** A pointer's place relative to the image; may lie outside of [0, 1]. */
export function onImage(event) {
  const { scale, x, y } = viewport(), { left, top } = stage.getBoundingClientRect();
  return [(event.clientX - left - x) / (scale * state.current.width), (event.clientY - top - y) / (scale * state.current.height)];
}

export function panBy(x, y) {
  const now = viewport(), { width, height } = state.current;
  const kept = (start, length, space) => Math.min(space - 60, Math.max(60 - length, start)); // never lost from sight
  state.current.viewport = { scale: now.scale, x: kept(now.x + x, width * now.scale, room.width),
    y: kept(now.y + y, height * now.scale, room.height) };
  place();
}

/** Around a place in the window, or the middle of the stage. */
export function zoomBy(factor, event = null) {
  const now = viewport(), { left, top } = stage.getBoundingClientRect();
  const [x, y] = event ? [event.clientX - left, event.clientY - top] : [room.width / 2, room.height / 2];
  const fitting = fitScale(state.current);
  const scale = Math.min(Math.max(now.scale * factor, fitting / 2), Math.max(MOST_ZOOM, fitting * MOST_ZOOM));
  const change = scale / now.scale;
  state.current.viewport = { scale, x: x - (x - now.x) * change, y: y - (y - now.y) * change };
  place();
}

export function fit() {
  if (!state.current) return;
  state.current.viewport = null;
  place();
}

function place() {
  const { width, height, view } = state.current;
  const { scale, x, y } = viewport();
  image.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
  setText(byId("facts"), [view, `${width} × ${height}`, `${Math.round(scale * 100)} %`].filter(Boolean).join("   "));
  for (const listener of listeners) listener();
}

onChange(() => {
  const ready = state.current?.phase === "ready";
  byId("picture").hidden = byId("facts").hidden = !ready;
  if (!ready) return;
  const { picture, width, height } = state.current;
  if (image.getAttribute("src") !== picture) {
    image.src = picture;
    image.alt = "The opened radiograph, as the model sees it";
    image.style.width = `${width}px`;
    image.style.height = `${height}px`;
  }
  place();
});

new ResizeObserver(([entry]) => {
  room = entry.contentRect;
  changed();
}).observe(stage);
