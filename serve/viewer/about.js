// Who answers: the model, its version, and the notice it carries.
import { fetchModel, fetchVocabulary } from "./api.js";
import { byId, element, setText } from "./dom.js";
import { changed, onChange, state } from "./state.js";
import { tellFault } from "./telling.js";

const FACTS = [["Model", "model_name"], ["Version", "model_version"], ["Weights (SHA-256)", "weights_sha256"],
  ["Prompt set of reports", "prompt_set"], ["Chex-Ray", "software_version"], ["Notice", "notice"]];

export async function meet() {
  try {
    [state.model, state.vocabulary] = await Promise.all([fetchModel(), fetchVocabulary()]);
  } catch (problem) {
    tellFault(problem, [["Try again", meet]]);
  }
  changed();
}

byId("about-model").addEventListener("click", () => {
  byId("model-facts").replaceChildren(...FACTS.filter(([, field]) => state.model[field]).flatMap(([name, field]) =>
    [element("dt", {}, name), element("dd", {}, state.model[field])]));
  byId("model").showModal();
});

onChange(() => {
  byId("about-model").hidden = !state.model;
  byId("notice").hidden = !state.model?.notice;
  if (!state.model) return;
  setText(byId("about-model"), `${state.model.model_name} ${state.model.model_version}`);
  setText(byId("notice"), state.model.notice ?? "");
});
