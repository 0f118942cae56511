// The left side: who the person is, in which language, and where they can go.

import { $, focusIn, h, refocus } from "./dom.js";
import { direct, model, words } from "./model.js";
import { act } from "./talk.js";
import { attempt } from "./trouble.js";

const LOCALES = [["ja-JP", "日本語"], ["en-US", "English"]];

export function roleOf(person) {
  return words().roles[person.kind === "member" ? (person.role ?? "member") : person.kind];
}

/** Draw it anew; `openFaults` opens the side panel. */
export function drawSide(openFaults) {
  const side = $("side");
  const place = focusIn(side);
  side.setAttribute("aria-label", words().menu);
  side.replaceChildren(
    h("p", { class: "name" }, words().workspace),
    h("label", {}, h("span", {}, words().you), people()),
    h("label", {}, h("span", {}, words().language), languages()),
    h("h2", {}, words().channels),
    h("ul", {}, model.channels.filter((one) => !one.direct).map(channelLink)),
    h("h2", {}, words().apps),
    h("ul", {}, appLink()),
    h("button", { type: "button", class: "faults", "data-action": "faults", "aria-controls": "pane", click: openFaults },
      h("span", { "aria-hidden": "true" }, "⚠ "), words().faults),
  );
  refocus(side, place);
}

function people() {
  const go = (event) => (location.hash = `#${event.target.value}`);
  const playable = [...model.people.values()].filter((person) => person.playable);
  const control = h("select", { id: "person", "data-action": "person", change: go },
    playable.map((person) => h("option", { value: person.id }, `${person.real_name} (${roleOf(person)})`)));
  control.value = model.me.id;
  return control;
}

function languages() {
  const set = (event) => attempt(act("locale", { user: model.me.id, locale: event.target.value }));
  const control = h("select", { id: "language", "data-action": "language", change: set },
    LOCALES.map(([locale, name]) => h("option", { value: locale, lang: locale }, name)));
  control.value = model.me.locale;
  return control;
}

function entry(address, sign, name, current, unread, more) {
  const badge = unread > 0 && [
    h("span", { class: "count", "aria-hidden": "true" }, String(unread)),
    h("span", { class: "unseen" }, ` ${words().unread(unread)}`),
  ];
  return h("li", {}, h("a", {
    href: address, class: unread > 0 ? "new" : null, "aria-current": current ? "page" : null, "data-action": address, title: more,
  }, h("span", { class: "sign", "aria-hidden": "true" }, sign), h("span", { class: "label" }, name), badge));
}

function channelLink(one) {
  const more = one.private ? words().private : one.shared ? words().shared : null;
  const sign = one.private ? "🔒" : one.archived ? "🗄" : one.shared ? "⇄" : "#";
  return entry(`#${model.me.id}/${one.id}`, sign, one.name, model.place === one.id, model.unread[one.id] ?? 0, more);
}

function appLink() {
  const tab = model.app.home ? "home" : "messages";
  return entry(`#${model.me.id}/app/${tab}`, "⬡", model.app.name, model.place === "app", model.unread[direct()] ?? 0, null);
}
