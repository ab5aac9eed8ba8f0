// One neuron on the canvas: darker by rank, its ring by standing, its rank as a number, its name where there is room.

const DASHES = { backbone: [], fringe: [6, 4], silent: [1.5, 4] };
const BIRTH = 2000; // milliseconds in which a new one is told
const INKS = Array.from({ length: 101 }, (_, light) => `hsl(212 45% ${light}%)`);
const NAMES = ["--canvas", "--arrow", "--dim", "--ring", "--label", "--accent", "--warn", "--group"];

// The colours of the page as it is now: asked once, not for each neuron of each frame.
export function colours(element) {
  const style = getComputedStyle(element);
  return Object.fromEntries(NAMES.map((name) => [name.slice(2), style.getPropertyValue(name).trim()]));
}

export function paint(node, g, scale, { colour, picked, dim, named, many, moving }) {
  const { x, y, size } = node;
  g.globalAlpha = dim ? 0.15 : 1;
  if (node.standing === "requester") {
    g.fillStyle = colour.accent;
    g.fillRect(x - size, y - size, 2 * size, 2 * size);
  } else {
    const light = node.rank ? 90 - Math.round(68 * (1 - (node.rank - 1) / Math.max(1, many - 1))) : 62;
    g.beginPath();
    g.arc(x, y, size, 0, 2 * Math.PI);
    g.fillStyle = INKS[light];
    g.fill();
    g.beginPath();
    g.arc(x, y, size + 2, 0, 2 * Math.PI);
    if (size * scale > 3) g.setLineDash(DASHES[node.standing] ?? [1, 2]); // smaller, a dash is no longer seen
    g.lineWidth = picked ? 2.5 : 1.2;
    g.strokeStyle = picked ? colour.accent : colour.ring;
    g.stroke();
    g.setLineDash([]);
    if (node.standing === "silent") {
      g.beginPath();
      g.moveTo(x - size, y - size);
      g.lineTo(x + size, y + size);
      g.strokeStyle = colour.warn;
      g.lineWidth = 1.5;
      g.stroke();
    }
    if (node.rank && size * scale > 7) {
      g.fillStyle = light < 55 ? "#fff" : "#111";
      g.font = `600 ${Math.min(size, 9)}px system-ui, sans-serif`;
      g.textAlign = "center";
      g.textBaseline = "middle";
      g.fillText(node.rank, x, y);
    }
  }
  const lived = moving && node.born ? (performance.now() - node.born) / BIRTH : 1;
  if (lived < 1) {
    g.beginPath();
    g.arc(x, y, size + 4 + 14 * lived, 0, 2 * Math.PI);
    g.globalAlpha = 1 - lived;
    g.strokeStyle = colour.accent;
    g.lineWidth = 2;
    g.stroke();
    g.globalAlpha = 1;
  }
  if (named || scale > 2.5) {
    g.fillStyle = colour.label;
    g.font = `${Math.max(11 / scale, 3)}px system-ui, sans-serif`;
    g.textAlign = "center";
    g.textBaseline = "top";
    g.fillText(node.name.slice(0, 24), x, y + size + 4);
  }
  g.globalAlpha = 1;
}

// The ground of a cluster, behind its neurons: a disc around most of them.
export function ground(nodes, g, colour) {
  const placed = nodes.filter((node) => Number.isFinite(node.x));
  if (placed.length < 3) return;
  const x = placed.reduce((sum, node) => sum + node.x, 0) / placed.length, y = placed.reduce((sum, node) => sum + node.y, 0) / placed.length;
  const far = placed.map((node) => Math.hypot(node.x - x, node.y - y)).sort((a, b) => a - b);
  g.beginPath();
  g.arc(x, y, far[Math.floor(0.8 * (far.length - 1))] + 10, 0, 2 * Math.PI);
  g.fillStyle = colour.group;
  g.fill();
}
