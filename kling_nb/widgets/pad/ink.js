// The stroke being drawn: echoed on a canvas of its own within a frame, delivered once when it ends.
// Nothing here waits for the kernel. What the kernel has drawn replaces the echo when it says so.

const LINE_TOOLS = new Set(["path_freehand", "path_click", "edit"]);
const SHAPE_TOOLS = new Set(["rectangle", "ellipse", "lasso"]);
const HANDLE_REACH = 14; // CSS pixels: a finger hits what it means
const CLICK_REACH = 4; // CSS pixels a hand may tremble within a click

// One arithmetic with the kernel's view transform: picture = (display - offset) / scale.
function toPicture(view, x, y) {
  return [(x - view.x) / view.scale, (y - view.y) / view.scale];
}

function toDisplay(view, x, y) {
  return [x * view.scale + view.x, y * view.scale + view.y];
}

function distanceToSegment(p, a, b) {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const length = dx * dx + dy * dy;
  const t = length ? Math.max(0, Math.min(1, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length)) : 0;
  return Math.hypot(p[0] - a[0] - t * dx, p[1] - a[1] - t * dy);
}

// What a press means to the point tool: a handle, a place between two points, or nothing.
function pick(points, at) {
  let best = { index: -1, distance: Infinity };
  points.forEach((point, index) => {
    const distance = Math.hypot(point[0] - at[0], point[1] - at[1]);
    if (distance < best.distance) best = { index, distance };
  });
  if (best.distance <= HANDLE_REACH) return { kind: "point", index: best.index };
  let near = { index: -1, distance: Infinity };
  for (let i = 1; i < points.length; i += 1) {
    const distance = distanceToSegment(at, points[i - 1], points[i]);
    if (distance < near.distance) near = { index: i, distance };
  }
  if (near.distance <= HANDLE_REACH) return { kind: "segment", index: near.index };
  return { kind: "none", index: -1 };
}

class Ink {
  // `pad` answers: view(), now() (tool, size, colour, layer), path() in picture pixels, deliver(stroke, data).
  constructor(stage, pad) {
    this.stage = stage;
    this.pad = pad;
    this.waiting = []; // delivered, not yet drawn by the kernel
    this.stroke = null;
    this.fill = element("canvas", "kn-ink kn-ink-fill");
    this.line = element("canvas", "kn-ink kn-ink-line");
    this.cursor = element("div", "kn-ink-cursor", { "aria-hidden": "true" });
    stage.append(this.fill, this.line, this.cursor);
    const top = this.line;
    this.listeners = new AbortController();
    const on = (name, work) => top.addEventListener(name, work.bind(this), { signal: this.listeners.signal });
    on("pointerdown", this.down);
    on("pointermove", this.move);
    on("pointerup", this.up);
    on("pointercancel", this.cancel);
    on("lostpointercapture", this.up);
    on("pointerleave", this.leave);
    on("dblclick", this.double);
    on("contextmenu", (event) => event.preventDefault());
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(stage);
    // The zoom of the browser changes the size of a device pixel without resizing the stage.
    window.addEventListener("resize", () => this.resize(), { signal: this.listeners.signal });
    this.resize();
  }

  close() {
    this.listeners.abort();
    this.observer.disconnect();
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const box = this.stage.getBoundingClientRect();
    const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
    if (!width || !height || (this.line.width === width && this.line.height === height)) return;
    for (const canvas of [this.fill, this.line]) {
      canvas.width = width;
      canvas.height = height;
    }
    this.redraw();
  }

  // Position of an event in the stage's nominal pixels, whatever the page's scroll, zoom or scaling.
  place(event) {
    const box = this.line.getBoundingClientRect();
    const [width, height] = this.pad.nominal();
    return [((event.clientX - box.left) * width) / box.width, ((event.clientY - box.top) * height) / box.height];
  }

  scaled(canvas) {
    const context = canvas.getContext("2d");
    const [width] = this.pad.nominal();
    const factor = canvas.width / width;
    context.setTransform(factor, 0, 0, factor, 0, 0);
    context.lineCap = "round";
    context.lineJoin = "round";
    return context;
  }

  // --- pointer ------------------------------------------------------------------------------------------

  down(event) {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    if (this.stroke) {
      // A second finger draws nothing. A pointer that is gone without a word has ended its stroke.
      if (this.line.hasPointerCapture(this.stroke.id)) return;
      this.up({ pointerId: this.stroke.id });
    }
    event.preventDefault();
    this.pad.touched();
    try {
      this.line.setPointerCapture(event.pointerId);
    } catch {
      // The pointer is gone already: the stroke ends with what there is.
    }
    const now = this.pad.now();
    const view = this.pad.view();
    const at = this.place(event);
    this.stroke = {
      ...now, view, pointer: event.pointerType, id: event.pointerId, modifiers: { shift: event.shiftKey, alt: event.altKey },
      display: [at], pressures: [this.pressure(event)],
      // As long as nothing is on its way, the path that is shown is the one the kernel has.
      known: this.pad.unanswered ? -1 : this.pad.seq,
    };
    if (now.tool === "edit") this.stroke.picked = pick(this.shown(view), at);
    if (now.tool === "hand") this.stage.classList.add("kn-grabbing");
    this.extend(0);
  }

