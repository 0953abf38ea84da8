// Window, level and inversion of the picture: an SVG filter on the 8 bits that the model sees.
import { byId, setText } from "./dom.js";
import { changed, onChange, state } from "./state.js";

const curves = byId("window").querySelectorAll("feFuncR, feFuncG, feFuncB");
const NARROWEST = 8, WIDEST = 510;
const within = (value, least, most) => Math.min(most, Math.max(least, value));
const untouched = () => ({ centre: 127.5, width: 255, inverted: false });

export const isUntouched = ({ centre, width, inverted }) => centre === 127.5 && width === 255 && !inverted;

/** Gray levels 0 to 255: what is below centre - width / 2 becomes black, what is above centre + width / 2 white. */
export function adjustWindow({ centre = 0, width = 0 }) {
  const window = state.current?.window;
  if (!window) return;
  window.centre = within(window.centre + centre, 0, 255);
  window.width = within(window.width + width, NARROWEST, WIDEST);
  changed();
}

export function invert() {
  if (!state.current) return;
  state.current.window.inverted = !state.current.window.inverted;
  changed();
}

export function resetWindow() {
  if (state.current) state.current.window = untouched();
  changed();
}

/** [slope, intercept] of the line that gray values in [0, 1] go through. */
export function lineOfWindow({ centre, width, inverted }) {
  const slope = 255 / width, intercept = 0.5 - centre / width;
  return inverted ? [-slope, 1 - intercept] : [slope, intercept];
}

onChange(() => {
  const window = state.current?.window ?? untouched();
  const [slope, intercept] = lineOfWindow(window);
  for (const curve of curves) {
    curve.setAttribute("slope", slope);
    curve.setAttribute("intercept", intercept);
  }
  byId("image").style.filter = isUntouched(window) ? "" : "url(#window)";
  setText(byId("grays"), `window ${Math.round(window.width)}  level ${Math.round(window.centre)}${window.inverted ? "  inverted" : ""}`);
  byId("grays").hidden = state.current?.phase !== "ready";
});
