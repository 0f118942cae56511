// The question before a deed: Block Kit's confirm object.

import { text } from "./blocks.js";
import { $, h } from "./dom.js";

/** Resolves to whether the person wants it; at once where there is nothing to ask. */
export function confirmed(question) {
  if (!question) return Promise.resolve(true);
  const dialog = $("confirm");
  return new Promise((resolve) => {
    const yes = h("button", { type: "button", class: `button ${question.style ?? "primary"}`, click: () => dialog.close("yes") }, text(question.confirm));
    const no = h("button", { type: "button", class: "button", autofocus: true, click: () => dialog.close("no") }, text(question.deny));
    dialog.returnValue = "no";
    dialog.replaceChildren(
      h("header", {}, h("h2", { id: "confirm-title" }, text(question.title))),
      h("div", { class: "body" }, text(question.text)),
      h("footer", {}, no, yes),
    );
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}
