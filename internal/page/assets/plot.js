// A plot over time: crisp SVG, one shared cursor, colours from the style sheet.
import { el, svg, text } from "./dom.js";
import { shortClock, clock, DASH } from "./words.js";

const GUTTER = 46; // for the labels of the value axis, right
const FOOT = 20; // for those of the time axis
const TOP = 6;

let cursor = null; // Unix ms that all plots read out, null for now
const plots = new Set();
let ids = 0;

// A spec has: title, format(v), axis(v) (for ticks, if
// it differs), integer (whole ticks only), floor (least top of
// the axis), series: [{key, label, kind, on, quiet}]. Kinds: "area", "line", "step",
// "steparea", and "stacked": a step area on top of series `on`.
export class Plot {
  constructor(root, spec) {
    this.root = root;
    this.spec = spec;
    this.data = null;
    this.id = "plot" + ids++;
    this.key = el("dl", { class: "key" });
    this.when = el("span", { class: "when" });
    const head = spec.hero ? [el("div", { class: "plot-head" }, this.key, this.when)]
      : [el("div", { class: "plot-head" }, el("h2", {}, spec.title), this.when), this.key];
    this.svg = svg("svg", { role: "img", tabindex: "0", class: "canvas" });
    root.replaceChildren(...head, this.svg);
    this.values = spec.series.map((s) => {
      const dd = el("dd", {}, DASH);
      this.key.append(el("div", { class: "k k-" + s.key + (s.quiet ? " quiet" : "") }, el("dt", {}, el("i", { "aria-hidden": "true" }), s.label), dd));
      return dd;
    });
    new ResizeObserver(() => this.draw()).observe(this.svg);
    this.svg.addEventListener("pointermove", (e) => this.point(e.clientX));
    this.svg.addEventListener("pointerdown", (e) => this.point(e.clientX));
    this.svg.addEventListener("pointerleave", () => setCursor(null));
    this.svg.addEventListener("blur", () => setCursor(null));
    this.svg.addEventListener("keydown", (e) => this.step(e));
    plots.add(this);
  }

  // set gives the plot its data: {t, from, to, live, objective, <column>…}; live: to
  // is now.
  set(data) {
    this.data = data;
    this.draw();
  }

  point(clientX) {
    const d = this.data, box = this.svg.getBoundingClientRect();
    if (!d || d.t.length === 0) return;
    const f = (clientX - box.left) / Math.max(1, box.width - GUTTER);
    setCursor(d.t[nearest(d.t, d.from + Math.min(1, Math.max(0, f)) * (d.to - d.from))]);
  }

