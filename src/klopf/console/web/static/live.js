// What the page knows, and how it hears what is new.

import { ask } from "./make.js";

export const live = { head: {}, names: {}, adversaries: new Set(), views: {}, connected: false };
const readers = new Set();
let source = null;

// `reader(changed)` is told the keys of new rows by view; null where everything is.
export function listen(reader) {
  readers.add(reader);
  return () => readers.delete(reader);
}

function tell(changed) {
  for (const reader of [...readers]) reader(changed);
}

export async function open() {
  source?.close();
  const said = await ask("/api/state");
  live.names = said.names;
  live.adversaries = new Set(said.adversaries);
  live.views = {};
  for (const [id, view] of Object.entries(said.views)) live.views[id] = { ...view, rows: new Map(Object.entries(view.rows)) };
  live.head = head(said);
  live.name = said.name;
  tell(null);
  source = new EventSource(`/api/news?since=${said.life}.${said.version}`);
  source.onopen = () => connect(true);
  source.onerror = () => {
    connect(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(again, 1000);
  };
  source.onmessage = (event) => take(JSON.parse(event.data));
  source.addEventListener("again", again);
}

async function again() {
  try {
    await open();
  } catch {
    setTimeout(again, 1000);
  }
}

function connect(connected) {
  if (live.connected === connected) return;
  live.connected = connected;
  tell({});
}

function take(said) {
  const changed = {};
  for (const [id, rows] of Object.entries(said.views)) {
    const view = live.views[id];
    if (!view) continue;
    changed[id] = Object.keys(rows);
    for (const [key, row] of Object.entries(rows)) row === null ? view.rows.delete(key) : view.rows.set(key, row);
  }
  Object.assign(live.names, said.names);
  live.head = head(said);
  tell(changed);
}

function head({ views, names, adversaries, ...rest }) {
  return rest;
}

export function nameOf(id) {
  return live.names[String(id)] ?? `#${id}`;
}

export function place(view, title) {
  return live.views[view].columns.findIndex((column) => column.title === title);
}
