// The composer: a run put together by hand. Everything shown comes from the kernel's state; what is typed
// here goes back as one `set` message a field.

const PAUSE_MS = 250; // rest in typing before the kernel checks

function element(tag, name = "", attributes = {}, ...children) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function setText(node, value) {
  if (node.textContent !== value) node.textContent = value;
  node.hidden = !value;
}

function fillChanged(parent, description, make) {
  const known = JSON.stringify(description);
  if (parent.dataset.known === known) return;
  parent.dataset.known = known;
  parent.replaceChildren(...make());
}

function textField(label, name, attributes, tag = "input") {
  const input = element(tag, `kn-field kn-field-${name}`, { ...attributes, "aria-label": label });
  const title = element("span", "kn-field-label");
  title.textContent = label;
  return { input, title, label, box: element("label", "kn-field-box", {}, title, input) };
}

class Composer {
  constructor(model, el) {
    this.model = model;
    this.client = Math.random().toString(36).slice(2, 10);
    this.seq = 0;
    this.submitted = 0; // the message that submits
    this.padView = null;
    this.cardViews = new Map();
    this.timers = {};
    this.root = element("div", "kn-composer", { "data-lm-suppress-shortcuts": "true" });
    this.buildPicture();
    this.padSlot = element("div", "kn-pad-slot");
    this.prompt = this.text("Prompt: what shall happen", "prompt", { rows: "3" }, "textarea");
    this.negative = this.text("Negative prompt", "negative_prompt", {});
    this.grid = element("div", "kn-grid");
    this.way = element("p", "kn-way-reason", { "aria-live": "polite" });
    this.problems = element("ul", "kn-problems", { "aria-live": "polite", "aria-label": "Checks" });
    this.cost = element("span", "kn-cost-line", { title: "Estimate by the list price" });
    this.preview = this.button("Preview", "Shows the motion beside the picture; made here, free", "kn-compose-preview", () => this.send({ kind: "preview" }));
    this.submit = this.button("Submit", "", "kn-primary kn-compose-submit", () => this.trySubmit());
    this.message = element("p", "kn-compose-message", { role: "alert" });
    this.cards = element("div", "kn-cards");
    this.root.append(
      this.padSlot, this.prompt.box, this.negative.box, this.grid, this.way, this.problems,
      element("div", "kn-compose-actions", {}, this.preview, this.submit, this.cost), this.message, this.cards,
    );
    el.append(this.root);
    this.changed = () => this.update();
    this.padChanged = () => this.mountPad();
    this.cardsChanged = () => this.mountCards();
    model.on("change:state", this.changed);
    model.on("change:pad", this.padChanged);
    model.on("change:cards", this.cardsChanged);
    this.update();
    this.mountPad();
    this.mountCards();
  }

