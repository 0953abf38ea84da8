// What the page tells its reader: quiet words while it works, and faults with a way out.
import { byId, element } from "./dom.js";
import { Problem, explain } from "./problem.js";

const told = byId("told"), faults = byId("faults");
let fading = null;

/** For those who listen: what those who look see anyway. */
export const announce = (words) => { byId("heard").textContent = words; };

/** Words that go by themselves after a while. */
export function tell(words) {
  clearTimeout(fading);
  told.replaceChildren(...(words ? [element("p", {}, words)] : []));
  if (words) fading = setTimeout(() => told.replaceChildren(), 5000);
}

/** A fault stays until it is closed or solved; `actions` are [label, what to do]. */
export function tellFault(problem, actions = []) {
  if (problem.kind === "stopped") return;
  if (!(problem instanceof Problem)) console.error(problem);
  const [what, more] = explain(problem);
  const close = () => note.remove();
  const buttons = [...actions, ["Close", () => {}]].map(([label, act], place) =>
    element("button", { type: "button", class: place < actions.length ? "" : "plain", click: () => { close(); act(); } }, label));
  const note = element("div", { class: "fault" }, element("p", {}, element("strong", {}, what), " ", more),
    element("div", { class: "buttons" }, ...buttons));
  faults.replaceChildren(note);
}

export const clearFaults = () => faults.replaceChildren();

/** Waits, says so, and lets the reader stop waiting. Rejects with "stopped" then. */
export async function waitOut(seconds, signal) {
  let stop;
  const stopped = new Promise((_, refused) => { stop = () => refused(new Problem("stopped")); });
  signal?.addEventListener("abort", stop, { once: true });
  const words = element("span", {});
  const note = element("div", { class: "waiting" }, element("p", {}, words),
    element("button", { type: "button", class: "plain", click: stop }, "Stop waiting"));
  const until = performance.now() + seconds * 1000;
  const count = () => {
    words.textContent = `The server is busy. Asking again in ${Math.max(1, Math.ceil((until - performance.now()) / 1000))} s.`;
  };
  count();
  clearTimeout(fading);
  told.replaceChildren(note);
  const counting = setInterval(count, 1000);
  try {
    await Promise.race([new Promise((done) => setTimeout(done, seconds * 1000)), stopped]);
  } finally {
    clearInterval(counting);
    note.remove();
  }
}
