// The toolbar: tools, size, history, zoom. One tab stop; arrow keys move within it.

const TOOLS = [
  ["brush", "Brush: paint what moves", "B"],
  ["eraser", "Eraser", "E"],
  ["rectangle", "Rectangle (Alt: take away)", "R"],
  ["ellipse", "Ellipse (Alt: take away)", "O"],
  ["lasso", "Lasso (Alt: take away)", "L"],
  null,
  ["path_click", "Path by clicks: where it goes", "P"],
  ["path_freehand", "Path by hand", "F"],
  ["edit", "Points: drag; press on the line adds one; Delete or Alt-click removes", "V"],
  ["hand", "Move the picture (also with zoom)", "H"],
];

const TOOL_KEYS = Object.fromEntries(TOOLS.filter(Boolean).map(([name, , key]) => [key.toLowerCase(), name]));

class Toolbar {
  constructor(pad) {
    this.pad = pad;
    this.el = element("div", "kn-pad-bar", { role: "toolbar", "aria-label": "Tools of the motion pad" });
    this.tools = {};
    let group = this.group("Tools");
    for (const tool of TOOLS) {
      if (!tool) {
        group = this.group("Paths");
        continue;
      }
      const [name, label, key] = tool;
      const made = iconButton(name, label, key, "kn-tool");
      made.dataset.tool = name;
      made.addEventListener("click", () => pad.choose(name));
      this.tools[name] = made;
      group.append(made);
    }
    this.size = element("input", "kn-size", {
      type: "range", min: "1", max: "100", step: "1", title: "Brush size ([ and ])", "aria-label": "Brush size in pixels of the picture",
    });
    this.size.addEventListener("input", () => pad.resize(this.fromSlider(Number(this.size.value))));
    this.sizeText = element("output", "kn-size-text");
    this.group("Brush size").append(this.size, this.sizeText);
    this.commands = {};
    const edit = this.group("Edit");
    this.command(edit, "snap", "snap", "Snap the mask to the edges of the picture", "S");
    this.command(edit, "undo", "undo", "Undo", "Ctrl+Z");
    this.command(edit, "redo", "redo", "Redo", "Ctrl+Shift+Z");
    this.command(edit, "clear", "clear", "Clear everything (can be undone)", "");
    const zoom = this.group("Zoom");
    this.command(zoom, "zoom_out", "zoom_out", "Zoom out", "-");
    this.zoom = element("output", "kn-zoom-text", { "aria-label": "Zoom" });
    zoom.append(this.zoom);
    this.command(zoom, "zoom_in", "zoom_in", "Zoom in", "+");
    this.command(zoom, "zoom_fit", "zoom_fit", "Show the whole picture", "0");
    const files = this.group("Keep");
    this.command(files, "code", "code", "Show as Python", "");
    this.command(files, "save", "save", "Save drawing beside the notebook (JSON + PNG)", "");
    this.command(files, "load", "load", "Load a drawing", "");
    this.el.addEventListener("keydown", (event) => this.walk(event));
    this.stops();
  }

  group(label) {
    const made = element("div", "kn-group", { role: "group", "aria-label": label });
    this.el.append(made);
    return made;
  }

  command(group, name, picture, label, key) {
    const made = iconButton(picture, label, key);
    made.dataset.command = name;
    made.addEventListener("click", () => this.pad.command(name));
    this.commands[name] = made;
    group.append(made);
  }

  items() {
    return [...this.el.querySelectorAll("button, input")].filter((item) => !item.disabled);
  }

  stops(current = this.items()[0]) {
    for (const item of this.el.querySelectorAll("button, input")) item.tabIndex = item === current ? 0 : -1;
  }

  walk(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || event.target === this.size) return;
    const items = this.items();
    const next = items[(items.indexOf(event.target) + step + items.length) % items.length];
    this.stops(next);
    next.focus();
    event.preventDefault();
  }

  // The slider is logarithmic: fine brushes matter more.
  fromSlider(value) {
    const [low, high] = this.pad.sizeRange();
    return low * (high / low) ** ((value - 1) / 99);
  }

  toSlider(size) {
    const [low, high] = this.pad.sizeRange();
    return 1 + 99 * (Math.log(size / low) / Math.log(high / low));
  }

  update(state, now) {
    for (const [name, made] of Object.entries(this.tools)) made.setAttribute("aria-pressed", String(name === now.tool));
    this.size.value = String(Math.round(this.toSlider(now.size)));
    this.sizeText.textContent = `${Math.round(2 * now.size)} px`;
    this.zoom.textContent = `${Math.round(state.view.zoom * 100)} %`;
    this.able("undo", state.undo !== "", state.undo ? `Undo ${state.undo} (Ctrl+Z)` : "Nothing to undo");
    this.able("redo", state.redo !== "", state.redo ? `Redo ${state.redo} (Ctrl+Shift+Z)` : "Nothing to redo");
    this.able("zoom_out", state.view.zoom > 1, "Zoom out (-)");
  }

  able(name, able, title) {
    const made = this.commands[name];
    // Not the attribute `disabled`: a button that loses the focus to the page is a trap for the keyboard.
    made.setAttribute("aria-disabled", String(!able));
    made.title = title;
  }
}
