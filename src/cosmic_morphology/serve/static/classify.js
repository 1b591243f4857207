// Classify: files that are chosen, dropped or pasted, or an address; answers as bars and a table.
import { explains } from "./saliency.js";

const element = (id) => document.getElementById(id);
const drop = element("drop");
/** @type {Array<{file: string, prediction: string, confidence: number, accepted: boolean, probabilities: Record<string, number>, error: string}>} */
const all = [];

function tell(text) {
  element("busy").textContent = text;
}

/** Draw one answer; `picture` is an object URL of what was sent, `why` asks what it rests on, or nothing. */
function show(answer, picture, why) {
  all.push(answer);
  const item = document.createElement("li");
  if (picture) {
    const image = new Image(128, 128);
    image.src = picture;
    image.alt = "";
    item.append(image);
  }
  const words = document.createElement("div");
  const head = document.createElement("h2");
  head.textContent = answer.error
    ? "No usable image"
    : answer.accepted ? answer.prediction : `None of these is sure (most like ${answer.prediction})`;
  const name = document.createElement("p");
  name.className = "muted";
  name.textContent = answer.error ? `${answer.file}: ${answer.error.replaceAll("_", " ")}` : answer.file;
  words.append(head, name);
  const ranked = Object.entries(answer.error ? {} : answer.probabilities).sort((a, b) => b[1] - a[1]);
  const bars = document.createElement("ul");
  bars.className = "bars";
  for (const [label, share] of ranked) {
    const row = document.createElement("li");
    const text = document.createElement("span");
    text.textContent = label;
    const number = document.createElement("span");
    number.className = "n";
    number.textContent = share.toFixed(3);
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = share;
    bar.setAttribute("aria-hidden", "true");
    row.append(text, number, bar);
    bars.append(row);
  }
  words.append(bars);
  if (why && !answer.error) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Show what it rests on";
    explains(button, why);
    words.append(button);
  }
  item.append(words);
  element("answers").prepend(item);
  element("downloads").hidden = false;
}

/** Ask the server, and show what it says. */
async function ask(request, name, picture, why) {
  tell(`Asking about ${name}…`);
  try {
    const answer = await request;
    const said = await answer.json();
    if (!answer.ok) return tell(said.error);
    for (const each of said.answers) {
      // Of an archive each file would have to be sent anew.
      show({ ...each, file: each.file || name }, picture, said.answers.length === 1 && why);
    }
    const refused = all.filter((each) => each.error).length;
    tell(`${all.length - refused} answered${refused ? `, ${refused} not` : ""}.`);
  } catch {
    tell("The server does not answer.");
  }
}

/** @param {Iterable<File>} files */
async function send(files) {
  for (const file of files) {
    if (file.size > Number(drop.dataset.mostMb) * 1e6) {
      tell(`${file.name} is larger than ${drop.dataset.mostMb} MB.`);
      continue;
    }
    const picture = file.type.startsWith("image/") ? URL.createObjectURL(file) : "";
    const to = (path) => fetch(path, { method: "POST", body: file });
    const why = picture && (() => to("/api/v1/saliency"));
    await ask(to("/api/v1/predict"), file.name, picture, why);
  }
}

element("files")?.addEventListener("change", (event) => send([...event.target.files]));
element("address")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const url = new FormData(event.target).get("url");
  const at = `url=${encodeURIComponent(url)}`;
  const why = () => fetch(`/api/v1/saliency/address?${at}`);
  ask(fetch(`/api/v1/predict?${at}`), url, "", why);
});
for (const kind of ["dragenter", "dragover"]) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    drop?.classList.add("over");
  });
}
addEventListener("dragleave", () => drop?.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  drop?.classList.remove("over");
  if (drop) send([...event.dataTransfer.files]);
});
addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (drop && files.length) send(files);
});

/** A cell that a spreadsheet reads as text, whatever it begins with. */
function cell(value) {
  const text = String(value ?? "");
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${plain.replaceAll('"', '""')}"`;
}

element("csv")?.addEventListener("click", () => {
  const classes = [...new Set(all.flatMap((each) => Object.keys(each.probabilities)))];
  const head = ["file", "prediction", "confidence", "accepted", ...classes, "error"];
  const lines = all.map((each) => [
    each.file, each.prediction, each.confidence, each.accepted,
    ...classes.map((name) => each.probabilities[name]), each.error,
  ]);
  const text = [head, ...lines].map((line) => line.map(cell).join(",")).join("\r\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = "predictions.csv";
  link.click();
});
