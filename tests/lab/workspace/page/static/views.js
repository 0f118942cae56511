// Modals and the home tab: what is typed stays until the app takes the view away.

import { blocks } from "./blocks.js";
import { $, focusIn, h, refocus } from "./dom.js";
import { model, words } from "./model.js";
import { act } from "./talk.js";
import { attempt } from "./trouble.js";
import { slackSays } from "./words.js";

const typed = new Map(); // view id: a Map of values by block and action

const valueOf = (state) =>
  state?.value ?? state?.selected_date ?? state?.selected_time ?? state?.selected_user ?? state?.selected_option?.value ??
  state?.selected_options?.map((one) => one.value) ?? null;

/** What the blocks of a view need. */
function surface(view, level) {
  if (!typed.has(view.id)) typed.set(view.id, new Map());
  const own = typed.get(view.id);
  const name = (block, found) => `${block.block_id} ${found.action_id}`;
  const state = (block, found) => view.values[block.block_id]?.[found.action_id];
  const at = { user: model.me.id, view: view.id };
  return {
    level,
    errors: view.errors,
    get: (block, found) => (own.has(name(block, found)) ? own.get(name(block, found)) : valueOf(state(block, found))),
    set: (block, found, value) => own.set(name(block, found), value),
    offered: (block, found) => {
      const chosen = state(block, found);
      return [chosen?.selected_option ?? [], chosen?.selected_options ?? []].flat();
    },
    suggest: async (found, text) => (await attempt(act("suggest", { ...at, action: found.action_id, typed: text })))?.options ?? [],
    send: (block, found, value) =>
      attempt(act("act", { ...at, action: found.action_id, block: block.block_id, value, values: filled(view) })),
  };
}

/** What was typed in the fields of a form, by block. */
function filled(view) {
  const own = typed.get(view.id) ?? new Map();
  const values = {};
  for (const block of view.blocks) {
    const name = `${block.block_id} ${block.element?.action_id}`;
    if (block.type === "input" && own.has(name)) values[block.block_id] = own.get(name) || null;
  }
  return values;
}

let shown = ""; // the modal that is drawn, with what makes it look as it does
const look = (view) => JSON.stringify([view.id, view.hash, view.errors, view.trouble, model.me.locale]);

/** Show the modal on top, or none. What only changed because the person typed is not drawn anew. */
export function drawModal() {
  const dialog = $("modal");
  const view = model.views.at(-1);
  for (const id of typed.keys()) if (!model.views.some((one) => one.id === id) && id !== model.home?.id) typed.delete(id);
  if (!view) {
    shown = "";
    if (dialog.open) dialog.close();
    return;
  }
  if (look(view) === shown) return;
  const same = shown && JSON.parse(shown)[0] === view.id;
  const place = same ? focusIn(dialog) : null;
  shown = look(view);
  dialog.replaceChildren(form(view));
  if (!dialog.open) dialog.showModal();
  const wrong = dialog.querySelector("[aria-invalid=true]");
  if (wrong) (wrong.matches("[role]") ? wrong.querySelector("input") ?? wrong : wrong).focus();
  else if (same) refocus(dialog, place, dialog.querySelector("h2"));
  else (dialog.querySelector("[autofocus]") ?? dialog.querySelector(".field :is(input, select, textarea, summary)") ?? dialog.querySelector("h2")).focus();
}

/** Fields that the app emptied or changed show what the app says, not what was typed before. */
export function forgetTyped(former, now) {
  for (const view of now) {
    const before = former.find((one) => one.id === view.id);
    if (before && before.hash !== view.hash) {
      const kept = new Set(view.blocks.map((block) => block.block_id));
      for (const name of typed.get(view.id)?.keys() ?? []) if (!kept.has(name.split(" ")[0])) typed.get(view.id).delete(name);
    }
  }
}

function form(view) {
  const submit = view.submit && h("button", { type: "submit", class: "button primary" }, view.submit);
  const close = () => attempt(act("close", { user: model.me.id }));
  const sent = async (event) => {
    event.preventDefault();
    if (!submit || submit.getAttribute("aria-busy") === "true") return;
    submit.setAttribute("aria-busy", "true");
    await attempt(act("submit", { user: model.me.id, values: filled(view) }));
    submit.removeAttribute("aria-busy");
  };
  return h("form", { novalidate: true, submit: sent, "data-view": view.id },
    h("header", {},
      h("h2", { id: "modal-title", tabindex: "-1" }, view.title),
      h("button", { type: "button", class: "tool", "aria-label": words().close, click: close }, "✕")),
    h("p", { class: "trouble error", role: "alert", hidden: !view.trouble }, slackSays(model.me.locale, view.trouble)),
    h("div", { class: "body" }, blocks(view.blocks, surface(view, 3))),
    h("footer", {}, h("button", { type: "button", class: "button", click: close }, view.close || words().cancel), submit));
}

/** Esc means the button that closes. */
export function watchModal() {
  $("modal").addEventListener("cancel", (event) => {
    event.preventDefault();
    attempt(act("close", { user: model.me.id }));
  });
}

/** The home tab that the app published for this person. */
export function homeTab() {
  const view = model.home;
  if (!view) return h("div", { class: "home" }, h("p", { class: "soft quiet" }, words().noHome));
  return h("div", { class: "home", "data-hash": view.hash },
    h("p", { class: "trouble error", role: "alert", hidden: !view.trouble }, slackSays(model.me.locale, view.trouble)),
    blocks(view.blocks, surface(view, 2)));
}
