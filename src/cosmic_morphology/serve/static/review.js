// Review: a queue, a key for each verdict, the next image ready before the key is up.
import { buttonOf, counted, element, listen, onlyLooking, say, sender, small } from "./sending.js";

const root = element("review");
const writes = root.dataset.writes === "1";
const ahead = 4, refill = 60;

/** @type {Array<{id: string, title: string, label: string, suggested: string, reason: string}>} */
let queue = [];
let at = 0;
/** Verdicts that were given here, the last one last. */
const given = [];
let evidenceOf = "";
/** The next images, held until they are shown. */
let ready = [];
const began = Date.now();

function show() {
  const item = queue[at];
  if (!item) {
    element("shown").removeAttribute("src");
    element("title").textContent = queue.length ? "The queue is done" : "Nothing waits for a verdict";
    for (const id of ["label", "reason", "suggestion"]) element(id).textContent = "";
    element("place").textContent = "";
    return;
  }
  element("shown").src = small(item.id);
  element("shown").alt = item.title || item.id;
  element("title").textContent = item.title || item.id;
  element("label").textContent = item.label || "no label";
  element("reason").textContent = item.reason;
  element("suggestion").textContent = item.suggested ? `Perhaps ${item.suggested} (Enter)` : "";
  element("place").textContent = `${at + 1} of ${queue.length}`;
  const minutes = (Date.now() - began) / 60000;
  const pace = minutes > 0.05 ? `, ${(given.length / minutes).toFixed(1)} a minute` : "";
  element("progress").textContent = `${counted(given.length, "verdict")}${pace}`;
  ready = queue.slice(at + 1, at + 1 + ahead).map((next) => {
    const image = new Image();
    image.src = small(next.id);
    return image;
  });
  clearTimeout(show.later);
  element("evidence").replaceChildren();
  // Whoever is fast does not wait for it, and does not make the server look it up.
  show.later = setTimeout(() => bringEvidence(item.id), 250);
  if (queue.length - at < refill) claim();
}

/** Votes, texts and judged look-alikes, as the server draws them. */
async function bringEvidence(id) {
  evidenceOf = id;
  const answer = await fetch(`/review/evidence?id=${encodeURIComponent(id)}`);
  if (!answer.ok || evidenceOf !== id || queue[at]?.id !== id) return;
  const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
  element("evidence").replaceChildren(...parsed.body.childNodes);
}

let claiming = false;

/** Labels are weighed again by the server; then the images that wait come in their new order. */
let rounds = null;

async function followLabels() {
  let pause = 3000;
  try {
    const answer = await fetch("/api/v1/labels");
    if (answer.ok) {
      const labels = await answer.json();
      const words = {
        waiting: "Your verdicts will be weighed into the labels.",
        working: "Labels are being weighed again…",
        failed: `Labels could not be weighed again: ${labels.failure}. Verdicts are stored; it is tried again.`,
        current: labels.rounds ? "Labels know every verdict." : "",
        off: "",
      };
      element("weighing").textContent = words[labels.state];
      element("weighing").classList.toggle("warn", labels.state === "failed");
      if (labels.state === "off") return;
      const isNew = rounds !== null && labels.rounds > rounds;
      // The new order is made in the background: until it is there, this is asked again.
      if (!isNew || await reorder()) root.dataset.rounds = String(rounds = labels.rounds);
    }
  } catch {
    pause = 15000;
  }
  setTimeout(followLabels, pause);
}

/** The images after those that are ready, as the server has them now; whether they are in order. */
async function reorder() {
  const answer = await ask();
  if (!answer.ok) return false;
  const found = await answer.json();
  if (!found.fresh) return false;
  const kept = queue.slice(0, at + 1 + ahead);
  const known = new Set(kept.map((each) => each.id));
  queue = kept.concat(found.queue.filter((each) => !known.has(each.id)));
  if (queue[at]) element("place").textContent = `${at + 1} of ${queue.length}`;
  else show();
  return true;
}

/** The next images for this person; whoever looks only sees the line as it is. */
function ask() {
  return writes
    ? fetch("/api/v1/queue/claim?limit=120", { method: "POST" })
    : fetch("/api/v1/queue?limit=200");
}

async function claim() {
  if (claiming) return;
  claiming = true;
  try {
    const answer = await ask();
    if (!answer.ok) return say((await answer.json()).error);
    const known = new Set(queue.map((each) => each.id));
    const more = (await answer.json()).queue.filter((each) => !known.has(each.id));
    const waiting = at >= queue.length;
    queue.push(...more);
    if (waiting || !known.size) show();
    claiming = more.length === 0;
  } catch {
    say("The server does not answer.");
    claiming = false;
  }
}

/** The verdict of a key on an image; null: the key gives none here. */
function verdictOf(key, item) {
  const { label } = buttonOf(key, root)?.dataset ?? {};
  if (label) return { verdict: "label", label };
  if (key === "i") return { verdict: "drop", label: "" };
  if (key === "k") return { verdict: "keep", label: item.label };
  if (key === "Enter" && item.suggested) return { verdict: "label", label: item.suggested };
  return null;
}

/** Send one verdict, after those before it. */
const sendLater = sender((unsent) => { root.dataset.unsent = String(unsent); });
const send = (verdict) => sendLater("/api/v1/decisions", [verdict]);

function press(key) {
  const item = queue[at];
  if (key === "?") return void element("help").showModal();
  if (key === "u") {
    const last = given.pop();
    if (last) {
      at = last.at;
      send({ id: last.id, verdict: "withdraw" });
    } else if (at > 0) at -= 1;
    return show();
  }
  if (!item) return;
  if (key === "s") {
    at += 1;
    return show();
  }
  if (key === "z") return void open(`/image/${encodeURIComponent(item.id)}`, "_blank", "noopener");
  if (key === "k" && !item.label) return say("There is no label to keep: give a class, or s to pass over the image.");
  const verdict = verdictOf(key, item);
  if (!verdict) return say("Nothing is suggested: give a class, or s to pass over the image.");
  if (!writes) return say(onlyLooking);
  say("");
  send({ id: item.id, ...verdict });
  given.push({ at, id: item.id });
  at += 1;
  show();
}

listen(root, press);

await claim();
followLabels();
