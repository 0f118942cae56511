// The page: what the address names is drawn, and what the workspace tells is taken in as it happens.
//
//   #U0OPERATOR/C0OPS            a channel
//   #U0OPERATOR/C0OPS/1765.0001  and a thread beside it
//   #U0OPERATOR/app/home         the app's home tab;  …/app/messages  the direct messages with it

import { composer } from "./composer.js";
import { $, focusIn, h, refocus } from "./dom.js";
import { openMenu } from "./menu.js";
import { List, threadAddress } from "./messages.js";
import { channel, conversation, direct, find, forget, isReply, keep, model, nameOf, pins, take, words } from "./model.js";
import { unescape } from "./mrkdwn.js";
import { panel } from "./panel.js";
import { drawSide } from "./side.js";
import { act, follow, getState } from "./talk.js";
import { attempt } from "./trouble.js";
import { inTurn } from "./turns.js";
import { drawModal, forgetTyped, homeTab, watchModal } from "./views.js";

const lists = { main: null, thread: null };
let paneShows = ""; // "thread", "faults", or nothing
let stop = () => {};

// Where the person is

function route() {
  const [user, place, more] = decodeURIComponent(location.hash.slice(1)).split("/");
  return { user, place, more };
}

let begun = 0;

/**
 * Begin as this person, or again: ask for everything, then follow what changes after it.
 * What changed while the answer was on its way comes after it, so that no older state overwrites it.
 */
async function begin(user) {
  stop();
  drop("reload");
  const mine = ++begun;
  const state = await attempt(getState(user));
  if (mine !== begun) return;
  if (state) {
    take(state);
    draw();
  }
  if (!model.me) return user ? begin("") : undefined;
  let going = true;
  const close = follow(model.me.id, model.at, { change: (change) => inTurn(() => going && changed(change)), lost: banner });
  stop = () => {
    going = false;
    close();
  };
}

async function moved() {
  const { user } = route();
  if (model.me && user && user !== model.me.id) {
    closeDrawer();
    await begin(user);
  } else {
    draw();
  }
}

function place() {
  const { place: wanted, more } = route();
  const open = model.channels.filter((one) => !one.direct && !one.archived);
  const known = wanted === "app" || model.channels.some((one) => one.id === wanted && !one.direct);
  if (wanted === direct()) return { place: "app", tab: "messages", thread: more ?? "" };
  const start = open.find((one) => one.members.includes(model.bot)) ?? open[0];
  const found = known ? wanted : (start?.id ?? "");
  if (found !== "app") return { place: found, tab: model.tab, thread: known ? (more ?? "") : "" };
  const tab = more === "home" && model.app.home ? "home" : "messages";
  return { place: "app", tab, thread: "" };
}

// Drawing

let drawn = "";

function draw() {
  Object.assign(model, place());
  document.documentElement.lang = model.me.locale.slice(0, 2);
  $("skip").textContent = words().skip;
  drawSide(openFaults);
  drawMain();
  drawPane();
  drawModal();
  const here = `${model.me.id} ${model.place} ${model.tab}`;
  if (here !== drawn) arrived();
  drawn = here;
}

function arrived() {
  closeDrawer();
  if (model.place === "app") attempt(act("home", { user: model.me.id, tab: model.tab }));
  if (matchMedia("(min-width: 800px)").matches && !document.querySelector("dialog[open]")) {
    if (document.activeElement === document.body || $("side").contains(document.activeElement)) $("typed")?.focus();
  }
}

function drawMain() {
  const main = $("main");
  const focus = focusIn(main);
  const name = conversation();
  const former = lists.main;
  const at = main.querySelector(".scroll, .home")?.scrollTop;
  lists.main = name ? new List(name, "") : null;
  const body = name
    ? [lists.main.element, composer(name, "", () => lists.main.settle(true))]
    : [model.place === "app" ? homeTab() : h("p", { class: "soft quiet" }, words().noPlace)];
  main.replaceChildren(header(), ...body);
  const same = name ? former?.channel === name && !former.atEnd : !former;
  if (same && at) main.querySelector(".scroll, .home").scrollTop = at;
  else lists.main?.settle(true);
  refocus(main, focus);
  title();
  seen();
}

