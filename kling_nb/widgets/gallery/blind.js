// Which of two clips is better, without a word about them: labels come back when all votes are given.

const ANSWERS = [
  ["left", "Left is better", "1"], ["tie", "No difference", "3"], ["right", "Right is better", "2"],
];

class Blind {
  constructor(gallery, question) {
    this.gallery = gallery;
    this.question = element("span", "kn-question", {}, question);
    this.progress = element("progress", "kn-votes", { max: "1", value: "0", "aria-label": "Votes given" });
    this.count = element("span", "kn-count", { role: "status" });
    this.buttons = ANSWERS.map(([outcome, label, key]) => {
      const button = element("button", "kn-plain kn-vote", { type: "button", title: `${label} (${key})`, "aria-keyshortcuts": key }, label);
      // The second click of a double click would be a vote on a pair that nobody has seen.
      button.addEventListener("click", (event) => event.detail < 2 && this.vote(outcome));
      return button;
    });
    this.skip = element("button", "kn-plain", { type: "button", title: "Skip this pair (s)", "aria-keyshortcuts": "s" }, "Skip");
    this.undo = element("button", "kn-plain", { type: "button", title: "Take the last vote back (Backspace)", "aria-keyshortcuts": "Backspace" }, "Undo");
    this.skip.addEventListener("click", () => this.vote("skip"));
    this.undo.addEventListener("click", () => this.takeBack());
    const head = element("div", "kn-blind-head", {}, this.question, this.progress, this.count);
    this.answers = element("div", "kn-answers", {}, ...this.buttons, this.skip, this.undo);
    this.ranking = element("p", "kn-ranking", { role: "status" });
    this.el = element("div", "kn-blind", { role: "group", "aria-label": "Blind comparison" }, head, this.answers, this.ranking);
    this.sent = -1;
  }

  get pair() {
    return this.gallery.model.get("pair");
  }

  vote(outcome) {
    const { done, left } = this.pair;
    // One vote a pair, however often a key is pressed while the kernel is busy.
    if (!left || this.sent === done) return;
    this.sent = done;
    this.answers.dataset.waiting = "";
    this.gallery.model.send({ kind: "vote", outcome, done });
  }

  takeBack() {
    this.sent = -1;
    this.gallery.model.send({ kind: "unvote" });
  }

  key(key, again) {
    const keys = { 1: "left", 2: "right", 3: "tie", 0: "tie", "=": "tie", s: "skip" };
    if (!keys[key] && key !== "Backspace") return false;
    if (!again && keys[key]) this.vote(keys[key]);
    else if (!again) this.takeBack();
    return true;
  }

  // A vote that could not be written has not been given.
  failed() {
    this.sent = -1;
    delete this.answers.dataset.waiting;
  }

  update() {
    const { done, of, left, labels } = this.pair;
    this.sent = Math.min(this.sent, done - 1);
    delete this.answers.dataset.waiting;
    this.progress.max = of;
    this.progress.value = done;
    setText(this.count, left ? `${done} of ${of} votes` : `all ${of} votes given`);
    setText(this.ranking, this.pair.ranking ?? "");
    this.undo.disabled = !done;
    for (const button of [...this.buttons, this.skip]) button.hidden = !left;
    this.gallery.showPair(this.pair, labels);
  }
}