  buildPicture() {
    this.image = textField("Picture", "image", { type: "text", spellcheck: "false" });
    // Notebook pages keep Enter from ending the input as it does elsewhere.
    const open = () => {
      // Enter and leaving the field may both come before the kernel's answer: they open one picture.
      const { image, heard } = this.model.get("state");
      const known = this.opened?.seq > (heard[this.client] ?? 0) ? this.opened.value : image;
      if (this.image.input.value !== known) this.set("image", this.image.input.value);
    };
    this.image.input.addEventListener("change", open);
    this.image.input.addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && open());
    this.upload = element("input", "kn-upload", { type: "file", accept: "image/*", "aria-label": "Upload a picture" });
    this.upload.addEventListener("change", async () => {
      const file = this.upload.files[0];
      if (!file) return;
      const data = await file.arrayBuffer();
      // Chosen once more after it was removed, the same picture is a change, too.
      this.upload.value = "";
      this.post({ kind: "upload", name: file.name }, [data]);
    });
    const choose = element("label", "kn-text-button kn-upload-button", { title: "Send a picture from this computer" }, "Upload …", this.upload);
    this.remove = this.button("Remove", "Makes the clip from words alone", "kn-remove-picture", () => this.set("image", ""));
    this.root.append(element("div", "kn-picture-row", {}, this.image.box, choose, this.remove));
  }

  button(label, title, name, work) {
    const made = element("button", `kn-text-button ${name}`, { type: "button", title });
    made.textContent = label;
    made.addEventListener("click", () => made.getAttribute("aria-disabled") !== "true" && work());
    return made;
  }

  text(label, name, attributes, tag) {
    const made = textField(label, name, attributes, tag);
    made.input.addEventListener("input", () => {
      this.count(made, name);
      clearTimeout(this.timers[name]);
      this.timers[name] = setTimeout(() => this.flush(name), PAUSE_MS);
    });
    made.input.addEventListener("change", () => this.flush(name));
    return made;
  }

  count(field, name) {
    // Characters as the service counts them: one for each code point.
    const limit = this.model.get("state").limits[name];
    const used = [...field.input.value].length;
    setText(field.title, limit ? `${field.label} (${used} of ${limit} characters)` : `${field.label}: this door has no place for one`);
    field.title.dataset.over = String(used > limit);
    field.input.disabled = !limit && !used;
  }

  flush(name) {
    clearTimeout(this.timers[name]);
    delete this.timers[name];
    this.set(name, this[name === "prompt" ? "prompt" : "negative"].input.value);
  }

  send(message) {
    // What is still in a pause of typing goes first.
    for (const name of Object.keys(this.timers)) this.flush(name);
    return this.post(message);
  }

  post(message, buffers) {
    this.seq += 1;
    this.model.send({ ...message, client: this.client, seq: this.seq }, undefined, buffers);
    return this.seq;
  }

  set(name, value) {
    const seq = this.post({ kind: "set", name, value });
    if (name === "image") this.opened = { seq, value };
  }

  trySubmit() {
    // Greyed at once: a double click must not become two runs.
    this.submit.setAttribute("aria-disabled", "true");
    this.submitted = this.send({ kind: "submit" });
  }

  select(field) {
    const made = element("select", "kn-select", { "aria-label": field.label, "data-name": field.name });
    for (const option of field.options) {
      const entry = new Option(option.reason ? `${option.label} – ${option.reason}` : option.label, option.value);
      entry.disabled = Boolean(option.reason);
      entry.title = option.reason;
      made.append(entry);
    }
    made.value = field.value;
    made.addEventListener("change", () => this.set(field.name, made.value));
    const title = element("span", "kn-field-label");
    title.textContent = field.label;
    const box = element("label", "kn-field-box", {}, title, made);
    if (field.reason) {
      made.disabled = true;
      const why = element("span", "kn-reason");
      why.textContent = field.reason;
      box.append(why);
    }
    return box;
  }

  update() {
    const state = this.model.get("state");
    const heard = state.heard[this.client] ?? 0;
    // What was typed and chosen here and is still on its way is newer than what the kernel says.
    if (heard >= this.seq) this.take(state);
    this.image.input.placeholder = state.image_hint;
    this.remove.hidden = !state.has_image;
    this.count(this.prompt, "prompt");
    this.count(this.negative, "negative_prompt");
    setText(this.way, state.way);
    fillChanged(this.problems, state.problems, () => state.problems.map(({ level, text, fix }) => {
      const line = element("li", "kn-problem", { "data-level": level });
      line.textContent = fix ? `${text} – ${fix}` : text;
      return line;
    }));
    this.problems.hidden = !state.problems.length;
    setText(this.cost, state.cost);
    this.submit.textContent = state.submit;
    this.submit.setAttribute("aria-disabled", String(!state.can_submit || this.submitted > heard));
    this.submit.title = state.can_submit ? "Sends the request: this is what costs" : "Something above keeps it from being sent";
    this.preview.setAttribute("aria-disabled", String(!state.can_preview));
    setText(this.message, state.message);
    this.message.dataset.level = state.message_level;
  }

  take(state) {
    for (const name of ["image", "prompt", "negative_prompt"]) {
      const { input } = { image: this.image, prompt: this.prompt, negative_prompt: this.negative }[name];
      // Never under the hands of whoever is typing.
      if (document.activeElement !== input && !(name in this.timers) && input.value !== state[name]) input.value = state[name];
    }
    fillChanged(this.grid, state.fields, () => state.fields.map((field) => this.select(field)));
    // What the kernel did not take stands in a list that has not changed.
    for (const field of state.fields) {
      const made = this.grid.querySelector(`[data-name="${field.name}"]`);
      if (made.value !== field.value) made.value = field.value;
    }
  }

  async child(reference) {
    const model = await this.model.widget_manager.get_model(reference.slice("IPY_MODEL_".length));
    return this.model.widget_manager.create_view(model, {});
  }

  async mountPad() {
    const reference = this.model.get("pad");
    this.padReference = reference;
    const view = reference ? await this.child(reference) : null;
    if (this.closed || this.padReference !== reference) {
      view?.remove();
      return;
    }
    // A view that is no longer shown would listen and draw on for ever.
    this.padView?.remove();
    this.padView = view;
    this.padSlot.replaceChildren(...(view ? [view.el] : []));
  }

  async mountCards() {
    const references = this.model.get("cards");
    for (const reference of references) {
      if (!this.cardViews.has(reference)) this.cardViews.set(reference, this.child(reference));
    }
    const views = await Promise.all(references.map((reference) => this.cardViews.get(reference)));
    this.cards.replaceChildren(...views.map((view) => view.el));
  }

  close() {
    this.model.off("change:state", this.changed);
    this.model.off("change:pad", this.padChanged);
    this.model.off("change:cards", this.cardsChanged);
    this.closed = true;
    this.padView?.remove();
    for (const view of this.cardViews.values()) view.then((made) => made.remove());
    for (const name of Object.keys(this.timers)) this.flush(name);
  }
}

function render({ model, el }) {
  const composer = new Composer(model, el);
  return () => composer.close();
}

export default { render };
