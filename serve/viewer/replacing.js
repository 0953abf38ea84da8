// Whether a report may go that its reader has worked on.
import { byId } from "./dom.js";

const dialog = byId("replace");

export function mayReplace() {
  dialog.returnValue = "keep";
  dialog.showModal();
  return new Promise((answered) => {
    dialog.addEventListener("close", () => answered(dialog.returnValue === "replace"), { once: true });
  });
}
