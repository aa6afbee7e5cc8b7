// Small helpers around the document. Data becomes text and attributes, never
// markup.

export const $ = (id) => document.getElementById(id);

export function el(tag, attrs, ...children) {
  const e = document.createElement(tag);
  for (const k in attrs) if (attrs[k] !== null && attrs[k] !== undefined) e.setAttribute(k, attrs[k]);
  e.append(...children.filter((c) => c !== null));
  return e;
}

export function svg(tag, attrs, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const k in attrs) e.setAttribute(k, attrs[k]);
  e.append(...children);
  return e;
}

// text sets the text of e, and leaves the node alone if it is already so.
export function text(e, s) {
  if (e.textContent !== s) e.textContent = s;
}

// keyed makes the children of parent match items, one for each in order, and
// keeps those that are already there by key. make returns a new child, update
// brings one up to date; leave, if given, takes a surplus one away.
export function keyed(parent, items, key, make, update, leave = (e) => e.remove()) {
  const keys = items.map((x) => String(key(x))), wanted = new Set(keys), old = new Map();
  for (const e of [...parent.children]) {
    if (e.hasAttribute("data-leaving")) continue;
    if (wanted.has(e.dataset.key)) old.set(e.dataset.key, e);
    else leave(e);
  }
  let at = parent.firstElementChild;
  items.forEach((item, i) => {
    let e = old.get(keys[i]);
    if (!e) {
      e = make(item);
      e.dataset.key = keys[i];
    }
    update(e, item);
    while (at && at.hasAttribute("data-leaving")) at = at.nextElementSibling;
    if (e === at) at = at.nextElementSibling;
    else parent.insertBefore(e, at);
  });
}
