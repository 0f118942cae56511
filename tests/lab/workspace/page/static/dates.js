// Times as a person reads them: in their language and in their zone.

import { model } from "./model.js";

const format = (when, options) => new Intl.DateTimeFormat(model.me.locale, { timeZone: model.me.zone, ...options }).format(when);

export const clock = (when) => format(when, { hour: "numeric", minute: "2-digit" });
export const moment = (when) => format(when, { dateStyle: "full", timeStyle: "medium" });
const day = (when) => new Intl.DateTimeFormat("en-CA", { timeZone: model.me.zone }).format(when);

function near(when, otherwise) {
  const names = new Intl.RelativeTimeFormat(model.me.locale, { numeric: "auto" });
  for (const distance of [-1, 0, 1]) {
    if (day(when) === day(new Date(Date.now() + distance * 86_400_000))) return names.format(distance, "day");
  }
  return otherwise;
}

function ago(when) {
  const names = new Intl.RelativeTimeFormat(model.me.locale, { numeric: "auto" });
  const seconds = Math.round((when - Date.now()) / 1000);
  for (const [unit, size] of [["day", 86_400], ["hour", 3_600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return names.format(Math.round(seconds / size), unit);
  }
  return names.format(seconds, "second");
}

const LONG = { year: "numeric", month: "long", day: "numeric" };
const SHORT = { year: "numeric", month: "short", day: "numeric" };
const FULL = { ...LONG, weekday: "long" };
const TOKENS = {
  date_num: day,
  date_slash: (when) => day(when).replaceAll("-", "/"),
  date: (when) => format(when, LONG),
  date_short: (when) => format(when, SHORT),
  date_long: (when) => format(when, FULL),
  date_long_full: (when) => format(when, FULL),
  date_pretty: (when) => near(when, format(when, LONG)),
  date_short_pretty: (when) => near(when, format(when, SHORT)),
  date_long_pretty: (when) => near(when, format(when, FULL)),
  time: clock,
  time_secs: (when) => format(when, { hour: "numeric", minute: "2-digit", second: "2-digit" }),
  ago,
};

/** Slack's `{date} {time}` formats, filled in; `fallback` where the time or a token is not known. */
export function filled(timestamp, pattern, fallback) {
  const when = new Date(Number(timestamp) * 1000);
  const tokens = [...pattern.matchAll(/\{(\w+)\}/g)].map((found) => found[1]);
  if (Number.isNaN(when.getTime()) || tokens.some((token) => !(token in TOKENS))) return fallback;
  return pattern.replace(/\{(\w+)\}/g, (_, token) => TOKENS[token](when));
}
