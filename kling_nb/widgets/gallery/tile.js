// One run in the gallery: its screen, and below it what a person has said about it and what made it.

function stars(rating) {
  return "★".repeat(rating ?? 0) + "☆".repeat(5 - (rating ?? 0));
}

class Tile {
  constructor(gallery, item) {
    this.gallery = gallery;
    this.screen = new Screen(gallery, item);
    this.el = element("figure", "kn-tile", { role: "group", tabindex: "-1" });
    this.el.dataset.run = item.id;
    this.slot = element("div", "kn-slot", {}, this.screen.el);
    this.mark = element("button", "kn-mark", { type: "button", tabindex: "-1", title: "Mark for comparing (m)" });
    this.stars = element("span", "kn-stars", { title: "Click, or press 0 to 5" });
    this.zero = element("span", "kn-zero");
    this.kept = element("span", "kn-kept");
    this.id = element("code", "kn-id");
    this.made = element("span", "kn-made");
    this.scores = element("p", "kn-tile-scores");
    this.prompt = element("p", "kn-prompt");
    this.note = element("p", "kn-note");
    this.label = element("div", "kn-condition");
    this.label.hidden = true;
    const head = element("div", "kn-tile-head", {}, this.mark, this.stars, this.zero, this.kept, this.id);
    this.caption = element("figcaption", "", {}, head, this.made, this.scores, this.prompt, this.note);
    this.el.append(this.slot, this.label, this.caption);
    this.stars.addEventListener("click", (event) => this.clickedStars(event));
    this.update(item);
  }

  get item() {
    return this.screen.item;
  }

  clickedStars(event) {
    const box = this.stars.getBoundingClientRect();
    const rating = Math.max(1, Math.min(5, Math.ceil(((event.clientX - box.left) / box.width) * 5)));
    this.gallery.judge(this, { rating: rating === this.item.rating ? null : rating });
  }

  update(item) {
    this.screen.update(item);
    this.el.dataset.status = item.status;
    this.el.dataset.kept = item.kept === null ? "" : String(item.kept);
    this.el.style.setProperty("--kn-ratio", String(item.ratio));
    this.stars.textContent = stars(item.rating);
    this.stars.toggleAttribute("data-rated", item.rating !== null);
    // No star may mean that nobody has looked yet, or that it is no good.
    setText(this.zero, item.rating === 0 ? "0" : "");
    setText(this.kept, item.kept === true ? "kept" : item.kept === false ? "discarded" : "");
    setText(this.id, item.name || item.id);
    this.id.title = `Run ${item.id}`;
    const params = item.params.filter(([name]) => !["model_name", "mode"].includes(name));
    const made = [item.status === "succeeded" ? "" : item.status, item.model, ...params.map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`)];
    setText(this.made, made.filter(Boolean).join(" · "));
    this.showScores(item.scores, this.gallery.bars?.order.value ?? "");
    setText(this.prompt, item.prompt);
    this.prompt.title = item.prompt;
    setText(this.note, [item.tags.map((tag) => `#${tag}`).join(" "), item.note].filter(Boolean).join(" "));
    const rated = item.rating === null ? "not rated" : `rated ${item.rating} of 5`;
    const kept = item.kept === null ? "" : item.kept ? ", kept" : ", discarded";
    const flags = item.scores?.flags.map(([word]) => word).join(", ");
    this.said = `Run ${item.name || item.id}: ${item.status}, ${item.model}, ${rated}${kept}${flags ? `, flagged: ${flags}` : ""}. ${item.prompt}`;
    if (!this.hidden) this.el.setAttribute("aria-label", this.said);
  }

  // What clips are sorted by stands in front; what is wrong with them, before that.
  showScores(scores, order) {
    const name = order.startsWith("score:") ? order.slice(6) : "";
    const known = JSON.stringify([scores, name]);
    if (this.scoresKnown === known) return;
    this.scoresKnown = known;
    this.scores.hidden = !scores;
    if (!scores) {
      this.scores.replaceChildren();
      return;
    }
    const badges = scores.flags.map(([word, reason]) => element("span", "kn-flag", { title: reason }, `⚠ ${word}`));
    const first = scores.texts[name] ? `${this.gallery.plan.orders[name]} ${scores.texts[name]}` : "";
    const rest = scores.line.split(" · ").filter((part) => part !== first).join(" · ");
    const words = first ? [element("b", "", {}, first), rest ? ` · ${rest}` : ""] : [rest];
    this.scores.replaceChildren(...badges, ...words);
    this.scores.title = [...scores.flags.map(([word, reason]) => `${word}: ${reason}`), scores.line].join("\n");
  }

  // While clips are compared blind, a tile is only the left or the right one.
  setLabel(label, side) {
    this.hidden = side >= 0;
    setText(this.label, label ?? "");
    this.el.setAttribute("aria-label", this.hidden ? ["Left clip", "Right clip"][side] : this.said);
  }

  setMarked(letter) {
    setPressed(this.mark, letter);
    this.mark.textContent = letter || "";
    this.mark.setAttribute("aria-label", letter ? `Marked as ${letter}` : "Mark for comparing");
    this.el.toggleAttribute("data-marked", Boolean(letter));
  }

  // A line in place of note and tags; Enter keeps what was written, Escape and leaving do not.
  edit(name) {
    if (this.field) return;
    const { item, gallery } = this;
    const field = element("input", "kn-field", {
      type: "text", "aria-label": name === "note" ? "Note" : "Tags, with commas between them",
      placeholder: name === "note" ? "note" : "tags, with commas",
    });
    field.value = name === "note" ? item.note : item.tags.join(", ");
    const close = () => {
      if (this.field !== field) return;
      this.field = null;
      field.remove();
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      // Enter and Escape also choose among the words an input method offers.
      if (event.isComposing) return;
      if (event.key === "Enter") {
        const words = field.value.split(",").map((tag) => tag.trim()).filter(Boolean);
        gallery.judge(this, name === "note" ? { note: field.value.trim() } : { tags: [...new Set(words)] });
      }
      if (event.key !== "Enter" && event.key !== "Escape") return;
      close();
      this.el.focus({ preventScroll: true });
    });
    // Whoever looks into another window, or whose tile is put elsewhere, has not left. Whoever clicks
    // elsewhere has: the focus stays there, or what is typed into a search would judge the run.
    field.addEventListener("blur", () => document.activeElement !== field && !gallery.placing && close());
    this.field = field;
    this.caption.append(field);
    field.focus();
  }

  // The screen may be away, on the stage.
  home() {
    if (this.screen.el.parentElement !== this.slot) this.slot.append(this.screen.el);
  }
}
