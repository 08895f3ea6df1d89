// The bars of the gallery: ways of looking, filter and order above; the clock below; help on top of both.

const MODES = [
  ["sheet", "All clips", "g"],
  ["grid", "Table of clips", "v"],
  ["side", "Marked clips side by side", "c"],
  ["wipe", "Two clips with a wipe", "w"],
  ["difference", "What differs between two clips", "x"],
  ["frames", "Frames of each clip", "f"],
];
const SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2, 4];
const ORDERS = [
  ["given", "order given"], ["newest", "newest first"], ["oldest", "oldest first"],
  ["best", "best first"], ["worst", "worst first"], ["model", "by model"], ["prompt", "by prompt"],
];
const RATED = [
  ["", "any rating"], ["none", "not rated"], ["1", "★ and more"], ["2", "★★ and more"], ["3", "★★★ and more"],
  ["4", "★★★★ and more"], ["5", "★★★★★"], ["kept", "kept"], ["discarded", "discarded"], ["undecided", "undecided"],
];
const KEYS = [
  ["Space", "play or pause all"], ["← →", "one frame back or on (Shift: ten)"], ["Home End", "first, last frame"],
  [", .", "slower, faster"], ["l", "loop"], ["↑ ↓ p n", "run before, run after"], ["0…5", "rate the run"],
  ["k d u", "keep, discard, undecided"], ["# e", "tags, note of the run"], ["z", "take the last judgement back"], ["m", "mark for comparing"], ["Enter", "this run, or the marked ones, large"],
  ["c w x f", "side by side, wipe, difference, frames"], ["g v", "all clips, table"], ["Alt ← →", "move the wipe"],
  ["t", "asked path (solid), measured path (dashed)"], ["s", "sound of this run"], ["Esc", "back to all clips"], ["?", "this help"],
];

function select(label, options) {
  const made = element("select", "kn-choice", { "aria-label": label, title: label });
  for (const [value, text] of options) made.append(new Option(text, value));
  return made;
}

function time(seconds) {
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;
}

class Bars {
  constructor(gallery) {
    this.gallery = gallery;
    this.top = element("div", "kn-bar-top", { role: "toolbar", "aria-label": "Ways of looking" });
    this.modes = new Map(MODES.map(([mode, label, key]) => {
      const button = iconButton(mode, label, key);
      button.addEventListener("click", () => {
        gallery.alone = null;
        gallery.setMode(mode);
      });
      return [mode, button];
    }));
    this.status = select("Show by status", [["", "any status"]]);
    this.model = select("Show by model", [["", "any model"]]);
    this.rated = select("Show by rating", RATED);
    this.order = select("Order", ORDERS);
    this.search = element("input", "kn-search", { type: "search", placeholder: "prompt, tag, id", "aria-label": "Search in prompts, tags and ids" });
    this.size = element("input", "kn-size", { type: "range", min: "140", max: "520", step: "10", "aria-label": "Size of the clips", title: "Size of the clips" });
    this.count = element("span", "kn-count", { role: "status" });
    this.help = iconButton("help", "Keys and tips", "?");
    this.top.append(
      element("div", "kn-group", {}, ...this.modes.values()),
      element("div", "kn-group kn-filters", {}, this.status, this.model, this.rated, this.order, this.search),
      this.count, this.size, this.help,
    );
    for (const choice of [this.status, this.model, this.rated, this.order]) choice.addEventListener("change", () => gallery.arrange());
    this.search.addEventListener("input", () => gallery.arrange());
    this.size.addEventListener("input", () => gallery.setSize(Number(this.size.value)));
    this.help.addEventListener("click", () => this.toggleHelp());
    this.bottom = this.transport();
    this.sheet = this.helpSheet();
  }

