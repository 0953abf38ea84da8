// The report as it is read: every sentence with what can be done to it.
import { byId, element, setText } from "./dom.js";
import { showList } from "./keyed.js";
import { isEdited, isReviewed } from "./lines.js";
import { action, lineView } from "./line_view.js";
import { acceptRest, isBusy, restore, review, rewrite, writeReport } from "./report.js";
import { choose } from "./selection.js";
import { changed, onChange, state } from "./state.js";

export function edit(line) {
  line.editing = true;
  choose(line.key);
  changed();
}

function editor(line) {
  const field = element("textarea", { rows: 2, "aria-label": `Sentence ${line.number}`, maxlength: 2000 });
  field.value = line.sentence;
  const grow = () => {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  };
  const leave = (words) => {
    rewrite(line, words);
    document.querySelector(`.item[data-line="${line.key}"] .pick`)?.focus();
  };
  field.addEventListener("input", grow);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave("");
    else if (event.key === "Enter" && !event.shiftKey) leave(field.value);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  requestAnimationFrame(() => { grow(); field.focus(); field.setSelectionRange(field.value.length, field.value.length); });
  return element("div", { class: "editor" }, field, element("div", { class: "buttons" },
    element("button", { type: "button", class: "small", click: () => leave(field.value) }, "Save"),
    element("button", { type: "button", class: "plain small", click: () => leave("") }, "Cancel"),
    element("span", { class: "quiet" }, "Enter saves, Esc leaves it as it was")));
}

const pressed = (verdict) => (button, line) => button.setAttribute("aria-pressed", String(line.review === verdict));

const view = (line) => lineView(line, {
  editor,
  actions: () => [
    action("accept", "Accept (A)", () => review(line, "accepted"), pressed("accepted"), { "data-act": "accept" }),
    action("edit", "Edit (E)", () => edit(line), () => {}, { "data-act": "edit" }),
    action("reject", "Reject (X)", () => review(line, "rejected"), pressed("rejected"), { "data-act": "reject" }),
    action("reset", "Back to the model's words", () => restore(line), (button, now) => { button.hidden = !isEdited(now); },
      { "data-act": "restore" }),
  ],
});

byId("write").addEventListener("click", () => { if (state.current?.phase === "ready") writeReport(state.current); });
byId("stop").addEventListener("click", () => state.current?.report?.stop());
byId("accept-all").addEventListener("click", () => acceptRest(state.current.report));

const promptSets = byId("prompt-set");
promptSets.addEventListener("change", () => { state.promptSet = promptSets.value; });

// the server's own choice comes first
function offerPromptSets() {
  const names = Object.keys(state.vocabulary?.prompt_sets ?? {});
  byId("prompt-sets").hidden = names.length < 2;
  if (promptSets.options.length === names.length) return;
  promptSets.replaceChildren(...names.map((name) => element("option", { value: name }, name.replaceAll("-", " "))));
}

const WORDS = { looking: "Looking at the image …", writing: "Writing …" };

function progress(report) {
  if (WORDS[report.phase]) return WORDS[report.phase];
  if (!report.lines.length) return "The model wrote no sentence about this image.";
  const done = report.lines.filter(isReviewed).length;
  return done === report.lines.length ? "All reviewed" : `${done} of ${report.lines.length} reviewed`;
}

const short = (hash) => (hash ?? "").slice(0, 12);

function provenanceOf({ provenance: made }) {
  if (!made) return "";
  return `Written by ${made.model_name} ${made.model_version}, weights ${short(made.weights_sha256)}, prompt set ` +
    `${made.prompt_set}; image ${short(made.input_sha256)}; Chex-Ray ${made.software_version}.`;
}

onChange(() => {
  const report = state.current?.report ?? null, lines = report?.lines ?? [];
  offerPromptSets();
  const busy = isBusy(report);
  showList(byId("report"), lines, view);
  byId("report").setAttribute("aria-busy", String(busy));
  byId("report-panel").querySelector(".empty").hidden = Boolean(report);
  byId("report-panel").classList.toggle("looking", report?.phase === "looking");
  byId("write").disabled = state.current?.phase !== "ready" || busy;
  setText(byId("write").firstChild, report && !busy ? "Write it again " : "Write the report ");
  byId("write").classList.toggle("plain", Boolean(report));
  promptSets.disabled = busy;
  byId("stop").hidden = !busy;
  setText(byId("reviewed"), report ? progress(report) : "");
  byId("accept-all").hidden = busy || !lines.some((line) => !isReviewed(line));
  setText(byId("provenance"), report ? provenanceOf(report) : "");
});
