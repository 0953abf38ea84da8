// Files come in by dropping them anywhere on the page, by picking, or by pasting.
import { byId } from "./dom.js";
import { openFiles } from "./images.js";

const input = byId("file");

export const pickFiles = () => input.click();

input.addEventListener("change", () => {
  openFiles(input.files);
  input.value = ""; // the same file may be picked again
});
byId("choose").addEventListener("click", pickFiles);

const brings = (event) => event.dataTransfer?.types.includes("Files");
let inside = 0;

addEventListener("dragenter", (event) => { if (brings(event)) mark(inside += 1); });
addEventListener("dragleave", (event) => { if (brings(event)) mark(inside -= 1); });
addEventListener("dragover", (event) => { if (brings(event)) event.preventDefault(); });
addEventListener("drop", (event) => {
  if (!brings(event)) return;
  event.preventDefault();
  mark(inside = 0);
  openFiles(event.dataTransfer.files);
});
addEventListener("paste", (event) => { if (event.clipboardData?.files.length) openFiles(event.clipboardData.files); });

function mark(depth) {
  document.body.classList.toggle("dropping", depth > 0);
}
