// A password field whose content is no part of the widget's state: it goes to the kernel as a binary buffer,
// once, and the field is emptied before anything else happens.

function render({ model, el }) {
  const form = document.createElement("form");
  form.className = "kn-login";
  form.setAttribute("data-lm-suppress-shortcuts", "true");
  form.setAttribute("autocomplete", "off");
  const label = document.createElement("label");
  const input = document.createElement("input");
  input.type = "password";
  input.autocomplete = "new-password";
  input.spellcheck = false;
  const button = document.createElement("button");
  button.type = "submit";
  button.textContent = "Keep";
  const message = document.createElement("p");
  message.setAttribute("role", "alert");
  label.append(document.createTextNode(model.get("title")), input);
  form.append(label, button, message);
  el.append(form);

  const hand = () => {
    const typed = new TextEncoder().encode(input.value);
    input.value = "";
    if (typed.length) model.send({ kind: "key" }, undefined, [typed.buffer]);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    hand();
  });
  // Notebook pages keep Enter from submitting a form as it does elsewhere.
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Enter") return;
    event.preventDefault();
    hand();
  });
  const show = () => {
    message.textContent = model.get("message");
    message.hidden = !model.get("message");
  };
  model.on("change:message", show);
  show();
  return () => model.off("change:message", show);
}

export default { render };
