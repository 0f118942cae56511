// A list of suggestions for a text field: arrows move through it while the caret stays in the field.

import { h, newId } from "./dom.js";

/** Attach a list to `field`. `take(item)` is called with what is chosen; items are { words, detail }. */
export function suggestions(field, label, take) {
  const list = h("ul", { role: "listbox", id: newId("options"), class: "options", hidden: true, "aria-label": label });
  let items = [];
  let at = 0;
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);

  const mark = (next) => {
    at = next;
    [...list.children].forEach((row, number) => row.setAttribute("aria-selected", String(number === at)));
    const row = list.children[at];
    if (!row) return;
    field.setAttribute("aria-activedescendant", row.id);
    row.scrollIntoView({ block: "nearest" });
  };

  const show = (found) => {
    items = found;
    list.hidden = !items.length;
    list.replaceChildren(...items.map((item, number) =>
      h("li", { role: "option", id: newId("option"), pointerdown: (event) => event.preventDefault(), click: () => take(items[number]) },
        h("span", {}, item.words), item.detail && h("span", { class: "soft" }, item.detail))));
    field.removeAttribute("aria-activedescendant");
    if (items.length) mark(0);
  };

  /** Whether the key was meant for the list. */
  const key = (event) => {
    if (list.hidden || event.isComposing) return false;
    if (event.key === "Escape") show([]);
    else if (event.key === "ArrowDown") mark((at + 1) % items.length);
    else if (event.key === "ArrowUp") mark((at + items.length - 1) % items.length);
    else if (event.key === "Enter" || event.key === "Tab") take(items[at]);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  return { list, show, key };
}
