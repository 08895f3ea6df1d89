// The live card of one run. Text reaches the page through textContent only: prompts and messages are data.

function element(tag, name, attributes = {}) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// JupyterLab and Notebook put the server's base URL into the page; without it nothing is fetched by address.
function filesAddress(path) {
  const config = document.getElementById("jupyter-config-data");
  if (!config || path === null || path === undefined) return null;
  try {
    const base = JSON.parse(config.textContent).baseUrl;
    return base ? `${base.replace(/\/$/, "")}/files/${path}` : null;
  } catch {
    return null;
  }
}

function build(el, model) {
  const at = {};
  const root = element("div", "kn-card", { role: "group" });
  const head = element("div", "kn-head");
  at.status = element("span", "kn-status", { role: "status", "aria-live": "polite" });
  at.model = element("span", "kn-model");
  at.form = element("span", "kn-form", { title: "What is made: from a picture, from words alone, or from an earlier clip" });
  at.parent = element("span", "kn-parent", { title: "The clip that goes on" });
  at.provider = element("span", "kn-provider", { title: "Service that makes the video" });
  at.id = element("span", "kn-id", { title: "Run id: kn.run(\"…\") and %kling show find the run by it" });
  at.reused = element("span", "kn-reused", { title: "An identical run existed; --again makes another one" });
  at.reused.textContent = "reused, no charge";
  at.time = element("span", "kn-time", { title: "Elapsed; expected from your own runs of this kind" });
  head.append(at.status, at.model, at.form, at.parent, at.provider, at.id, at.reused, at.time);
  at.progress = element("div", "kn-progress", {
    role: "progressbar", "aria-label": "Progress by expected time", "aria-valuemin": "0", "aria-valuemax": "100",
  });
  at.bar = element("div", "kn-bar");
  at.progress.append(at.bar);
  at.media = element("div", "kn-media");
  at.file = element("div", "kn-file");
  at.scores = new ScorePart((what) => model.send({ kind: "picture", what }));
  at.message = element("p", "kn-message", { "aria-live": "polite" });
  at.errors = element("div", "", { role: "alert" });
  at.check = element("div", "kn-check");
  at.console = element("a", "", { target: "_blank", rel: "noopener noreferrer" });
  at.command = element("code", "", { title: "Put the id you found in place of <task id>" });
  at.copyCommand = element("button", "kn-copy-command", { type: "button", title: "Copies the line to the clipboard" });
  at.copyCommand.textContent = "Copy line";
  at.check.append(at.console, at.command, at.copyCommand);
  at.notices = element("div");
  at.prompt = element("p", "kn-prompt");
  at.cost = element("div", "kn-cost", { title: "List price as estimate; what the service deducted once it says so" });
  at.params = element("details", "kn-params");
  const paramsTitle = element("summary");
  paramsTitle.textContent = "Parameters";
  at.rows = element("dl");
  at.params.append(paramsTitle, at.rows);
  at.code = element("details", "kn-code");
  const codeTitle = element("summary");
  codeTitle.textContent = "Show as Python";
  const pre = element("pre");
  at.source = element("code");
  pre.append(at.source);
  at.code.append(codeTitle, pre);
  at.cell = element("details", "kn-code kn-cell");
  const cellTitle = element("summary");
  cellTitle.textContent = "Show as cell";
  const cellPre = element("pre");
  at.cellSource = element("code");
  cellPre.append(at.cellSource);
  at.cell.append(cellTitle, cellPre);
  at.actions = element("div", "kn-actions");
  at.stop = element("button", "kn-stop", {
    type: "button", title: "Stops following only: the service offers no way to cancel a task",
  });
  at.stop.textContent = "Stop following";
  at.follow = element("button", "kn-follow", { type: "button", title: "Asks the service about the task again" });
  at.follow.textContent = "Follow again";
  at.load = element("button", "kn-load", { type: "button", title: "Sends the video file to this page" });
  at.load.textContent = "Load video";
  at.copy = element("button", "kn-copy", { type: "button", title: "Copies the Python call to the clipboard" });
  at.copy.textContent = "Copy Python";
  at.copyCell = element("button", "kn-copy-cell", { type: "button", title: "Copies the %%kling cell to the clipboard" });
  at.copyCell.textContent = "Copy as cell";
  at.paths = element("label", "kn-paths-choice", { title: "Asked path solid, measured path dashed; the dots show both at this moment" });
  at.pathsBox = element("input", "", { type: "checkbox" });
  at.pathsBox.checked = true;
  at.paths.append(at.pathsBox, " paths over the clip");
  at.paths.hidden = true;
  at.actions.append(at.paths, at.stop, at.follow, at.load, at.copy, at.copyCell);
  root.append(
    head, at.progress, at.media, at.file, at.scores.el, at.message, at.errors, at.check, at.notices, at.prompt, at.cost, at.params, at.code,
    at.cell, at.actions,
  );
  el.append(root);
  at.root = root;
  return at;
}

