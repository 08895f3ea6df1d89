// What is seen of one clip: its poster, its player while it is in sight, its frames side by side, its path.

const STRIP = 6;
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
    this.item = item;
    this.say();
    this.words.dataset.status = item.status;
    if (item.poster && this.shownPoster !== item.poster.url && this.near) this.showPoster();
  }

  say() {
    const { item } = this;
    const waiting = { created: "not sent yet", submitted: "waiting", processing: "being made…", uncertain: "answer lost" };
    const missing = item.error || waiting[item.status] || (item.status === "succeeded" ? "no file here" : item.status);
    setText(this.words, !item.clip ? missing : this.refused ? "The video cannot be played here." : "");
  }

  setDetails(details) {
    this.details = details;
    if (this.player) this.gallery.clock.tell(this.player, details.facts);
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
    this.refused = false;
    this.say();
    video.addEventListener("loadeddata", () => {
      if (this.player !== player) return;
      this.gallery.clock.add(player);
      this.el.dataset.playing = "";
      this.gallery.loaded(this);
    }, { once: true });
    video.addEventListener("error", () => {
      if (this.player !== player) return;
      this.gallery.clock.remove(player);
      this.refused = true;
      this.say();
    });
    video.src = address;
    this.poster.after(video);
    if (this.paths) this.unfollow = followVideo(video, this.paths);
  }

  sleep() {
    if (!this.awake) return;
    this.awake = false;
    delete this.el.dataset.playing;
    if (this.player) {
      const { video } = this.player;
      this.unfollow?.();
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
    this.unfollow?.();
    this.paths?.el.remove();
    this.paths = this.details?.paths ? new PathOverlay(this.details.paths) : null;
    if (!this.paths) return;
    this.el.append(this.paths.el);
    if (this.player) this.unfollow = followVideo(this.player.video, this.paths);
  }
}
