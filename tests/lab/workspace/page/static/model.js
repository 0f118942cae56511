// What this page knows: one person, what they see, and where they are looking.

import { wordsOf } from "./words.js";

export const model = {
  run: "", // of the workspace: change numbers of another run mean nothing
  at: 0,
  me: null,
  people: new Map(),
  groups: {},
  bot: "",
  slackbot: "",
  app: null,
  channels: [],
  joinable: {}, // names of public channels that this person is not in, by id
  messages: new Map(), // by channel: a Map of messages by ts, oldest first
  unread: {},
  views: [],
  home: null,
  place: "", // a channel id, or "app"
  tab: "home",
  thread: "",
  drafts: new Map(),
};

/** Take in everything that the workspace told. */
export function take(state) {
  const { people, messages, ...rest } = state;
  Object.assign(model, rest);
  model.people = new Map(people.map((person) => [person.id, person]));
  model.messages = new Map(
    Object.entries(messages).map(([channel, list]) => [channel, new Map(list.map((one) => [one.ts, one]))]),
  );
}

export const words = () => wordsOf(model.me?.locale ?? navigator.language);

/** The direct messages between this person and the app. */
export const direct = () => `D${model.me.id.slice(1)}`;

/** The conversation in front of the person; empty in the app's home tab. */
export function conversation() {
  if (model.place !== "app") return model.place;
  return model.tab === "messages" ? direct() : "";
}

export const channel = (name) => model.channels.find((one) => one.id === name);

export function keep(message) {
  if (!model.messages.has(message.channel)) model.messages.set(message.channel, new Map());
  const list = model.messages.get(message.channel);
  const known = list.has(message.ts);
  list.set(message.ts, message);
  return known;
}

export function forget(name, ts) {
  model.messages.get(name)?.delete(ts);
}

const all = (name) => [...(model.messages.get(name)?.values() ?? [])];
export const find = (name, ts) => model.messages.get(name)?.get(ts);
export const isReply = (message) => Boolean(message.thread_ts) && message.thread_ts !== message.ts;
export const mainMessages = (name) => all(name).filter((message) => !isReply(message));
export const pins = (name) => all(name).filter((message) => message.pinned_by);
export const replies = (name, ts) => all(name).filter((message) => isReply(message) && message.thread_ts === ts);

/** How a person is called; the app by the name in its manifest. */
export function nameOf(user) {
  if (user === model.bot) return model.app.name;
  if (user === model.slackbot) return "Slackbot";
  return model.people.get(user)?.real_name ?? user;
}

/** The short name after an @. */
export const handleOf = (user) => (user === model.bot ? model.app.name : model.people.get(user)?.name ?? user);
