// Lists that keep their nodes: what has the same key stays, with its focus and its half-written text.
const kept = new WeakMap();

/** `make(item)` gives {node, update(item)}; items are told apart by `key`. */
export function showList(parent, items, make) {
  const before = kept.get(parent) ?? new Map();
  const after = new Map();
  items.forEach((item, place) => {
    const view = before.get(item.key) ?? make(item);
    view.update(item);
    after.set(item.key, view);
    if (parent.children[place] !== view.node) parent.insertBefore(view.node, parent.children[place] ?? null);
  });
  for (const [key, view] of before) if (!after.has(key)) view.node.remove();
  kept.set(parent, after);
}
