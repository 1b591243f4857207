// The map: points are drawn into a picture once; moving it moves the picture, and it is drawn anew
// when the hand rests.
const canvas = document.getElementById("map");
const element = (id) => document.getElementById(id);
const palette = [
  [143, 193, 227], [232, 168, 120], [150, 205, 150], [214, 150, 205], [232, 214, 120],
  [120, 205, 200], [225, 120, 125], [160, 160, 235], [190, 190, 190], [120, 140, 120],
];
const side = 5;
let places = new Float32Array();
let colours = new Uint8Array();
let hidden = new Set();
let names = [];
let layout = "pca";
/** What part is seen: the middle, and how many map widths fit. */
const seen = { x: 0.5, y: 0.5, zoom: 1 };
let drawn = null;
let rest = 0;

const size = () => Math.min(canvas.width, canvas.height) * 0.94 * seen.zoom;
const toScreen = (x, y) => [
  (x - seen.x) * size() + canvas.width / 2, (seen.y - y) * size() + canvas.height / 2,
];
const toMap = (px, py) => [
  (px - canvas.width / 2) / size() + seen.x, seen.y - (py - canvas.height / 2) / size(),
];

/** Draw every point into the pixels of one picture. */
function draw() {
  const { width, height } = canvas;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(width, height);
  const pixels = new Uint32Array(picture.data.buffer);
  const scale = size();
  const shades = palette.map(([r, g, b]) => (255 << 24) | (b << 16) | (g << 8) | r);
  const dot = seen.zoom > 3 || places.length < 40000 ? side : 3;
  const half = dot >> 1;
  for (let at = 0; at < colours.length; at++) {
    if (hidden.has(colours[at])) continue;
    const px = ((places[2 * at] - seen.x) * scale + width / 2) | 0;
    const py = ((seen.y - places[2 * at + 1]) * scale + height / 2) | 0;
    if (px < half || py < half || px >= width - half || py >= height - half) continue;
    const shade = shades[colours[at] % shades.length];
    for (let row = py - half; row <= py + half; row++) {
      pixels.fill(shade, row * width + px - half, row * width + px + half + 1);
    }
  }
  context.putImageData(picture, 0, 0);
  createImageBitmap(picture).then((bitmap) => {
    drawn = { bitmap, ...seen };
  });
}

/** Show the picture where it would be now, and draw it anew a little later. */
function move() {
  const context = canvas.getContext("2d");
  if (drawn) {
    const ratio = seen.zoom / drawn.zoom;
    const [x, y] = [(drawn.x - seen.x) * size(), (seen.y - drawn.y) * size()];
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.setTransform(
      ratio, 0, 0, ratio, x + (canvas.width / 2) * (1 - ratio), y + (canvas.height / 2) * (1 - ratio),
    );
    context.drawImage(drawn.bitmap, 0, 0);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }
  clearTimeout(rest);
  rest = setTimeout(draw, 120);
}

function zoom(factor, px = canvas.width / 2, py = canvas.height / 2) {
  const before = toMap(px, py);
  seen.zoom = Math.min(Math.max(seen.zoom * factor, 0.5), 200);
  const after = toMap(px, py);
  seen.x += before[0] - after[0];
  seen.y += before[1] - after[1];
  move();
}

const at = (event) => {
  const box = canvas.getBoundingClientRect();
  const ratio = canvas.width / box.width;
  return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
};

let lasso = null;
let dragged = false;
canvas?.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  dragged = false;
  if (element("lasso").getAttribute("aria-pressed") === "true") lasso = [at(event)];
});
canvas?.addEventListener("pointermove", (event) => {
  const [px, py] = at(event);
  if (!canvas.hasPointerCapture(event.pointerId)) return hover(px, py, event);
  dragged = true;
  if (lasso) {
    lasso.push([px, py]);
    const context = canvas.getContext("2d");
    context.strokeStyle = getComputedStyle(canvas).color;
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(...lasso.at(-2));
    context.lineTo(px, py);
    context.stroke();
    return;
  }
  const ratio = canvas.width / canvas.getBoundingClientRect().width;
  seen.x -= (event.movementX * ratio) / size();
  seen.y += (event.movementY * ratio) / size();
  move();
});
canvas?.addEventListener("pointerup", (event) => {
  if (lasso && lasso.length > 2) {
    const step = Math.max(1, Math.ceil(lasso.length / 60));
    const corners = lasso.filter((_, number) => number % step === 0).map(([x, y]) => toMap(x, y));
    const text = corners.map(([x, y]) => `${x.toFixed(4)},${y.toFixed(4)}`).join(" ");
    const of = layout === "pca" ? "" : `&layout=${layout}`;
    location.href = `/gallery?lasso=${encodeURIComponent(text)}${of}`;
  } else if (!dragged) openNearest(...at(event));
  lasso = null;
});
canvas?.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 300), ...at(event));
}, { passive: false });
canvas?.addEventListener("keydown", (event) => {
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  if (event.key === "+" || event.key === "=") zoom(1.4);
  else if (event.key === "-") zoom(1 / 1.4);
  else if (event.key === "Enter") openNearest(canvas.width / 2, canvas.height / 2);
  else if (event.key in moves) {
    seen.x += (moves[event.key][0] * 60) / size();
    seen.y += (moves[event.key][1] * 60) / size();
    move();
  } else return;
  event.preventDefault();
});

