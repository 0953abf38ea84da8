// The opened radiographs as a strip, when there are several; and what is shown while one is on its way.
import { byId, element, iconButton, setText } from "./dom.js";
import { close, show } from "./images.js";
import { showList } from "./keyed.js";
import { onChange, state } from "./state.js";

const WORDS = { sending: "Sending the image", reading: "The server is reading the image", ready: "", failed: "This file could not be opened." };
const strip = byId("strip");

function thumbnail(image) {
  const picture = element("img", { alt: "" });
  const label = element("span", { class: "label" });
  const button = element("button", { type: "button", class: "thumbnail", click: () => show(image) }, picture, label);
  const node = element("div", { class: "open-image" }, button, iconButton("reject", `Close ${image.name}`, () => close(image)));
  return {
    node,
    update() {
      if (image.picture && picture.getAttribute("src") !== image.picture) picture.src = image.picture;
      picture.hidden = !image.picture;
      setText(label, image.phase === "failed" ? `${image.name}: failed` : image.name);
      button.setAttribute("aria-current", String(image === state.current));
      button.classList.toggle("failed", image.phase === "failed");
      button.classList.toggle("loading", image.phase === "sending" || image.phase === "reading");
    },
  };
}

onChange(() => {
  const current = state.current, phase = current?.phase;
  strip.hidden = state.images.length < 2;
  showList(strip, strip.hidden ? [] : state.images, thumbnail);

  const loading = phase === "sending" || phase === "reading";
  byId("drop").hidden = Boolean(current) && phase !== "failed";
  byId("loading").hidden = !loading;
  byId("stage").setAttribute("aria-busy", String(loading));
  if (!loading) return;
  setText(byId("loading-words"), WORDS[phase] + (phase === "sending" && current.share ? `, ${Math.round(current.share * 100)} %` : ""));
  if (phase === "sending") byId("loading-share").value = current.share;
  else byId("loading-share").removeAttribute("value");
});
