// Elements are made of text, never of markup: names are what strangers choose.

export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export async function ask(path, { headers = {}, ...how } = {}) {
  const answer = await fetch(path, { headers: { accept: "application/json", ...headers }, ...how });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error || String(answer.status));
  return said;
}
