// Decisions with their reasons, events, and the table of instances.
import { $, el, text, keyed } from "./dom.js";
import { age, clock, since, val, num, many, DASH } from "./words.js";

const BRIEF = { decisions: 8, events: 12 }; // shown until all are asked for

// brief returns the part of a list to show, and offers the rest.
function brief(name, list) {
  const more = $(name + "-more"), all = more.getAttribute("aria-expanded") === "true";
  more.onclick ||= () => {
    more.setAttribute("aria-expanded", String(more.getAttribute("aria-expanded") !== "true"));
    more.again();
  };
  more.hidden = list.length <= BRIEF[name];
  text(more, all ? "Show fewer" : `Show all ${list.length}`);
  return all ? list : list.slice(0, BRIEF[name]);
}

export function drawDecisions(pool, state) {
  const list = brief("decisions", pool.decisions);
  $("decisions-more").again = () => drawDecisions(pool, state);
  $("decisions-none").hidden = list.length > 0;
  text($("decisions-none"), state.role === "follower" ? "The leader decides" + (state.leader ? ": " + state.leader : "") + ". This process watches." : "No decision yet.");
  keyed($("decisions"), list, (d) => d.at + d.from + d.to + d.stage, () => el("li"), (li, d) => {
    const is = JSON.stringify(d);
    if (li.dataset.is === is) return;
    li.dataset.is = is;
    const open = li.querySelector("details")?.open;
    li.replaceChildren(decision(d));
    if (open) li.firstChild.open = true;
  });
}

function decision(d) {
  const way = d.to > d.from ? "out" : d.to < d.from ? "in" : "hold";
  const change = way === "hold" ? el("span", { class: "change hold" }, "hold " + d.to)
    : el("span", { class: "change " + way }, el("span", { class: "unseen" }, way === "out" ? "scale out " : "scale in "), `${d.from} → ${d.to}`);
  const times = d.times > 1 ? el("span", { class: "times" }, ` ×${d.times} since ${clock(d.at)}`) : null;
  const why = el("div", { class: "why" });
  if (d.notes && d.notes.length > 0) {
    why.append(el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Stage"), el("th", { scope: "col", class: "r" }, "Count"), el("th", { scope: "col" }, "Why"))),
      el("tbody", {}, ...d.notes.map((n) => el("tr", n.stage === d.stage ? { class: "binding" } : {},
        el("th", { scope: "row" }, n.stage), el("td", { class: "r" }, n.in === n.out ? String(n.out) : `${n.in} → ${n.out}`), el("td", {}, n.text))))));
  }
  if (d.counterfactual) why.append(el("p", {}, d.counterfactual));
  const tags = [d.stage && "bound by " + d.stage, d.reason].filter(Boolean).join(" · ");
  if (tags) why.append(el("p", { class: "tags" }, tags));
  return el("details", {}, el("summary", {}, el("time", { datetime: d.last || d.at }, clock(d.last || d.at)), change, el("span", { class: "because" }, d.summary || DASH, times)), why);
}

export function drawEvents(pool, now) {
  $("events-more").again = () => drawEvents(pool, now);
  $("events-none").hidden = pool.events.length > 0;
  const seen = new Map();
  const items = brief("events", pool.events).map((e) => {
    const k = e.at + e.text, n = (seen.get(k) || 0) + 1;
    seen.set(k, n);
    return { ...e, key: k + "#" + n };
  });
  keyed($("events"), items, (e) => e.key, (e) => el("li", { "data-tone": e.tone || "unknown" }, el("time", { datetime: e.at }, clock(e.at)), el("span", { class: "dot", "aria-hidden": "true" }), el("span", { class: "said" }, e.text)),
    (li, e) => { li.firstChild.title = age(since(e.at, now)) + " ago"; });
}

export function drawInstances(pool, now) {
  const list = pool.instances;
  document.querySelector(".instances").hidden = list.length === 0;
  const all = $("instances-all");
  if (!all.dataset.seen && list.length > 0) {
    all.dataset.seen = "yes";
    all.open = list.length <= 16;
  }
  text($("instances-n"), many(list.length, "instance"));
  all.classList.toggle("plain", !list.some((i) => i.detail));
  keyed($("instances"), list, (i) => i.id, (i) => el("tr", {}, el("th", { scope: "row" }, i.id), el("td", {}, el("span", { class: "phase" })), el("td", { class: "r" }), el("td", { class: "r" }), el("td", { class: "r" }), el("td", { class: "wide" })), (tr, i) => {
    const [, phase, how, busy, restarts, detail] = tr.children;
    tr.dataset.phase = i.phase;
    text(phase.firstChild, i.phase || DASH);
    text(how, i.since ? age(since(i.since, now)) : DASH);
    text(busy, num(val(i.in_flight)));
    text(restarts, String(i.restarts));
    text(detail, i.detail || "");
    detail.title = i.detail || "";
  });
}

// notices are the standing conditions an operator must not overlook.
export function drawNotices(state, pool, now) {
  const out = [];
  if (state.dry_run) out.push(["moving", "Dry run: decisions are shown, nothing is scaled."]);
  if (pool.override) {
    const left = -since(pool.override.until, now);
    if (left > 0) out.push(["moving", `Override: ${many(pool.override.replicas, "replica")} until ${clock(pool.override.until)}, ${age(left)} left.`]);
  }
  if (pool.paused_out && pool.paused_in) out.push(["strained", "Scaling is paused both ways."]);
  else if (pool.paused_out) out.push(["strained", "Scaling out is paused."]);
  else if (pool.paused_in) out.push(["strained", "Scaling in is paused."]);
  if (pool.policy_problem) out.push(["strained", `Policy file not taken: ${pool.policy_problem}. What was in force stays.`]);
  const m = state.members;
  if (m.expected > 0 && m.fresh < m.expected) out.push(["strained", `${m.fresh} of ${m.expected} members report.`]);
  if (pool.gate === "shadow") out.push(["moving", "Admission in shadow: refusals are counted, nobody is turned away."]);
  keyed($("notices"), out, (n) => n[1].split(":")[0].replace(/\d+/g, ""), (n) => el("li", { "data-tone": n[0] }), (e, n) => text(e, n[1]));
}
