// The wall of a sweep. Text reaches the page through textContent only: prompts and messages are data.

const WORDS = { done: "✓ done", running: "● running", waiting: "○ waiting", failed: "✕ failed", uncertain: "? uncertain" };
const KINDS = ["done", "failed", "uncertain", "running"];

function element(tag, name, attributes = {}) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")} h`;
  return `${minutes}:${String(whole % 60).padStart(2, "0")}`;
}

// JupyterLab and Notebook put the server's base URL into the page; without it nothing is fetched by address.
function filesAddress(path) {
  const config = document.getElementById("jupyter-config-data");
  if (!config || !path) return null;
  try {
    const base = JSON.parse(config.textContent).baseUrl;
    return base ? `${base.replace(/\/$/, "")}/files/${path}` : null;
  } catch {
    return null;
  }
}

function buildHead(model) {
  const at = {};
  at.root = element("div", "kn-wall-head");
  const line = element("div", "kn-wall-line");
  at.title = element("span", "kn-wall-title", { role: "status", "aria-live": "polite" });
  at.id = element("span", "kn-wall-id", { title: "Sweep id: kn.sweep_of(\"…\") and %kling resume find the sweep by it" });
  at.counts = element("span", "kn-wall-counts");
  at.money = element("span", "kn-wall-money", { title: "Sent so far: as deducted, or as expected until the service says" });
  at.left = element("span", "kn-wall-left", { title: "Judged by how long your own runs of this kind took" });
  const buttons = element("span", "kn-wall-buttons");
  at.stop = element("button", "kn-wall-button kn-wall-stop", { type: "button", title: "Sends nothing more; what the service has is followed to its end" });
  at.stop.textContent = "Stop";
  at.resume = element("button", "kn-wall-button kn-wall-resume", { type: "button", title: "Makes the runs that are missing; nothing is sent twice" });
  at.resume.textContent = "Go on";
  at.stop.addEventListener("click", () => { at.stop.disabled = true; model.send({ kind: "stop" }); });
  at.resume.addEventListener("click", () => { at.resume.disabled = true; model.send({ kind: "resume" }); });
  at.again = element("button", "kn-wall-button kn-wall-again", { type: "button", title: "Makes the failed runs once more, and what is missing" });
  at.again.textContent = "Try failed again";
  at.again.addEventListener("click", () => { at.again.disabled = true; model.send({ kind: "again" }); });
  buttons.append(at.stop, at.again, at.resume);
  line.append(at.title, at.id, at.counts, at.money, buttons);
  at.bar = element("div", "kn-wall-bar", { role: "progressbar", "aria-label": "Runs that have ended", "aria-valuemin": "0" });
  at.parts = {};
  for (const kind of KINDS) {
    at.parts[kind] = element("i", `kn-${kind}`);
    at.bar.append(at.parts[kind]);
  }
  const below = element("div", "kn-wall-below");
  at.reason = element("span", "kn-wall-reason");
  below.append(at.left, at.reason);
  at.error = element("p", "kn-wall-error", { role: "alert" });
  at.root.append(line, at.bar, below, at.error);
  return at;
}

function showHead(at, head) {
  say(at.title, head.name ? `Sweep ${head.name}` : "Sweep");
  say(at.id, head.id);
  const counts = ["done", "running", "waiting", "failed", "uncertain"].filter((kind) => head.counts[kind] || kind === "done");
  const words = counts.map((kind) => (kind === "done" ? `${head.counts.done} of ${head.total} done` : `${head.counts[kind]} ${kind}`));
  if (head.reused) words.push(`${head.reused} reused, no charge`);
  at.counts.replaceChildren(...words.map((word) => { const node = element("span"); node.textContent = word; return node; }));
  say(at.money, head.budget ? `${head.spent} of at most ${head.budget}` : head.spent);
  for (const kind of KINDS) at.parts[kind].style.width = `${head.total ? (100 * head.counts[kind]) / head.total : 0}%`;
  at.bar.setAttribute("aria-valuemax", String(head.total));
  at.bar.setAttribute("aria-valuenow", String(head.counts.done + head.counts.failed + head.counts.uncertain));
  at.bar.setAttribute("aria-valuetext", words.join(", "));
  const until = head.until && head.state === "running" ? `stops when ${head.until}` : "";
  const dropped = head.dropped ? `${head.dropped} not possible, see sweep.dropped` : "";
  const state = head.state === "stopped" ? `stopped${head.reason ? `: ${head.reason}` : ""}` : "";
  say(at.reason, [state, until, dropped].filter(Boolean).join(" · "));
  say(at.error, head.error.join("\n"));
  at.error.hidden = !head.error.length;
  at.stop.hidden = head.state !== "running";
  at.resume.hidden = head.state !== "stopped";
  at.again.hidden = head.state === "running" || !head.counts.failed;
  at.stop.disabled = at.resume.disabled = at.again.disabled = false;
}

