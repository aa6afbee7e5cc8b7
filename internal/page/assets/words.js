// Figures and times as people read them. An absent value is null and reads "–".

export const DASH = "–";

// A Value is a number, null, or {stale: number}.
export const val = (v) => (v === null || v === undefined ? null : typeof v === "number" ? v : v.stale);
export const isStale = (v) => v !== null && typeof v === "object";

export function num(v) {
  if (v === null) return DASH;
  const a = Math.abs(v);
  if (a >= 1e6) return trim(v / 1e6, 1) + " M";
  if (a >= 1e4) return trim(v / 1e3, a >= 1e5 ? 0 : 1) + " k";
  if (a >= 100) return String(Math.round(v));
  if (a >= 10) return trim(v, a >= 20 ? 0 : 1);
  if (a < 0.005) return "0";
  return trim(v, a < 1 ? 2 : 1);
}

const trim = (v, digits) => String(Number(v.toFixed(digits)));

// secs writes a latency, given in seconds.
export function secs(v) {
  if (v === null) return DASH;
  if (v < 0.0005) return "0 ms";
  if (v < 0.1) return trim(v * 1000, v < 0.01 ? 1 : 0) + " ms";
  if (v < 10) return v.toFixed(2) + " s";
  if (v < 100) return Math.round(v) + " s";
  return Math.round(v / 60) + " min";
}

// axis writes a latency as shortly as it can be told.
export function axis(v) {
  if (v === 0) return "0";
  return v < 0.1 ? trim(v * 1000, 1) + " ms" : trim(v, 2) + " s";
}

// age writes a span of whole seconds.
export function age(s) {
  if (s === null || !Number.isFinite(s)) return DASH;
  s = Math.max(0, Math.floor(s));
  if (s < 120) return s + " s";
  if (s < 7200) return Math.floor(s / 60) + " min";
  if (s < 172800) return Math.floor(s / 3600) + " h";
  return Math.floor(s / 86400) + " d";
}

export const since = (iso, nowMs) => (iso ? (nowMs - Date.parse(iso)) / 1000 : null);

const withSeconds = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const withoutSeconds = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
export const clock = (t) => withSeconds.format(new Date(t));
export const shortClock = (t) => withoutSeconds.format(new Date(t));

export const many = (n, noun) => n + " " + noun + (n === 1 ? "" : "s");