function lines(parent, name, texts) {
  // Screen readers announce what is replaced: only what has changed is.
  const known = JSON.stringify(texts);
  if (parent.dataset.known === known) return;
  parent.dataset.known = known;
  parent.replaceChildren(...texts.map((text) => {
    const line = element("p", name);
    line.textContent = text;
    return line;
  }));
}

function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
  node.hidden = !value;
}

function copies(button, read, otherwise) {
  const label = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(read());
      button.textContent = "Copied";
    } catch {
      otherwise();
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}

class Media {
  constructor(model, at) {
    this.model = model;
    this.at = at;
    this.addresses = [];
    this.shown = "";
    this.asked = false;
    this.blob = null;
    this.pathsKnown = "";
  }

  address(data, type) {
    const address = URL.createObjectURL(new Blob([data], { type }));
    this.addresses.push(address);
    return address;
  }

  poster() {
    const data = this.model.get("poster");
    if (!data || !data.byteLength) return null;
    if (this.posterData !== data) {
      this.posterData = data;
      const first = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, 1)[0];
      this.posterAddress = this.address(data, first === 0x89 ? "image/png" : "image/jpeg");
    }
    return this.posterAddress;
  }

  update(state) {
    const video = state.video;
    const poster = this.poster();
    if (!video) {
      this.picture(poster, state);
      return;
    }
    text(this.at.file, `${video.path} (${(video.bytes / 1e6).toFixed(1)} MB)`);
    this.paths = state.scores?.paths ?? null;
    this.drawPaths();
    const address = this.blob ?? (this.broken ? null : filesAddress(video.url_path));
    if (address) this.play(address, poster, state);
    else {
      this.picture(poster, state);
      if (video.embeds) this.ask();
      this.at.load.hidden = this.asked;
    }
  }

  picture(poster, state) {
    if (!poster || this.shown === poster) return;
    this.shown = poster;
    const image = element("img", "kn-poster", { alt: `Start image of run ${state.id}` });
    image.src = poster;
    this.at.media.replaceChildren(image);
  }

  play(address, poster, state) {
    if (this.shown === address) return;
    this.shown = address;
    const player = element("video", "kn-video", {
      controls: "", loop: "", playsinline: "", preload: "metadata", "aria-label": `Video of run ${state.id}`,
    });
    player.muted = true;
    if (poster) player.poster = poster;
    player.addEventListener("error", () => {
      if (this.blob) return;
      // The server does not serve the file: have the kernel send it.
      this.broken = true;
      this.update(this.model.get("state"));
    });
    player.src = address;
    this.player = player;
    this.box = element("div", "kn-film-box");
    this.box.append(player);
    this.at.media.replaceChildren(this.box);
    this.pathsKnown = "";
    this.drawPaths();
  }

  // Over the player, whenever there is one and the scores are known.
  drawPaths() {
    const known = JSON.stringify(this.paths);
    this.at.paths.hidden = !this.paths || !this.box;
    if (!this.box || this.pathsKnown === known) return;
    this.pathsKnown = known;
    this.unfollow?.();
    this.overlay?.el.remove();
    this.overlay = null;
    if (!this.paths) return;
    this.overlay = new PathOverlay(this.paths);
    this.unfollow = followVideo(this.player, this.overlay);
    this.box.append(this.overlay.el);
    this.showPaths(this.at.pathsBox.checked);
  }

  showPaths(shown) {
    this.overlay?.el.toggleAttribute("hidden", !shown);
  }

  ask() {
    if (this.asked) return;
    this.asked = true;
    this.model.send({ kind: "video" });
  }

  receive(buffers) {
    // What another view of the card has asked for is not for this one, which may be playing.
    if (!this.asked || this.blob) return;
    if (!buffers[0].byteLength) {
      // The file is away for the moment: it can be asked for again.
      this.asked = false;
      this.at.load.hidden = false;
      return;
    }
    this.blob = this.address(buffers[0], "video/mp4");
    this.update(this.model.get("state"));
  }

  close() {
    this.unfollow?.();
    for (const address of this.addresses) URL.revokeObjectURL(address);
  }
}