  move(event) {
    this.hover(event);
    const stroke = this.stroke;
    if (!stroke || event.pointerId !== stroke.id) return;
    const all = event.getCoalescedEvents?.() ?? [];
    const from = stroke.display.length;
    for (const each of all.length ? all : [event]) {
      const at = this.place(each);
      const last = stroke.display[stroke.display.length - 1];
      if (at[0] === last[0] && at[1] === last[1]) continue;
      stroke.display.push(at);
      stroke.pressures.push(this.pressure(each));
    }
    if (stroke.display.length > from) this.extend(from);
  }

  up(event) {
    const stroke = this.stroke;
    if (!stroke || event.pointerId !== stroke.id) return;
    this.stroke = null;
    this.stage.classList.remove("kn-grabbing");
    this.pad.pan(0, 0);
    this.finish(stroke);
  }

  cancel(event) {
    // The system took the pointer away (a gesture, a call): the stroke so far is what was meant.
    this.up(event);
  }

  // Ends the stroke in hand, as Escape does; nothing is delivered.
  abandon() {
    if (!this.stroke) return false;
    this.stroke = null;
    this.stage.classList.remove("kn-grabbing");
    this.pad.pan(0, 0);
    this.redraw();
    return true;
  }

  leave() {
    this.cursor.hidden = true;
    this.pad.hovered(null);
  }

  double(event) {
    event.preventDefault();
    this.pad.doubled(toPicture(this.pad.view(), ...this.place(event)));
  }

  pressure(event) {
    // A mouse reports 0.5 or 0: it has none.
    return event.pointerType === "pen" && event.pressure > 0 ? event.pressure : 1;
  }

  hover(event) {
    const at = this.place(event);
    this.pad.hovered(toPicture(this.pad.view(), ...at));
    const now = this.pad.now();
    const round = now.tool === "brush" || now.tool === "eraser";
    this.cursor.hidden = !round;
    if (!round) return;
    const box = this.stage.getBoundingClientRect();
    const factor = box.width / this.pad.nominal()[0];
    const diameter = Math.max(4, 2 * now.size * this.pad.view().scale * factor);
    this.cursor.style.width = `${diameter}px`;
    this.cursor.style.height = `${diameter}px`;
    this.cursor.style.transform =
      `translate(${event.clientX - box.left - diameter / 2}px, ${event.clientY - box.top - diameter / 2}px)`;
  }

  // --- delivery -----------------------------------------------------------------------------------------

  finish(stroke) {
    const length = stroke.display.length;
    const data = new Float32Array(length * 3);
    stroke.display.forEach((at, i) => {
      const [x, y] = toPicture(stroke.view, at[0], at[1]);
      data.set([x, y, stroke.pressures[i]], 3 * i);
    });
    const first = stroke.display[0];
    const moved = stroke.display.some((at) => Math.hypot(at[0] - first[0], at[1] - first[1]) > CLICK_REACH);
    if (stroke.tool === "hand") {
      const last = stroke.display[length - 1];
      this.pad.panned(last[0] - first[0], last[1] - first[1]);
      return;
    }
    // Else its points may have other numbers by then: the kernel looks for the one at this place.
    const known = stroke.known === this.pad.seq;
    if (stroke.tool === "edit" && stroke.modifiers.alt && stroke.picked.kind === "point") {
      const place = { at: toPicture(stroke.view, first[0], first[1]), scale: stroke.view.scale };
      this.pad.command("delete_point", known ? { index: stroke.picked.index } : place);
      this.redraw();
      return;
    }
    stroke.points = this.echoed(stroke);
    stroke.seq = this.pad.deliver({
      tool: stroke.tool, layer: stroke.layer, size: stroke.size, pointer: stroke.pointer, n: length, moved,
      picked: (known && stroke.picked) || null, scale: stroke.view.scale, ...stroke.modifiers,
    }, data);
    this.waiting.push(stroke);
    this.redraw();
  }

  // The path as it will be, so that the next click or drag starts from it while the kernel is busy.
  echoed(stroke) {
    if (!LINE_TOOLS.has(stroke.tool)) return null;
    const points = this.path().map((point) => [...point]);
    const last = toPicture(stroke.view, ...stroke.display[stroke.display.length - 1]);
    if (stroke.tool === "path_click") return [...points, last];
    if (stroke.tool === "path_freehand") {
      return stroke.display.map((at) => toPicture(stroke.view, at[0], at[1]));
    }
    if (stroke.picked.kind === "point") points[stroke.picked.index] = last;
    if (stroke.picked.kind === "segment") points.splice(stroke.picked.index, 0, last);
    return points;
  }

  // Path of the selected layer in picture pixels, with what is still on its way to the kernel.
  path() {
    const layer = this.pad.now().layer;
    for (let i = this.waiting.length - 1; i >= 0; i -= 1) {
      if (this.waiting[i].points && this.waiting[i].layer === layer) return this.waiting[i].points;
    }
    return this.pad.path();
  }

  shown(view) {
    return this.path().map((point) => toDisplay(view, point[0], point[1]));
  }

