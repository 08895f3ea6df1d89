// The motion pad on the page: toolbar, canvas with ink, side panel, status line.
// Tool, size and mask chosen here act at once and travel with every stroke: a busy kernel delays nothing.

const WAITING_MS = 1500; // after this long without an answer the status line says that the kernel is busy

// What goes on while a key is held down; nothing else is done twice by a key that is let go a moment late.
const HELD_KEYS = new Set(["[", "]", "+", "=", "-", "delete", "backspace"]);

class Pad {
  constructor(model, el) {
    this.model = model;
    this.adding = new Map(); // numbers of masks that are on their way, with the messages that add them
    this.client = Math.random().toString(36).slice(2, 10);
    this.seq = 0;
    this.unanswered = 0;
    this.state = model.get("state");
    this.local = { tool: this.state.tool, size: this.state.size, layer: this.state.layer };
    this.root = element("div", "kn-pad", {
      role: "application", "aria-label": "Motion pad", tabindex: "-1",
      // Lumino would take single letters as commands of the notebook (b: new cell below).
      "data-lm-suppress-shortcuts": "true",
    });
    this.toolbar = new Toolbar(this);
    this.side = new Side(this);
    this.stage = element("div", "kn-stage");
    this.frame = element("div", "kn-frame", {}, this.stage);
    this.coordinates = element("span", "kn-coordinates");
    this.said = element("span", "kn-said", { role: "status" });
    this.waitingText = element("span", "kn-waiting");
    this.status = element("div", "kn-status-line", {}, this.said, this.waitingText, this.coordinates);
    this.code = this.codePanel();
    this.loader = this.loadPanel();
    const left = element("div", "kn-pad-left", {}, this.frame, this.status);
    this.root.append(this.toolbar.el, element("div", "kn-pad-main", {}, left, this.side.el), this.code, this.loader);
    el.append(this.root);
    this.ink = new Ink(this.stage, this);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.changed = () => this.update();
    this.filmed = () => this.side.showFilm(this.model.get("film"));
    this.received = (message) => this.receive(message);
    // A drawing that fails, because its canvas is gone meanwhile, would be the last one of the whole line.
    this.goesOn = () => { this.drawings.currentProcessing = this.drawings.currentProcessing.catch(() => {}); };
    model.on("change:state", this.changed);
    model.on("change:film", this.filmed);
    model.on("msg:custom", this.received);
    this.mount();
    this.update();
    this.filmed();
    this.hello();
    this.timer = setInterval(() => this.lateness(), 500);
  }

  async mount() {
    // The canvas of the kernel is a widget of its own (ipycanvas); its picture lies below the ink.
    const manager = this.model.widget_manager;
    const child = await manager.get_model(this.model.get("canvas").slice("IPY_MODEL_".length));
    // All canvases of a page stand in one line to be drawn. The layers know it; what holds them has only its name.
    this.drawings = child.get("_canvases")?.[0]?.get("_canvas_manager");
    this.drawings?.on("msg:custom", this.goesOn);
    const view = await manager.create_view(child, {});
    if (this.closed) {
      this.drawings?.off("msg:custom", this.goesOn);
      view.remove();
      return;
    }
    this.canvasView = view;
    view.el.classList.add("kn-canvas");
    // It would swallow every key: the pad has the keyboard.
    view.el.setAttribute("tabindex", "-1");
    view.el.setAttribute("aria-hidden", "true");
    this.stage.prepend(view.el);
    this.canvas = view.el;
  }

  close() {
    this.closed = true;
    clearInterval(this.timer);
    this.model.off("change:state", this.changed);
    this.model.off("change:film", this.filmed);
    this.model.off("msg:custom", this.received);
    this.drawings?.off("msg:custom", this.goesOn);
    this.ink.close();
    this.side.close();
    this.canvasView?.remove();
  }

  // --- what the ink asks --------------------------------------------------------------------------------

  nominal() {
    return this.state.stage;
  }

  view() {
    return this.state.view;
  }

  now() {
    const layer = this.state.layers.find((each) => each.id === this.local.layer);
    return { ...this.local, color: layer?.color ?? "#ffffff" };
  }

