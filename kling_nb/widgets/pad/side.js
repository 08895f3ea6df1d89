// Beside the canvas: the masks and their paths, what the linter says, the preview.

const PRESETS = [["line", "Line"], ["arc", "Arc"], ["circle", "Circle"], ["sway", "Sway"]];

class Side {
  constructor(pad) {
    this.pad = pad;
    this.el = element("div", "kn-pad-side");
    this.layers = element("ul", "kn-layers", { "aria-label": "Masks" });
    this.layers.addEventListener("keydown", (event) => event.target.matches("input, select") && event.stopPropagation());
    this.masks = this.section("Masks", this.layers, this.maskActions());
    this.paths = this.section("Path", this.pathActions());
    this.problems = element("ul", "kn-problems", { "aria-live": "polite", "aria-label": "Checks" });
    this.checks = this.section("Checks", this.problems);
    this.previewSection();
  }

  section(title, ...children) {
    const made = element("section", "kn-section", { "aria-label": title });
    const heading = element("h4");
    heading.textContent = title;
    made.append(heading, ...children);
    this.el.append(made);
    return made;
  }

  button(label, title, work, name = "") {
    const made = element("button", `kn-text-button ${name}`.trim(), { type: "button", title });
    made.textContent = label;
    made.addEventListener("click", work);
    return made;
  }

  maskActions() {
    this.add = this.button("Add mask", "Another moving object (at most six)", () => this.pad.command("add_layer"));
    this.freeze = this.button(
      "Freeze the rest", "Keep everything still that nothing moves over (again: take it back)", () => this.pad.command("freeze_rest"),
    );
    return element("div", "kn-row", {}, this.add, this.freeze);
  }

  pathActions() {
    const box = element("div");
    const shapes = element("div", "kn-row", { role: "group", "aria-label": "Ready-made paths" });
    for (const [name, label] of PRESETS) {
      shapes.append(this.button(label, `${label} from the middle of the mask`, () => this.pad.command("preset", { preset: name })));
    }
    const shaping = element("div", "kn-row", { role: "group", "aria-label": "Shape of the path" });
    this.smooth = this.button("Smooth", "Round the corners of the path", () => this.pad.command("smooth"));
    this.drop = this.button("Delete path", "Take the path away (can be undone)", () => this.pad.command("clear_path"));
    shaping.append(this.smooth, this.drop);
    this.ease = this.select("Timing", "A hint only: the service has no time, spacing of the points is all there is", [
      ["none", "even"], ["in", "starts slowly"], ["out", "ends slowly"], ["in-out", "slow at both ends"],
    ], (value) => this.pad.command("ease", { ease: value }));
    this.copy = this.select("Copy to", "Give another mask the same path", [], (value) => {
      this.copy.value = "";
      if (value) this.pad.command("copy_path", { to: value });
    });
    box.append(shapes, shaping, element("div", "kn-row", {}, this.ease.parentNode, this.copy.parentNode));
    return box;
  }

  select(label, title, options, work) {
    const made = element("select", "kn-select", { "aria-label": label, title });
    made.append(...options.map(([value, text]) => new Option(text, value)));
    made.addEventListener("change", () => work(made.value));
    const text = element("span");
    text.textContent = label;
    element("label", "kn-label", { title }, text, made);
    return made;
  }

  previewSection() {
    this.preview = this.button("Preview", "Show the motion as a small video: made here, free", () => this.pad.command("preview"), "kn-primary");
    this.way = element("span", "kn-way");
    this.film = element("video", "kn-film", { loop: "", playsinline: "", autoplay: "", "aria-label": "Preview of the motion" });
    this.film.muted = true;
    this.film.hidden = true;
    this.caption = element("div", "kn-caption", { "aria-live": "polite" });
    this.price = element("div", "kn-price", { title: "List price of the real video" });
    this.section("Preview", element("div", "kn-row", {}, this.preview, this.way), this.film, this.caption, this.price);
  }

