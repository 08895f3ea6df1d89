// Files of the runs: from the notebook's server where it shows them, else from the kernel.
// Clips are fetched whole, a few at a time: players that are fed piece by piece would hold all of the
// browser's connections to the server, and every seek would wait for the network.

const FETCHES = 3;
const KEPT_BYTES = 300e6;
const WHOLE_BYTES = 80e6; // larger clips are played from their address

// JupyterLab and Notebook put the server's base URL into the page; without it nothing is fetched by address.
function filesAddress(path) {
  const config = document.getElementById("jupyter-config-data");
  if (!config || path === null || path === undefined) return null;
  try {
    const base = JSON.parse(config.textContent).baseUrl;
    return base ? `${base.replace(/\/$/, "")}/files/${path}` : null;
  } catch {
    return null;
  }
}

class Store {
  constructor(model) {
    this.model = model;
    this.clips = new Map(); // run id → { address, bytes, users }, oldest use first
    this.posters = new Map();
    this.asked = new Map();
    this.queue = [];
    this.running = 0;
    this.ended = new AbortController();
  }

  // An address for a clip, null when it is too large to be sent without being asked for.
  async clip(item, insist = false) {
    const known = this.use(item);
    if (known) return known;
    const url = filesAddress(item.clip.url);
    if (url && item.clip.bytes > WHOLE_BYTES) return url;
    let blob = url ? await this.fetch(url) : null;
    if (!blob && (item.clip.embeds || insist)) blob = await this.ask(item.id, "clip", "video/mp4");
    if (!blob || this.ended.signal.aborted) return null;
    // Who asked at the same moment plays it already: its address stays.
    const made = this.use(item);
    if (made) return made;
    const other = this.clips.get(item.id);
    if (other) URL.revokeObjectURL(other.address);
    const address = URL.createObjectURL(blob);
    this.clips.set(item.id, { address, bytes: blob.size, size: item.clip.bytes, users: 1 });
    this.forget();
    return address;
  }

  use(item) {
    const known = this.clips.get(item.id);
    if (known?.size !== item.clip.bytes) return null;
    known.users += 1;
    this.clips.delete(item.id);
    this.clips.set(item.id, known);
    return known.address;
  }

  done(id) {
    const known = this.clips.get(id);
    if (known) known.users = Math.max(0, known.users - 1);
  }

  forget() {
    let bytes = 0;
    for (const clip of this.clips.values()) bytes += clip.bytes;
    for (const [id, clip] of this.clips) {
      if (bytes <= KEPT_BYTES) break;
      if (clip.users) continue;
      URL.revokeObjectURL(clip.address);
      this.clips.delete(id);
      bytes -= clip.bytes;
    }
  }

  async poster(item, refused = false) {
    if (!item.poster) return null;
    const url = refused ? null : filesAddress(item.poster.url);
    if (url) return url;
    if (!this.posters.has(item.id)) {
      const asked = this.ask(item.id, "poster", "image/jpeg");
      this.posters.set(item.id, asked.then((blob) => (blob ? URL.createObjectURL(blob) : null)));
    }
    return this.posters.get(item.id);
  }

  fetch(url) {
    return new Promise((resolve) => {
      this.queue.push({ url, resolve });
      this.next();
    });
  }

  async next() {
    if (this.running >= FETCHES || !this.queue.length) return;
    this.running += 1;
    // The latest first: it is what a person looks at now.
    const { url, resolve } = this.queue.pop();
    try {
      const answer = await fetch(url, { credentials: "same-origin", signal: this.ended.signal });
      resolve(answer.ok ? await answer.blob() : null);
    } catch {
      resolve(null);
    }
    this.running -= 1;
    this.next();
  }

  ask(id, what, type) {
    const key = `${what} ${id}`;
    if (!this.asked.has(key)) {
      let answer;
      const promise = new Promise((resolve) => { answer = resolve; });
      this.asked.set(key, { promise, answer, type });
      this.model.send({ kind: "media", id, what });
    }
    return this.asked.get(key).promise;
  }

  receive(message, buffers) {
    const key = `${message.what} ${message.id}`;
    const waiting = this.asked.get(key);
    if (!waiting) return;
    this.asked.delete(key);
    const data = buffers[0];
    waiting.answer(data?.byteLength ? new Blob([data], { type: waiting.type }) : null);
  }

  close() {
    this.ended.abort();
    for (const { resolve } of this.queue.splice(0)) resolve(null);
    for (const clip of this.clips.values()) URL.revokeObjectURL(clip.address);
    for (const poster of this.posters.values()) poster.then((address) => address && URL.revokeObjectURL(address));
  }
}
