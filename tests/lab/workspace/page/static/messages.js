// Messages as elements, and lists of them that follow what is said.

import { blocks } from "./blocks.js";
import { clock, moment } from "./dates.js";
import { focusIn, h, refocus } from "./dom.js";
import { asCharacters, emoji } from "./emoji.js";
import { openMenu } from "./menu.js";
import { find, isReply, mainMessages, model, nameOf, replies, words } from "./model.js";
import { mrkdwn } from "./mrkdwn.js";
import { act, fileAddress } from "./talk.js";
import { attempt } from "./trouble.js";
import { slice } from "./turns.js";

const NEAR = 120; // pixels from the end within which a list follows new messages
const AT_ONCE = 40; // messages that are drawn before the list is shown: more than a window holds
const REACTIONS = ["pushpin", "memo", "eyes", "white_check_mark", "+1"];
const PICTURE = /\.(png|jpe?g|gif|webp)$/i;

/** What a message's blocks need: choices are sent at once, and nothing is kept for later. */
function surface(message) {
  const chosen = new Map();
  const name = (block, found) => `${block.block_id} ${found.action_id}`;
  const initial = (found) =>
    found.initial_option?.value ?? found.initial_options?.map((one) => one.value) ?? found.initial_value ??
    found.initial_date ?? found.initial_time ?? found.initial_user ?? null;
  return {
    level: 3,
    unseen: message.unseen,
    private: message.private,
    get: (block, found) => (chosen.has(name(block, found)) ? chosen.get(name(block, found)) : initial(found)),
    set: (block, found, value) => chosen.set(name(block, found), value),
    offered: (_, found) => [found.initial_option ?? [], found.initial_options ?? []].flat(),
    suggest: async () => [],
    send: (block, found, value) =>
      attempt(act("click", {
        user: model.me.id, channel: message.channel, ts: message.ts, action: found.action_id, block: block.block_id, value,
      })),
  };
}

function file(found) {
  if (found.deleted) return h("p", { class: "file soft" }, words().fileGone);
  const address = fileAddress(found.id);
  const save = h("a", { href: address, download: found.name }, found.title, h("span", { class: "unseen" }, ` ${words().save}`));
  const size = h("span", { class: "soft" }, ` ${Math.ceil(found.length / 1024)} kB`);
  const shown = PICTURE.test(found.name) && h("img", { class: "full", src: address, alt: found.alt_text || found.title, loading: "lazy" });
  return h("div", { class: "file" }, h("p", {}, save, size), shown);
}

function avatar(message) {
  const app = message.user === model.bot || message.user === model.slackbot;
  const name = nameOf(message.user);
  const hue = [...message.user].reduce((sum, letter) => sum * 31 + letter.codePointAt(0), 7) % 360;
  const colour = `hue-${Math.floor(hue / 45)}`;
  return h("span", { class: `avatar ${app ? "app" : colour}`, "aria-hidden": "true" }, app ? "⬡" : [...name][0].toUpperCase());
}

function tools(message, inThread) {
  const shortcuts = model.app.shortcuts.filter((one) => one.kind === "message");
  const use = (callback) =>
    attempt(act("shortcut", { user: model.me.id, callback, channel: message.channel, ts: message.ts }));
  const own = message.user === model.me.id || model.me.role === "administrator";
  const deed = (name) => () => attempt(act(name, { user: model.me.id, channel: message.channel, ts: message.ts }));
  const items = [
    ...shortcuts.map((one) => ({ words: one.name, detail: model.app.name, choose: () => use(one.callback_id) })),
    message.pinned_by ? { words: words().unpin, choose: deed("unpin") } : { words: words().pin, choose: deed("pin") },
    ...(own ? [{ words: words().remove, choose: deed("remove") }] : []),
  ];
  const open = (event) => openMenu(event.currentTarget, items);
  const choose = (event) =>
    openMenu(event.currentTarget, REACTIONS.map((name) => ({
      words: asCharacters(`:${name}:`), detail: `:${name}:`, choose: () => attempt(react(message, name)),
    })));
  return h("div", { class: "tools" },
    !inThread && h("a", { class: "tool", href: threadAddress(message), title: words().reply, "aria-label": words().reply }, "💬"),
    h("button", { type: "button", class: "tool", "aria-haspopup": "menu", title: words().react, "aria-label": words().react, click: choose }, "☺"),
    h("button", { type: "button", class: "tool", "aria-haspopup": "menu", title: words().more, "aria-label": words().more, click: open }, "⋮"));
}

const react = (message, name) => act("react", { user: model.me.id, channel: message.channel, ts: message.ts, name });

