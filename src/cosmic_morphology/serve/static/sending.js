// What pages that judge share: words to the person, keys, and verdicts that are sent until they are
// taken.

export const element = (id) => document.getElementById(id);

/** @returns {HTMLElement[]} */
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** @param {string} text */
export function say(text) {
  element("said").textContent = text;
}

/** @param {number} n @param {string} one */
export const counted = (n, one) => `${n.toLocaleString("en")} ${one}${n === 1 ? "" : "s"}`;

/** Whoever looks only is told why a key does nothing. */
export const onlyLooking = "You are looking only: open the link that `cosmic serve` printed.";

/** The address of an image as it is stored small. @param {string} id */
export const small = (id) => `/api/v1/thumbnail?id=${encodeURIComponent(id)}`;

/** The button of a key. @param {string} key @param {HTMLElement} root */
export const buttonOf = (key, root) => root.querySelector(`[data-key="${CSS.escape(key)}"]`);

/**
 * A page of keys: each has a button, and whoever leaves before all is sent is asked.
 * @param {HTMLElement} root holds the buttons, and how much is not sent in `data-unsent`
 * @param {(key: string) => void} press
 * @param {{answersEnter?: string, repeats?: boolean}} how which buttons leave Enter to the page
 */
export function listen(root, press, { answersEnter = ":not(*)", repeats = true } = {}) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || (event.repeat && !repeats)) return;
    if (event.target.closest("input, select, textarea, a, dialog")) return;
    // Enter on a button is that button, not the suggestion.
    if (event.key === "Enter" && event.target.closest(`button:not(${answersEnter})`)) return;
    if (buttonOf(event.key, root)) {
      event.preventDefault();
      press(event.key);
    }
  });
  element("keys").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) press(button.dataset.key);
  });
  addEventListener("beforeunload", (event) => {
    if (root.dataset.unsent !== "0") event.preventDefault();
  });
}

/**
 * A line of verdicts: those before one are sent first, and one that fails is sent again.
 * @param {(unsent: number) => void} tell gets how many the server has not taken yet
 */
export function sender(tell) {
  let unsent = 0;
  let sending = Promise.resolve();
  return (path, body) => {
    tell(++unsent);
    sending = sending.then(async () => {
      await sendUntilTaken(path, body);
      tell(--unsent);
    });
  };
}

async function sendUntilTaken(path, body) {
  for (let wait = 500; ; wait = Math.min(wait * 2, 20000)) {
    try {
      const answer = await fetch(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      if (answer.ok) return say("");
      say((await answer.json()).error);
      if (answer.status < 500 && answer.status !== 429) return;
    } catch {
      say("The server does not answer; the verdict is kept and sent again.");
    }
    await new Promise((done) => setTimeout(done, wait));
  }
}
