// Elements made by hand: words always enter as text, never as markup.
export const byId = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name, value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** An HTML element; attributes whose value is a function become listeners of that event. */
export const element = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

export const drawn = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

export const icon = (name) =>
  drawn("svg", { class: "icon", "aria-hidden": "true" }, drawn("use", { href: new URL(`icons.svg#${name}`, import.meta.url) }));

export const iconButton = (name, label, press, attributes = {}) =>
  element("button", { type: "button", class: "icon-button", "aria-label": label, title: label, click: press, ...attributes },
    icon(name));

/** Sets only what differs, so that nothing is announced or repainted twice. */
export function setText(node, words) {
  if (node.textContent !== words) node.textContent = words;
}