/** Index of the nearest point within a few pixels; -1: none. */
function nearest(px, py) {
  const [x, y] = toMap(px, py);
  let best = -1;
  let gap = (12 / size()) ** 2;
  for (let each = 0; each < colours.length; each++) {
    if (hidden.has(colours[each])) continue;
    const far = (places[2 * each] - x) ** 2 + (places[2 * each + 1] - y) ** 2;
    if (far < gap) [best, gap] = [each, far];
  }
  return best;
}

async function idOf(point) {
  const place = new URLSearchParams({ x: places[2 * point], y: places[2 * point + 1], layout });
  const answer = await fetch(`/api/v1/map/nearest?${place}`);
  return answer.ok ? (await answer.json()).id : null;
}

async function openNearest(px, py) {
  const point = nearest(px, py);
  const id = point >= 0 && (await idOf(point));
  if (id) location.href = `/image/${encodeURIComponent(id)}`;
}

let hovered = -1;
let waiting = 0;
function hover(px, py, event) {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const point = nearest(px, py);
    const figure = element("hover");
    if (point === hovered) return;
    hovered = point;
    figure.hidden = true;
    const id = point >= 0 && (await idOf(point));
    if (!id || hovered !== point) return;
    figure.querySelector("img").src = `/api/v1/thumbnail?id=${encodeURIComponent(id)}`;
    figure.querySelector("figcaption").textContent = `${names[colours[point]]} · ${id}`;
    figure.hidden = false;
  }, 60);
}

/** Names of the colours; a press hides or shows one. */
function legend() {
  element("legend").replaceChildren(...names.map((name, number) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    const swatch = document.createElement("canvas");
    swatch.width = swatch.height = 12;
    const context = swatch.getContext("2d");
    context.fillStyle = `rgb(${palette[number % palette.length].join(" ")})`;
    context.fillRect(0, 0, 12, 12);
    button.append(swatch, ` ${name}`);
    button.addEventListener("click", () => {
      if (!hidden.delete(number)) hidden.add(number);
      button.setAttribute("aria-pressed", String(!hidden.has(number)));
      draw();
    });
    item.append(button);
    return item;
  }));
}

async function load() {
  layout = element("layout").value;
  const by = `${element("by").value}&layout=${layout}`;
  const [about, points] = await Promise.all([
    fetch(`/api/v1/map?${by}`), fetch(`/api/v1/map/points?${by}`),
  ]);
  if (!about.ok || !points.ok) {
    element("about").textContent = (await (about.ok ? points : about).json()).error;
    return;
  }
  const said = await about.json();
  const data = await points.arrayBuffer();
  names = said.names;
  hidden = new Set();
  places = new Float32Array(data, 0, said.points * 2);
  colours = new Uint8Array(data, said.points * 8);
  const how = said.explained === null
    ? "laid out by UMAP"
    : `two principal components (${Math.round(said.explained * 100)} % of the variance)`;
  const part = said.images > said.points ? ` of ${said.images.toLocaleString("en")}` : "";
  element("about").textContent = `${said.points.toLocaleString("en")}${part} images by ${said.column}, ${how}`;
  legend();
  draw();
}

/** As many pixels as the screen has. */
function fit() {
  const box = canvas.getBoundingClientRect();
  canvas.width = Math.round(box.width * devicePixelRatio);
  canvas.height = Math.round(box.height * devicePixelRatio);
  draw();
}

if (canvas) {
  element("by").addEventListener("change", load);
  element("layout").addEventListener("change", load);
  element("whole").addEventListener("click", () => {
    Object.assign(seen, { x: 0.5, y: 0.5, zoom: 1 });
    draw();
  });
  element("lasso").addEventListener("click", (event) => {
    const on = event.target.getAttribute("aria-pressed") !== "true";
    event.target.setAttribute("aria-pressed", String(on));
  });
  new ResizeObserver(fit).observe(canvas);
  load();
}
