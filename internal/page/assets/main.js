// The page: asks for the state once a second and draws it. When the server goes
// away it says since when, keeps the last picture, and tries again.
import { $, el, text, keyed } from "./dom.js";
import { val, num, secs, axis, age, clock, since } from "./words.js";
import { Plot } from "./plot.js";
import { drawFleet } from "./fleet.js";
import { drawDecisions, drawEvents, drawInstances, drawNotices } from "./lists.js";
import { drawFigures } from "./figures.js";

const EVERY = 1000, PATIENCE = 4000, STALE_AFTER = 6; // ms, ms, s
const FULL_EVERY = 300e3; // thinned history is read again this often, in ms
const KEEP = 2 * 3600e3;

const hero = new Plot($("plot-hero"), {
  title: "Demand against capacity, in replicas", hero: true, integer: true, floor: 1, format: num, shortfall: ["demand", "ready"],
  series: [
    { key: "demand", label: "Demand, in replicas", kind: "line" },
    { key: "ready", label: "Ready", kind: "steparea" },
    { key: "starting", label: "Starting", kind: "stacked", on: "ready" },
    { key: "desired", label: "Wanted", kind: "step", quiet: true },
  ],
});
const queue = new Plot($("plot-queue"), { title: "Waiting", floor: 4, integer: true, format: num, series: [{ key: "queue", label: "requests", kind: "area" }] });
const shed = new Plot($("plot-shed"), { title: "Turned away", floor: 1, format: num, series: [{ key: "shed", label: "req/s", kind: "area" }] });
const latency = (title, k) => ({ title, floor: 0.001, format: secs, axis, series: [{ key: k + "_p95", label: "p95", kind: "line" }, { key: k + "_p50", label: "p50", kind: "line", quiet: true }] });
const slots = [$("plot-a"), $("plot-b")];
const latencies = new Map(); // by kind, of those that the pool has

let state = null, past = null, pastPool = null, pastFull = 0, span = 600;
let failures = 0, lostAt = null, arrived = 0, lastTone = null, busy = false;

async function poll() {
  if (busy) return;
  busy = true;
  let served = null;
  try {
    const res = await ask("state.json");
    state = await res.json();
    served = Date.parse(res.headers.get("Date")) || Date.now();
    const pool = chosen();
    if (pool) await pull(pool.name);
    failures = 0;
    lostAt = null;
    arrived = Date.now();
  } catch {
    served = null;
    failures++;
    if (lostAt === null) lostAt = arrived || Date.now();
  }
  busy = false;
  try {
    if (served === null) drawLink();
    else draw(served);
  } catch (e) {
    console.error(e); // a fault of ours is no disconnection, and does not end the loop
  }
}

async function ask(path) {
  const res = await fetch(path, { cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE) });
  if (!res.ok) throw new Error(`${path}: ${res.status}`);
  return res;
}

// pull brings the history of a pool up to date: all of it at first and now and
// then, else only what is new.
async function pull(pool) {
  const now = Date.now(), full = past === null || pastPool !== pool || now - pastFull > FULL_EVERY;
  const from = full || past.t.length === 0 ? 0 : past.t[past.t.length - 1];
  const add = await (await ask(`history.json?pool=${encodeURIComponent(pool)}&since=${from}`)).json();
  if (full) {
    past = add;
    pastPool = pool;
    pastFull = now;
    return;
  }
  const last = Date.parse(state.now);
  if (past.t.length > 0 && past.t[past.t.length - 1] > last + 2000) {
    past = null; // the server's clock stepped back: what we hold is from a future
    return;
  }
  const keepFrom = last - KEEP;
  for (const k in past) past[k] = past[k].concat(add[k]);
  let drop = 0;
  while (drop < past.t.length && past.t[drop] < keepFrom) drop++;
  if (drop > 0) for (const k in past) past[k] = past[k].slice(drop);
}

function chosen() {
  const want = location.hash.slice(1);
  return state.pools.find((p) => encodeURIComponent(p.name) === want) || state.pools[0];
}

function draw(served) {
  text($("title"), state.title || "");
  $("journal").hidden = !state.journal;
  drawLink(served);
  const pool = chosen(), now = Date.parse(state.now);
  drawBadges(now);
  drawPools(pool);
  document.body.toggleAttribute("data-empty", !pool);
  if (!pool) return;
  document.body.dataset.tone = pool.tone || "unknown";
  document.title = (pool.replicas.known ? `${pool.replicas.ready}/${pool.replicas.desired} ` : "") + [pool.tone, state.title || "evenkeel"].filter(Boolean).join(" · ");
  text($("headline"), pool.headline);
  text($("detail"), pool.detail || "");
  if (pool.tone !== lastTone) {
    if (lastTone !== null) text($("announce"), pool.headline); // only what changes is read out
    lastTone = pool.tone;
  }
  drawNotices(state, pool, now);
  drawFleet(pool, now);
  drawFigures(pool);
  drawPlots(pool, now);
  $("explain").hidden = !state.explain || pool.decisions.length === 0;
  $("explain").setAttribute("href", "explain?pool=" + encodeURIComponent(pool.name));
  drawDecisions(pool, state);
  drawEvents(pool, now);
  drawInstances(pool, now);
  text($("foot"), ["evenkeel " + (state.version || ""), state.started_at ? "running for " + age(since(state.started_at, now)) : "", "this page only reads"].filter(Boolean).join(" · "));
}

