// The side panel: what is wrong with the hosts and with Slack.

import { focusIn, h, newId, refocus } from "./dom.js";
import { model, words } from "./model.js";
import { getControls, switchControl } from "./talk.js";
import { attempt } from "./trouble.js";

const named = (fault) => words().faultNames[fault] ?? fault;

/** The panel's content, filled as soon as the workspace has told it. */
export function panel() {
  const root = h("div", { class: "panel" });
  const draw = (state) => {
    if (!state) return;
    const place = focusIn(root);
    root.replaceChildren(...hosts(state, change), ...slack(state.slack, change));
    refocus(root, place);
  };
  const change = async (given) => draw((await attempt(switchControl(given))) ?? (await attempt(getControls())));
  attempt(getControls()).then(draw);
  return root;
}

function hosts(state, change) {
  const list = state.hosts.map((host) => {
    const isNew = host.console.length > 0;
    const troubled = isNew ? "" : troubles(host, state.faults[0]).join(", ");
    return h("details", { class: "host", open: (isNew || Boolean(troubled)) && state.hosts.length <= 10 },
      h("summary", {}, h("b", {}, host.name), " ",
        h("span", { class: troubled ? "bad" : "soft" }, isNew ? words().newMachine : troubled || words().well)),
      isNew && h("p", { class: "soft" }, words().onConsole),
      host.console.map((line) => h("p", {}, h("code", {}, `/flatnet ${line}`))),
      h("div", { class: "sides" },
        h("button", {
          type: "button", class: host.cut ? "button" : "button danger", "data-action": `cable ${host.name}`,
          "aria-label": `${host.name}: ${host.cut ? words().plug : words().pull}`,
          click: () => change({ deed: host.cut ? "mend" : "cut", host: host.name }),
        }, host.cut ? words().plug : words().pull),
        !isNew && host.sides.some((side) => side.name === "gateway") && h("button", {
          type: "button", class: "button danger", "data-action": `burst ${host.name}`, "aria-label": `${host.name}: ${words().burst}`,
          click: () => change({ deed: "burst", host: host.name }),
        }, words().burst),
        host.sides.map((side) => sideOf(host, side, state.faults, change)),
        host.programs.map((program) => programOf(host, program, change)),
        host.knobs.map((knob) => knobOf(host, knob, change))));
  });
  return [h("h3", {}, words().hosts), list.length ? [all(state.hosts, change), list] : h("p", { class: "soft" }, words().noHosts)].flat(2);
}

/** The switches for all cables at once: those that would change something. */
function all(hosts, change) {
  const one = (deed, kind, text) => h("button", { type: "button", class: kind, "data-action": deed, click: () => change({ deed }) }, text);
  return h("p", {},
    hosts.some((host) => !host.cut) && one("cut all", "button danger", words().pullAll), " ",
    hosts.some((host) => host.cut) && one("mend all", "button", words().plugAll));
}

const knobName = (knob) => words().knobs[knob.kind](knob.name);
const positionName = (position) => words().positions[position] ?? position;

/** What is wrong with a host, in words: its cable or its lines, what does not run or will not start again, and its knobs. */
function troubles(host, fine) {
  const lines = host.sides.filter((side) => side.fault !== fine).map((side) => words().sides[side.name] ?? side.name);
  const stopped = host.programs.filter((program) => !program.runs).map((program) => words().stopped(program.name));
  const spoiled = host.programs.filter((program) => program.runs && !program.starts).map((program) => words().spoiled(program.name));
  const turned = host.knobs.filter((knob) => knob.at !== knob.positions[0]).map((knob) => `${knobName(knob)}: ${positionName(knob.at)}`);
  return [...(host.cut ? [words().pulled] : lines), ...stopped, ...spoiled, ...turned];
}

function programOf(host, program, change) {
  const states = [["start", words().runs], ["stop", words().isStopped], ["spoil", words().isSpoiled]];
  const control = select(states, !program.starts ? "spoil" : program.runs ? "start" : "stop", {
    "aria-label": words().sideOf(host.name, program.name), "data-action": `${host.name} ${program.name}`,
    change: (event) => change({ deed: event.target.value, host: host.name, program: program.name }),
  });
  return h("label", { class: "side" }, h("span", {}, program.name), control);
}

function knobOf(host, knob, change) {
  const name = knobName(knob);
  const control = select(knob.positions.map((position) => [position, positionName(position)]), knob.at, {
    "aria-label": words().sideOf(host.name, name), "data-action": `${host.name} ${knob.kind} ${knob.name}`,
    change: (event) => change({ deed: "turn", host: host.name, kind: knob.kind, name: knob.name, to: event.target.value }),
  });
  return h("label", { class: "side" }, h("span", {}, name), control);
}

function sideOf(host, side, faults, change) {
  const name = words().sides[side.name] ?? side.name;
  const control = select(faults.map((fault) => [fault, named(fault)]), side.fault, {
    "aria-label": words().sideOf(host.name, name), "data-action": `${host.name} ${side.name}`,
    change: (event) => change({ deed: "fault", host: host.name, side: side.name, fault: event.target.value }),
  });
  return h("label", { class: "side" }, h("span", {}, name), control);
}

function select(options, value, attributes = {}) {
  const control = h("select", attributes, options.map(([one, shown]) => h("option", { value: one }, shown)));
  control.value = value;
  return control;
}

let wanted = { place: "chat.postMessage", fault: "429", once: false };

function slack(state, change) {
  const faults = [...state.faults.map((fault) => [fault, named(fault)]), ...state.special.map(({ name }) => [name, named(name)])];
  const place = select(state.places.map((one) => [one, one]), wanted.place, { id: newId("place"), "data-action": "place" });
  const fault = select(faults, wanted.fault, { id: newId("fault"), "data-action": "fault" });
  const once = h("input", { type: "checkbox", checked: wanted.once, "data-action": "once" });
  const special = () => state.special.find((one) => one.name === fault.value);
  const tell = () => (place.disabled = Boolean(special()));
  fault.addEventListener("change", tell);
  tell();
  const on = () => {
    wanted = { place: place.value, fault: fault.value, once: once.checked };
    change({ deed: "slack", place: special()?.place ?? place.value, fault: fault.value, once: once.checked });
  };
  const active = state.active.map((one) =>
    h("li", {}, h("span", { class: "bad" }, `${one.place}: ${named(one.fault)}`), " ",
      h("button", { type: "button", class: "button", "data-action": `off ${one.place}`, "aria-label": words().switchOff(`${one.place}, ${named(one.fault)}`),
        click: () => change({ deed: "slack well", place: one.place }) }, words().off)));
  return [
    h("h3", {}, words().slack),
    active.length ? h("ul", { class: "active" }, active) : h("p", { class: "soft" }, words().allWell),
    h("div", { class: "sides" },
      h("label", { class: "side" }, h("span", {}, words().fault), fault),
      h("label", { class: "side" }, h("span", {}, words().place), place),
      h("label", { class: "mark" }, once, h("span", {}, words().once)),
      h("button", { type: "button", class: "button danger", "data-action": "on", click: on }, words().switchOn)),
    h("p", {}, words().connections(state.connections), " ",
      h("button", { type: "button", class: "button", "data-action": "disconnect", click: () => change({ deed: "disconnect" }) }, words().disconnect)),
  ];
}
