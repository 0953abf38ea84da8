// The image as it is windowed now, with boxes, and beside it the sentences they belong to.
import { byId } from "../dom.js";
import { colourOf } from "../lines.js";
import { state } from "../state.js";
import { lineOfWindow } from "../windowing.js";
import { asSentence, pictureLines, provenanceOf, WARNING } from "./content.js";

const LARGEST = 2000, LEGEND = 0.42, GROUND = "#0a0c0f", INK = "#e4e9ef", QUIET = "#98a4b3";
const FONT = "system-ui, 'DejaVu Sans', sans-serif";

function windowed(context, window, width, height) {
  const [slope, intercept] = lineOfWindow(window);
  const table = Uint8ClampedArray.from({ length: 256 }, (_, gray) => gray * slope + 255 * intercept);
  const pixels = context.getImageData(0, 0, width, height);
  for (let at = 0; at < pixels.data.length; at += 4) {
    pixels.data[at] = pixels.data[at + 1] = pixels.data[at + 2] = table[pixels.data[at]];
  }
  context.putImageData(pixels, 0, 0);
}

/** Lines of words that fit into a width. */
function wrapped(context, words, width) {
  const lines = [];
  for (const word of words.split(" ")) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && context.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

function badge(context, line, x, y, size) {
  context.fillStyle = colourOf(line);
  context.fillRect(x, y, size * 1.5, size * 1.3);
  context.fillStyle = GROUND;
  context.font = `600 ${size}px ${FONT}`;
  context.fillText(String(line.number), x + size * 0.35, y + size * 1.02);
}

function boxes(context, lines, width, height, size) {
  for (const line of lines) {
    if (line.present === false) continue;
    context.strokeStyle = colourOf(line);
    for (const [place, { box: [left, top, right, bottom] }] of line.boxes.entries()) {
      context.lineWidth = size / (place ? 10 : 5);
      context.strokeRect(left * width, top * height, (right - left) * width, (bottom - top) * height);
    }
    if (line.boxes.length) {
      const [left, top] = line.boxes[0].box;
      badge(context, line, left * width, Math.max(0, top * height - size * 1.3), size);
    }
  }
}

/** Writes from `y` downwards and returns where it ended; `context` may only measure, for a height to be known. */
function legend(context, image, lines, x, y, width, size) {
  for (const line of lines) {
    badge(context, line, x, y, size);
    context.font = `${size}px ${FONT}`;
    context.fillStyle = INK;
    for (const words of wrapped(context, asSentence(line.sentence), width - size * 2.2)) {
      context.fillText(words, x + size * 2.2, y + size);
      y += size * 1.4;
    }
    y += size * 0.7;
  }
  const made = provenanceOf(image);
  const small = size * 0.8;
  context.font = `${small}px ${FONT}`;
  context.fillStyle = QUIET;
  const notes = [WARNING, state.model?.notice, `${made.model_name} ${made.model_version}, Chex-Ray ${made.software_version ?? ""}`];
  for (const note of notes.filter(Boolean)) {
    for (const words of wrapped(context, note, width)) {
      context.fillText(words, x, y + small);
      y += small * 1.4;
    }
    y += small * 0.5;
  }
  return y;
}

export async function makePicture(image) {
  const picture = byId("image");
  await picture.decode();
  const scale = Math.min(1, LARGEST / Math.max(image.width, image.height));
  const width = Math.round(image.width * scale), height = Math.round(image.height * scale);
  const size = Math.max(11, Math.round(Math.max(width, height) / 60)), edge = size * 1.5;
  const room = Math.max(size * 22, width * LEGEND), lines = pictureLines(image);

  const canvas = document.createElement("canvas");
  let context = canvas.getContext("2d");
  const needed = legend(context, image, lines, 0, edge, room - 2 * edge, size) + edge;
  canvas.width = width + room;
  canvas.height = Math.max(height, Math.ceil(needed));
  context = canvas.getContext("2d");
  context.fillStyle = GROUND;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, width, height);
  windowed(context, image.window, width, height);
  boxes(context, lines, width, height, size);
  legend(context, image, lines, width + edge, edge, room - 2 * edge, size);
  return new Promise((done) => { canvas.toBlob(done, "image/png"); });
}
