// What did not work, said where the person sees and hears it.

import { $ } from "./dom.js";
import { words } from "./model.js";
import { Refused } from "./talk.js";

const SHOWN = 8_000; // ms
let hiding = 0;

/** Wait for a deed; what the workspace refuses is shown, and the answer is undefined. */
export async function attempt(deed) {
  try {
    return await deed;
  } catch (error) {
    if (!(error instanceof Refused || error instanceof TypeError)) throw error;
    say(words().failed(error.message));
  }
}

function say(text) {
  const modal = document.querySelector("dialog[open] .trouble");
  if (modal) {
    modal.textContent = text;
    modal.hidden = false;
    return;
  }
  const trouble = $("trouble");
  trouble.textContent = text;
  trouble.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (trouble.hidden = true), SHOWN);
}