  path() {
    return this.state.layers.find((layer) => layer.id === this.local.layer)?.path ?? [];
  }

  sizeRange() {
    return this.state.sizes;
  }

  touched() {
    this.root.focus({ preventScroll: true });
  }

  deliver(stroke, data) {
    return this.send({ kind: "ink", ...stroke }, [data.buffer]);
  }

  doubled() {
    if (this.local.tool === "path_click") this.choose("edit");
  }

  pan(dx, dy) {
    if (this.canvas) this.canvas.style.transform = dx || dy ? `translate(${dx}px, ${dy}px)` : "";
  }

  panned(dx, dy) {
    this.command("pan", { dx, dy });
  }

  hovered(point) {
    if (!point) {
      setText(this.coordinates, "");
      return;
    }
    const [width, height] = this.state.size_px;
    const x = Math.floor(point[0] + 0.5);
    const y = Math.floor(point[1] + 0.5);
    if (x < 0 || y < 0 || x > width - 1 || y > height - 1) {
      setText(this.coordinates, "outside the picture");
      return;
    }
    const sent = this.state.y_origin === "top" ? y : height - 1 - y;
    setText(this.coordinates, `x ${x}, y ${y} px · sent as (${x}, ${sent})`);
  }

  hello() {
    this.send({ kind: "hello", ratio: window.devicePixelRatio || 1 });
  }

  // --- commands -----------------------------------------------------------------------------------------

  send(message, buffers) {
    this.seq += 1;
    this.root.setAttribute("aria-busy", "true");
    if (!this.unanswered) this.since = performance.now();
    this.unanswered += 1;
    this.model.send({ ...message, client: this.client, seq: this.seq }, undefined, buffers);
    return this.seq;
  }

  command(name, values = {}) {
    if (name === "code" && !this.code.hidden) {
      this.code.hidden = true;
      return 0;
    }
    if (name === "load") {
      this.loader.hidden = !this.loader.hidden;
      if (!this.loader.hidden) this.loader.querySelector("input").focus();
      return 0;
    }
    return this.send({ kind: "do", name, layer: this.local.layer, ...values });
  }

  choose(tool) {
    this.local.tool = tool;
    this.send({ kind: "use", tool });
    this.paint();
  }

  resize(size) {
    const [low, high] = this.sizeRange();
    this.local.size = Math.max(low, Math.min(high, size));
    this.send({ kind: "use", size: this.local.size });
    this.paint();
  }

  select(layer, focus = true) {
    this.local.layer = layer;
    this.send({ kind: "use", layer });
    this.paint();
    if (focus) this.touched();
  }

