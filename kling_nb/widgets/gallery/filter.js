// Which runs a filter lets through, and in which order.

const SORTERS = {
  newest: (a, b) => b.created_ms - a.created_ms,
  oldest: (a, b) => a.created_ms - b.created_ms,
  best: (a, b) => (b.rating ?? -1) - (a.rating ?? -1),
  worst: (a, b) => (a.rating ?? 9) - (b.rating ?? 9),
  model: (a, b) => a.model.localeCompare(b.model),
  prompt: (a, b) => a.prompt.localeCompare(b.prompt),
};

// A frozen or blurred clip is good at what standing still is good at: such scores come after honest ones.
function byScore(name) {
  const rank = ({ scores }) => (scores?.goodness[name] === undefined ? 2 : scores.flattered.includes(name) ? 1 : 0);
  return (a, b) => rank(a) - rank(b) || (rank(a) < 2 ? b.scores.goodness[name] - a.scores.goodness[name] : 0);
}

function fitsRating(item, wanted) {
  if (!wanted) return true;
  if (wanted === "none") return item.rating === null;
  if (wanted === "kept") return item.kept === true;
  if (wanted === "discarded") return item.kept === false;
  if (wanted === "undecided") return item.kept === null;
  return (item.rating ?? -1) >= Number(wanted);
}

// Every word has to stand somewhere in what is said about a run.
function filterOf(bars) {
  const words = bars.search.value.toLowerCase().split(/\s+/).filter(Boolean);
  return ({ item }) => {
    if (bars.status.value && item.status !== bars.status.value) return false;
    if (bars.model.value && item.model !== bars.model.value) return false;
    if (!fitsRating(item, bars.rated.value)) return false;
    const text = [item.id, item.name, item.prompt, item.note, item.model, ...item.tags, ...(item.scores?.flags ?? []).map(([word]) => word)].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  };
}

function sorted(tiles, order) {
  const sorter = order.startsWith("score:") ? byScore(order.slice(6)) : SORTERS[order];
  return sorter ? tiles.sort((a, b) => sorter(a.item, b.item)) : tiles;
}
