// The scores of a clip below its player: one line that is always as high, the table when it is unfolded.

const PICTURES = {
  sheet: ["Frames with paths", "Asked paths solid, measured ones dashed"],
  leak: ["Leak map", "Where the static part changed"],
  plot: ["Over time", "Path error, camera, motion, leak, sharpness and flicker"],
};

function scoreNode(tag, words = "", attributes = {}) {
  const node = document.createElement(tag);
  if (words) node.textContent = words;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function headRow(heads) {
  const row = scoreNode("tr");
  row.append(...heads.map(([word, meaning]) => scoreNode("th", word, { scope: "col", title: meaning })));
  const head = scoreNode("thead");
  head.append(row);
  return head;
}

function confidenceCell(row) {
  const cell = scoreNode("td", "", { class: "kn-number" });
  if (row.confidence !== null) cell.append(scoreNode("span", row.dots, { "aria-hidden": "true" }), ` ${row.sure} (${row.confidence.toFixed(2)})`);
  return cell;
}

function badges(flags) {
  return flags.map(([word, reason]) => scoreNode("span", `⚠ ${word}`, { class: "kn-flag", title: reason }));
}

class ScorePart {
  constructor(ask) {
    this.ask = ask;
    this.addresses = [];
    this.el = scoreNode("details", "", { class: "kn-scores" });
    this.line = scoreNode("summary", "", { "aria-live": "polite" });
    this.body = scoreNode("div", "", { class: "kn-score-body" });
    this.buttons = scoreNode("div", "", { class: "kn-actions" });
    this.said = scoreNode("p", "", { role: "status" });
    this.pictures = scoreNode("div", "", { class: "kn-score-pictures" });
    this.el.append(this.line, this.body, this.buttons, this.said, this.pictures);
    this.el.hidden = true;
  }

  update(scores, open) {
    const known = JSON.stringify(scores);
    if (this.known === known) return;
    this.known = known;
    this.el.hidden = !scores;
    if (!scores) return;
    const done = scores.state === "done";
    this.el.dataset.state = scores.state;
    this.line.replaceChildren(scoreNode("span", "Scores "), ...badges(scores.flags ?? []), scoreNode("span", scores.line));
    this.line.title = done ? [...scores.flags.map((flag) => flag[0]), scores.line].join(" · ") : "Scores are made in the background after the download";
    this.body.replaceChildren(...(done ? this.table(scores) : [scoreNode("p", scores.line)]));
    this.buttons.replaceChildren(...(done ? scores.pictures : []).map((what) => this.button(what)));
    this.pictures.replaceChildren();
    if (done && open) this.el.open = true;
  }

  table(scores) {
    const parts = scores.flags.map(([word, reason]) => {
      const line = scoreNode("div");
      line.append(...badges([[word, reason]]), reason);
      return line;
    });
    const table = scoreNode("table");
    const body = scoreNode("tbody");
    for (const [title, rows] of scores.groups) {
      const head = scoreNode("tr");
      head.append(scoreNode("th", title, { colspan: "4", scope: "rowgroup", class: "kn-score-title" }));
      body.append(head, ...rows.map((row) => this.row(row)));
    }
    table.append(headRow(scores.heads), body);
    parts.push(table);
    if (scores.objects.length) parts.push(this.objects(scores));
    const missing = scores.missing.map(([why, labels]) => `${labels}: ${why}`);
    for (const [title, lines] of [["Not measurable", missing], ["Advice", scores.advice], ["Notes", scores.notes]]) {
      if (!lines.length) continue;
      const list = scoreNode("ul");
      list.append(...lines.map((line) => scoreNode("li", line)));
      parts.push(scoreNode("b", title), list);
    }
    parts.push(scoreNode("div", `measured of ${scores.clip}`, { class: "kn-soft" }));
    return parts;
  }

  row(row) {
    const line = scoreNode("tr", "", { title: row.meaning });
    const good = scoreNode("td", row.mark, { title: row.better });
    good.append(scoreNode("span", ` ${row.good}`, { class: "kn-soft" }));
    line.append(scoreNode("th", row.label, { scope: "row" }), scoreNode("td", row.value, { class: "kn-number" }), good, confidenceCell(row));
    return line;
  }

  objects(scores) {
    const table = scoreNode("table");
    const body = scoreNode("tbody");
    for (const each of scores.objects) {
      const line = scoreNode("tr");
      line.append(scoreNode("th", each.label, { scope: "row" }));
      if (each.why) line.append(scoreNode("td", `not measurable: ${each.why}`, { colspan: String(scores.object_heads.length - 1) }));
      else line.append(...each.cells.map((cell) => scoreNode("td", cell, { class: "kn-number" })), confidenceCell(each));
      body.append(line);
    }
    table.append(headRow(scores.object_heads), body);
    return table;
  }

  button(what) {
    const [label, meaning] = PICTURES[what];
    const button = scoreNode("button", label, { type: "button", title: meaning, "data-what": what });
    button.addEventListener("click", () => {
      button.disabled = true;
      this.said.textContent = "drawing…";
      this.ask(what);
    });
    return button;
  }

  receive({ what, said }, buffer) {
    this.said.textContent = said;
    const button = this.buttons.querySelector(`[data-what="${what}"]`);
    if (button) button.disabled = !said;
    if (said || !buffer?.byteLength || !PICTURES[what]) return;
    const image = scoreNode("img", "", { alt: `${PICTURES[what][0]}: ${PICTURES[what][1]}`, class: "kn-score-picture" });
    image.src = this.address(what, buffer);
    image.dataset.what = what;
    // Another view of the card may have asked for it, too.
    this.pictures.querySelector(`[data-what="${what}"]`)?.remove();
    this.pictures.append(image);
  }

  // As an image a drawing knows nothing of the page's colours: it is told the colour of the text.
  address(what, buffer) {
    let blob = new Blob([buffer], { type: "image/jpeg" });
    if (what === "plot") {
      const drawing = new DOMParser().parseFromString(new TextDecoder().decode(buffer), "image/svg+xml").documentElement;
      drawing.style.color = getComputedStyle(this.el).color;
      blob = new Blob([new XMLSerializer().serializeToString(drawing)], { type: "image/svg+xml" });
    }
    const address = URL.createObjectURL(blob);
    this.addresses.push(address);
    return address;
  }

  close() {
    for (const address of this.addresses) URL.revokeObjectURL(address);
  }
}