  step(e) {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30 }[e.key], d = this.data;
    if (e.key === "Escape") setCursor(null);
    if (!by || !d || d.t.length === 0) return;
    e.preventDefault();
    const i = (cursor === null ? d.t.length - 1 : nearest(d.t, cursor)) + by;
    setCursor(i >= d.t.length - 1 ? null : d.t[Math.max(0, i)]);
  }

  draw() {
    const d = this.data, w = this.svg.clientWidth, h = this.svg.clientHeight;
    if (!d || w < 80 || h < 40) return;
    const inner = w - GUTTER, bottom = h - FOOT;
    const first = firstFrom(d.t, d.from);
    let top = this.spec.floor || 0;
    for (const s of this.spec.series) {
      const col = d[s.key], on = s.on ? d[s.on] : null;
      for (let i = first; i < d.t.length; i++) if (col[i] !== null) top = Math.max(top, col[i] + (on ? on[i] || 0 : 0));
    }
    if (d.objective) top = Math.max(top, d.objective * 1.15);
    const ticks = niceTicks(top, bottom > 150 ? 4 : 2, this.spec.integer);
    top = Math.max(top * 1.04, ticks[ticks.length - 1]);
    const x = (t) => ((t - d.from) / (d.to - d.from)) * inner;
    const y = (v) => bottom - (v / top) * (bottom - TOP);
    const out = [];

    for (const v of ticks) {
      out.push(svg("line", { class: v === 0 ? "base" : "grid", x1: 0, x2: inner, y1: crisp(y(v)), y2: crisp(y(v)) }));
      out.push(label(inner + 8, y(v) + 4, (this.spec.axis || this.spec.format)(v), "start"));
    }
    for (const [t, say] of timeTicks(d.from, d.to, inner)) {
      if (x(t) > 18 && x(t) < inner - 52) out.push(label(x(t), h - 4, say, "middle"));
    }
    out.push(label(inner, h - 4, d.live ? "now" : clock(d.to), "end"));
    if (first < d.t.length) {
      const shape = { d, first, x, y, gap: this.gap() };
      for (const s of this.spec.series) out.push(...this.series(s, shape));
      if (this.spec.shortfall) out.push(svg("path", { class: "shortfall", d: shortfall(shape, ...this.spec.shortfall) }));
      // Lines go over all areas.
      out.sort((a, b) => Number(a.dataset.z || 0) - Number(b.dataset.z || 0));
    }
    if (d.objective) {
      const oy = crisp(y(d.objective));
      out.push(svg("line", { class: "objective", x1: 0, x2: inner, y1: oy, y2: oy }));
      out.push(label(2, oy - 5, "objective " + (this.spec.axis || this.spec.format)(d.objective), "start", "objective-label"));
    }
    this.hair = svg("g", { class: "hair" });
    out.push(this.hair);
    this.svg.setAttribute("viewBox", `0 0 ${w} ${h}`);
    this.svg.replaceChildren(...out);
    this.scale = { x, y, bottom, inner };
    this.read();
  }

  // gap is the longest time between two points that still belong together.
  gap() {
    const span = this.data.to - this.data.from;
    return span > 900e3 ? 45e3 : 6e3;
  }

  series(s, shape) {
    const { line, area } = trace(s, shape);
    const out = [];
    if (area) out.push(mark("path", { class: "fill f-" + s.key, d: area }, 0));
    if (s.kind !== "stacked") out.push(mark("path", { class: "line l-" + s.key, d: line }, s.quiet ? 1 : 2));
    const o = shape.d.objective;
    if (o && !s.quiet) {
      // What lies over the objective is drawn again in another colour.
      const clip = svg("clipPath", { id: this.id + s.key }, svg("rect", { x: -10, y: -10, width: 9999, height: Math.max(0, shape.y(o) + 10) }));
      out.push(mark("g", {}, 3, clip, svg("path", { class: "line over", d: line, "clip-path": `url(#${this.id}${s.key})` })));
    }
    return out;
  }

  // read shows the figures under the cursor, or the last ones.
  read() {
    const d = this.data;
    if (!d || !this.scale) return;
    const i = d.t.length === 0 ? -1 : cursor === null ? d.t.length - 1 : nearest(d.t, cursor);
    this.spec.series.forEach((s, n) => text(this.values[n], i < 0 || d[s.key][i] === null ? DASH : this.spec.format(d[s.key][i])));
    text(this.when, cursor === null || i < 0 ? "" : "at " + clock(d.t[i]));
    this.svg.setAttribute("aria-label", this.spec.title + (cursor === null ? ", now: " : `, at ${clock(d.t[i])}: `) +
      this.spec.series.map((s, n) => s.label + " " + this.values[n].textContent).join(", "));
    if (cursor === null || i < 0 || d.t[i] < d.from) {
      this.hair.replaceChildren();
      return;
    }
    const { x, y, bottom } = this.scale, cx = x(d.t[i]);
    const marks = [svg("line", { x1: crisp(cx), x2: crisp(cx), y1: TOP, y2: bottom })];
    for (const s of this.spec.series) {
      if (d[s.key][i] !== null && s.kind !== "stacked") marks.push(svg("circle", { class: "at c-" + s.key, cx, cy: y(d[s.key][i]), r: 3.5 }));
    }
    this.hair.replaceChildren(...marks);
  }
}

