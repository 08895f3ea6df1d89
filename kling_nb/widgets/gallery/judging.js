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
    this.unsaved.set(this.seq, { tile, since: performance.now() });
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
      const more = [...this.unsaved.values()].some((each) => each.tile === waiting.tile);
      if (!more) delete waiting.tile.el.dataset.unsaved;
      // What was pressed since is newer than this answer.
      if (more) return;
    }
    if (message.item) this.gallery.patch([message.item]);
  }

  lateness() {
    const late = [...this.unsaved.values()].some(({ since }) => performance.now() - since > LATE_MS);
    if (late) this.gallery.say(`Kernel busy: ${this.unsaved.size} judgement${this.unsaved.size > 1 ? "s" : ""} waiting.`);
    this.wasLate = late || (this.wasLate && this.gallery.say(""));
  }
}
