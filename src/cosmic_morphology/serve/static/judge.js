// Verdicts on the page of one image: stored at once, and the page shows them.
const judge = document.getElementById("judge");
const say = (text) => { document.getElementById("said").textContent = text; };

judge?.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { verdict } = button.dataset;
  const label = verdict === "keep" ? judge.dataset.label : button.dataset.label ?? "";
  try {
    const answer = await fetch("/api/v1/decisions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify([{ id: judge.dataset.id, verdict, label }]),
    });
    if (answer.ok) location.reload();
    else say((await answer.json()).error);
  } catch {
    say("The server does not answer; nothing is stored.");
  }
});
