// One clock for any number of players: they start together, and what drifts is led back within a frame.

const PATIENCE_MS = 4000; // the others do not wait longer than this for a clip that cannot go on
const FAR_S = 0.25; // further away than this a clip jumps instead of hurrying
const GAIN = 3; // share of a drift that is made good in a second
const HURRY = 0.35; // most that a clip may go faster or slower than the others for that
const UNKNOWN_FPS = 24;

class Player {
  constructor(video) {
    this.video = video;
    this.facts = null; // frames and frame rate from the file
    this.wanted = null;
    this.joined = false;
    video.addEventListener("seeked", () => {
      if (this.wanted === null) return;
      const wanted = this.wanted;
      this.wanted = null;
      video.currentTime = wanted;
    });
  }

  get fps() {
    return this.facts?.fps ?? UNKNOWN_FPS;
  }

  get end() {
    if (this.facts) return this.facts.frames / this.facts.fps;
    return Number.isFinite(this.video.duration) ? this.video.duration : 0;
  }

  // Middle of the frame that stands at a moment: a seek there shows this frame in every browser.
  at(moment) {
    const frames = this.facts?.frames ?? Math.max(1, Math.round(this.end * this.fps));
    const frame = Math.max(0, Math.min(frames - 1, Math.floor(moment * this.fps + 1e-4)));
    const time = (frame + 0.5) / this.fps;
    // What the file promises, the player may not have: no seek would ever arrive there.
    return Number.isFinite(this.video.duration) ? Math.min(time, this.video.duration) : time;
  }

  show(moment) {
    const time = this.at(moment);
    if (this.video.seeking) {
      this.wanted = time;
      return;
    }
    // A seek is over a moment before its "seeked" comes; what was wanted in between is so no more.
    this.wanted = null;
    if (Math.abs(this.video.currentTime - time) > 1e-3) this.video.currentTime = time;
  }

  get ready() {
    const last = this.video.currentTime >= this.end - 2 / this.fps;
    return !this.video.seeking && this.wanted === null && this.video.readyState >= (last ? 2 : 3);
  }

  set rate(rate) {
    if (Math.abs(this.video.playbackRate - rate) > 0.01) this.video.playbackRate = rate;
  }

  start() {
    // A clip that may not play (its file is damaged) says so by an event of its own.
    this.video.play().catch(() => {});
  }

  stop() {
    if (!this.video.paused) this.video.pause();
  }
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

class Clock {
  // `changed` is called after every move and change of state.
  constructor(changed) {
    this.changed = changed;
    this.players = new Set();
    this.position = 0;
    this.speed = 1;
    this.loop = true;
    this.playing = false;
    this.held = false;
    this.leader = null; // whose frames are counted
  }

  get length() {
    return Math.max(0, ...[...this.players].map((player) => player.end));
  }

  get fps() {
    const leader = this.players.has(this.leader) ? this.leader : [...this.players][0];
    return leader?.fps ?? UNKNOWN_FPS;
  }

  get frame() {
    return Math.floor(this.position * this.fps + 1e-4);
  }

  add(player) {
    this.players.add(player);
    player.joined = false;
    player.show(this.position);
    this.changed();
  }

  // What the file says of its frames may come after its first picture: the one in sight was a guess.
  tell(player, facts) {
    player.facts = facts;
    if (!this.playing && this.players.has(player)) player.show(this.position);
    this.changed();
  }

  remove(player) {
    player.stop();
    this.players.delete(player);
    this.changed();
  }

  play() {
    if (this.playing) return;
    if (this.position >= this.length - 1.5 / this.fps) this.position = 0;
    this.playing = true;
    this.hold();
    this.last = performance.now();
    this.request = requestAnimationFrame((now) => this.tick(now));
    this.changed();
  }

  pause() {
    cancelAnimationFrame(this.request);
    this.playing = this.held = false;
    for (const player of this.players) {
      player.stop();
      player.show(this.position);
    }
    this.changed();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  seek(moment) {
    this.position = Math.max(0, Math.min(moment, this.length));
    if (this.playing) this.hold();
    else for (const player of this.players) player.show(this.position);
    this.changed();
  }

  step(frames) {
    if (this.playing) this.pause();
    const last = Math.max(0, Math.round(this.length * this.fps) - 1);
    const frame = Math.max(0, Math.min(last, this.frame + frames));
    this.seek((frame + 0.5) / this.fps);
  }

  setSpeed(speed) {
    this.speed = speed;
    for (const player of this.players) player.rate = speed;
    this.changed();
  }

  // All stand still until all can go on, so that they start together.
  hold() {
    this.held = true;
    this.heldSince = performance.now();
    for (const player of this.players) {
      player.stop();
      player.show(this.position);
    }
  }

  release(now) {
    this.held = false;
    this.last = now;
    for (const player of this.players) {
      player.joined = player.ready;
      player.rate = this.speed;
      if (this.position < player.end - 1 / player.fps) player.start();
    }
  }

  tick(now) {
    if (!this.playing) return;
    this.request = requestAnimationFrame((next) => this.tick(next));
    const passed = (now - this.last) / 1000;
    this.last = now;
    // While everything is scrolled past, nothing is in sight; the clock waits for the next clip.
    if (!this.players.size) return;
    if (this.held) {
      if (now - this.heldSince > PATIENCE_MS || [...this.players].every((player) => player.ready)) this.release(now);
      return;
    }
    // A page in the background gets no frames: its clips stand where they are.
    this.position += Math.min(0.25, Math.max(0, passed)) * this.speed;
    if (this.position >= this.length) this.turn();
    else this.lead();
    this.changed();
  }

  turn() {
    if (!this.loop) {
      this.position = this.length;
      this.pause();
      return;
    }
    this.position = 0;
    this.hold();
  }

  lead() {
    const running = [];
    for (const player of this.players) {
      const { video } = player;
      if (this.position >= player.end - 0.5 / player.fps || video.ended) {
        // A shorter clip stays on its last frame.
        player.stop();
        player.show(player.end);
        continue;
      }
      if (video.seeking || player.wanted !== null) continue;
      if (video.readyState < 3) {
        if (player.joined && video.readyState < 2) return this.hold();
        continue;
      }
      if (video.paused) player.start();
      running.push([player, video.currentTime - this.position]);
    }
    const near = running.filter(([, drift]) => Math.abs(drift) < FAR_S).map(([, drift]) => drift);
    // The clock goes with the middle of its players: what is late in all of them is no drift.
    const common = near.length ? median(near) : 0;
    this.position += common;
    for (const [player, drift] of running) this.correct(player, drift - common);
    return undefined;
  }

  correct(player, drift) {
    if (Math.abs(drift) >= FAR_S) {
      player.joined = false;
      player.rate = this.speed;
      player.video.currentTime = Math.min(player.end, this.position + 0.05 * this.speed);
      return;
    }
    player.joined = true;
    const push = Math.max(-HURRY, Math.min(HURRY, GAIN * drift));
    player.rate = this.speed * (1 - (Math.abs(drift) < 0.004 ? 0 : push));
  }
}
