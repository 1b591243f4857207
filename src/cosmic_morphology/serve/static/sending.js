// What pages that judge share: words to the person, and verdicts that are sent until they are taken.

export const element = (id) => document.getElementById(id);

/** @returns {HTMLElement[]} */
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** @param {string} text */
export function say(text) {
  element("said").textContent = text;
}

/** @param {number} n @param {string} one */
export const counted = (n, one) => `${n.toLocaleString("en")} ${one}${n === 1 ? "" : "s"}`;

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