function buildCard(onPlay) {
  const at = {};
  at.root = element("li", "kn-wall-card");
  at.media = element("button", "kn-wall-media", { type: "button" });
  at.media.addEventListener("click", () => onPlay(at));
  const screen = element("div", "kn-wall-screen");
  const status = element("div", "kn-wall-status");
  at.word = element("b");
  at.time = element("span");
  status.append(at.word, at.time);
  at.label = element("div", "kn-wall-label");
  at.scores = element("div", "kn-wall-scores");
  at.text = element("div", "kn-wall-text");
  screen.append(at.media, at.text);
  at.root.append(screen, status, at.label, at.scores);
  return at;
}

function showCard(at, card) {
  at.card = card;
  at.since = performance.now();
  at.root.dataset.kind = card.kind;
  at.root.dataset.run = card.id;
  at.root.title = [card.label, card.id, card.why].filter(Boolean).join("\n");
  say(at.word, card.reused && card.kind === "done" ? "✓ reused" : WORDS[card.kind]);
  say(at.label, card.repeat ? `${card.label} #${card.repeat}` : card.label);
  showScores(at, card.scores);
  say(at.text, card.text || "");
  at.text.hidden = !card.text;
  at.media.setAttribute("aria-label", card.clip ? `Play ${card.label}` : `${card.kind}: ${card.label}`);
  at.media.disabled = !card.clip;
  const source = card.poster ? filesAddress(card.poster.url) || card.poster.data || "" : "";
  if (source && at.source !== source) {
    at.source = source;
    // A picture that comes late does not take the place of a player.
    if (at.video) return;
    const picture = element("img", "", { alt: "", loading: "lazy", decoding: "async" });
    picture.src = source;
    at.media.replaceChildren(picture);
  }
  if (card.clip && !at.video) at.media.dataset.plays = "";
}

function showScores(at, scores) {
  const known = JSON.stringify(scores);
  if (at.scoresKnown === known) return;
  at.scoresKnown = known;
  const flags = scores?.flags ?? [];
  const line = scores?.line ?? "";
  const badges = flags.map(([word, reason]) => {
    const badge = element("span", "kn-flag", { title: reason });
    badge.textContent = `⚠ ${word}`;
    return badge;
  });
  at.scores.replaceChildren(...badges, line);
  at.scores.title = [...flags.map(([word, reason]) => `${word}: ${reason}`), line].join("\n");
}

function tick(at) {
  const card = at.card;
  if (card.kind !== "running" || card.elapsed_s === null || card.elapsed_s === undefined) return say(at.time, "");
  const gone = card.elapsed_s + (performance.now() - at.since) / 1000;
  say(at.time, card.expected_s ? `${clock(gone)} / ~${clock(card.expected_s)}` : clock(gone));
}

function showPaths(at, paths) {
  at.unfollow?.();
  at.overlay?.el.remove();
  if (!paths || !at.video) return;
  at.overlay = new PathOverlay(paths);
  at.media.append(at.overlay.el);
  at.unfollow = followVideo(at.video, at.overlay);
}

function play(at, address, ask) {
  const video = element("video", "", { loop: "", playsinline: "", controls: "" });
  video.muted = true;
  video.autoplay = true;
  video.src = address;
  // Whoever takes a player off the page stops it; that is not the person who looks at it.
  video.addEventListener("pause", () => { if (video.isConnected) delete video.dataset.runs; });
  video.addEventListener("play", () => { video.dataset.runs = ""; });
  putPlayer(at, video, ask);
}

function putPlayer(at, video, ask) {
  at.video = video;
  delete at.media.dataset.plays;
  at.media.replaceChildren(video);
  if (at.card.scores) ask(at.card.id);
}

const drawn = new Map(); // by sweep: the wall drawn last