function render({ model, el }) {
  const at = build(el, model);
  const media = new Media(model, at);
  let clockOffset = 0;

  function tick() {
    const state = model.get("state");
    const start = state.started_ms;
    const running = !state.final && state.finished_ms === null && start !== null;
    at.progress.hidden = state.final || !state.following;
    // A lost answer has no clock: nothing goes on until a person has found its task.
    if (start === null || state.check) {
      text(at.time, "");
      at.progress.toggleAttribute("data-unknown", true);
      return;
    }
    const elapsed = ((running ? Date.now() + clockOffset : state.finished_ms ?? start) - start) / 1000;
    const expected = running ? state.expected_s : null;
    text(at.time, clock(elapsed) + (expected ? ` of about ${clock(expected)}` : ""));
    at.progress.toggleAttribute("data-unknown", !expected);
    if (expected) {
      // Never full before it is done: the expected time is a median, not a promise.
      const share = Math.round(100 * Math.min(0.97, elapsed / expected));
      at.bar.style.width = `${share}%`;
      at.progress.setAttribute("aria-valuenow", String(share));
    } else {
      at.bar.style.width = "";
      at.progress.removeAttribute("aria-valuenow");
    }
  }

  function update() {
    const state = model.get("state");
    if (!state.id) return;
    at.root.dataset.status = state.status;
    at.root.dataset.run = state.id;
    at.root.setAttribute("aria-label", `Kling run ${state.id}: ${state.status}`);
    text(at.status, state.status);
    at.status.title = state.explained + (state.service_status ? ` The service says: ${state.service_status}.` : "");
    text(at.model, state.model);
    text(at.form, state.form);
    text(at.parent, state.parent && `goes on from ${state.parent}`);
    text(at.provider, state.provider);
    text(at.id, state.id);
    at.reused.hidden = !state.reused;
    text(at.message, state.message);
    lines(at.errors, "kn-error", state.error);
    at.check.hidden = !state.check;
    if (state.check) {
      // The address is a constant of ours, never something a service said.
      if (state.check.console) at.console.href = state.check.console;
      else at.console.removeAttribute("href");
      at.console.textContent = `Look for the task at ${state.check.title}`;
      at.command.textContent = state.check.command;
    }
    lines(at.notices, "kn-notice", state.notices);
    text(at.prompt, state.prompt);
    text(at.cost, state.cost);
    const rows = [...state.params];
    for (const key of ["name", "note"]) if (state[key]) rows.push([key, state[key]]);
    if (state.tags.length) rows.push(["tags", state.tags.join(", ")]);
    at.rows.replaceChildren(...rows.flatMap(([key, value]) => {
      const term = element("dt");
      const description = element("dd");
      term.textContent = key;
      description.textContent = value;
      return [term, description];
    }));
    at.params.hidden = !rows.length;
    at.source.textContent = state.code;
    at.cellSource.textContent = state.cell;
    at.cell.hidden = at.copyCell.hidden = !state.cell;
    at.stop.hidden = state.final || !state.following;
    at.follow.hidden = state.final || state.following || Boolean(state.check);
    at.load.hidden = true;
    at.scores.update(state.scores, state.open_scores);
    media.update(state);
    tick();
  }

  function receive(message, buffers) {
    if (message.kind === "time") clockOffset = message.now_ms - Date.now();
    if (message.kind === "video" && buffers.length) media.receive(buffers);
    if (message.kind === "picture") at.scores.receive(message, buffers[0]);
  }

  at.stop.addEventListener("click", () => model.send({ kind: "stop" }));
  at.follow.addEventListener("click", () => model.send({ kind: "follow" }));
  at.pathsBox.addEventListener("change", () => media.showPaths(at.pathsBox.checked));
  at.load.addEventListener("click", () => { media.ask(); at.load.hidden = true; });
  copies(at.copy, () => model.get("state").code, () => { at.code.open = true; });
  copies(at.copyCell, () => model.get("state").cell, () => { at.cell.open = true; });
  copies(at.copyCommand, () => model.get("state").check?.command ?? "", () => {
    getSelection().selectAllChildren(at.command);
  });
  model.on("change:state", update);
  model.on("change:poster", update);
  model.on("msg:custom", receive);
  const timer = setInterval(tick, 500);
  update();
  model.send({ kind: "time" });

  return () => {
    clearInterval(timer);
    model.off("change:state", update);
    model.off("change:poster", update);
    model.off("msg:custom", receive);
    media.close();
    at.scores.close();
  };
}

export default { render };
