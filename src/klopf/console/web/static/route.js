// Every state of the page has a link: #/where?what=it&is=like

export function here() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { path: path.split("/").filter(Boolean).map(plain), query: new URLSearchParams(query || "") };
}

function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a link that was cut in the middle of a sign
  }
}

export function link(path, query = {}) {
  const said = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value !== null)).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${said ? `?${said}` : ""}`;
}

// Another state of the same place: no new step to go back to.
export function amend(changes) {
  const { path, query } = here();
  for (const [name, value] of Object.entries(changes)) value === "" || value === null ? query.delete(name) : query.set(name, value);
  history.replaceState(null, "", link(path, Object.fromEntries(query)));
}
