// Filters apply as soon as they are chosen; empty ones do not clutter the address.
const form = document.querySelector("form.filters");

for (const field of form.querySelectorAll("select, input[type=checkbox]")) {
  field.addEventListener("change", () => form.requestSubmit());
}

form.addEventListener("submit", () => {
  for (const field of form.elements) {
    const unchanged = field.name === "order" && field.value === "id";
    if (field.name && (field.value === "" || unchanged)) field.disabled = true;
  }
});

// Back from the next page, the fields are as they were left: usable again.
addEventListener("pageshow", () => {
  for (const field of form.elements) field.disabled = false;
});
