// Sheets: look-alikes with one suggested label; one key answers for all, clicks take exceptions out.
import { all, buttonOf, counted, element, listen, onlyLooking, say, sender, small } from "./sending.js";

const root = element("sheets");
const writes = root.dataset.writes === "1";
const ahead = 4;

/** @type {Array<{suggested: string, items: Array<{id: string, title: string, label: string}>}>} */
let waiting = [];
let asking = false;
/** Images that were passed over here: they are on none of the next sheets. */
const passed = new Set();
/** Answers that were given here, the last one last. */
const given = [];
const counts = { actions: 0, looked: 0, verdicts: 0 };
const send = sender((unsent) => { root.dataset.unsent = String(unsent); });

async function claim() {
  if (asking) return;
  asking = true;
  try {
    const answer = writes
      ? await fetch(`/api/v1/sheets/claim?limit=${ahead + waiting.length}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ passed: [...passed].slice(-5000) }),
      })
      : await fetch("/api/v1/sheets?limit=50");
    const found = await answer.json();
    if (!answer.ok) return say(found.error);
    const known = new Set(waiting.flatMap((sheet) => sheet.items.map((each) => each.id)));
    const more = found.sheets
      .map((sheet) => ({ ...sheet, items: sheet.items.filter((each) => !known.has(each.id) && !passed.has(each.id)) }))
      .filter((sheet) => sheet.items.length);
    const first = !waiting.length;
    waiting.push(...more);
    if (first) show();
  } catch {
    say("The server does not answer.");
  } finally {
    asking = false;
  }
}

function show() {
  const sheet = waiting[0];
  const { actions, looked, verdicts } = counts;
  element("progress").textContent = actions
    ? `${counted(actions, "action")}, ${counted(looked, "image")} looked at, ${counted(verdicts, "verdict")}` : "";
  element("sheet").replaceChildren(...(sheet?.items ?? []).map(tile));
  if (!sheet) {
    element("question").textContent = asking ? "Sheets are coming…" : "No image waits for a verdict";
    return;
  }
  const n = sheet.items.length;
  const meant = n === 1 ? "1 image" : `${n} look-alikes`;
  element("question").textContent = `${meant}: ${sheet.suggested || "of which class"}?`;
  element("confirm").textContent = sheet.suggested ? `yes, ${sheet.suggested}` : "no suggestion";
  for (const next of waiting[1]?.items ?? []) new Image().src = small(next.id);
  if (waiting.length < 3) claim();
}

/** One image, which a click takes out or back in. */
function tile(item) {
  const place = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "out";
  button.dataset.id = item.id;
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-label", `Take out: ${item.title || item.id}`);
  const image = new Image(256, 256);
  image.src = small(item.id);
  image.alt = "";
  const words = document.createElement("small");
  words.textContent = item.title || item.id;
  button.append(image, words);
  place.append(button);
  return place;
}

const out = () => all(".out[aria-pressed=true]", root).map((each) => each.dataset.id);

function answerAll(label) {
  const sheet = waiting[0];
  if (!sheet) return;
  if (!label) return say("Nothing is suggested for this sheet: give a class, or s to pass over it.");
  if (!writes) return say(onlyLooking);
  say("");
  const exceptions = out();
  const ids = sheet.items.map((each) => each.id);
  const body = { ids, label, exceptions: Object.fromEntries(exceptions.map((id) => [id, ""])) };
  send("/api/v1/sheets/decisions", body);
  for (const id of ids) passed.add(id);
  const verdicts = ids.length - exceptions.length;
  given.push({ sheet, judged: ids.filter((id) => !exceptions.includes(id)), exceptions: exceptions.length });
  count(1 + exceptions.length, ids.length, verdicts);
  next();
}

function count(actions, looked, verdicts) {
  counts.actions += actions;
  counts.looked += looked;
  counts.verdicts += verdicts;
}

function next() {
  waiting.shift();
  show();
  if (!waiting.length) claim();
}

function undo() {
  const last = given.pop();
  if (!last) return;
  if (last.judged.length) {
    send("/api/v1/decisions", last.judged.map((id) => ({ id, verdict: "withdraw" })));
    count(-1 - last.exceptions, -last.sheet.items.length, -last.judged.length);
  }
  for (const item of last.sheet.items) passed.delete(item.id);
  waiting.unshift(last.sheet);
  show();
}

function press(key) {
  if (key === "u") return undo();
  if (key === "s") {
    if (!waiting.length) return;
    for (const item of waiting[0].items) passed.add(item.id);
    given.push({ sheet: waiting[0], judged: [], exceptions: 0 });
    return next();
  }
  if (key === "Enter") return answerAll(waiting[0]?.suggested);
  answerAll(buttonOf(key, root).dataset.label);
}

// Enter answers for the sheet, also where an image was clicked last; Space takes that one out.
listen(root, press, { answersEnter: ".out", repeats: false });
element("sheet").addEventListener("click", (event) => {
  const button = event.target.closest(".out");
  if (button) button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
});

await claim();
