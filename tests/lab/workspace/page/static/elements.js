// Buttons, menus and fields. Each is one control with a name, and tells its surface what was chosen.

import { text } from "./blocks.js";
import { confirmed } from "./confirm.js";
import { h, newId } from "./dom.js";
import { asCharacters } from "./emoji.js";
import { openMenu } from "./menu.js";
import { model, words } from "./model.js";
import { picker } from "./picker.js";

const offers = (found) => (found.option_groups ? found.option_groups.flatMap((group) => group.options) : (found.options ?? []));

/** Everything that an element needs to know about where it stands. */
class Place {
  constructor(found, block, surface, label, { described, invalid } = {}) {
    Object.assign(this, { found, block, surface, label, described, invalid });
    // Fields of a form are sent with the form, unless the app wants to hear of each change.
    this.quiet = block.type === "input" && !block.dispatch_action;
  }

  /** The attributes of the control itself: what finds it again, and what names it. */
  control(more = {}) {
    return {
      "data-block": this.block.block_id,
      "data-action": this.found.action_id,
      "aria-labelledby": this.label ?? null,
      "aria-label": this.label ? null : (this.found.placeholder?.text ?? words().choose),
      "aria-describedby": this.described || null,
      "aria-invalid": this.invalid ? "true" : null,
      autofocus: this.found.focus_on_load === true,
      ...more,
    };
  }

  get() {
    return this.surface.get(this.block, this.found);
  }

  /** Keep a choice, and tell the app where it hears of it. Resolves to false where the person thought better of it. */
  async choose(value) {
    if (!this.quiet && !(await confirmed(this.found.confirm))) return false;
    this.surface.set(this.block, this.found, value);
    if (!this.quiet) await this.surface.send(this.block, this.found, value);
    return true;
  }
}

async function busy(control, work) {
  if (control.getAttribute("aria-busy") === "true") return;
  control.setAttribute("aria-busy", "true");
  try {
    await work();
  } finally {
    control.removeAttribute("aria-busy");
  }
}

function button(place) {
  const { found, block, surface } = place;
  const press = (event) =>
    busy(event.currentTarget, async () => {
      if (await confirmed(found.confirm)) await surface.send(block, found, found.value ?? null);
    });
  const attributes = {
    class: `button ${found.style ?? ""}`,
    "data-block": block.block_id,
    "data-action": found.action_id,
    "data-part": found.value ?? "",
    "aria-label": found.accessibility_label ?? null,
    click: press,
  };
  if (/^https?:/.test(found.url ?? "")) return h("a", { ...attributes, href: found.url, target: "_blank", rel: "noreferrer" }, text(found.text));
  return h("button", { type: "button", ...attributes }, text(found.text));
}

function overflow(place) {
  const { found, block, surface } = place;
  const choose = async (option, opener) => {
    if (option.url && /^https?:/.test(option.url)) window.open(option.url, "_blank", "noreferrer");
    await busy(opener, async () => {
      if (await confirmed(found.confirm)) await surface.send(block, found, option.value);
    });
  };
  const open = (event) => {
    const opener = event.currentTarget;
    openMenu(opener, found.options.map((option) => ({
      words: text(option.text),
      detail: option.description && text(option.description),
      choose: () => choose(option, opener),
    })));
  };
  const names = { "data-block": block.block_id, "data-action": found.action_id, "aria-label": words().more };
  return h("button", { type: "button", class: "button", "aria-haspopup": "menu", ...names, click: open }, "⋯");
}

function select(place, options, value) {
  const empty = h("option", { value: "" }, asCharacters(place.found.placeholder?.text ?? words().choose));
  const control = h("select", place.control({ id: newId("field") }), empty, options);
  control.value = value ?? "";
  control.dataset.for = control.id;
  control.addEventListener("change", async () => {
    if (!(await place.choose(control.value || null))) control.value = place.get() ?? "";
  });
  return control;
}

const option = (found) => h("option", { value: found.value }, asCharacters(found.text.text));

function staticSelect(place) {
  const { found } = place;
  const groups = found.option_groups?.map((group) => h("optgroup", { label: group.label.text }, group.options.map(option)));
  return select(place, groups ?? found.options.map(option), place.get());
}

function usersSelect(place) {
  const people = [...model.people.values()].filter((person) => person.kind !== "deactivated");
  return select(place, people.map((person) => h("option", { value: person.id }, person.real_name)), place.get());
}