  // The picture has moved below the hand: what is drawn already stays where it is on the picture.
  follow(view) {
    for (const stroke of [...this.waiting, this.stroke]) {
      if (!stroke || stroke.tool === "hand") continue;
      stroke.display = stroke.display.map((at) => toDisplay(view, ...toPicture(stroke.view, ...at)));
      stroke.view = view;
    }
    this.redraw();
  }

  // The kernel has drawn everything up to `seq`.
  settled(seq) {
    const before = this.waiting.length;
    this.waiting = this.waiting.filter((stroke) => stroke.seq > seq);
    if (this.waiting.length !== before) this.redraw();
  }

  get busy() {
    return this.waiting.length;
  }

  // --- drawing ------------------------------------------------------------------------------------------

  extend(from) {
    const stroke = this.stroke;
    if (stroke.tool === "hand") {
      const [first, last] = [stroke.display[0], stroke.display[stroke.display.length - 1]];
      this.pad.pan(last[0] - first[0], last[1] - first[1]);
      return;
    }
    if (stroke.tool === "brush" || stroke.tool === "eraser") this.paint(stroke, Math.max(0, from - 1));
    else if (stroke.tool === "path_freehand") this.trace(stroke, Math.max(0, from - 1));
    else this.redraw();
  }

  redraw() {
    for (const canvas of [this.fill, this.line]) {
      const context = canvas.getContext("2d");
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
    }
    for (const stroke of this.waiting) this.draw(stroke);
    if (this.stroke) this.draw(this.stroke);
  }

  draw(stroke) {
    if (stroke.tool === "brush" || stroke.tool === "eraser") this.paint(stroke, 0);
    else if (stroke.tool === "path_freehand") this.trace(stroke, 0);
    else if (SHAPE_TOOLS.has(stroke.tool)) this.shape(stroke);
    else if (LINE_TOOLS.has(stroke.tool)) this.polyline(stroke);
  }

  paint(stroke, from) {
    const context = this.scaled(this.fill);
    const paint = stroke.tool === "eraser" ? "#ffffff" : stroke.color;
    context.strokeStyle = paint;
    context.fillStyle = paint;
    const radius = (i) => stroke.size * stroke.view.scale * stroke.pressures[i];
    const points = stroke.display;
    if (from === 0) {
      context.beginPath();
      context.arc(points[0][0], points[0][1], radius(0), 0, 2 * Math.PI);
      context.fill();
    }
    for (let i = from + 1; i < points.length; i += 1) {
      context.lineWidth = 2 * radius(i);
      context.beginPath();
      context.moveTo(points[i - 1][0], points[i - 1][1]);
      context.lineTo(points[i][0], points[i][1]);
      context.stroke();
    }
    this.painted?.();
  }

  trace(stroke, from) {
    this.halo(stroke.display.slice(from), stroke.color);
    this.painted?.();
  }

  halo(points, color, dash = []) {
    const context = this.scaled(this.line);
    for (const [width, paint] of [[5, "#ffffff"], [2.5, color]]) {
      context.setLineDash(paint === color ? dash : []);
      context.lineWidth = width;
      context.strokeStyle = paint;
      context.beginPath();
      points.forEach((point, i) => (i ? context.lineTo(point[0], point[1]) : context.moveTo(point[0], point[1])));
      if (points.length === 1) context.lineTo(points[0][0], points[0][1]);
      context.stroke();
    }
    context.setLineDash([]);
  }

  shape(stroke) {
    const points = stroke.display;
    const [a, b] = [points[0], points[points.length - 1]];
    let outline = points;
    if (stroke.tool === "rectangle") outline = [a, [b[0], a[1]], b, [a[0], b[1]], a];
    if (stroke.tool === "ellipse") {
      const [cx, cy] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
      outline = Array.from({ length: 65 }, (_, i) => {
        const turn = (2 * Math.PI * i) / 64;
        return [cx + (Math.abs(b[0] - a[0]) / 2) * Math.cos(turn), cy + (Math.abs(b[1] - a[1]) / 2) * Math.sin(turn)];
      });
    }
    const context = this.scaled(this.fill);
    context.fillStyle = stroke.modifiers.alt ? "#ffffff" : stroke.color;
    context.beginPath();
    outline.forEach((point, i) => (i ? context.lineTo(point[0], point[1]) : context.moveTo(point[0], point[1])));
    context.fill();
    this.halo(stroke.tool === "lasso" ? [...outline, a] : outline, stroke.color, [5, 4]);
    this.painted?.();
  }

  polyline(stroke) {
    const view = stroke.view;
    const points = (stroke.points ?? this.echoed(stroke)).map((point) => toDisplay(view, point[0], point[1]));
    if (!points.length) return;
    this.halo(points, stroke.color);
    const context = this.scaled(this.line);
    for (const point of points) {
      context.beginPath();
      context.arc(point[0], point[1], 5, 0, 2 * Math.PI);
      context.fillStyle = stroke.color;
      context.fill();
      context.lineWidth = 1.5;
      context.strokeStyle = "#ffffff";
      context.stroke();
    }
    this.painted?.();
  }
}
