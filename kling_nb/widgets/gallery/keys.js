// What the keys of the gallery do.

// While labels are hidden, no key leads to them.
const BLIND_KEYS = new Set([" ", "ArrowLeft", "ArrowRight", "Home", "End", ",", ".", "l"]);

// What goes on while a key is held down; nothing else is done twice by a key that is let go a moment late.
const HELD_KEYS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "n", "p", ",", "."]);

class Keys {
  constructor(gallery) {
    this.gallery = gallery;
  }

  // Where ↑ and ↓ lead: the tile that stands in the neighbouring line, or the next one.
  neighbour(way) {
    const all = this.gallery.order;
    const at = all.indexOf(this.gallery.current);
    return all[Math.max(0, Math.min(all.length - 1, at + way))];
  }

  line(way) {
    const all = this.gallery.order;
    if (!this.gallery.current) return null;
    const here = this.gallery.current.el.getBoundingClientRect();
    const others = all.filter((tile) => {
      const box = tile.el.getBoundingClientRect();
      return way > 0 ? box.top >= here.bottom - 1 : box.bottom <= here.top + 1;
    });
    const far = (tile) => {
      const box = tile.el.getBoundingClientRect();
      return Math.abs(box.top - here.top) * 1000 + Math.abs(box.left - here.left);
    };
    return others.reduce((best, tile) => (best && far(best) <= far(tile) ? best : tile), null) ?? this.gallery.current;
  }

  key(event) {
    if (event.target.matches("input[type=search], input[type=text], select, textarea")) {
      if (event.key === "Escape") this.gallery.root.focus();
      event.stopPropagation();
      return;
    }
    if (event.ctrlKey || event.metaKey) return;
    const onButton = event.target.matches("button") && [" ", "Enter"].includes(event.key);
    if (onButton && event.repeat) event.preventDefault();
    const onRange = event.target.matches("input[type=range]") && event.target !== this.gallery.bars.scrub;
    if (onButton || (onRange && event.key.startsWith("Arrow")) || !this.act(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  act(event) {
    const { clock, current } = this.gallery;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const again = event.repeat && !HELD_KEYS.has(key);
    if (this.gallery.blind?.key(key, again)) return true;
    if (this.gallery.pairTiles && !BLIND_KEYS.has(key)) return false;
    if (event.altKey) {
      if (!key.startsWith("Arrow") || this.gallery.mode !== "wipe") return false;
      this.gallery.stage.setShare(this.gallery.stage.share + (key === "ArrowRight" ? 0.02 : -0.02));
      return true;
    }
    const frames = event.shiftKey ? 10 : 1;
    const ways = {
      " ": () => clock.toggle(),
      ArrowLeft: () => clock.step(-frames),
      ArrowRight: () => clock.step(frames),
      Home: () => clock.seek(0),
      End: () => clock.seek(clock.length - 0.5 / clock.fps),
      ArrowUp: () => this.gallery.focusTile(this.line(-1)),
      ArrowDown: () => this.gallery.focusTile(this.line(1)),
      n: () => this.gallery.focusTile(this.neighbour(1)),
      p: () => this.gallery.focusTile(this.neighbour(-1)),
      ",": () => this.faster(-1),
      ".": () => this.faster(1),
      l: () => this.gallery.setLoop(!clock.loop),
      t: () => this.gallery.setPaths(!this.gallery.paths),
      s: () => this.toggleSound(current),
      m: () => current && this.gallery.toggleMark(current),
      k: () => this.gallery.judge(current, { kept: true }),
      d: () => this.gallery.judge(current, { kept: false }),
      u: () => this.gallery.judge(current, { kept: null }),
      "#": () => current?.edit("tags"),
      e: () => current?.edit("note"),
      z: () => this.gallery.model.send({ kind: "undo" }),
      Enter: () => current && this.gallery.open(current),
      c: () => { this.gallery.alone = null; this.gallery.setMode("side"); },
      w: () => this.gallery.setMode("wipe"),
      x: () => this.gallery.setMode("difference"),
      f: () => this.gallery.setMode("frames"),
      g: () => this.gallery.setMode("sheet"),
      v: () => this.gallery.setMode("grid"),
      "?": () => this.gallery.bars.toggleHelp(),
      Escape: () => (this.gallery.bars.sheet.hidden ? this.gallery.setMode(this.gallery.plan.pivot ? "grid" : "sheet") : this.gallery.bars.toggleHelp()),
    };
    if (/^[0-5]$/.test(key)) ways[key] = () => this.gallery.judge(current, { rating: Number(key) });
    if (!ways[key]) return false;
    if (!again) ways[key]();
    return true;
  }

  faster(way) {
    const at = SPEEDS.indexOf(this.gallery.clock.speed);
    this.gallery.clock.setSpeed(SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at + way))]);
  }

  toggleSound(tile) {
    const video = tile?.screen.player?.video;
    if (!video) return;
    const muted = !video.muted;
    for (const player of this.gallery.clock.players) player.video.muted = true;
    video.muted = muted;
    this.gallery.say(muted ? "Sound off." : `Sound of ${this.gallery.nameOf(tile)}.`);
  }
}
