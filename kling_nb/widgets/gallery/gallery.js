// The gallery on the page: which clips are in sight, what keys do, and what the kernel is told.

const REST_MS = 150; // a clip that passes by while scrolling gets no player
const AT_ONCE = 3; // players made in one turn
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const PAIRED = new Set(["wipe", "difference"]);

class Gallery {
  constructor(model, el) {
    this.model = model;
    this.view = Math.random().toString(36).slice(2, 10);
    this.store = new Store(model);
    this.clock = new Clock(() => this.moved());
    this.plan = model.get("plan");
    this.items = new Map();
    this.tiles = new Map();
    this.marked = [];
    this.paths = true;
    this.scrolled = 0;
    this.unsettled = new Set();
    this.wanted = new Set();
    this.details = new Map(Object.entries(model.get("details")));
    this.root = element("div", "kn-gallery", {
      role: "application", "aria-label": "Gallery of Kling runs", tabindex: "-1",
      // Lumino would take single letters as commands of the notebook (d d: delete the cell).
      "data-lm-suppress-shortcuts": "true",
    });
    this.keys = new Keys(this);
    this.judging = new Judging(this);
    this.bars = new Bars(this);
    this.list = element("div", "kn-tiles", { role: "group", "aria-label": "Runs" });
    this.stage = new Stage(this);
    this.said = element("div", "kn-said", { role: "status", "aria-live": "polite" });
    this.scroller = element("div", "kn-scroller", {}, this.stage.el, this.list);
    if (this.plan.mode === "blind") this.blind = new Blind(this, this.plan.question);
    this.root.append(this.blind?.el ?? this.bars.top, this.scroller, this.bars.bottom, this.said, this.bars.sheet);
    el.append(this.root);
    // Two looks: what is scrolled inside the gallery, and the gallery on the page of the notebook.
    this.sight = new IntersectionObserver((entries) => this.seen(entries), { root: this.scroller, rootMargin: "160px 0px" });
    this.whole = new IntersectionObserver((entries) => this.seenWhole(entries.at(-1).isIntersecting));
    this.fill(model.get("items"));
    this.takeMarks();
    this.setSize(this.firstSize());
    this.paired = () => this.blind.update();
    if (this.blind) {
      this.paths = false;
      this.bars.path.hidden = true;
      model.on("change:pair", this.paired);
      this.blind.update();
    } else this.setMode(this.plan.mode ?? "sheet");
    this.whole.observe(this.root);
    this.listeners = new AbortController();
    // Scrolling of the notebook as well as of the gallery.
    window.addEventListener("scroll", () => { this.scrolled = performance.now(); }, {
      capture: true, passive: true, signal: this.listeners.signal,
    });
    this.root.addEventListener("keydown", (event) => this.keys.key(event));
    this.root.addEventListener("focusin", (event) => this.focused(event));
    this.list.addEventListener("click", (event) => this.clicked(event));
    this.list.addEventListener("dblclick", (event) => this.doubled(event));
    this.received = (message, buffers) => this.receive(message, buffers);
    model.on("msg:custom", this.received);
    this.remarked = () => this.takeMarks();
    model.on("change:marked", this.remarked);
    model.send({ kind: "hello", view: this.view });
    this.timer = setInterval(() => this.judging.lateness(), 500);
    this.moved();
  }

  close() {
    clearInterval(this.timer);
    clearTimeout(this.settling);
    clearTimeout(this.wanting);
    this.listeners.abort();
    this.clock.pause();
    this.sight.disconnect();
    this.whole.disconnect();
    this.model.off("msg:custom", this.received);
    this.model.off("change:marked", this.remarked);
    this.model.off("change:pair", this.paired);
    for (const tile of this.tiles.values()) tile.screen.sleep();
    this.store.close();
    this.model.send({ kind: "gone", view: this.view });
  }

  nameOf(tile) {
    return tile.item.name || tile.item.id;
  }

  // --- runs -------------------------------------------------------------------------------------------

  fill(items) {
    for (const item of items) {
      const tile = new Tile(this, item);
      this.items.set(item.id, item);
      this.tiles.set(item.id, tile);
      if (this.details.has(item.id)) tile.screen.setDetails(this.details.get(item.id));
      this.sight.observe(tile.el);
    }
    // One shape for all, so that rows stay straight: most clips fill it, others stand in the middle.
    if (items.length) this.root.style.setProperty("--kn-common", String(median(items.map((item) => item.ratio))));
    this.bars.offer(items);
    this.focusTile([...this.tiles.values()][0], false);
  }

  patch(items) {
    for (const told of items) {
      const tile = this.tiles.get(told.id);
      if (!tile) continue;
      const item = this.judging.over(told);
      this.items.set(item.id, item);
      tile.update(item);
      if (item.clip && !this.details.get(item.id)?.facts) this.want(item.id);
      // A clip that has come while its place is in sight.
      this.unsettled.add(tile);
    }
    this.settleSoon(0);
    this.bars.offer([...this.items.values()]);
    this.arrange(false);
  }