/** The reactions to a message; a press adds the person's own, or takes it back. */
function reactions(message) {
  if (!message.reactions?.length) return null;
  return h("div", { class: "reactions" }, message.reactions.map(({ name, count, users }) =>
    h("button", {
      type: "button", class: "reaction", "aria-pressed": String(users.includes(model.me.id)),
      title: users.map(nameOf).join(", "), click: () => attempt(react(message, name)),
    }, emoji(name), ` ${count}`)));
}

export const threadAddress = (message) => `#${model.me.id}/${message.channel}/${message.thread_ts ?? message.ts}`;

function summary(message) {
  const count = replies(message.channel, message.ts).filter((one) => !one.private).length;
  return count > 0 && h("a", { class: "replies", href: threadAddress(message) }, words().replies(count));
}

/** One message. In a list it carries its replies' count, in a thread it does not. */
function article(message, inThread) {
  const when = new Date(Number(message.ts) * 1000);
  const name = nameOf(message.user);
  const app = message.user === model.bot;
  return h("article", { class: message.private ? "message private" : "message", "data-ts": message.ts, tabindex: "-1", "aria-label": `${name}, ${clock(when)}` },
    message.private && h("p", { class: "only" }, h("span", { "aria-hidden": "true" }, "👁 "), words().onlyYou),
    avatar(message),
    h("div", { class: "head" },
      h("b", { class: "author" }, name), app && h("span", { class: "badge" }, words().app),
      h("time", { datetime: when.toISOString(), title: moment(when) }, clock(when)),
      message.pinned_by && h("span", { class: "pin soft" }, `📌 ${words().pinned}`)),
    h("div", { class: "content" },
      message.blocks ? blocks(message.blocks, surface(message)) : h("div", { class: "text" }, mrkdwn(message.text)),
      message.files.map(file),
      message.edited && h("span", { class: "edited soft" }, words().edited),
      reactions(message),
      !inThread && summary(message)),
    message.private ? null : tools(message, inThread));
}

/** A list of messages that stays at its end while the person is there. `thread`: the ts above, or empty. */
export class List {
  constructor(channel, thread) {
    Object.assign(this, { channel, thread, atEnd: true, settling: false });
    const label = thread ? words().thread : words().messages;
    this.inner = h("div", { class: "list", role: "feed", "aria-label": label });
    this.element = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, this.inner);
    this.element.addEventListener("scroll", () => {
      const left = this.element.scrollHeight - this.element.scrollTop - this.element.clientHeight;
      if (!this.settling) this.atEnd = left < NEAR;
    }, { passive: true });
    this.nodes = new Map();
    const found = (thread ? [find(channel, thread), ...replies(channel, thread)] : mainMessages(channel)).filter(Boolean);
    for (const message of found.splice(-AT_ONCE)) this.add(message);
    this.older = found; // drawn a little later, from the newest to the oldest
    if (found.length) setTimeout(() => this.fill());
    this.hush();
  }

  /** Draw older messages above the others, slice by slice, as long as the list is shown. */
  fill() {
    if (!this.element.isConnected) return;
    const drawn = [];
    const deeds = this.older.map(() => () => drawn.unshift(this.draw(this.older.pop())));
    const more = slice(deeds);
    this.inner.prepend(...drawn);
    this.settle();
    if (more) setTimeout(() => this.fill());
  }

  holds(message) {
    if (message.channel !== this.channel) return false;
    return this.thread ? message.ts === this.thread || message.thread_ts === this.thread : !isReply(message);
  }

  draw(message) {
    const node = article(message, Boolean(this.thread));
    this.nodes.set(message.ts, node);
    return node;
  }

  add(message) {
    this.inner.append(this.draw(message));
  }

  /** A new message, or one that says something else now: drawn in its place, the focus kept. */
  show(message) {
    const former = this.nodes.get(message.ts);
    const later = this.older.findIndex((one) => one.ts === message.ts);
    if (later >= 0) this.older[later] = message;
    else if (!former) {
      this.quiet?.remove();
      this.add(message);
    } else {
      const place = focusIn(former);
      const node = this.draw(message);
      former.replaceWith(node);
      refocus(node, place, node);
      node.classList.add("changed");
    }
    this.settle();
  }

  remove(ts) {
    this.nodes.get(ts)?.remove();
    this.nodes.delete(ts);
    this.older = this.older.filter((one) => one.ts !== ts);
    this.hush();
  }

  hush() {
    if (!this.nodes.size && !this.thread) this.inner.append((this.quiet = h("p", { class: "soft quiet" }, words().hush)));
  }

  /** Go to the end once, before the next picture is drawn, however many messages came. */
  settle(always = false) {
    if (always) this.atEnd = true;
    if (!this.atEnd || this.settling) return;
    this.settling = true;
    requestAnimationFrame(() => {
      this.element.scrollTop = this.element.scrollHeight;
      requestAnimationFrame(() => {
        this.element.scrollTop = this.element.scrollHeight;
        this.settling = false;
      });
    });
  }
}
