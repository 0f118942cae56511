// Work in slices, so that the page stays smooth however much arrives at once.

const BUDGET = 8; // ms of work between two pictures

/** Do deeds until the time for one slice is over; whether any is left. */
export function slice(deeds) {
  const ends = performance.now() + BUDGET;
  while (deeds.length && performance.now() < ends) deeds.shift()();
  return deeds.length > 0;
}

const waiting = [];
let running = false;

/** Do it soon, after what came before it: a browser may hand over hundreds of events in one task. */
export function inTurn(deed) {
  waiting.push(deed);
  if (!running) setTimeout(run);
  running = true;
}

function run() {
  try {
    slice(waiting);
  } finally {
    running = waiting.length > 0;
    if (running) setTimeout(run);
  }
}
