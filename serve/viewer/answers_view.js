// The answers to what was asked of the image, newest first, and the questions of this visit.
import { byId, element } from "./dom.js";
import { askAgain } from "./ask_form.js";
import { showList } from "./keyed.js";
import { action, lineView } from "./line_view.js";
import { answer, removeAnswer } from "./questions.js";
import { addToReport } from "./report.js";
import { onChange, state } from "./state.js";

const current = (line) => state.images.find((image) => image.answers.includes(line));

const view = (line) => lineView(line, {
  actions: () => [
    action("to-report", "Add to the report", () => addToReport(current(line), line),
      (button, { phase }) => { button.hidden = phase !== "written"; }),
    action("remove", "Remove this answer", () => removeAnswer(current(line), line)),
  ],
  retry: () => answer(current(line), line),
});

function recentView({ query }) {
  const words = [query.text, query.box && "drawn box"].filter(Boolean).join(", in the ") || "drawn box";
  const node = element("li", {}, element("button", { type: "button", class: "chip", title: "Ask this of the image again",
    click: () => askAgain(query) }, query.text ? words : "drawn box"));
  return { node, update() {} };
}

onChange(() => {
  const answers = state.current?.answers ?? [];
  showList(byId("answers"), answers, view);
  byId("answers-panel").querySelector(".empty").hidden = answers.length > 0;
  byId("recent").hidden = !state.recent.length || !state.current;
  showList(byId("recent-list"), state.recent, recentView);
});
