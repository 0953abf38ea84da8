// The opened radiographs: sent, kept with their file, and sent again when the server has forgotten them.
import { fetchPixels, uploadImage } from "./api.js";
import { Problem } from "./problem.js";
import { choose } from "./selection.js";
import { changed, state } from "./state.js";
import { announce, clearFaults, tell, tellFault } from "./telling.js";

const MOST_BYTES = 96 * 2 ** 20; // what the server takes; a larger file need not travel to be refused
let keys = 0;

/** phase: "sending", "reading" (the server decodes), "ready", "failed". */
const newImage = (file) => ({
  key: `image-${keys += 1}`, file, name: file.name, phase: "sending", share: 0, problem: null, sent: null,
  id: null, width: 0, height: 0, view: null, notes: [], picture: null, closing: new AbortController(),
  answers: [], report: null, box: null, viewport: null, window: { centre: 127.5, width: 255, inverted: false },
});

/** One after the other, so that the first is there soon; it is shown at once. */
export async function openFiles(files) {
  const images = [...files].map(newImage);
  if (!images.length) return;
  state.images.push(...images);
  show(images[0]);
  for (const image of images) await load(image);
}

export function show(image) {
  state.current = image;
  choose(null);
  clearFaults();
  if (image?.phase === "failed") tellFailure(image);
  changed();
}

export function showNeighbour(step) {
  const place = state.images.indexOf(state.current) + step;
  if (state.images[place]) show(state.images[place]);
}

export function close(image) {
  const place = state.images.indexOf(image);
  image.closing.abort();
  state.images.splice(place, 1);
  if (image.picture) URL.revokeObjectURL(image.picture);
  if (state.current === image) show(state.images[Math.min(place, state.images.length - 1)] ?? null);
  changed();
}

async function load(image) {
  const { signal } = image.closing;
  if (signal.aborted) return; // closed before its turn
  Object.assign(image, { phase: "sending", share: 0, problem: null });
  changed();
  try {
    await send(image);
    image.picture = URL.createObjectURL(await fetchPixels(image.id, signal));
    image.phase = "ready";
    if (state.current === image) announce("The image is ready.");
  } catch (problem) {
    Object.assign(image, { phase: "failed", problem });
    if (state.current === image) tellFailure(image);
  }
  changed();
}

function tellFailure(image) {
  const again = ["away", "busy", "late", "fault", "unauthorised", "stopped"].includes(image.problem.kind);
  tellFault(image.problem, again ? [["Try again", () => load(image)]] : []);
}

// several questions may notice at once that the image is gone: it is sent once
const send = (image) => image.sent ??= sendNow(image).finally(() => { image.sent = null; });

async function sendNow(image) {
  if (image.file.size > MOST_BYTES) {
    const [has, may] = [image.file.size, MOST_BYTES].map((bytes) => `${Math.ceil(bytes / 2 ** 20)} MB`);
    throw new Problem("too large", { detail: `the file has ${has}, and at most ${may} are taken` });
  }
  const readable = await image.file.slice(0, 1).arrayBuffer().then(() => true, () => false);
  if (!readable) throw new Problem("unreadable");
  const known = await uploadImage(image.file, {
    signal: image.closing.signal,
    progress(share) {
      image.share = share;
      if (image.phase === "sending" && share >= 1) image.phase = "reading";
      changed();
    },
  });
  Object.assign(image, { id: known.image_id, width: known.width, height: known.height, view: known.view, notes: known.notes });
}

/** Does `work(id)`; if the server has forgotten the image, sends it again and does the work once more. */
export async function withImage(image, work) {
  try {
    return await work(image.id);
  } catch (problem) {
    if (problem.kind !== "expired") throw problem;
  }
  tell("The server had forgotten this image. It is being sent again.");
  await send(image);
  return work(image.id);
}
