// Where to look, as chips: a side and a place of the model's vocabulary are added to the words that are asked.
import { byId, element } from "./dom.js";
import { changed, onChange, state } from "./state.js";

const SIDES = ["right", "left"];
const FIRST = ["lung", "upper lung zone", "mid lung zone", "lower lung zone", "costophrenic angle"];
const picked = { side: null, place: null };
let all = false; // whether the rarer places are shown, too
let shownFor = null;

const sideless = ({ name, side }) => (side ? name.slice(side.length + 1) : name);

/** The region that the picked chips name: {prompt}, or null where none is picked. */
export function pickedRegion() {
  const { side, place } = picked, regions = state.vocabulary?.regions ?? [];
  if (!side && !place) return null;
  const named = (name) => regions.find((region) => region.name === name);
  if (side) return named(`${side} ${place ?? "lung"}`) ?? { prompt: `${side} ${place}` };
  return named(place) ?? regions.find((region) => region.parts[0] === `right ${place}`) ?? { prompt: place };
}

export function clearHints() {
  Object.assign(picked, { side: null, place: null });
  changed();
}

function toggle(kind, value) {
  picked[kind] = picked[kind] === value ? null : value;
  const middle = kind === "place" && state.vocabulary.regions.some(({ name, side }) => name === value && !side);
  if (middle) picked.side = null; // what lies in the middle has no side
  if (kind === "side" && picked.side && picked.place && !isSided(picked.place)) picked.place = null;
  changed();
}

const isSided = (place) => state.vocabulary.regions.some((region) => region.side && sideless(region) === place);

const chip = (kind, value, title) => element("button", { type: "button", class: "chip", title, "data-kind": kind,
  "data-value": value, "aria-pressed": "false", click: () => toggle(kind, value) }, value.replace(" lung zone", " zone"));

function build() {
  const places = [...new Set(state.vocabulary.regions.filter(({ parts }) => !parts.length).map(sideless))];
  const first = FIRST.filter((place) => places.includes(place)), others = places.filter((place) => !first.includes(place));
  const group = (label, ...chips) => element("div", { class: "chips", role: "group", "aria-label": label }, ...chips);
  const more = element("button", { type: "button", class: "chip more", click() { all = !all; changed(); } });
  byId("hints").replaceChildren(
    group("Side", ...SIDES.map((side) => chip("side", side,
      `The patient's ${side}: the ${side === "right" ? "left" : "right"} of the image as it is usually shown`))),
    group("Place", ...first.map((place) => chip("place", place)), ...others.map((place) => {
      const made = chip("place", place);
      made.classList.add("rare");
      return made;
    }), more),
  );
}

onChange(() => {
  if (!state.vocabulary) return;
  if (shownFor !== state.vocabulary) {
    build();
    shownFor = state.vocabulary;
  }
  for (const made of byId("hints").querySelectorAll("[data-kind]")) {
    const on = picked[made.dataset.kind] === made.dataset.value;
    made.setAttribute("aria-pressed", String(on));
    made.hidden = made.classList.contains("rare") && !all && !on;
  }
  const more = byId("hints").querySelector(".more");
  more.textContent = all ? "fewer" : "more";
  more.setAttribute("aria-expanded", String(all));
});
