// The menu of exports: what the page writes by itself, and what the server does.
import { byId, element } from "../dom.js";
import { onChange, state } from "../state.js";
import { tell, tellFault } from "../telling.js";
import { fileName, isEmpty } from "./content.js";
import { makeJson } from "./json.js";
import { makePicture } from "./picture.js";
import { serverFormats } from "./server.js";
import { makeText, textOf } from "./text.js";

// what the reader sees, the file's ending, and what makes a Blob of the image that is looked at
const FORMATS = [["Text", "txt", makeText], ["JSON, with boxes and reviews", "json", makeJson], ["Picture with boxes (PNG)", "png", makePicture]];
const menu = byId("export");

function save(blob, name) {
  const address = URL.createObjectURL(blob);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

async function run(ending, make) {
  menu.open = false;
  menu.querySelector("summary").focus();
  const image = state.current;
  try {
    const name = fileName(image, ending);
    save(await make(image), name);
    tell(`Saved as ${name}.`);
  } catch (problem) {
    tellFault(problem, [["Try again", () => run(ending, make)]]);
  }
}

function list() {
  const entry = ([label, ending, make]) => element("li", {},
    element("button", { type: "button", class: "plain", "data-ending": ending, click: () => run(ending, make) }, label));
  menu.querySelector("ul").replaceChildren(...[...FORMATS, ...serverFormats()].map(entry));
}

menu.querySelector("summary").addEventListener("click", (event) => {
  list();
  if (menu.classList.contains("off")) event.preventDefault();
});
menu.addEventListener("keydown", (event) => {
  const buttons = [...menu.querySelectorAll("button")], step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape" && menu.open) {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (step && menu.open && buttons.length) buttons.at((buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length).focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
});
addEventListener("pointerdown", (event) => { if (!menu.contains(event.target)) menu.open = false; });

byId("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(textOf(state.current));
    tell("Copied.");
  } catch {
    tell("This browser does not let the page copy: export as text instead.");
  }
});

export function openExports() {
  list();
  if (!menu.classList.contains("off")) menu.open = true;
  menu.querySelector("summary").focus();
}

onChange(() => {
  const off = isEmpty(state.current);
  menu.classList.toggle("off", off);
  menu.querySelector("summary").setAttribute("aria-disabled", String(off));
  byId("copy").disabled = off;
});
