// The row of figures: what is true right now, in numbers.
import { $, el, text, keyed } from "./dom.js";
import { val, isStale, num, secs } from "./words.js";

export function drawFigures(pool) {
  const d = pool.demand, q = pool.queue, r = pool.replicas, out = [];
  const add = (label, v, format, note) => out.push({ label, value: format(val(v)), stale: isStale(v), note: note || "" });
  add("Offered", d.requests, rate, d.work !== null && val(d.work) !== null ? `${num(val(d.work))} ${d.work_unit}` : "");
  const unit = val(d.unit_rate);
  add("One replica does", d.unit_rate, num, unit === null ? "still learning" : d.work_unit);
  add("Saturation", pool.saturation, (v) => (v === null ? num(v) : num(v * 100) + " %"), val(pool.saturation) > 1 ? "more is asked than fits" : "");
  add("In flight", pool.in_flight, num, r.known && r.ready > 0 && val(pool.in_flight) !== null ? num(val(pool.in_flight) / r.ready) + " a replica" : "");
  add("Waiting", q.requests, num, [q.bound > 0 ? "of at most " + num(q.bound) : "", val(q.requests) > 0 && val(q.age_s) !== null ? "oldest " + secs(val(q.age_s)) : ""].filter(Boolean).join(", "));
  const total = pool.shed.reduce((n, s) => n + s.total, 0);
  const rates = pool.shed.map((s) => val(s.rate)).filter((v) => v !== null);
  const why = pool.shed.filter((s) => s.total > 0).sort((a, b) => b.total - a.total).slice(0, 3).map((s) => `${s.reason} ${num(s.total)}`).join(", ");
  add("Turned away", rates.length ? rates.reduce((a, b) => a + b, 0) : null, rate, total > 0 ? why : pool.shed.length > 0 ? "none so far" : "");
  if (val(d.output) !== null) add("Generated", d.output, num, "tokens/s");
  for (const f of pool.facts || []) out.push({ label: f.label, value: f.value, note: "", fact: true });
  keyed($("figures"), out, (f) => f.label, (f) => el("div", {}, el("dt", {}, f.label), el("dd", {}), el("dd", { class: "note" })), (e, f) => {
    text(e.children[1], f.value);
    text(e.children[2], f.stale ? "out of date" : f.note);
    e.classList.toggle("stale", Boolean(f.stale));
    e.classList.toggle("fact", Boolean(f.fact));
  });
}

const rate = (v) => (v === null ? num(v) : num(v) + " req/s");
