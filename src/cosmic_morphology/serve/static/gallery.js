import { counted } from "./sending.js";

// Filters apply as soon as they are chosen; empty ones do not clutter the address.
const form = document.querySelector("form.filters");

for (const field of form.querySelectorAll("select, input[type=checkbox]")) {
  field.addEventListener("change", () => form.requestSubmit());
}

form.addEventListener("submit", () => {
  for (const field of form.elements) {
    const unchanged = field.name === "order" && field.value === "id";
    if (field.name && (field.value === "" || unchanged)) field.disabled = true;
  }
});

// Back from the next page, the fields are as they were left: usable again.
addEventListener("pageshow", () => {
  for (const field of form.elements) field.disabled = false;
});

// Choosing: a click on the box, with shift all between, dragging over tiles with the box held.
const grid = document.getElementById("grid");
const acts = document.getElementById("acts");
const say = (text) => { document.getElementById("said").textContent = text; };
const element = (id) => document.getElementById(id);
const view = new URLSearchParams(location.search);
const given = [];
let every = false;
let last = null;
let drawing = null;

const boxes = () => [...grid.querySelectorAll(".choose")];
const idOf = (box) => box.closest(".tile").dataset.id;
const chosen = () => boxes().filter((box) => box.checked).map(idOf);

/** Say how many are chosen. */
function count() {
  const n = every ? Number(acts.dataset.total) : chosen().length;
  element("chosen").textContent = n ? `${n.toLocaleString("en")} chosen` : "None chosen";
  grid.classList.toggle("choosing", n > 0);
  acts.classList.toggle("idle", n === 0);
  element("every")?.setAttribute("aria-pressed", String(every));
}

/** Choose or leave one; it is no longer all that match. */
function set(box, on) {
  box.checked = on;
  every = false;
}

/** Store a verdict on what is chosen; keeps what undoes it. */
async function judge(verdict, label = "") {
  const ids = chosen();
  const whole = every;
  if (!whole && !ids.length) return say("Choose images first: the box in their corner.");
  const [path, body] = whole
    ? [`/api/v1/decisions/view?${view}`, { verdict, label, expected: Number(acts.dataset.total) }]
    : ["/api/v1/decisions", ids.map((id) => ({ id, verdict, label }))];
  const answer = await post(path, body);
  if (!answer) return;
  const judged = whole ? answer.ids : ids;
  given.push(judged);
  element("undo").disabled = false;
  mark(judged, label || verdict);
  say(`${counted(answer.stored, "verdict")} stored.`);
}

async function post(path, body) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const said = await answer.json();
    if (answer.ok) return said;
    say(said.error);
  } catch {
    say("The server does not answer.");
  }
  return null;
}

/** Show what was said on the tiles. */
function mark(ids, words) {
  const meant = new Set(ids);
  for (const tile of grid.querySelectorAll(".tile")) {
    if (meant.has(tile.dataset.id)) tile.querySelector(".verdict").textContent = words && `you: ${words}`;
  }
}

if (grid && acts) {
  count();
  grid.addEventListener("click", (event) => {
    const box = event.target.closest(".choose");
    if (!box) return;
    every = false;
    if (event.shiftKey && last) {
      const all = boxes();
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
      for (const each of all.slice(from, to + 1)) set(each, box.checked);
    }
    last = box;
    count();
  });
  grid.addEventListener("pointerdown", (event) => {
    const box = event.target.closest(".choose");
    if (box) drawing = !box.checked;
  });
  grid.addEventListener("pointerover", (event) => {
    const tile = event.target.closest(".tile");
    if (drawing === null || !event.buttons || !tile) return;
    set(tile.querySelector(".choose"), drawing);
    count();
  });
  addEventListener("pointerup", () => { drawing = null; });
  element("all").addEventListener("click", () => {
    for (const box of boxes()) set(box, true);
    count();
  });
  element("none").addEventListener("click", () => {
    for (const box of boxes()) set(box, false);
    count();
  });
  element("every")?.addEventListener("click", () => {
    for (const box of boxes()) box.checked = true;
    every = true;
    count();
  });
  element("relabel")?.addEventListener("change", (event) => {
    if (event.target.value) judge("label", event.target.value);
    event.target.value = "";
  });
  for (const button of acts.querySelectorAll("[data-verdict]")) {
    button.addEventListener("click", () => judge(button.dataset.verdict));
  }
  element("undo")?.addEventListener("click", async () => {
    const ids = given.at(-1);
    if (!ids) return;
    const back = await post("/api/v1/decisions", ids.map((id) => ({ id, verdict: "withdraw" })));
    if (!back) return;
    given.pop();
    element("undo").disabled = !given.length;
    mark(ids, "");
    say(`${counted(ids.length, "verdict")} taken back.`);
  });
  element("alike").addEventListener("click", () => {
    const ids = chosen().slice(0, 20);
    if (!ids.length) return say("Choose images first: the box in their corner.");
    location.href = `/gallery?${new URLSearchParams(ids.map((id) => ["like", id]))}`;
  });
  element("table").addEventListener("change", async (event) => {
    const kind = event.target.value;
    event.target.value = "";
    if (!kind) return;
    const ids = chosen();
    if (every || !ids.length) {
      location.href = `/api/v1/table?${view}${view.size ? "&" : ""}format=${kind}`;
      return;
    }
    const answer = await fetch(`/api/v1/table?format=${kind}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(ids),
    });
    if (!answer.ok) return say((await answer.json()).error);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = `images.${kind}`;
    link.click();
  });
}
