// Slack's mrkdwn as elements.
//
// What can stand anywhere (code, <links and mentions>, emoji) is taken out first and leaves one private
// character each; then bold, italic and strike are found in what is left, around these characters.

import { filled, moment } from "./dates.js";
import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { channel, handleOf, model } from "./model.js";
import { act } from "./talk.js";
import { attempt } from "./trouble.js";

const FIRST = 0xe000;
const MOST = 6_000; // private characters; what comes after so many stays text
const PRIVATE = /[\ue000-\uf8ff]/g;
const ATOMS = /`([^`\n]+)`|<([^<>\n]+)>|:([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):/g;
const BARE = /(^|[\s(])(https?:\/\/[^\s<>|]+[^\s<>|.,;:!?)])/g;
const STYLED = /(^|[\s\p{P}\p{S}\ue000-\uf8ff])([*_~])(?=\S)([^\n]+?)(?<=\S)\2(?=$|[\s\p{P}\p{S}\ue000-\uf8ff])/u;
const TAGS = { "*": "b", _: "i", "~": "s" };
const SAFE = /^(https?|mailto|tel):/i;

export const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** A link to somewhere harmless; only its words where it is not. */
export function link(url, ...words) {
  if (!SAFE.test(url)) return words.length ? words : [url];
  return h("a", { href: url, target: "_blank", rel: "noreferrer noopener" }, words.length ? words : url);
}

export const mention = (user) =>
  h("span", { class: user === model.me.id ? "mention me" : "mention" }, `@${handleOf(user)}`);
/** A channel; the way there for whoever is in it, or may join it: then the way leads in. */
export function channelMention(name, label) {
  const known = channel(name)?.name ?? model.joinable[name];
  if (!known) return h("span", { class: "mention" }, `#${label || name}`);
  const join = () => channel(name) || attempt(act("join", { user: model.me.id, channel: name }));
  return h("a", { class: "mention", href: `#${model.me.id}/${name}`, click: join }, `#${known}`);
}
export const broadcast = (range) => h("span", { class: "mention me" }, `@${range}`);
export const groupMention = (name, label) =>
  h("span", { class: "mention" }, label || `@${model.groups[name] ?? name}`);

/** A time in the words of the person who reads it. */
export function date(timestamp, pattern, url, fallback) {
  const shown = h("time", { title: moment(new Date(Number(timestamp) * 1000 || 0)) }, filled(timestamp, pattern, fallback));
  return url ? link(url, shown) : shown;
}

/** A text with everything that mrkdwn has. `verbatim`: bare addresses stay text. */
export function mrkdwn(text, verbatim = false) {
  const pieces = text.replace(PRIVATE, "").split(/\n?```\n?([\s\S]+?)\n?```\n?/);
  return pieces.map((piece, at) => (at % 2 ? h("pre", {}, h("code", {}, unescape(piece))) : paragraphs(piece, verbatim)));
}

/** Lines; those that begin with > stand in a quote, and after >>> all of them do. */
function paragraphs(text, verbatim) {
  const [before, after] = text.split(/^(?:&gt;|>){3} ?/m, 2);
  const found = [];
  let quote = null;
  for (const [number, line] of before.split("\n").entries()) {
    const quoted = /^(?:&gt;|>) ?/.exec(line);
    if (after !== undefined && line === "" && number === before.split("\n").length - 1) break;
    const shown = inline(quoted ? line.slice(quoted[0].length) : line, verbatim);
    if (!quoted) {
      if (number && !quote) found.push(h("br"));
      found.push(shown);
      quote = null;
    } else if (quote) quote.append(h("br"), ...shown.flat(Infinity));
    else found.push((quote = h("blockquote", {}, shown)));
  }
  if (after !== undefined) found.push(h("blockquote", {}, paragraphs(after, verbatim)));
  return found;
}

function inline(text, verbatim) {
  const atoms = [];
  const put = (node) => String.fromCharCode(FIRST + atoms.push(node) - 1);
  let left = text.replace(ATOMS, (whole, code, entity, name) => {
    if (atoms.length >= MOST) return whole;
    if (code) return put(h("code", {}, unescape(code)));
    return put(entity ? special(entity) : emoji(name));
  });
  if (!verbatim) left = left.replace(BARE, (_, before, url) => before + (atoms.length < MOST ? put(link(unescape(url))) : url));
  return styled(left, atoms);
}

function styled(text, atoms) {
  const found = STYLED.exec(text);
  if (!found) return [...leaf(text, atoms)];
  const [whole, before, mark, inner] = found;
  const start = found.index + before.length;
  return [
    ...leaf(text.slice(0, start), atoms),
    h(TAGS[mark], {}, styled(inner, atoms)),
    ...styled(text.slice(found.index + whole.length), atoms),
  ];
}

function* leaf(text, atoms) {
  for (const piece of text.split(/([\ue000-\uf8ff])/)) {
    const atom = piece.length === 1 ? atoms[piece.charCodeAt(0) - FIRST] : undefined;
    if (atom !== undefined) yield atom;
    else if (piece) yield unescape(piece);
  }
}

/** What stands between < and >. */
function special(entity) {
  const [target, ...rest] = entity.split("|");
  const label = unescape(rest.join("|"));
  if (target.startsWith("@")) return mention(target.slice(1));
  if (target.startsWith("#")) return channelMention(target.slice(1), label);
  if (target.startsWith("!date^")) {
    const [, timestamp, pattern, url] = target.split("^");
    return date(timestamp, unescape(pattern ?? ""), unescape(url ?? ""), label);
  }
  if (target.startsWith("!subteam^")) return groupMention(target.slice(9), label);
  if (target.startsWith("!")) return broadcast(target.slice(1));
  return link(unescape(target), ...(label ? [label] : []));
}
