// A menu under a button: arrows move, Enter chooses, Esc and a click elsewhere close.

import { h } from "./dom.js";

/** Open it; `items` are { words, detail, choose }. */
export function openMenu(opener, items) {
  const menu = h("div", { role: "menu", class: "menu", popover: "auto" }, items.map((item) =>
    h("button", { type: "button", role: "menuitem", tabindex: "-1", click: () => { close(); item.choose(); } },
      item.words, item.detail && h("span", { class: "soft" }, item.detail))));
  const close = () => menu.hidePopover();
  const buttons = [...menu.children];
  menu.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Tab") close();
    if (next === undefined) return;
    event.preventDefault();
    buttons.at(next % buttons.length).focus();
  });
  menu.addEventListener("toggle", (event) => {
    if (event.newState === "open") return;
    if (menu.contains(document.activeElement) || document.activeElement === document.body) opener.focus();
    opener.setAttribute("aria-expanded", "false");
    menu.remove();
  });
  // Within an open dialog, or it would lie under it.
  (opener.closest("dialog") ?? document.body).append(menu);
  menu.showPopover();
  opener.setAttribute("aria-expanded", "true");
  const [box, own] = [opener.getBoundingClientRect(), menu.getBoundingClientRect()];
  const below = box.bottom + own.height + 8 < innerHeight;
  menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - own.width - 8))}px`;
  menu.style.top = `${below ? box.bottom + 4 : Math.max(8, box.top - own.height - 4)}px`;
  buttons[0].focus();
}
