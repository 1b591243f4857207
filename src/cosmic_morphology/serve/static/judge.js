// Verdicts on the page of one image: stored at once, and the page shows them.
import { all, say } from "./sending.js";

const judge = document.getElementById("judge");

judge?.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { verdict } = button.dataset;
  const label = verdict === "keep" ? judge.dataset.label : button.dataset.label ?? "";
  const said = { id: judge.dataset.id, verdict, label };
  if (await store("/api/v1/decisions", [said])) location.reload();
});

async function store(path, body) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (answer.ok) return true;
    say((await answer.json()).error);
  } catch {
    say("The server does not answer; nothing is stored.");
  }
  return false;
}

// Two images side by side: one, or not; the same button again takes the word back, and what the
// person had said before counts again.
for (const group of all("[data-pair]")) {
  const given = group.dataset.given.split(" ").filter(Boolean);
  const name = ({ dataset }) => dataset.turned ? `${dataset.said}-turned` : dataset.said;
  const show = () => {
    for (const each of all("button", group)) {
      each.setAttribute("aria-pressed", String(name(each) === given.at(-1)));
    }
  };
  show();
  group.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const isBack = button.getAttribute("aria-pressed") === "true";
    const ids = [group.dataset.pair, group.dataset.other];
    const [id, other] = button.dataset.turned ? ids.reverse() : ids;
    const verdict = isBack ? "withdraw pair" : button.dataset.said;
    if (!await store("/api/v1/decisions/pair", { id, other, verdict })) return;
    if (isBack) given.pop();
    else given.push(name(button));
    show();
    say(isBack ? "Taken back." : "Stored; copies, groups and labels follow in a moment.");
  });
}