function drawBadges(now) {
  const out = [];
  if (state.role === "leader") out.push("leader");
  if (state.role === "follower") out.push(state.leader ? "follower of " + state.leader : "follower");
  if (state.dry_run) out.push("dry run");
  if (state.members.expected > 1) out.push(`${state.members.fresh} of ${state.members.expected} members`);
  keyed($("badges"), out, (b) => b, (b) => el("li", {}, b), () => {});
}

function drawPools(pool) {
  const nav = $("pools");
  nav.hidden = state.pools.length < 2;
  if (nav.hidden) return;
  keyed(nav, state.pools, (p) => p.name, (p) => el("a", { href: "#" + encodeURIComponent(p.name) }, el("span", { class: "dot", "aria-hidden": "true" }), el("span", {}, p.name), el("span", { class: "n" })), (a, p) => {
    a.dataset.tone = p.tone || "unknown";
    text(a.lastChild, p.replicas.known ? `${p.replicas.ready}/${p.replicas.desired}` : "–");
    a.title = p.headline;
    if (p === pool) a.setAttribute("aria-current", "true");
    else a.removeAttribute("aria-current");
  });
}

function drawPlots(pool, now) {
  if (past === null || !pool) return;
  const reach = past.t.length ? now - past.t[0] : 0;
  const width = span > 600 ? Math.max(600e3, Math.min(span * 1e3, Math.ceil(reach / 600e3) * 600e3)) : [120e3, 300e3, 600e3].find((w) => reach <= w) || 600e3;
  const at = { ...past, from: now - width, to: now, live: !document.body.hasAttribute("data-lost") };
  hero.set(at);
  queue.set(at);
  shed.set(at);
  const has = (k) => past[k + "_p95"].some((v) => v !== null) || val(pool.latency[k].objective_s) !== null;
  let kinds = ["ttft", "tpot", "duration"].filter(has);
  if (kinds.length === 0) kinds = ["ttft", "tpot"];
  const titles = { ttft: "First token", tpot: "Per output token", duration: "Whole request" };
  kinds.slice(0, 2).forEach((k, i) => {
    if (slots[i].dataset.kind !== k) {
      slots[i].dataset.kind = k;
      latencies.set(i, new Plot(slots[i], latency(titles[k], k)));
    }
    latencies.get(i).set({ ...at, objective: val(pool.latency[k].objective_s) });
  });
  slots[1].hidden = kinds.length < 2;
}

// drawLink says whether what is shown is what is.
function drawLink(served) {
  const link = $("link");
  let is = "live", s = "live", lost = "";
  if (failures > 0) {
    is = arrived === 0 ? "waiting" : failures > 1 ? "lost" : "live";
    s = arrived === 0 ? "no answer yet, trying again" : failures > 1 ? "disconnected" : "live";
    if (is === "lost") lost = `Disconnected since ${clock(lostAt)}. Below is how things were then. Trying again.`;
  } else if (!state.now) {
    is = "waiting";
    s = "connected, no state yet";
  } else if (served) {
    const lag = (served - Date.parse(state.now)) / 1000;
    if (lag > STALE_AFTER) {
      is = "late";
      s = "out of date";
      lost = `The last look at the fleet was ${age(lag)} ago. Below is how things were then.`;
    }
  }
  link.dataset.link = is;
  text($("lost"), lost);
  $("lost").hidden = lost === "";
  if (document.body.toggleAttribute("data-lost", lost !== "") && is === "lost" && failures === 2) drawPlots(chosen(), Date.parse(state.now));
  if (is === "lost") document.title = "disconnected · " + (state.title || "evenkeel");
  text($("link-text"), s);
}

for (const b of document.querySelectorAll("[data-span]")) {
  b.addEventListener("click", () => {
    span = Number(b.dataset.span);
    for (const o of document.querySelectorAll("[data-span]")) o.setAttribute("aria-pressed", String(o === b));
    const pool = state && chosen();
    if (pool) drawPlots(pool, Date.parse(state.now));
  });
}
addEventListener("hashchange", poll);
document.addEventListener("visibilitychange", () => document.hidden || poll());

// One request at a time; slower while nobody answers.
(async function loop() {
  for (;;) {
    await poll();
    await new Promise((done) => setTimeout(done, Math.min(5, 1 + Math.floor(failures / 4)) * EVERY));
  }
})();