  transport() {
    const { clock } = this.gallery;
    this.play = iconButton("play", "Play all", "Space");
    this.back = iconButton("back", "One frame back", "←");
    this.on = iconButton("forward", "One frame on", "→");
    this.loop = iconButton("loop", "Loop", "l");
    this.path = iconButton("path", "Asked path solid, measured path dashed", "t");
    this.scrub = element("input", "kn-scrub", { type: "range", min: "0", max: "1", step: "any", value: "0", "aria-label": "Moment of all clips" });
    this.time = element("span", "kn-time");
    this.speed = select("Speed", SPEEDS.map((speed) => [String(speed), `${speed}×`]));
    this.speed.value = "1";
    this.play.addEventListener("click", () => clock.toggle());
    this.back.addEventListener("click", () => clock.step(-1));
    this.on.addEventListener("click", () => clock.step(1));
    this.loop.addEventListener("click", () => this.gallery.setLoop(!clock.loop));
    this.path.addEventListener("click", () => this.gallery.setPaths(!this.gallery.paths));
    this.speed.addEventListener("change", () => clock.setSpeed(Number(this.speed.value)));
    this.scrub.addEventListener("input", () => clock.seek(Number(this.scrub.value)));
    const buttons = element("div", "kn-group", {}, this.play, this.back, this.on);
    return element("div", "kn-bar-bottom", { role: "toolbar", "aria-label": "Playing" },
      buttons, this.scrub, this.time, this.speed, element("div", "kn-group", {}, this.loop, this.path));
  }

  helpSheet() {
    const list = element("dl", "");
    for (const [keys, meaning] of KEYS) {
      const term = element("dt");
      term.append(...keys.split(" ").map((key) => element("kbd", "", {}, key)));
      list.append(term, element("dd", "", {}, meaning));
    }
    const close = iconButton("remove", "Close", "Esc", "kn-close");
    close.addEventListener("click", () => this.toggleHelp());
    const about = element("p", "", {}, "What you rate, keep or discard is in the run log at once: kn.runs() shows it, other views and kernels too.");
    const sheet = element("div", "kn-help", { role: "dialog", "aria-label": "Keys of the gallery", tabindex: "-1" }, close, list, about);
    sheet.hidden = true;
    return sheet;
  }

  toggleHelp() {
    this.sheet.hidden = !this.sheet.hidden;
    if (this.sheet.hidden) this.gallery.root.focus({ preventScroll: true });
    else this.sheet.focus({ preventScroll: true });
  }

  // Values that the runs have, so that nothing is offered that shows nothing.
  offer(items) {
    for (const [choice, name] of [[this.status, "status"], [this.model, "model"]]) {
      const values = [...new Set(items.map((item) => item[name]).filter(Boolean))].sort();
      const chosen = choice.value;
      fillChanged(choice, values, () => [new Option(`any ${name}`, ""), ...values.map((value) => new Option(value, value))]);
      choice.value = values.includes(chosen) ? chosen : "";
      choice.hidden = values.length < 2;
    }
    this.offerScores(items);
  }

  // Scores that some run has, below the other orders.
  offerScores(items) {
    const labels = this.gallery.plan.orders;
    const names = Object.keys(labels).filter((name) => items.some((item) => item.scores?.goodness[name] !== undefined));
    const chosen = this.order.value;
    fillChanged(this.order, ["orders", ...names], () => {
      const plain = ORDERS.map(([value, text]) => new Option(text, value));
      if (!names.length) return plain;
      const group = element("optgroup", "", { label: "by score; frozen and blurred ones last" });
      group.append(...names.map((name) => new Option(name === "motion" ? "most motion first" : `best ${labels[name]} first`, `score:${name}`)));
      return [...plain, group];
    });
    this.order.value = chosen;
    if (!this.order.value) this.order.value = "given";
  }

  update() {
    const { gallery } = this;
    const { clock } = gallery;
    const length = clock.length;
    const state = clock.playing ? "pause" : "play";
    if (this.play.dataset.state !== state) {
      this.play.dataset.state = state;
      this.play.replaceChildren(icon(state));
      this.play.title = clock.playing ? "Pause all (Space)" : "Play all (Space)";
      this.play.setAttribute("aria-label", clock.playing ? "Pause all" : "Play all");
    }
    this.scrub.max = String(length || 1);
    this.scrub.value = String(clock.position);
    const last = Math.max(0, Math.round(length * clock.fps) - 1);
    const frame = Math.min(clock.frame, last);
    this.time.textContent = `${time(Math.min(clock.position, length))} / ${time(length)} · frame ${frame} of ${last}`;
    this.scrub.setAttribute("aria-valuetext", `${time(clock.position)}, frame ${frame}`);
    setPressed(this.loop, clock.loop);
    setPressed(this.path, gallery.paths);
    if (document.activeElement !== this.speed) this.speed.value = String(clock.speed);
  }
}
