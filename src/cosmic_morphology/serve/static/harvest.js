// Taking a source up again: one at a time, and how far it is.
import { all, counted, element, say } from "./sending.js";

const path = "/api/v1/harvest/retry";
const forms = all("form.again");

/** What the server says of the retry, in words. */
function words(said) {
  const who = `${said.source}, for ${said.who}`;
  const n = said.announced ? `${said.seen.toLocaleString("en")} of ${counted(said.announced, "record")}` : "the source is being asked";
  return {
    none: "",
    working: `Trying again: ${who}: ${n}.`,
    done: `Tried again: ${who}: ${counted(said.stored, "new image")}, ${said.missing ? `${counted(said.missing, "image")} could not be had, as below` : "nothing is missing"}.`,
    failed: `This did not work: ${who}: ${said.failure}`,
    left: `The server ended while it tried again (${who}, ${said.since}). What came is stored; what is missing waits below.`,
  }[said.state];
}

/** Show how it stands; whether it goes on. */
function show(said) {
  element("retry").textContent = words(said);
  element("retry").classList.toggle("warn", ["failed", "left"].includes(said.state));
  const isWorking = said.state === "working";
  element("retried").hidden = !isWorking;
  element("retried").value = said.announced ? said.seen / said.announced : 0;
  for (const form of forms) form.querySelector("button").disabled = isWorking;
  return isWorking;
}

/** Follow it to its end; then the page has new counts. */
async function follow() {
  try {
    const answer = await fetch(path);
    if (answer.ok && !show(await answer.json())) return location.reload();
  } catch {
    say("The server does not answer.");
  }
  setTimeout(follow, 1000);
}

for (const form of forms) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const states = all("input:checked", form).map((each) => each.value);
    try {
      const answer = await fetch(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ source: form.dataset.source, states }),
      });
      const said = await answer.json();
      if (!answer.ok) return say(said.error);
      show(said);
      setTimeout(follow, 1000);
    } catch {
      say("The server does not answer.");
    }
  });
}

const now = await fetch(path);
if (now.ok && show(await now.json())) setTimeout(follow, 1000);
