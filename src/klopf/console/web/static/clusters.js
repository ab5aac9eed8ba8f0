// Who belongs together: those who listen most to the same neuron, and that neuron.

const LEAST = 3; // that make a cluster

// `links` are [listener, speaker, weight]; a list of {head, members}, the largest first.
export function clusters(links) {
  const best = new Map();
  for (const [listener, speaker, weight] of links) {
    const known = best.get(listener);
    if (!known || weight > known[1] || (weight === known[1] && speaker < known[0])) best.set(listener, [speaker, weight]);
  }
  const found = new Map();
  for (const [listener, [speaker]] of best) {
    if (!found.has(speaker)) found.set(speaker, new Set([speaker]));
    found.get(speaker).add(listener);
  }
  // a head that listens to another stays with its own, where it has any
  for (const [head, members] of found) for (const id of members) if (id !== head && found.get(id)?.size >= LEAST) members.delete(id);
  return [...found].map(([head, members]) => ({ head, members })).filter(({ members }) => members.size >= LEAST).sort((a, b) => b.members.size - a.members.size || a.head - b.head);
}

// Whom `id` listens to, who listens to it, and itself.
export function neighbours(links, id) {
  const near = new Set([id]);
  for (const [listener, speaker] of links) {
    if (listener === id) near.add(speaker);
    if (speaker === id) near.add(listener);
  }
  return near;
}
