// Answers or report: which list is shown, and whose boxes are on the image.
import { byId } from "./dom.js";
import { choose } from "./selection.js";
import { onChange, showTab, state } from "./state.js";

const TABS = ["answers", "report"];

for (const tab of TABS) {
  byId(`tab-${tab}`).addEventListener("click", () => {
    choose(null);
    showTab(tab);
  });
}
byId("tabs").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
  event.preventDefault();
  event.stopPropagation();
  const other = TABS.find((tab) => tab !== state.tab);
  byId(`tab-${other}`).click();
  byId(`tab-${other}`).focus();
});

onChange(() => {
  const counts = { answers: state.current?.answers.length, report: state.current?.report?.lines.length };
  for (const tab of TABS) {
    const button = byId(`tab-${tab}`), on = state.tab === tab;
    button.setAttribute("aria-selected", String(on));
    button.tabIndex = on ? 0 : -1;
    button.querySelector(".count").textContent = counts[tab] || "";
    byId(`${tab}-panel`).hidden = !on;
  }
});