function setCursor(t) {
  if (t === cursor) return;
  cursor = t;
  for (const p of plots) p.read();
}

function mark(tag, attrs, z, ...children) {
  const e = svg(tag, attrs, ...children);
  e.dataset.z = z;
  return e;
}

const crisp = (v) => Math.round(v) + 0.5;
const at = (v) => v.toFixed(1);

function label(x, y, s, anchor, cls) {
  const t = svg("text", { x, y, "text-anchor": anchor, class: cls || "tick" });
  t.textContent = s;
  return t;
}

// trace turns one column into a line, and an area under it, broken where values
// are absent or points too far apart.
function trace(s, { d, first, x, y, gap }) {
  const col = d[s.key], on = s.on ? d[s.on] : null, stepped = s.kind.startsWith("step") || s.kind === "stacked";
  let line = "", area = "", run = [];
  const flush = () => {
    if (run.length === 0) return;
    let path = "";
    run.forEach(([px, py], i) => {
      path += i === 0 ? `M${at(px)} ${at(py)}` : stepped ? `H${at(px)}V${at(py)}` : `L${at(px)} ${at(py)}`;
    });
    line += path;
    if (s.kind !== "line" && s.kind !== "step") {
      // Back along the base, which for a stacked series is a step line itself.
      let down = "";
      for (let i = run.length - 1; i >= 0; i--) down += `L${at(run[i][0])} ${at(run[i][2])}` + (stepped && i > 0 ? `L${at(run[i][0])} ${at(run[i - 1][2])}` : "");
      area += path + down + "Z";
    }
    run = [];
  };
  let last = null;
  for (let i = Math.max(0, first - 1); i < d.t.length; i++) {
    if (col[i] === null || (last !== null && d.t[i] - last > gap)) flush();
    if (col[i] === null) continue;
    const base = on ? on[i] || 0 : 0;
    run.push([Math.max(0, x(d.t[i])), y(base + col[i]), y(base)]);
    last = d.t[i];
  }
  flush();
  return { line, area };
}

// shortfall is the area where column a is above the step line of column b.
function shortfall({ d, first, x, y, gap }, a, b) {
  let path = "";
  for (let i = Math.max(1, first); i < d.t.length; i++) {
    const p = d[a][i - 1], q = d[a][i], r = d[b][i - 1];
    if (p === null || q === null || r === null || d.t[i] - d.t[i - 1] > gap || (p <= r && q <= r)) continue;
    const l = at(x(d.t[i - 1])), m = at(x(d.t[i]) + 0.4);
    path += `M${l} ${at(y(Math.max(p, r)))}L${m} ${at(y(Math.max(q, r)))}V${at(y(r))}H${l}Z`;
  }
  return path;
}

export function nearest(t, want) {
  const i = firstFrom(t, want);
  if (i === 0) return 0;
  if (i === t.length) return i - 1;
  return want - t[i - 1] < t[i] - want ? i - 1 : i;
}

function firstFrom(t, from) {
  let lo = 0, hi = t.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (t[mid] < from) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}

function niceTicks(top, want, integer) {
  if (!(top > 0)) top = 1;
  const raw = top / want, p = 10 ** Math.floor(Math.log10(raw));
  let step = [1, 2, 5, 10].map((m) => m * p).find((s) => s >= raw * 0.999);
  if (integer) step = Math.max(1, Math.round(step));
  const out = [];
  for (let i = 0; i * step <= top * 1.0001 || i < 2; i++) out.push(i * step);
  return out;
}

function timeTicks(from, to, width) {
  const room = ((to - from) / width) * 90;
  const step = [15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3].find((s) => s >= room) || 7200e3;
  const out = [], say = step < 60e3 ? clock : shortClock;
  for (let t = Math.ceil(from / step) * step; t < to; t += step) out.push([t, say(t)]);
  return out;
}
