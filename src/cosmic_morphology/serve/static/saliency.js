// On a button: which parts of an image the model's answer rests on, as a picture and in words.
import { say } from "./sending.js";

/**
 * Let a button ask, and show the answer behind it.
 * @param {HTMLButtonElement} button
 * @param {() => Promise<Response>} ask
 */
export function explains(button, ask) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    say("Parts of the image are covered one after the other…");
    try {
      const answer = await ask();
      const said = await answer.json();
      if (answer.ok) show(button, said);
      else button.disabled = false;
      // The caption, which gets the focus, is read out.
      say(answer.ok ? "" : said.error);
    } catch {
      button.disabled = false;
      say("The server does not answer.");
    }
  });
}

/** The picture in place of the button. */
function show(button, said) {
  const bytes = Uint8Array.from(atob(said.overlay), (each) => each.charCodeAt(0));
  const figure = document.createElement("figure");
  figure.className = "heat";
  figure.tabIndex = -1;
  const image = new Image(192, 192);
  image.src = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
  image.alt = said.words;
  const caption = document.createElement("figcaption");
  caption.textContent = `${said.model}: ${said.words}.`;
  figure.append(image, caption);
  button.replaceWith(figure);
  figure.focus();
}

const ofImage = document.getElementById("saliency");
if (ofImage) {
  explains(ofImage, () => fetch(`/api/v1/saliency?id=${encodeURIComponent(ofImage.dataset.id)}`));
}
