// Ratings and other words about a run: shown at once, sent to the kernel, and marked until they are in the log.

const LATE_MS = 1500;

class Judging {
  constructor(gallery) {
    this.gallery = gallery;
    this.seq = 0;
    this.unsaved = new Map();
  }

  judge(tile, given) {
    if (!tile) return;
    this.seq += 1;
    this.unsaved.set(this.seq, { tile, given, since: performance.now() });
    tile.el.dataset.unsaved = "";
    tile.update({ ...tile.item, ...given });
    this.gallery.model.send({ kind: "judge", id: tile.item.id, seq: `${this.gallery.view} ${this.seq}`, given });
    const [[name, value]] = Object.entries(given);
    const told = {
      rating: () => (value === null ? "not rated" : `rated ${value}`),
      kept: () => (value === null ? "undecided" : value ? "kept" : "discarded"),
      tags: () => (value.length ? `tagged ${value.join(", ")}` : "no tags"),
      note: () => "note written",
    };
    this.gallery.say(`${this.gallery.nameOf(tile)}: ${told[name]()}`);
  }

  judged(message) {
    const [view, seq] = String(message.seq).split(" ");
    const waiting = view === this.gallery.view ? this.unsaved.get(Number(seq)) : null;
    if (waiting) {
      this.unsaved.delete(Number(seq));
      if (![...this.unsaved.values()].some((each) => each.tile === waiting.tile)) delete waiting.tile.el.dataset.unsaved;
    }
    if (message.item) this.gallery.patch([message.item]);
  }

  // What was pressed and is still on its way is newer than anything the kernel says.
  over(item) {
    const given = [...this.unsaved.values()].filter(({ tile }) => tile.item.id === item.id).map((each) => each.given);
    return Object.assign({}, item, ...given);
  }

  lateness() {
    const late = [...this.unsaved.values()].some(({ since }) => performance.now() - since > LATE_MS);
    // What has been said since stays.
    if (!late && this.told && this.gallery.said.textContent === this.told) this.gallery.say("");
    this.told = late ? `Kernel busy: ${this.unsaved.size} judgement${this.unsaved.size > 1 ? "s" : ""} waiting.` : "";
    if (late) this.gallery.say(this.told);
  }
}
