// Phrases of the taxonomy: what is changed is tried on the records, and saved as a copy.
import { all, counted, element, say } from "./sending.js";

const form = element("classes");
const wait = 500;
const most = 50;

/** @typedef {{place: string, phrase: string, added: boolean, where: string}} Change */

/** Phrases of a field, one on a line. @param {string} text */
const phrases = (text) => [...new Set(text.split("\n").map((each) => each.trim()).filter(Boolean))];

/** What the person has changed so far; what goes comes first, so that a phrase can move.
 * @returns {Change[]} */
function changes() {
  const found = all("textarea", form).flatMap((field) => {
    const before = phrases(field.defaultValue), now = phrases(field.value);
    const { place } = field.dataset;
    const [name] = field.closest("details").querySelector("b").textContent.split("\n");
    const where = `${name}, ${field.labels[0].firstChild.textContent.trim().toLowerCase()}`;
    return [
      ...before.filter((each) => !now.includes(each)).map((phrase) => ({ place, phrase, added: false, where })),
      ...now.filter((each) => !before.includes(each)).map((phrase) => ({ place, phrase, added: true, where })),
    ];
  });
  return found.sort((a, b) => Number(a.added) - Number(b.added));
}

const sent = (made) => made.map(({ place, phrase, added }) => ({ place, phrase, added }));

/** What the server says, or in words why not. @returns {Promise<[any, string]>} */
async function ask(path, body, signal) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
  const said = await answer.json();
  return answer.ok ? [said, ""] : [null, said.error];
}

let later = 0;
let asking = new AbortController();

function changed() {
  const made = changes();
  clearTimeout(later);
  asking.abort();
  element("saved").replaceChildren();
  for (const id of ["reset", "save"]) element(id).hidden = made.length === 0;
  if (!made.length || made.length > most) {
    element("effects").hidden = true;
    tell(made.length ? `${made.length} changes: at most ${most} are tried at once.` : "Nothing is changed yet.");
    return;
  }
  tell(`${counted(made.length, "change")}: counting…`);
  later = setTimeout(() => count(made), wait);
}

/** @param {string} words */
function tell(words, isWrong = false) {
  element("count").textContent = words;
  element("count").classList.toggle("warn", isWrong);
}

/** @param {Change[]} made */
async function count(made) {
  asking = new AbortController();
  const { signal } = asking;
  try {
    const [found, error] = await ask("/api/v1/taxonomy/effects", { changes: sent(made) }, signal);
    element("effects").hidden = !found;
    if (!found) return tell(error, true);
    const n = found.sampled.toLocaleString("en");
    const among = found.sampled < found.records
      ? `${n} records drawn from ${found.records.toLocaleString("en")}` : `all ${counted(found.records, "record")}`;
    const judged = found.judged ? ` ${counted(found.judged, "other")} would, had nobody judged them.` : "";
    const gets = found.changed === 1 ? "record gets" : "records get";
    tell(`${counted(made.length, "change")}: ${found.changed.toLocaleString("en")} ${gets} another label, of ${among}, by what is said of them alone.${judged}`);
    show(made, found);
  } catch (error) {
    if (error.name !== "AbortError") tell("The server does not answer.", true);
  }
}

/** @param {Array<string | Node>} cells */
function row(cells) {
  const line = document.createElement("tr");
  line.append(...cells.map((each) => {
    const cell = document.createElement("td");
    cell.append(each);
    return cell;
  }));
  return line;
}

function links(ids) {
  const found = document.createElement("span");
  for (const [at, id] of ids.entries()) {
    const link = document.createElement("a");
    link.href = `/image/${encodeURIComponent(id)}`;
    link.textContent = id;
    found.append(at ? ", " : "", link);
  }
  return found;
}

function show(made, found) {
  element("changes").tBodies[0].replaceChildren(...made.map((each, at) => row([
    `${each.added ? "+" : "−"} ${each.phrase}`,
    each.where,
    found.each[at]?.toLocaleString("en") ?? "only with the others",
  ])));
  element("moves").hidden = !found.moves.length;
  element("moves").tBodies[0].replaceChildren(...found.moves.map((each) => row([
    each.before || "no label", each.after || "no label", each.records.toLocaleString("en"), links(each.examples),
  ])));
}

form.addEventListener("input", changed);
form.addEventListener("reset", () => setTimeout(changed));
if (element("save").matches("form")) element("save").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { name: event.target.elements.name.value, changes: sent(changes()) };
  try {
    const [saved, error] = await ask("/api/v1/taxonomy/copies", body);
    if (!saved) return say(error);
    say("");
    const [setting, command] = [saved.setting, saved.command].map((text) => {
      const code = document.createElement("code");
      code.textContent = text;
      return code;
    });
    element("saved").replaceChildren(`Saved. To use it, write `, setting, " into cosmic.toml, then run cosmic curate; or once: ", command);
  } catch {
    say("The server does not answer; nothing is saved.");
  }
});
// Back on the page, fields may be as they were left.
addEventListener("pageshow", changed);
