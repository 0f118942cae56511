// The blocks that nest: rich_text, table, markdown.

import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { broadcast, channelMention, date, groupMention, link, mention } from "./mrkdwn.js";
import { words } from "./model.js";

const STYLES = { bold: "b", italic: "i", strike: "s", code: "code", underline: "u", highlight: "mark", client_highlight: "mark" };

function styled(node, style = {}) {
  for (const [name, tag] of Object.entries(STYLES)) if (style[name]) node = h(tag, {}, node);
  return node;
}

const PIECES = {
  text: (piece) => lines(piece.text),
  link: (piece) => link(piece.url, ...(piece.text ? [piece.text] : [])),
  user: (piece) => mention(piece.user_id),
  usergroup: (piece) => groupMention(piece.usergroup_id),
  channel: (piece) => channelMention(piece.channel_id),
  emoji: (piece) => emoji(piece.name),
  broadcast: (piece) => broadcast(piece.range),
  date: (piece) => date(piece.timestamp, piece.format, piece.url, piece.fallback ?? ""),
  color: (piece) => h("code", {}, piece.value),
};

const lines = (text) => text.split("\n").flatMap((line, at) => (at ? [h("br"), line] : [line]));
const section = (part) => part.elements.map((piece) => styled(PIECES[piece.type](piece), piece.style));
const bare = (part) => part.elements.map((piece) => (piece.type === "text" ? piece.text : PIECES[piece.type](piece)));

const PARTS = {
  rich_text_section: (part) => h("p", {}, section(part)),
  rich_text_preformatted: (part) => h("pre", {}, h("code", {}, bare(part))),
  rich_text_quote: (part) => h("blockquote", {}, section(part)),
  rich_text_list: (part) => {
    const ordered = part.style === "ordered";
    const start = ordered && part.offset ? part.offset + 1 : null;
    const items = part.elements.map((item) => h("li", {}, section(item)));
    return h(ordered ? "ol" : "ul", { class: `indent-${Math.min(part.indent ?? 0, 8)}`, start }, items);
  },
};

export const richText = (block) => h("div", { class: "rich" }, block.elements.map((part) => PARTS[part.type](part)));

function cell(tag, found, setting) {
  const content = found.type === "rich_text" ? richText(found) : String(found.text ?? found.value ?? "");
  const classes = [setting?.align ?? "left", setting?.is_wrapped ? "wrapped" : ""].join(" ").trim();
  return h(tag, { class: classes, scope: tag === "th" ? "col" : null }, content);
}

/** A table that scrolls by itself where it is too wide, by keys too. */
export function table(block) {
  const settings = block.column_settings ?? [];
  const [head, ...rows] = block.rows;
  const row = (tag, cells) => h("tr", {}, cells.map((found, at) => cell(tag, found, settings[at])));
  const shown = h("table", {}, h("thead", {}, row("th", head)), h("tbody", {}, rows.map((cells) => row("td", cells))));
  return h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": words().table }, shown);
}

const MARKS = /`([^`]+)`|\*\*(.+?)\*\*|~~(.+?)~~|\*(.+?)\*|\[([^\]]+)\]\(([^)\s]+)\)/;

function marked(text) {
  const found = MARKS.exec(text);
  if (!found) return [text];
  const [whole, code, bold, strike, italic, label, url] = found;
  let node = null;
  if (code) node = h("code", {}, code);
  else if (bold) node = h("b", {}, marked(bold));
  else if (strike) node = h("s", {}, marked(strike));
  else if (italic) node = h("i", {}, marked(italic));
  else node = link(url, label);
  return [text.slice(0, found.index), node, ...marked(text.slice(found.index + whole.length))];
}

/** Standard Markdown, as far as a message of an app needs it: headings, lists, quotes, code, styles, links. */
export function markdown(text) {
  return text.split(/```\w*\n?([\s\S]+?)\n?```/).map((piece, at) => {
    if (at % 2) return h("pre", {}, h("code", {}, piece));
    return piece.split("\n").filter((line) => line.trim()).map((line) => {
      const [, heading, item, quote] = /^(?:(#{1,6}) |([-*+]|\d+\.) |(>) )?/.exec(line);
      const rest = marked(line.replace(/^(?:#{1,6}|[-*+]|\d+\.|>) /, ""));
      if (heading) return h("p", {}, h("b", {}, rest));
      if (item) return h("ul", {}, h("li", {}, rest));
      return h(quote ? "blockquote" : "p", {}, rest);
    });
  });
}