// At its end a wall is drawn anew, because the saved one is: what a person has opened in it stays open.
function takeOver(before, now, ask) {
  before.cards.forEach((old, place) => {
    const at = now.cards[place];
    if (!old.video || at?.card.id !== old.card.id) return;
    const { video } = old;
    putPlayer(at, video, ask);
    if ("runs" in video.dataset) video.play().catch(() => {});
  });
  for (const [id, old] of before.waiting) now.waiting.set(id, now.cards[before.cards.indexOf(old)]);
  now.addresses.push(...before.addresses.splice(0));
  before.leave();
  // Without a height there is nothing to scroll.
  const laidOut = new ResizeObserver(() => {
    if (!now.list.clientHeight) return;
    laidOut.disconnect();
    now.list.scrollTop = before.scrolled;
  });
  laidOut.observe(now.list);
}

function render({ model, el }) {
  const root = element("div", "kn-wall", { role: "group", "aria-label": "Runs of a sweep" });
  const head = buildHead(model);
  const list = element("ul", "kn-wall-cards", { tabindex: "0", "aria-label": "Runs" });
  const waiting = new Map();
  const addresses = [];
  const wall = { el, list, waiting, addresses, scrolled: 0 };
  list.addEventListener("scroll", () => { wall.scrolled = list.scrollTop; }, { passive: true });
  const askPaths = (id) => model.send({ kind: "paths", id });
  const onPlay = (at) => {
    if (!at.card || !at.card.clip || at.video) return;
    const address = filesAddress(at.card.clip.url);
    if (address) return play(at, address, askPaths);
    waiting.set(at.card.id, at);
    model.send({ kind: "clip", id: at.card.id });
  };
  const cards = wall.cards = model.get("cards").map((card) => {
    const at = buildCard(onPlay);
    showCard(at, card);
    list.append(at.root);
    return at;
  });
  // Scores have their place before they come: whoever aims at a card hits it, whatever comes meanwhile.
  const reserve = () => list.toggleAttribute("data-scores", state.measures || cards.some((at) => at.card.scores));
  let state = model.get("head");
  let since = performance.now();
  const takeHead = (value) => { state = value; since = performance.now(); showHead(head, value); };
  takeHead(state);
  reserve();
  const onMessage = (message, buffers) => {
    if (message.kind === "changed") {
      takeHead(message.head);
      for (const [place, card] of Object.entries(message.cards)) showCard(cards[Number(place)], card);
      reserve();
      // For the next view, which begins with this; the kernel knows it.
      model.set("head", message.head);
      model.set("cards", cards.map((at) => at.card));
    } else if (message.kind === "said") {
      say(head.error, message.text);
      head.error.hidden = false;
      // It was not done: it can be tried again.
      head.stop.disabled = head.resume.disabled = head.again.disabled = false;
    } else if (message.kind === "clip" && waiting.has(message.id)) {
      const at = waiting.get(message.id);
      waiting.delete(message.id);
      if (!buffers[0].byteLength) {
        at.text.hidden = false;
        return say(at.text, "the file is gone");
      }
      const address = URL.createObjectURL(new Blob([buffers[0]], { type: "video/mp4" }));
      addresses.push(address);
      play(at, address, askPaths);
    } else if (message.kind === "paths") {
      for (const at of cards) if (at.card.id === message.id) showPaths(at, message.paths);
    }
  };
  const everySecond = () => {
    for (const at of cards) tick(at);
    const left = state.left_s === null ? null : state.left_s - (performance.now() - since) / 1000;
    say(head.left, left === null || state.state !== "running" ? "" : `about ${clock(Math.max(0, left))} left, until ${new Date(Date.now() + Math.max(0, left) * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`);
  };
  const timer = setInterval(everySecond, 1000);
  everySecond();
  model.on("msg:custom", onMessage);
  root.append(head.root, list);
  el.append(root);
  wall.leave = () => {
    clearInterval(timer);
    model.off("msg:custom", onMessage);
    for (const at of cards) at.unfollow?.();
    for (const address of addresses) URL.revokeObjectURL(address);
    if (drawn.get(state.id) === wall) drawn.delete(state.id);
  };
  const before = drawn.get(state.id);
  drawn.set(state.id, wall);
  // A cell that is scrolled away is off the page, too, but its wall still has its place there.
  if (before && !before.el.parentNode) takeOver(before, wall, askPaths);
  // The page may have been loaded long after the wall was shown.
  model.send({ kind: "hello" });
  return wall.leave;
}

export default { render };
