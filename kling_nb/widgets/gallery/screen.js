// What is seen of one clip: its poster, its player while it is in sight, its frames side by side, its path.

const STRIP = 6;
const SVG = "http://www.w3.org/2000/svg";

function svgElement(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function arrowHead(points, size) {
  const [x, y] = points.at(-1);
  // The last points may lie close together: the direction is that of a longer piece.
  const from = [...points].reverse().find((p) => Math.hypot(p[0] - x, p[1] - y) > size) ?? points[0];
  const angle = Math.atan2(y - from[1], x - from[0]);
  const corner = (turn, length) => `${x + length * Math.cos(angle + turn)},${y + length * Math.sin(angle + turn)}`;
  return [corner(0, size), corner(2.5, size), corner(-2.5, size)].join(" ");
}

class Screen {
  constructor(gallery, item) {
    this.gallery = gallery;
    this.item = item;
    this.details = null;
    this.el = element("div", "kn-screen");
    this.poster = element("img", "kn-still", { alt: "", draggable: "false", decoding: "async" });
    this.poster.hidden = true;
    this.words = element("div", "kn-words");
    this.load = element("button", "kn-plain kn-load", { type: "button", title: "The kernel sends the video to this page" });
    this.load.hidden = true;
    this.load.addEventListener("click", () => this.wake(true));
    this.el.append(this.poster, this.words, this.load);
    this.awake = false;
    this.player = null;
    this.poster.addEventListener("error", () => this.posterRefused());
  }

  update(item) {
    const grown = Boolean(item.clip) && !this.item.clip;
    this.item = item;
    const waiting = { created: "not sent yet", submitted: "waiting", processing: "being made…", uncertain: "answer lost" };
    setText(this.words, item.clip ? "" : item.error || waiting[item.status] || (item.status === "succeeded" ? "no file here" : item.status));
    this.words.dataset.status = item.status;
    if (item.poster && this.shownPoster !== item.poster.url && this.near) this.showPoster();
    if (grown && this.awake) {
      this.awake = false;
      this.wake();
    }
  }

  setDetails(details) {
    this.details = details;
    if (this.player) {
      this.player.facts = details.facts;
      this.gallery.clock.changed();
    }
    this.drawPaths();
  }

  // --- poster -----------------------------------------------------------------------------------------

  async showPoster(refused = false) {
    this.near = true;
    if (!this.item.poster) return;
    this.shownPoster = this.item.poster.url;
    const address = await this.gallery.store.poster(this.item, refused);
    if (!address) return;
    this.poster.src = address;
    this.poster.hidden = false;
  }

  posterRefused() {
    this.poster.hidden = true;
    if (!this.asked) this.showPoster((this.asked = true));
  }

  // --- player -----------------------------------------------------------------------------------------

  async wake(insist = false) {
    if ((this.awake && !insist) || !this.item.clip) return;
    this.awake = true;
    const address = await this.gallery.store.clip(this.item, insist);
    if (!this.awake || this.player) {
      if (address) this.gallery.store.done(this.item.id);
      return;
    }
    this.load.hidden = Boolean(address);
    if (!address) {
      this.load.textContent = `Load video (${(this.item.clip.bytes / 1e6).toFixed(1)} MB)`;
      return;
    }
    this.address = address;
    this.play(address);
  }

  play(address) {
    const video = element("video", "kn-film", {
      playsinline: "", preload: "auto", disablepictureinpicture: "", "aria-label": `Video of run ${this.item.id}`, tabindex: "-1",
    });
    video.muted = true;
    const player = new Player(video);
    player.facts = this.details?.facts ?? null;
    this.player = player;
    video.addEventListener("loadeddata", () => {
      if (this.player !== player) return;
      this.gallery.clock.add(player);
      this.el.dataset.playing = "";
      this.gallery.loaded(this);
    }, { once: true });
    video.addEventListener("error", () => {
      if (this.player !== player) return;
      this.gallery.clock.remove(player);
      setText(this.words, "The video cannot be played here.");
    });
    video.src = address;
    this.poster.after(video);
  }

  sleep() {
    if (!this.awake) return;
    this.awake = false;
    delete this.el.dataset.playing;
    if (this.player) {
      const { video } = this.player;
      this.gallery.clock.remove(this.player);
      this.player = null;
      video.removeAttribute("src");
      video.load();
      video.remove();
      this.gallery.store.done(this.item.id);
    }
  }

  // --- frames -----------------------------------------------------------------------------------------

  // Evenly spaced frames, the first and the last among them, drawn from a player of their own.
  async strip() {
    if (this.frames || !this.item.clip || !this.details?.facts) return;
    this.frames = element("canvas", "kn-strip", { role: "img", "aria-label": `${STRIP} frames of run ${this.item.id}, first to last` });
    const { facts } = this.details;
    const address = await this.gallery.store.clip(this.item);
    if (!address) {
      this.frames = null;
      return;
    }
    this.el.append(this.frames);
    const video = element("video", "", { preload: "auto", playsinline: "" });
    video.muted = true;
    video.src = address;
    const height = Math.min(facts.height, 240);
    const width = Math.round((height * facts.width) / facts.height);
    this.frames.width = STRIP * width + (STRIP - 1) * 4;
    this.frames.height = height;
    const context = this.frames.getContext("2d");
    for (let place = 0; place < STRIP; place += 1) {
      const frame = Math.round((place * (facts.frames - 1)) / (STRIP - 1));
      const seeked = new Promise((resolve) => {
        video.addEventListener("seeked", () => resolve(true), { once: true });
        video.addEventListener("error", () => resolve(false), { once: true });
      });
      video.currentTime = (frame + 0.5) / facts.fps;
      if (!(await seeked)) break;
      context.drawImage(video, place * (width + 4), 0, width, height);
    }
    this.frames.dataset.done = "";
    video.removeAttribute("src");
    video.load();
    this.gallery.store.done(this.item.id);
  }

  // --- path -------------------------------------------------------------------------------------------

  drawPaths() {
    this.paths?.remove();
    const paths = this.details?.paths;
    if (!paths) return;
    const [width, height] = paths.size;
    const unit = Math.max(width, height) / 100;
    this.paths = svgElement("svg", { class: "kn-paths", viewBox: `0 0 ${width} ${height}`, role: "img" });
    const title = svgElement("title", {});
    title.textContent = `Requested motion: ${paths.lines.map((line, i) => line.label || `object ${i + 1}`).join(", ")}`;
    this.paths.append(title);
    for (const { points, color } of paths.lines) {
      if (!points.length) continue;
      const course = points.map((point) => point.join(",")).join(" ");
      for (const [stroke, wide] of [["#000", 5.5], ["#fff", 4], [color, 2.5]]) {
        this.paths.append(svgElement("polyline", {
          points: course, fill: "none", stroke, "stroke-width": wide, "vector-effect": "non-scaling-stroke", "stroke-linecap": "round", "stroke-linejoin": "round",
        }));
      }
      this.paths.append(
        svgElement("circle", { cx: points[0][0], cy: points[0][1], r: 1.2 * unit, fill: "#fff", stroke: "#000", "stroke-width": 0.4 * unit }),
        svgElement("polygon", { points: arrowHead(points, 2.6 * unit), fill: color, stroke: "#000", "stroke-width": 0.4 * unit }),
      );
    }
    this.el.append(this.paths);
  }
}