function header() {
  const found = channel(model.place);
  const name = model.place === "app" ? model.app.name : (found?.name ?? "");
  const sign = found ? (found.private ? "🔒" : "#") : "";
  const facts = found && [words().members(found.members.length), unescape(found.topic), found.shared && words().shared].filter(Boolean).join(" · ");
  const tabs = model.place === "app" && h("div", { class: "tabs" },
    [model.app.home && "home", model.app.messages && "messages"].filter(Boolean).map((tab) =>
      h("a", { href: `#${model.me.id}/app/${tab}`, "aria-current": tab === model.tab ? "page" : null, "data-action": tab }, words()[tab])));
  return h("header", { class: "top" },
    h("button", { type: "button", class: "tool drawer", "aria-label": words().menu, "aria-controls": "side", "aria-expanded": "false", click: openDrawer }, "☰"),
    h("h1", {}, h("span", { "aria-hidden": "true" }, sign), name), facts && h("p", { class: "soft" }, facts), tabs,
    found && deeds(found));
}

/** What is pinned to a channel, and what its managers do with it. */
function deeds(found) {
  const pinned = pins(found.id);
  const go = (message) => () => {
    const shown = $("main").querySelector(`[data-ts="${message.ts}"]`);
    if (shown) shown.scrollIntoView({ block: "center" });
    else location.hash = threadAddress(message);
    shown?.focus();
  };
  const list = (event) =>
    openMenu(event.currentTarget, pinned.map((one) => ({ words: one.text.split("\n")[0].slice(0, 60), detail: nameOf(one.user), choose: go(one) })));
  const names = [found.archived ? "unarchive" : "archive", found.private ? "publish" : "hide", found.shared ? "unshare" : "share"];
  const settings = (event) =>
    openMenu(event.currentTarget, names.map((deed) => ({
      words: words().deeds[deed], choose: () => attempt(act("manage", { user: model.me.id, channel: found.id, deed })),
    })));
  return h("div", { class: "deeds" },
    pinned.length > 0 && h("button", { type: "button", class: "tool pins", "aria-haspopup": "menu", title: words().pins(pinned.length), "aria-label": words().pins(pinned.length), click: list }, `📌 ${pinned.length}`),
    h("button", { type: "button", class: "tool", "aria-haspopup": "menu", title: words().channelMenu, "aria-label": words().channelMenu, click: settings }, "⋮"));
}

/** Draw the pins of the channel above its messages again. */
function redrawDeeds() {
  const found = channel(model.place);
  const former = $("main").querySelector(".deeds");
  if (found && former && !former.contains(document.activeElement)) former.replaceWith(deeds(found));
}

function title() {
  const count = Object.values(model.unread).reduce((sum, one) => sum + one, 0);
  const name = model.place === "app" ? model.app.name : (channel(model.place)?.name ?? "");
  document.title = `${count ? `(${count}) ` : ""}${name} · ${words().workspace}`;
}

// The pane beside: a thread, or the faults

function drawPane() {
  if (model.thread) paneShows = "thread";
  else if (paneShows === "thread") paneShows = "";
  const pane = $("pane");
  const focus = focusIn(pane);
  const was = pane.dataset.shows;
  pane.hidden = !paneShows;
  pane.dataset.shows = paneShows === "thread" ? `${model.place} ${model.thread}` : paneShows;
  lists.thread = null;
  if (!paneShows) return pane.replaceChildren();
  const name = paneShows === "thread" ? words().thread : words().faults;
  const head = h("header", { class: "top" }, h("h2", { tabindex: "-1" }, name),
    h("button", { type: "button", class: "tool", "aria-label": words().close, "data-action": "close", click: closePane }, "✕"));
  pane.setAttribute("aria-label", name);
  if (paneShows === "faults") {
    pane.replaceChildren(head, panel());
  } else {
    lists.thread = new List(model.place, model.thread);
    pane.replaceChildren(head, lists.thread.element, composer(model.place, model.thread, () => lists.thread.settle(true)));
    lists.thread.settle(true);
  }
  if (was !== pane.dataset.shows) (pane.querySelector("textarea") ?? pane.querySelector("h2")).focus();
  else refocus(pane, focus);
}

