// Block Kit as elements.
//
// `surface` says where the blocks stand: { form, level, get(block, element), set(block, element, value),
// send(block, element, value), suggest(element, typed), errors } (see messages.js and views.js).

import { element } from "./elements.js";
import { h, newId } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";
import { markdown, richText, table } from "./rich.js";
import { fileAddress } from "./talk.js";
import { model, words } from "./model.js";
import { slackSays } from "./words.js";

/** A text object. */
export const text = (found) =>
  found.type === "mrkdwn" ? mrkdwn(found.text, found.verbatim) : found.emoji === false ? found.text : withEmoji(found.text);

/** A picture; one on another server is named and not loaded. */
export function picture(found, kind) {
  const url = found.slack_file?.id ? fileAddress(found.slack_file.id) : (found.image_url ?? found.slack_file?.url ?? "");
  const own = url.startsWith("data:image/") || new URL(url, location.href).origin === location.origin;
  if (own) return h("img", { class: kind, src: url, alt: found.alt_text, loading: "lazy" });
  const told = `${found.alt_text} — ${words().pictureElsewhere}`;
  if (kind === "tiny") return h("span", { class: "elsewhere", title: told }, found.alt_text);
  return h("a", { class: "elsewhere", href: /^https?:/.test(url) ? url : null, target: "_blank", rel: "noreferrer" }, told);
}

/** A picture that can be opened alone, as large as it is. */
const large = (shown) => (shown.src ? h("a", { href: shown.getAttribute("src"), target: "_blank", rel: "noreferrer" }, shown) : shown);

const DRAWN = {
  header: (block, surface) => h(`h${surface.level}`, { class: "header" }, text(block.text)),
  divider: () => h("hr"),
  section: (block, surface) => {
    const accessory = block.accessory;
    const label = newId("section");
    const shown = accessory && (accessory.type === "image" ? picture(accessory, "thumb") : element(accessory, block, surface, label));
    return h("div", { class: "section" },
      h("div", { class: "words" },
        block.text && h("div", { id: label }, text(block.text)),
        block.fields && h("div", { class: "fields" }, block.fields.map((field) => h("div", {}, text(field))))),
      shown && h("div", { class: "accessory" }, shown));
  },
  context: (block) =>
    h("div", { class: "context" }, block.elements.map((found) =>
      found.type === "image" ? picture(found, "tiny") : h("span", {}, text(found)))),
  actions: (block, surface) =>
    h("div", { class: "actions" }, block.elements.map((found) => element(found, block, surface))),
  image: (block, surface) => surface.unseen?.includes(block.slack_file?.id)
    ? h("p", { class: "soft" }, surface.private ? "" : words().fileNotFound)
    : h("figure", {}, block.title && h("figcaption", {}, text(block.title)), large(picture(block, "full"))),
  data_visualization: (block) => h("figure", {}, h("figcaption", {}, block.title), chart(block.chart)),
  input: (block, surface) => field(block, surface),
  rich_text: richText,
  table,
  markdown: (block) => h("div", {}, markdown(block.text)),
};

/** The data of a chart, which Slack would draw: a row for each series, or for each segment of a pie. */
function chart(found) {
  const rows = found.segments ? found.segments.map((one) => ({ name: one.label, data: [one] })) : found.series;
  return h("table", {},
    found.axis_config && h("tr", {}, h("th", {}), found.axis_config.categories.map((name) => h("th", {}, name))),
    rows.map((row) => h("tr", {}, h("th", {}, row.name), row.data.map((point) => h("td", {}, String(point.value))))));
}

/** A field of a form: label, element, hint, and what is wrong with it. */
function field(block, surface) {
  const label = newId("label");
  const error = surface.errors?.[block.block_id];
  const [hintId, errorId] = [newId("hint"), newId("error")];
  const described = [error && errorId, block.hint && hintId].filter(Boolean).join(" ");
  const shown = element(block.element, block, surface, label, { described, invalid: Boolean(error) });
  return h("div", { class: error ? "field wrong" : "field" },
    h("label", { id: label, for: shown.dataset.for ?? null },
      text(block.label), block.optional && h("span", { class: "soft" }, ` ${words().optional}`)),
    shown,
    error && h("p", { id: errorId, class: "error" }, slackSays(model.me.locale, error)),
    block.hint && h("p", { id: hintId, class: "soft" }, text(block.hint)));
}

/** All blocks; one that this page does not know says so. */
export const blocks = (list, surface) =>
  list.map((block) => (DRAWN[block.type] ? DRAWN[block.type](block, surface) : h("p", { class: "soft" }, words().appBlocks)));
