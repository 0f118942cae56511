// A menu whose options come from the app while the person types.

import { h, newId } from "./dom.js";
import { asCharacters } from "./emoji.js";
import { suggestions } from "./options.js";
import { words } from "./model.js";

const PATIENCE = 200; // ms after the last key before the app is asked

/** `several`: what is chosen stands as buttons that take it away again. */
export function picker(place, several) {
  const names = new Map(place.surface.offered(place.block, place.found).map((one) => [one.value, asCharacters(one.text.text)]));
  let chosen = [place.get() ?? []].flat();
  const field = h("input", { type: "text", role: "combobox", autocomplete: "off", "aria-expanded": "false",
    ...place.control({ id: newId("field"), placeholder: place.found.placeholder?.text ?? words().choose }) });
  const chips = h("span", { class: "chips" });
  const { list, show, key } = suggestions(field, words().hints, (item) => item.value && keep(several ? [...new Set([...chosen, item.value])] : [item.value]));
  const offer = (items) => {
    show(items);
    field.setAttribute("aria-expanded", String(!list.hidden));
  };

  const draw = () => {
    field.value = several ? "" : (names.get(chosen[0]) ?? "");
    chips.replaceChildren(...(several ? chosen.map((value) =>
      h("button", { type: "button", class: "chip", "aria-label": words().switchOff(names.get(value)), click: () => keep(chosen.filter((one) => one !== value)) },
        names.get(value), " ✕")) : []));
  };
  const keep = (values) => {
    chosen = values;
    draw();
    offer([]);
    place.choose(several ? chosen : (chosen[0] ?? null));
  };

  let waiting = 0;
  const ask = () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      if (field.value.length < (place.found.min_query_length ?? 3)) return offer([]);
      const options = await place.surface.suggest(place.found, field.value);
      for (const one of options) names.set(one.value, asCharacters(one.text.text));
      const items = options.map((one) => ({ words: names.get(one.value), detail: one.description?.text, value: one.value }));
      offer(items.length ? items : [{ words: words().nothingFound }]);
    }, PATIENCE);
  };
  field.addEventListener("input", () => (field.value || several ? ask() : keep([])));
  field.addEventListener("focus", () => (place.found.min_query_length ?? 3) === 0 && ask());
  field.addEventListener("keydown", key);
  field.addEventListener("blur", () => { offer([]); draw(); });
  draw();
  return h("div", { class: "picker", "data-for": field.id }, chips, field, list);
}