  key(event) {
    if (event.target.matches("input[type=text], select, textarea")) return;
    const held = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    const again = event.repeat && !held && !HELD_KEYS.has(key);
    let done = true;
    if (held && key === "z") this.command(event.shiftKey ? "redo" : "undo");
    else if (held && key === "y") this.command("redo");
    else if (held || event.altKey) done = false;
    else if (again) done = Boolean(TOOL_KEYS[key]) || /^[s0-7]$/.test(key);
    else if (TOOL_KEYS[key]) this.choose(TOOL_KEYS[key]);
    else if (key === "s") this.command("snap");
    else if (key === "[") this.resize(this.local.size / 1.2);
    else if (key === "]") this.resize(this.local.size * 1.2);
    else if (key === "+" || key === "=") this.command("zoom_in");
    else if (key === "-") this.command("zoom_out");
    else if (key === "0") this.command("zoom_fit");
    else if (key === "delete" || key === "backspace") this.command("delete_point");
    else if (key === "escape") done = this.ink.abandon() || this.finishPath();
    else if (/^[1-7]$/.test(key)) this.number(Number(key));
    else done = false;
    if (done) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  finishPath() {
    if (this.local.tool !== "path_click") return false;
    this.choose("edit");
    return true;
  }

  number(value) {
    const layer = this.state.layers.find((each) => each.number === value);
    if (layer) this.select(layer.id);
    // Pressed again before the kernel has answered, it means the same mask.
    else if (value < 7 && !(this.adding.get(value) > this.answered)) this.adding.set(value, this.command("add_layer"));
  }

  // --- answers ------------------------------------------------------------------------------------------

  receive(message) {
    if (message.kind === "code") {
      this.code.hidden = false;
      this.code.querySelector("code").textContent = message.text;
      this.code.scrollIntoView({ block: "nearest" });
    }
  }

  get answered() {
    return this.state.done[this.client] ?? 0;
  }

  async update() {
    const state = this.model.get("state");
    if (state.turn < this.state.turn) {
      // Asked for all widgets there are, another thread of the kernel can tell an older state after a newer one.
      this.hello();
      return;
    }
    const before = this.state.view;
    this.state = state;
    if (["scale", "x", "y"].some((name) => before[name] !== state.view[name])) this.ink.follow(state.view);
    const done = this.answered;
    this.unanswered = this.seq - done;
    if (this.unanswered) this.since = performance.now();
    // What was chosen here and is still on its way is newer than what the kernel says.
    else this.local = { tool: state.tool, size: state.size, layer: state.layer };
    this.paint();
    // The drawing travels on another channel and is painted asynchronously: the echo stays until then.
    await this.drawings?.currentProcessing;
    requestAnimationFrame(() => this.ink.settled(done));
  }

  paint() {
    const { state, local } = this;
    this.root.setAttribute("aria-busy", String(this.unanswered > 0));
    this.root.dataset.radius = String(local.size);
    this.root.dataset.tool = local.tool;
    this.root.style.setProperty("--kn-stage-width", `${state.stage[0]}px`);
    this.root.style.setProperty("--kn-stage-ratio", `${state.stage[0]} / ${state.stage[1]}`);
    const chosen = state.layers.find((layer) => layer.id === local.layer);
    this.root.style.setProperty("--kn-color", chosen?.color ?? "#888888");
    this.toolbar.update(state, local);
    this.side.update(state, local);
    setText(this.said, state.message.text);
    this.said.dataset.level = state.message.level;
  }

  lateness() {
    const late = this.unanswered > 0 && performance.now() - this.since > WAITING_MS;
    const strokes = this.ink.busy;
    setText(this.waitingText, late ? `kernel busy: ${strokes ? `${strokes} stroke${strokes > 1 ? "s" : ""} waiting` : "waiting"}` : "");
  }

  // --- panels -------------------------------------------------------------------------------------------

  codePanel() {
    const panel = element("div", "kn-code-panel", { role: "region", "aria-label": "The drawing as Python" });
    panel.hidden = true;
    const source = element("code");
    const copy = element("button", "kn-text-button", { type: "button" });
    copy.textContent = "Copy";
    copy.addEventListener("click", async () => {
      await navigator.clipboard?.writeText(source.textContent).then(() => { copy.textContent = "Copied"; }, () => {});
      setTimeout(() => { copy.textContent = "Copy"; }, 1500);
    });
    const close = iconButton("remove", "Close", "", "kn-small");
    close.addEventListener("click", () => { panel.hidden = true; });
    panel.append(element("div", "kn-row", {}, copy, close), element("pre", "", {}, source));
    return panel;
  }

  loadPanel() {
    const panel = element("div", "kn-load-panel", { role: "group", "aria-label": "Load a drawing" });
    panel.hidden = true;
    const path = element("input", "kn-path", {
      type: "text", placeholder: "folder of a drawing, .json, .zip, or a picture of a mask", "aria-label": "File to load", spellcheck: "false",
    });
    const go = element("button", "kn-text-button", { type: "button" });
    go.textContent = "Load";
    const load = () => {
      this.send({ kind: "do", name: "load", layer: this.local.layer, path: path.value });
      panel.hidden = true;
      this.touched();
    };
    panel.append(path, go);
    go.addEventListener("click", load);
    // A form would be the usual way; notebook pages keep Enter from submitting it.
    path.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Enter") load();
      else if (event.key === "Escape") panel.hidden = true;
    });
    return panel;
  }
}

function render({ model, el }) {
  const pad = new Pad(model, el);
  return () => pad.close();
}

export default { render };
