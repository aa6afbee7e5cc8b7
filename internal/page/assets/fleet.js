// The replicas: one cell each, by phase, with what it does and for how long.
import { $, el, text, keyed } from "./dom.js";
import { age, since, val, num, many, DASH } from "./words.js";

const EMPTY = { wanted: "asked for, not created yet", free: "room to grow" };
const PHASES = new Set(["starting", "ready", "draining", "stopping", "stuck"]);
const FREE_SLOTS = 24; // beyond this many, room up to the maximum is only a number
const MANY = 36, CROWD = 120; // from here on cells are smaller, and smaller still

export function drawFleet(pool, now) {
  const r = pool.replicas;
  counts(r, pool);
  const cells = replicas(pool, now);
  if (r.known) {
    const there = r.ready + r.starting + r.stuck;
    for (let i = 0; i < Math.min(r.desired - there, 200); i++) cells.push({ key: "wanted" + i, phase: "wanted" });
    if (r.max > 0 && r.max <= FREE_SLOTS) for (let i = cells.length; i < r.max; i++) cells.push({ key: "free" + i, phase: "free" });
  }
  const list = $("cells");
  list.dataset.size = cells.length > CROWD ? "crowd" : cells.length > MANY ? "many" : "few";
  text($("cells-note"), !pool.instances.some((i) => val(i.in_flight) !== null) ? "" : list.dataset.size === "few" ? "In each: requests in flight, and time in its phase." : list.dataset.size === "many" ? "In each: requests in flight." : "");
  keyed(list, cells, (c) => c.key, make, update, leave);
}

function counts(r, pool) {
  const n = (v) => (r.known ? String(v) : DASH);
  const items = [["ready", n(r.ready)], ["starting", n(r.starting)], ["draining", n(r.draining)]];
  if (r.stuck > 0) items.push(["stuck", n(r.stuck)]);
  items.push(["wanted", n(r.desired)]);
  if (r.max > 0) items.push(["allowed", r.min + "–" + r.max]);
  if (val(r.start_up_s) !== null) items.push(["start-up", age(val(r.start_up_s))]);
  if (pool.instances.length > 0 && r.known && pool.instances.length < r.ready) items.push(["shown", String(pool.instances.length)]);
  keyed($("counts"), items, (i) => i[0], (i) => el("div", { class: "n-" + i[0] }, el("dt", {}, i[0]), el("dd", {})), (e, i) => {
    text(e.lastChild, i[1]);
    e.classList.toggle("zero", i[1] === "0");
  });
}

// replicas are the instances, or, where a platform lists none, the counts.
function replicas(pool, now) {
  const startUp = val(pool.replicas.start_up_s);
  const cell = (key, name, phase, from, more) => {
    const s = since(from, now);
    return { key, name, phase: PHASES.has(phase) ? phase : "starting", age: s, share: phase === "starting" && startUp && s !== null ? Math.min(0.96, s / startUp) : null, ...more };
  };
  if (pool.instances.length > 0) {
    return pool.instances.map((i) => cell("i" + i.id, i.id, i.phase, i.since, { busy: val(i.in_flight), restarts: i.restarts, detail: i.detail }));
  }
  const r = pool.replicas, out = [];
  if (!r.known) return out;
  const bound = (n) => Math.min(n, 400);
  for (let n = 0; n < bound(r.ready); n++) out.push(cell("ready" + n, "replica", "ready", null));
  for (const c of r.cohorts || []) for (let n = 0; n < bound(c.n); n++) out.push(cell("c" + c.since + n, "replica", c.stuck ? "stuck" : "starting", c.since));
  for (let n = 0; n < bound(r.draining); n++) out.push(cell("draining" + n, "replica", "draining", null));
  return out;
}

function make() {
  return el("li", { class: "cell", "data-new": "" }, el("span", { class: "level", "aria-hidden": "true" }), el("span", { class: "what", "aria-hidden": "true" }), el("span", { class: "for", "aria-hidden": "true" }), el("span", { class: "unseen" }));
}

function update(e, c) {
  if (e.hasAttribute("data-new")) requestAnimationFrame(() => requestAnimationFrame(() => e.removeAttribute("data-new")));
  e.dataset.phase = c.phase;
  const [level, what, forAge, words] = e.children;
  if (c.phase in EMPTY) {
    text(words, EMPTY[c.phase]);
    text(what, c.phase === "wanted" ? "wanted" : "");
    e.title = EMPTY[c.phase];
    return;
  }
  const known = c.busy !== null && c.busy !== undefined;
  e.toggleAttribute("data-unsure", c.phase === "starting" && c.share === null);
  level.style.transform = `scaleY(${c.share === null ? 1 : c.share.toFixed(3)})`;
  text(what, c.phase === "ready" ? (known ? num(c.busy) : "ready") : c.phase === "draining" && c.busy > 0 ? num(c.busy) + " left" : c.phase);
  text(forAge, c.age === null ? "" : age(c.age));
  const s = `${c.name}: ${c.phase}` + (c.age === null ? "" : ` for ${age(c.age)}`) + (known ? `, ${c.busy} in flight` : "") +
    (c.restarts > 0 ? `, ${many(c.restarts, "restart")}` : "") + (c.detail ? `. ${c.detail}` : "");
  text(words, s);
  e.title = s;
  e.toggleAttribute("data-trouble", Boolean(c.detail) || c.phase === "stuck");
}

function leave(e) {
  if (e.dataset.phase in EMPTY || matchMedia("(prefers-reduced-motion: reduce)").matches) {
    e.remove();
    return;
  }
  e.setAttribute("data-leaving", "");
  setTimeout(() => e.remove(), 450);
}