function openFaults() {
  closeDrawer();
  if (paneShows === "faults") return closePane();
  paneShows = "faults";
  if (model.thread) location.hash = `#${model.me.id}/${model.place}`;
  else drawPane();
}

function closePane() {
  const thread = model.thread;
  paneShows = "";
  if (!thread) {
    drawPane();
    $("side").querySelector(".faults").focus();
    return;
  }
  location.hash = `#${model.me.id}/${model.place}`;
  $("main").querySelector(`[data-ts="${thread}"]`)?.focus();
}

// The drawer: the channel list where the window is narrow

function openDrawer() {
  $("app").classList.add("drawn");
  $("main").inert = true;
  document.querySelector(".drawer")?.setAttribute("aria-expanded", "true");
  ($("side").querySelector("[aria-current]") ?? $("person")).focus();
}

function closeDrawer() {
  if (!$("app").classList.contains("drawn")) return;
  $("app").classList.remove("drawn");
  $("main").inert = false;
  const button = document.querySelector(".drawer");
  button?.setAttribute("aria-expanded", "false");
  button?.focus();
}

// What changes

const CHANGES = {
  hello: ({ run }) => run !== model.run && begin(model.me.id),
  reload: () => later("reload", 50, () => begin(model.me.id)),
  unread: ({ unread }) => unreadIs(unread),
  message: ({ message, unread }) => {
    const known = keep(message);
    if (message.channel === model.place) redrawDeeds();
    for (const list of [lists.main, lists.thread]) if (list?.holds(message)) list.show(message);
    const parent = isReply(message) && find(message.channel, message.thread_ts);
    if (parent && lists.main?.holds(parent) && !known) lists.main.show(parent);
    hear(message, known);
    unreadIs(unread);
  },
  deleted: ({ channel: name, ts, unread }) => {
    const parent = find(name, find(name, ts)?.thread_ts);
    forget(name, ts);
    if (name === model.place) redrawDeeds();
    for (const list of [lists.main, lists.thread]) if (list?.channel === name) list.remove(ts);
    if (parent && lists.main?.holds(parent)) lists.main.show(parent);
    unreadIs(unread);
  },
  views: ({ views, home }) => {
    const homeChanged = JSON.stringify([home?.hash, home?.trouble]) !== JSON.stringify([model.home?.hash, model.home?.trouble]);
    forgetTyped(model.views, views);
    Object.assign(model, { views, home });
    drawModal();
    if (homeChanged && model.place === "app" && model.tab === "home") drawMain();
  },
};

const changed = (change) => CHANGES[change.kind](change);

function unreadIs(unread) {
  if (JSON.stringify(unread) === JSON.stringify(model.unread)) return;
  model.unread = unread;
  later("side", 30, () => {
    drawSide(openFaults);
    title();
  });
  seen();
}

/** The person sees the end of this conversation: nothing in it is new any more. */
function seen() {
  const name = conversation();
  if (!name || document.visibilityState !== "visible" || !model.unread[name]) return;
  later("read", 150, () => attempt(act("read", { user: model.me.id, channel: name })));
}

/** Say what is new to those who listen instead of looking. */
function hear(message, known) {
  if (message.channel !== conversation() || message.user === model.me.id) return;
  const said = (known ? words().editedSays : words().says)(nameOf(message.user), message.text.slice(0, 500));
  const heard = $("heard");
  heard.append(h("span", {}, said));
  while (heard.children.length > 5) heard.firstChild.remove();
}

const waiting = new Map();
function later(name, delay, deed) {
  if (waiting.has(name)) return;
  waiting.set(name, setTimeout(() => {
    waiting.delete(name);
    deed();
  }, delay));
}

function drop(name) {
  clearTimeout(waiting.get(name));
  waiting.delete(name);
}

function banner(lost) {
  $("banner").hidden = !lost;
  $("banner").textContent = lost ? words().lost : "";
}

addEventListener("hashchange", moved);
document.addEventListener("visibilitychange", seen);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if ($("app").classList.contains("drawn")) closeDrawer();
  else if (paneShows) closePane();
});
$("app").addEventListener("click", (event) => {
  if (event.target.id === "app") closeDrawer();
  else if (event.target.closest("#side a")) closeDrawer();
});
$("skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("typed")?.focus();
});
watchModal();
begin(route().user);