  // Frame rate and requested path are asked for once a clip is in sight, for several clips at a time.
  want(id) {
    const known = this.details.get(id);
    if (known && (known.facts || !this.items.get(id).clip)) return;
    this.wanted.add(id);
    clearTimeout(this.wanting);
    this.wanting = setTimeout(() => {
      this.model.send({ kind: "details", ids: [...this.wanted] });
      this.wanted.clear();
    }, 60);
  }

  seen(entries) {
    for (const entry of entries) {
      const tile = this.tiles.get(entry.target.dataset.run);
      tile.inSight = entry.isIntersecting;
      if (tile.inSight) tile.screen.showPoster();
      this.unsettled.add(tile);
    }
    this.settleSoon(REST_MS);
  }

  settleSoon(wait) {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.settleSome(), wait);
  }

  // Players are made while nothing moves, a few at a time: scrolling stays smooth.
  settleSome() {
    const still = this.scrolled + REST_MS - performance.now();
    if (still > 0) {
      this.settleSoon(still);
      return;
    }
    let made = 0;
    for (const tile of this.unsettled) {
      if (made >= AT_ONCE) break;
      this.unsettled.delete(tile);
      this.settle(tile);
      made += tile.inSight ? 1 : 0;
    }
    if (this.unsettled.size) this.settleSoon(0);
  }

  seenWhole(visible) {
    this.visible = visible;
    if (!visible) this.clock.pause();
    for (const tile of this.tiles.values()) this.unsettled.add(tile);
    this.settleSoon(0);
  }

  settle(tile) {
    const onStage = this.stage.pair.includes(tile);
    if (this.visible && (tile.inSight || onStage)) {
      this.want(tile.item.id);
      tile.screen.wake();
      if (this.mode === "frames") tile.screen.strip();
    } else tile.screen.sleep();
  }

  loaded(screen) {
    if (screen === this.current?.screen) this.clock.leader = screen.player;
  }

  // --- ways of looking --------------------------------------------------------------------------------

  setMode(mode) {
    if (mode === "grid" && !this.plan.pivot) return;
    const set = this.compared();
    if (PAIRED.has(mode) && set.length < 2) {
      this.say("Mark two clips first: m, or the small box above the stars.");
      return;
    }
    this.mode = mode;
    this.root.dataset.mode = mode;
    this.bars.modes.get("grid").hidden = !this.plan.pivot;
    for (const [name, button] of this.bars.modes) setPressed(button, name === mode);
    this.stage.hide();
    this.stage.el.hidden = !PAIRED.has(mode);
    this.list.hidden = PAIRED.has(mode);
    const focused = this.root.contains(document.activeElement);
    this.arrange();
    if (PAIRED.has(mode)) this.stage.show(mode, set.slice(0, 2));
    for (const tile of this.tiles.values()) this.settle(tile);
    if (this.clock.playing) this.clock.hold();
    // What had the focus may have been hidden or moved: the keys go on working.
    if (focused && !this.root.contains(document.activeElement)) this.refocus();
  }

  refocus() {
    const target = this.list.hidden || !this.list.contains(this.current?.el) ? this.root : this.current.el;
    target.focus({ preventScroll: true });
  }

  // Two clips without a word; once all votes are given, all clips with what they are.
  showPair(pair, labels) {
    this.labels = labels;
    this.pairTiles = pair.left ? [pair.left, pair.right].map((id) => this.tiles.get(id)) : null;
    for (const tile of this.tiles.values()) tile.setLabel(labels ? labels[tile.item.id] : null, this.pairTiles?.indexOf(tile));
    this.clock.seek(0);
    this.setMode(pair.left ? "blind" : "sheet");
    if (pair.left) this.clock.play();
  }

  // The marked clips; without any, the one in focus and the one after it.
  compared() {
    if (this.marked.length > 1) return this.marked;
    const all = this.order ?? [...this.tiles.values()];
    const first = this.marked[0] ?? this.current ?? all[0];
    const rest = all.filter((tile) => tile !== first && tile.item.clip);
    const after = rest.find((tile) => all.indexOf(tile) > all.indexOf(first)) ?? rest[0];
    return [first, after].filter(Boolean);
  }

  arrange(scroll = true) {
    const shown = this.mode === "blind" ? this.pairTiles : this.chosen();
    this.place(shown);
    for (const tile of shown) tile.showScores(tile.item.scores, this.bars.order.value);
    this.order = shown;
    const left = this.plan.left_out ? `, ${this.plan.left_out} more not loaded` : "";
    this.bars.count.textContent = shown.length === this.tiles.size ? `${shown.length} runs${left}` : `${shown.length} of ${this.tiles.size} runs${left}`;
    if (scroll && this.current && !this.list.hidden) this.current.el.scrollIntoView({ block: "nearest" });
  }

  // What the filter lets through, in order; side by side the marked clips stand, or one alone.
  chosen() {
    if (this.mode === "side") {
      if (this.alone) return [this.alone];
      return this.marked.length ? this.marked : this.compared();
    }
    const fits = filterOf(this.bars);
    // A tile does not vanish below the hands of whoever writes on it.
    return sorted([...this.tiles.values()].filter((tile) => tile.field || fits(tile)), this.bars.order.value);
  }

  // Elements are moved only when their order has changed: a moved player stops.
  place(shown) {
    const known = `${this.mode}${shown.map((tile) => tile.item.id).join()}`;
    if (this.placed === known) return;
    this.placed = known;
    const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
    this.placing = true;
    if (this.mode === "grid") this.list.replaceChildren(pivotTable(this.plan.pivot, shown));
    else this.list.replaceChildren(...shown.map((tile) => tile.el));
    if (!shown.length) this.list.append(element("p", "kn-empty", {}, this.tiles.size ? "No run fits the filter." : "There are no runs yet."));
    this.list.style.setProperty("--kn-columns", String(Math.min(shown.length, 4) || 1));
    this.placing = false;
    // What is moved loses the focus: the next key would go to the notebook.
    focused?.focus({ preventScroll: true });
    if (focused && document.activeElement !== focused) this.refocus();
  }

  // A table of few columns is seen whole.
  firstSize() {
    const columns = this.plan.pivot?.col_labels.length;
    if (!columns) return this.tiles.size <= 2 ? 420 : 240;
    const room = (this.root.clientWidth || 1000) - 160;
    return Math.max(140, Math.min(320, Math.floor(room / columns / 10) * 10 - 10));
  }

  setSize(size) {
    this.bars.size.value = String(size);
    this.root.style.setProperty("--kn-tile", `${size}px`);
  }

  setLoop(loop) {
    this.clock.loop = loop;
    this.moved();
  }

  setPaths(paths) {
    this.paths = paths;
    this.moved();
  }

  moved() {
    if (!this.bars) return;
    this.root.toggleAttribute("data-paths", this.paths);
    // At rest at the beginning the poster, which is the first frame, is as good and costs nothing.
    this.root.toggleAttribute("data-moving", this.clock.playing);
    this.bars.update();
  }

  // --- what a person does -----------------------------------------------------------------------------

  tileOf(node) {
    return this.tiles.get(node.closest?.(".kn-tile")?.dataset.run);
  }

  focused(event) {
    const tile = this.tileOf(event.target);
    if (tile) this.focusTile(tile, false);
  }

  focusTile(tile, move = true) {
    if (!tile) return;
    if (this.current && this.current !== tile) {
      this.current.el.tabIndex = -1;
      delete this.current.el.dataset.current;
    }
    this.current = tile;
    tile.el.tabIndex = 0;
    tile.el.dataset.current = "";
    if (tile.screen.player) this.clock.leader = tile.screen.player;
    if (move) {
      tile.el.focus({ preventScroll: true });
      tile.el.scrollIntoView({ block: "nearest" });
    }
  }

  clicked(event) {
    const tile = this.tileOf(event.target);
    if (!tile) return;
    this.focusTile(tile, false);
    if (event.target.closest(".kn-mark")) this.toggleMark(tile);
    else if (!event.target.closest("button")) tile.el.focus({ preventScroll: true });
  }

  doubled(event) {
    const tile = this.tileOf(event.target);
    if (tile && event.target.closest(".kn-slot")) this.open(tile);
  }

  open(tile) {
    this.alone = this.marked.length > 1 && this.mode !== "side" ? null : tile;
    this.setMode("side");
  }

  toggleMark(tile) {
    this.marked = this.marked.includes(tile) ? this.marked.filter((each) => each !== tile) : [...this.marked, tile];
    this.marks();
    this.model.set("marked", this.marked.map((each) => each.item.id));
    this.model.save_changes();
  }

  // Another view of this gallery, or Python, has marked something.
  takeMarks() {
    this.marked = this.model.get("marked").map((id) => this.tiles.get(id)).filter(Boolean);
    this.marks();
  }

  marks() {
    for (const tile of this.tiles.values()) {
      const place = this.marked.indexOf(tile);
      tile.setMarked(place < 0 ? "" : LETTERS[place] ?? String(place + 1));
    }
  }

  judge(tile, given) {
    if (tile) this.judging.judge(tile, given);
  }

  say(text, level = "") {
    setText(this.said, text);
    this.said.dataset.level = level;
  }

  receive(message, buffers) {
    if (message.kind === "items") this.patch(message.items);
    else if (message.kind === "media") this.store.receive(message, buffers);
    else if (message.kind === "judged") this.judging.judged(message);
    else if (message.kind === "said") {
      this.say(message.text, message.level);
      if (message.level === "E") this.blind?.failed();
    } else if (message.kind === "details") {
      for (const [id, details] of Object.entries(message.details)) {
        this.details.set(id, details);
        this.tiles.get(id)?.screen.setDetails(details);
        if (this.mode === "frames" && this.tiles.get(id)?.inSight) this.tiles.get(id).screen.strip();
      }
    }
  }
}

function render({ model, el }) {
  const gallery = new Gallery(model, el);
  return () => gallery.close();
}

export default { render };
