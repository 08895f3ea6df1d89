// The report without a kernel: filter, order, mark, and play everything that is in view on one clock.

const find = (id) => document.getElementById(id);
const list = find("runs");
const runs = [...list.children];
const clock = new Clock(() => showTime());
const players = new Map(); // by their run; one for good, because two on one video would both seek it

// --- filter and order ---------------------------------------------------------------------------------

const words = new Map(runs.map((run) => [run, run.textContent.toLowerCase()]));

function fits(run) {
  const { status, model, rating, kept } = run.dataset;
  const least = find("rating").value;
  const typed = find("words").value.toLowerCase().split(/\s+/).filter(Boolean);
  return (
    (!find("status").value || status === find("status").value) &&
    (!find("model").value || model === find("model").value) &&
    (!find("kept").value || kept === find("kept").value) &&
    (!least || (least === "none" ? rating === "" : rating !== "" && Number(rating) >= Number(least))) &&
    (find("marked").getAttribute("aria-pressed") !== "true" || run.querySelector(".mark").checked) &&
    typed.every((word) => words.get(run).includes(word))
  );
}

function choose() {
  let count = 0;
  for (const run of runs) {
    run.hidden = !fits(run);
    count += run.hidden ? 0 : 1;
  }
  find("count").textContent = count === runs.length ? `${count} runs` : `${count} of ${runs.length} runs`;
  find("nothing").hidden = count > 0;
}

// A frozen or blurred clip is good at what standing still is good at: such scores come after honest ones.
function byScore(name) {
  const goodness = new Map(runs.map((run) => [run, JSON.parse(run.dataset.goodness)[name] ?? null]));
  const rank = (run) => (goodness.get(run) === null ? 2 : run.dataset.flattered.split(" ").includes(name) ? 1 : 0);
  const turned = find("turn").getAttribute("aria-pressed") === "true" ? -1 : 1;
  return [...runs].sort((one, other) =>
    rank(one) - rank(other) || turned * ((goodness.get(other) ?? 0) - (goodness.get(one) ?? 0)) || one.dataset.number - other.dataset.number);
}

function order() {
  const name = find("order").value;
  if (name.startsWith("score:")) {
    list.append(...byScore(name.slice(6)));
    return;
  }
  const text = name === "model" || name === "name";
  const turned = find("turn").getAttribute("aria-pressed") === "true" ? -1 : 1;
  const value = (run) => (text ? run.dataset[name] : run.dataset[name] === "" ? null : Number(run.dataset[name]));
  const sorted = [...runs].sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    // What has no value comes last, whichever way round.
    if (a === null || b === null) return (a === null) - (b === null);
    return turned * (text ? a.localeCompare(b) : a - b) || one.dataset.number - other.dataset.number;
  });
  list.append(...sorted);
}

for (const id of ["words", "status", "model", "rating", "kept"]) find(id).addEventListener("input", choose);
find("order").addEventListener("input", order);
for (const [id, then] of [["turn", order], ["marked", choose]]) {
  find(id).addEventListener("click", () => {
    const button = find(id);
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    if (id === "turn") button.textContent = button.getAttribute("aria-pressed") === "true" ? "↑" : "↓";
    then();
  });
}
list.addEventListener("change", choose);
find("size").addEventListener("input", () => list.style.setProperty("--tile", `${find("size").value}px`));

// --- players ------------------------------------------------------------------------------------------

function join(run) {
  const video = run.querySelector("video");
  if (!video || video.error) return;
  if (!players.has(run)) players.set(run, playerOf(video));
  clock.add(players.get(run));
}

function playerOf(video) {
  const player = new Player(video);
  const [fps, frames] = [Number(video.dataset.fps), Number(video.dataset.frames)];
  if (fps > 0 && frames > 0) player.facts = { fps, frames };
  video.controls = false;
  video.loop = false;
  video.preload = "auto";
  // The others do not wait for a clip that is not there.
  video.addEventListener("error", () => clock.remove(player));
  return player;
}

function leave(run) {
  if (clock.players.has(players.get(run))) clock.remove(players.get(run));
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) join(entry.target);
    else leave(entry.target);
  }
});

function showTime() {
  find("toggle").textContent = clock.playing ? "❚❚" : "▶";
  find("time").textContent = `${clock.position.toFixed(2)} s`;
  if (clock.length > 0) find("scrub").value = Math.round((1000 * clock.position) / clock.length);
}

find("toggle").addEventListener("click", () => clock.toggle());
find("back").addEventListener("click", () => clock.step(-1));
find("forth").addEventListener("click", () => clock.step(1));
find("scrub").addEventListener("input", () => clock.seek((Number(find("scrub").value) / 1000) * clock.length));
find("speed").addEventListener("input", () => clock.setSpeed(Number(find("speed").value)));
find("loop").addEventListener("change", () => {
  clock.loop = find("loop").checked;
});
list.addEventListener("click", (event) => {
  if (event.target instanceof HTMLVideoElement) clock.toggle();
});
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, button, summary, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = { " ": () => clock.toggle(), ArrowLeft: () => clock.step(-1), ArrowRight: () => clock.step(1) }[event.key];
  if (!act) return;
  event.preventDefault();
  if (!event.repeat || event.key !== " ") act();
});

// --- cells --------------------------------------------------------------------------------------------

list.addEventListener("click", async (event) => {
  if (!event.target.classList.contains("copy")) return;
  const text = event.target.parentElement.querySelector("pre");
  try {
    await navigator.clipboard.writeText(text.textContent);
    event.target.textContent = "copied";
  } catch {
    // Where the browser forbids it, the text is marked, ready for Ctrl+C.
    getSelection().selectAllChildren(text);
    event.target.textContent = "press Ctrl+C";
  }
});

// --- begin --------------------------------------------------------------------------------------------

for (const screen of document.querySelectorAll(".screen")) screen.style.aspectRatio = screen.dataset.ratio;
for (const part of document.querySelectorAll("#choose, .mark, .copy")) part.hidden = false;
find("play").hidden = !document.querySelector("video");
choose();
for (const run of runs) seen.observe(run);
addEventListener("beforeprint", () => document.querySelectorAll(".run details:not(.cell)").forEach((part) => (part.open = true)));
