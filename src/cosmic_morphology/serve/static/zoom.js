// An image that can be enlarged and moved: wheel, drag, double click, and keys.
const frame = document.getElementById("zoom");
const image = frame.querySelector("img");
let scale = 1, x = 0, y = 0;

/** Draw the image at its place. */
function draw() {
  image.style.setProperty("transform", `translate(${x}px, ${y}px) scale(${scale})`);
  frame.classList.toggle("enlarged", scale > 1);
}

/**
 * Enlarge around a point of the frame.
 * @param {number} factor
 * @param {number} atX from the middle, px
 * @param {number} atY from the middle, px
 */
function zoom(factor, atX = 0, atY = 0) {
  const next = Math.min(Math.max(scale * factor, 1), 32);
  x = atX - (atX - x) * (next / scale);
  y = atY - (atY - y) * (next / scale);
  scale = next;
  if (scale === 1) x = y = 0;
  draw();
}

/** Where a pointer is, from the middle of the frame. */
function place(event) {
  const box = frame.getBoundingClientRect();
  return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
}

frame.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 400), ...place(event));
}, { passive: false });

frame.addEventListener("dblclick", (event) => zoom(scale > 1 ? 1 / scale : 4, ...place(event)));

frame.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  frame.focus();
  frame.setPointerCapture(event.pointerId);
});
frame.addEventListener("pointermove", (event) => {
  if (!frame.hasPointerCapture(event.pointerId) || scale === 1) return;
  x += event.movementX;
  y += event.movementY;
  draw();
});

frame.addEventListener("keydown", (event) => {
  const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
  if (event.key === "+" || event.key === "=") zoom(1.5);
  else if (event.key === "-") zoom(1 / 1.5);
  else if (event.key === "0") zoom(0);
  else if (event.key in moves && scale > 1) {
    x += moves[event.key][0];
    y += moves[event.key][1];
    draw();
  } else return;
  event.preventDefault();
});
