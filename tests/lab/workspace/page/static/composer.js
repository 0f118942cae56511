// The field where a person types: commands with hints, mentions, files, shortcuts.

import { h, newId } from "./dom.js";
import { openMenu } from "./menu.js";
import { channel, model, words } from "./model.js";
import { suggestions } from "./options.js";
import { act, share } from "./talk.js";
import { attempt } from "./trouble.js";

const ADDRESS = /(^|\s)(https?:\/\/[^\s<>|]+)/g;
const HOST = /(^|\s)([\w-]+(?:\.[\w-]+)*\.(?:com|net|org|io|dev|jp|de|eu|uk))(?=$|[\s,;:])/g;
const MAIL = /(^|\s)([\w.+-]+@[\w-]+(?:\.[\w-]+)+)/g;

/** What a person typed, as Slack keeps it: escaped, addresses and mentions in angle brackets. */
export function kept(text) {
  const handles = new Map([...model.people.values()].map((person) => [person.name.toLowerCase(), person.id]));
  handles.set(model.app.name.toLowerCase(), model.bot);
  return text
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replace(MAIL, "$1<mailto:$2|$2>").replace(ADDRESS, "$1<$2>").replace(HOST, "$1<http://$2|$2>")
    .replace(/(^|[\s(])@([\w-]+)/g, (whole, before, name) => {
      if (["here", "channel", "everyone"].includes(name)) return `${before}<!${name}>`;
      const user = handles.get(name.toLowerCase());
      return user ? `${before}<@${user}>` : whole;
    })
    .replace(/(^|[\s(])#([\w-]+)/g, (whole, before, name) => {
      const found = model.channels.find((one) => one.name === name && !one.direct);
      return found ? `${before}<#${found.id}|${name}>` : whole;
    });
}

function commands() {
  const app = model.app.commands.map((one) => ({ name: one.name, hint: one.usage_hint, detail: one.description }));
  const name = `@${model.app.name}`;
  return [...app, { name: "/invite", hint: name, detail: words().inviteHint }, { name: "/remove", hint: name, detail: words().removeHint }];
}

/** What could stand at the caret: a command at the beginning, a mention after an @. */
function candidates(before) {
  const command = /^\/\S*$/.exec(before);
  if (command) {
    return commands().filter((one) => one.name.startsWith(before.toLowerCase()))
      .map((one) => ({ words: `${one.name} ${one.hint}`, detail: one.detail, start: 0, text: one.name }));
  }
  const mention = /(^|[\s(])@([\w-]*)$/.exec(before);
  if (!mention) return [];
  const start = before.length - mention[2].length - 1;
  const app = { name: model.app.name, real_name: words().app };
  return [app, ...[...model.people.values()].filter((one) => one.kind !== "bot" && one.kind !== "deactivated")]
    .filter((one) => `${one.name} ${one.real_name}`.toLowerCase().includes(mention[2].toLowerCase()))
    .sort((one, other) => other.name.startsWith(mention[2]) - one.name.startsWith(mention[2]))
    .slice(0, 8)
    .map((one) => ({ words: `@${one.name}`, detail: one.real_name, start, text: `@${one.name}` }));
}

/** The field for a conversation, or for a thread in it; `sent` is called when something was sent. */
export function composer(place, thread, sent) {
  const draft = `${model.me.id} ${place} ${thread}`;
  const found = channel(place);
  if (found?.archived) return h("p", { class: "closed soft" }, words().archived);
  if ((found?.direct || place.startsWith("D")) && !model.app.writable) return h("p", { class: "closed soft" }, words().readOnly);
  const name = found && !found.direct ? `#${found.name}` : model.app.name;
  const label = thread ? words().replyTo : words().messageTo(name);
  const field = h("textarea", { id: thread ? newId("typed") : "typed", rows: "1", "aria-label": label, placeholder: label, "data-action": thread ? "reply" : "typed" });
  const hint = h("p", { class: "hint soft", id: newId("hint"), hidden: true });
  field.setAttribute("aria-describedby", hint.id);

  const take = (item) => {
    const rest = field.value.slice(field.selectionStart);
    const start = field.value.slice(0, item.start) + item.text + " ";
    field.value = start + rest.trimStart();
    field.setSelectionRange(start.length, start.length);
    changed();
  };
  const { list, show, key } = suggestions(field, words().hints, take);

  const fit = () => {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight + 2, 240)}px`;
    const command = commands().find((one) => field.value.startsWith(`${one.name} `));
    hint.hidden = !command;
    hint.textContent = command ? `${command.name} ${command.hint}` : "";
  };

  const changed = () => {
    model.drafts.set(draft, field.value);
    show(field.value ? candidates(field.value.slice(0, field.selectionStart)) : []);
    fit();
  };

  const send = async () => {
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    changed();
    sent();
    const at = { user: model.me.id, channel: place, thread: thread || null };
    const command = /^(\/\S+)\s*([\s\S]*)$/.exec(text);
    if (command) await attempt(act("slash", { ...at, command: command[1], text: command[2] }));
    else await attempt(act("say", { ...at, text: kept(text) }));
  };

  field.value = model.drafts.get(draft) ?? "";
  field.addEventListener("input", changed);
  field.addEventListener("blur", () => show([]));
  field.addEventListener("keydown", (event) => {
    if (key(event) || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });

  const attach = async (event) => {
    const [file] = event.currentTarget.files;
    if (file) await attempt(share({ user: model.me.id, channel: place, thread: thread || null, name: file.name }, file));
    event.target.value = "";
  };
  const files = h("input", { type: "file", class: "unseen", tabindex: "-1", "aria-label": words().attach, change: attach });
  const shortcuts = model.app.shortcuts.filter((one) => one.kind === "global");
  const use = (callback) => attempt(act("shortcut", { user: model.me.id, callback }));
  const openShortcuts = (event) =>
    openMenu(event.currentTarget, shortcuts.map((one) => ({ words: one.name, detail: one.description, choose: () => use(one.callback_id) })));

  const form = h("form", { class: "composer" },
    list, field,
    h("div", { class: "bar" },
      h("button", { type: "button", class: "tool", title: words().attach, "aria-label": words().attach, click: () => files.click() }, "📎"), files,
      shortcuts.length > 0 &&
        h("button", { type: "button", class: "tool", "aria-haspopup": "menu", title: words().shortcuts, "aria-label": words().shortcuts, click: openShortcuts }, "⚡"),
      hint,
      h("button", { type: "submit", class: "button primary" }, words().send)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
    field.focus();
  });
  requestAnimationFrame(fit); // no suggestions: Enter would take one of a text that was typed before
  return form;
}