  update(state, now) {
    // Rows are not made anew when another mask is chosen, nor below a name being typed: it would be lost.
    const typing = this.layers.contains(document.activeElement) && document.activeElement.matches("input");
    if (!typing) fillChanged(this.layers, state.layers, () => state.layers.map((layer) => this.row(layer)));
    for (const row of this.layers.children) {
      const here = row.dataset.layer === now.layer;
      row.toggleAttribute("data-chosen", here);
      row.querySelector(".kn-chip").setAttribute("aria-pressed", String(here));
    }
    this.add.setAttribute("aria-disabled", String(state.layers.filter((layer) => layer.kind === "dynamic").length >= 6));
    this.freeze.setAttribute("aria-pressed", String(state.frozen));
    const chosen = state.layers.find((layer) => layer.id === now.layer);
    this.paths.hidden = !chosen || chosen.kind !== "dynamic";
    const points = chosen ? chosen.points : 0;
    for (const item of [this.smooth, this.drop]) item.setAttribute("aria-disabled", String(points < 2));
    this.ease.value = chosen?.ease ?? "none";
    const others = state.layers.filter((layer) => layer.kind === "dynamic" && layer.id !== now.layer);
    fillChanged(this.copy, [others.map((layer) => [layer.id, layer.name])], () => [
      new Option("mask …", ""), ...others.map((layer) => new Option(layer.name, layer.id)),
    ]);
    this.copy.parentNode.hidden = !others.length || points < 2;
    fillChanged(this.problems, state.problems, () => state.problems.map((problem) => this.problem(problem)));
    this.checks.hidden = !state.problems.length;
    this.updatePreview(state.preview);
    setText(this.way, state.way);
  }

  problem({ level, text, fix }) {
    const line = element("li", "kn-problem");
    line.dataset.level = level;
    const words = element("span");
    words.textContent = text;
    line.append(words);
    if (fix) {
      const advice = element("span", "kn-fix");
      advice.textContent = ` ${fix}`;
      line.append(advice);
    }
    return line;
  }

  row(layer) {
    const line = element("li", "kn-layer");
    line.dataset.layer = layer.id;
    line.dataset.kind = layer.kind;
    line.style.setProperty("--kn-color", layer.color);
    const key = String(layer.number);
    const choose = element("button", "kn-chip", {
      type: "button", title: `Draw on ${layer.name} (${key})`, "aria-label": `Draw on ${layer.name}`,
      "aria-keyshortcuts": key,
    });
    if (layer.kind === "static") choose.append(icon("freeze"));
    else choose.textContent = key;
    choose.addEventListener("click", () => this.pad.select(layer.id));
    const name = element("input", "kn-name", {
      type: "text", value: layer.label, placeholder: layer.name, maxlength: "40", "aria-label": "Name of the mask", spellcheck: "false",
      title: layer.kind === "static" ? "What stays still" : "Name: also used when the motion is put into words",
    });
    name.addEventListener("focus", () => this.pad.now().layer !== layer.id && this.pad.select(layer.id, false));
    name.addEventListener("keydown", (event) => ["Enter", "Escape"].includes(event.key) && !event.isComposing && this.pad.touched());
    // What has changed meanwhile; a new name itself comes with its answer.
    name.addEventListener("blur", () => !this.pad.unanswered && this.update(this.pad.state, this.pad.now()));
    name.addEventListener("change", () => this.pad.command("rename", { layer: layer.id, label: name.value }));
    const about = element("span", "kn-about");
    about.textContent = layer.about;
    const eye = iconButton(layer.visible ? "eye" : "eye_off", layer.visible ? `Hide ${layer.name}` : `Show ${layer.name}`, "", "kn-small");
    eye.addEventListener("click", () => this.pad.command("visible", { layer: layer.id, value: !layer.visible }));
    const remove = iconButton("remove", layer.kind === "static" ? "Clear what stays still" : `Remove ${layer.name} and its path`, "", "kn-small");
    remove.addEventListener("click", () => this.pad.command("remove_layer", { layer: layer.id }));
    line.append(choose, name, about, eye, remove);
    return line;
  }

  updatePreview(preview) {
    this.preview.setAttribute("aria-disabled", String(preview.status === "working"));
    this.preview.textContent = preview.status === "working" ? "Rendering …" : "Preview";
    this.film.classList.toggle("kn-stale", preview.status === "stale" || preview.status === "working");
    setText(this.caption, preview.text);
    this.caption.dataset.level = preview.status === "failed" ? "E" : "";
    setText(this.price, preview.price);
  }

  showFilm(data) {
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = data && data.byteLength ? URL.createObjectURL(new Blob([data], { type: "video/mp4" })) : null;
    this.film.hidden = !this.address;
    if (this.address) {
      this.film.src = this.address;
      // Another film that takes its place ends it, too: that is no reason to ask for a hand.
      this.film.play().catch((error) => { this.film.controls ||= error.name === "NotAllowedError"; });
    }
  }

  close() {
    if (this.address) URL.revokeObjectURL(this.address);
  }
}
