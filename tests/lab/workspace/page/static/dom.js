// Elements, built: text only ever becomes a text node, so nothing foreign can become markup.

/** An element. `attributes`: strings as they are, true as an empty attribute, functions as listeners ("click"). */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  append(element, children);
  return element;
}

/** Children: nodes, strings, lists of them; null and false are nothing. */
export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child != null && child !== false) element.append(child);
  }
}

let last = 0;
/** An id that nothing else in the page has. */
export const newId = (prefix) => `${prefix}-${++last}`;

export const $ = (id) => document.getElementById(id);

/** Where the focus is within `root`, as ids that survive drawing it anew; null where it is elsewhere. */
export function focusIn(root) {
  const active = document.activeElement;
  if (!active || !root.contains(active)) return null;
  const { block, action, part } = active.dataset;
  const place = { block, action, part };
  if (active.matches("input[type=text], textarea")) place.selection = [active.selectionStart, active.selectionEnd];
  return place;
}

/** Put the focus where it was; on `otherwise` where that is gone. */
export function refocus(root, place, otherwise) {
  if (!place) return;
  const found = [...root.querySelectorAll("[data-action]")].find(
    (element) => ["block", "action", "part"].every((name) => element.dataset[name] === place[name]) && !element.disabled,
  );
  (found || otherwise)?.focus({ preventScroll: true });
  if (found && place.selection && found.setSelectionRange) found.setSelectionRange(...place.selection);
}
