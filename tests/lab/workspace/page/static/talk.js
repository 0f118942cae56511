// The page's line to the workspace: what a person does, and what they see change.

/** The workspace did not do it; the message says why. */
export class Refused extends Error {}

async function ask(address, init) {
  const response = await fetch(address, init);
  const answer = await response.json().catch(() => ({ error: `${response.status}` }));
  if (!response.ok) throw new Refused(answer.error);
  return answer;
}

const post = (address, body) =>
  ask(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

const query = (given) => new URLSearchParams(Object.entries(given).filter(([, value]) => value != null)).toString();

export const getState = (user) => ask(`/page/state?${query({ user })}`);
export const act = (name, given) => post(`/page/act/${name}`, given);
export const share = (given, file) => ask(`/page/share?${query(given)}`, { method: "POST", body: file });
export const getControls = () => ask("/page/controls");
export const switchControl = (given) => post("/page/controls", given);
export const fileAddress = (name) => `/page/file/${encodeURIComponent(name)}`;

/** Follow what this person sees, after the change number `after`; the browser connects again by itself. */
export function follow(user, after, { change, lost }) {
  const source = new EventSource(`/page/changes?${query({ user, after })}`);
  source.onopen = () => lost(false);
  source.onerror = () => lost(true);
  source.onmessage = (event) => change(JSON.parse(event.data));
  return () => source.close();
}