/** One box or radio button for each option. */
function marks(place, kind, options = place.found.options) {
  const group = newId("group");
  const now = [place.get() ?? []].flat();
  const boxes = options.map((one) => {
    const names = { "data-block": place.block.block_id, "data-action": place.found.action_id, "data-part": one.value };
    const box = h("input", { type: kind, name: group, value: one.value, checked: now.includes(one.value), ...names });
    const detail = one.description && h("span", { class: "soft" }, text(one.description));
    return h("label", { class: "mark" }, box, h("span", {}, text(one.text), detail && h("br"), detail));
  });
  const role = kind === "radio" ? "radiogroup" : "group";
  const { autofocus, "data-action": _, "data-block": __, ...attributes } = place.control();
  const shown = h("div", { role, class: "marks", ...attributes }, boxes);
  const chosen = () => [...shown.querySelectorAll("input:checked")].map((box) => box.value);
  return { shown, chosen };
}

function marked(place, kind) {
  const { shown, chosen } = marks(place, kind);
  shown.addEventListener("change", () => place.choose(kind === "radio" ? (chosen()[0] ?? null) : chosen()));
  return shown;
}

/** A menu of which several can be chosen: boxes that fold away. The app hears of it when it is folded. */
function multiSelect(place) {
  const { shown, chosen } = marks(place, "checkbox", offers(place.found));
  const summary = h("summary", { "aria-labelledby": place.label ?? null, "aria-describedby": place.described || null,
    "data-block": place.block.block_id, "data-action": place.found.action_id, "data-part": "summary" });
  const most = place.found.max_selected_items ?? Infinity;
  const tell = () => {
    const many = chosen();
    summary.textContent = many.length ? words().chosen(many.length) : (place.found.placeholder?.text ?? words().choose);
    for (const box of shown.querySelectorAll("input:not(:checked)")) box.disabled = many.length >= most;
  };
  const details = h("details", { class: "several" }, summary, shown);
  let sent = String(chosen());
  shown.addEventListener("change", () => {
    tell();
    place.surface.set(place.block, place.found, chosen());
  });
  details.addEventListener("toggle", () => {
    if (details.open || place.quiet || String(chosen()) === sent) return;
    sent = String(chosen());
    place.choose(chosen());
  });
  tell();
  return details;
}

const INPUT_MODES = { number_input: "decimal", email_text_input: "email", url_text_input: "url" };

function typed(place) {
  const { found } = place;
  const attributes = place.control({ id: newId("field"), placeholder: found.placeholder?.text ?? null, "aria-label": null });
  const control = found.multiline
    ? h("textarea", { rows: "4", ...attributes })
    : h("input", { type: "text", autocomplete: "off", inputmode: INPUT_MODES[found.type] ?? null, ...attributes });
  control.value = place.get() ?? "";
  control.dataset.for = control.id;
  const triggers = found.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  control.addEventListener("input", () => {
    if (!place.quiet && triggers.includes("on_character_entered")) place.choose(control.value);
    else place.surface.set(place.block, found, control.value);
  });
  control.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || found.multiline || place.quiet) return;
    event.preventDefault();
    if (triggers.includes("on_enter_pressed")) place.choose(control.value);
  });
  return control;
}

function picked(place, type) {
  const control = h("input", { type, ...place.control({ id: newId("field") }) });
  control.value = place.get() ?? "";
  control.dataset.for = control.id;
  control.addEventListener("change", () => place.choose(control.value || null));
  return control;
}

const KINDS = {
  button,
  overflow,
  static_select: staticSelect,
  multi_static_select: multiSelect,
  external_select: (place) => picker(place, false),
  multi_external_select: (place) => picker(place, true),
  users_select: usersSelect,
  radio_buttons: (place) => marked(place, "radio"),
  checkboxes: (place) => marked(place, "checkbox"),
  datepicker: (place) => picked(place, "date"),
  timepicker: (place) => picked(place, "time"),
  plain_text_input: typed,
  number_input: typed,
  email_text_input: typed,
  url_text_input: typed,
};

/** An element of a block. `label` is the id of what names it; where there is none it names itself. */
export const element = (found, block, surface, label, state) => KINDS[found.type](new Place(found, block, surface, label, state));
