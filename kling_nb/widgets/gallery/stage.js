// Two clips over each other: a wipe whose edge can be dragged, or what differs between them.

class Stage {
  constructor(gallery) {
    this.gallery = gallery;
    this.el = element("div", "kn-stage");
    this.box = element("div", "kn-box");
    this.edge = element("div", "kn-edge", {
      role: "slider", tabindex: "0", "aria-label": "Edge of the wipe", "aria-valuemin": "0", "aria-valuemax": "100",
      title: "Drag, or Alt with arrows",
    });
    this.left = element("span", "kn-side-label kn-left");
    this.right = element("span", "kn-side-label kn-right");
    this.gain = element("input", "kn-gain", {
      type: "range", min: "1", max: "8", step: "0.5", value: "2", "aria-label": "Brightness of the difference", title: "Brightness of the difference",
    });
    this.gainBox = element("label", "kn-gain-box", {}, "difference ×", this.gain);
    this.el.append(this.box, this.gainBox);
    this.gain.addEventListener("input", () => this.el.style.setProperty("--kn-gain", this.gain.value));
    this.edge.addEventListener("pointerdown", (event) => this.grab(event));
    this.box.addEventListener("pointerdown", (event) => this.grab(event));
    this.share = 0.5;
    this.pair = [];
  }

  grab(event) {
    if (this.el.dataset.mode !== "wipe" || event.button > 0) return;
    this.box.setPointerCapture(event.pointerId);
    const move = (each) => {
      const box = this.box.getBoundingClientRect();
      this.setShare((each.clientX - box.left) / box.width);
    };
    const listeners = new AbortController();
    this.box.addEventListener("pointermove", move, { signal: listeners.signal });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
      this.box.addEventListener(name, () => listeners.abort(), { signal: listeners.signal });
    }
    move(event);
  }

  setShare(share) {
    this.share = Math.max(0, Math.min(1, share));
    const percent = Math.round(this.share * 100);
    this.el.style.setProperty("--kn-share", `${this.share * 100}%`);
    this.edge.setAttribute("aria-valuenow", String(percent));
    this.edge.setAttribute("aria-valuetext", `${percent} percent of the first clip`);
  }

  show(mode, pair) {
    this.el.dataset.mode = mode;
    this.pair = pair;
    const [first, second] = pair;
    this.box.style.setProperty("--kn-ratio", String(first.item.ratio));
    first.screen.el.dataset.place = "below";
    second.screen.el.dataset.place = "above";
    this.left.textContent = `A · ${this.gallery.nameOf(first)}`;
    this.right.textContent = `B · ${this.gallery.nameOf(second)}`;
    this.box.replaceChildren(first.screen.el, second.screen.el, this.edge, this.left, this.right);
    this.edge.hidden = mode !== "wipe";
    this.gainBox.hidden = mode !== "difference";
    this.setShare(this.share);
    for (const tile of pair) tile.screen.wake();
  }

  hide() {
    for (const tile of this.pair) {
      delete tile.screen.el.dataset.place;
      tile.home();
    }
    this.pair = [];
  }
}
