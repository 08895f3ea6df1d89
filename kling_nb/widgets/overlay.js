// Paths over a clip: what was asked is solid, what was measured dashed; dots show both at the moment shown.

const SVG = "http://www.w3.org/2000/svg";

function svgElement(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function arrowHead(points, size) {
  const [x, y] = points.at(-1);
  // The last points may lie close together: the direction is that of a longer piece.
  const from = [...points].reverse().find((p) => Math.hypot(p[0] - x, p[1] - y) > size) ?? points[0];
  const angle = Math.atan2(y - from[1], x - from[0]);
  const corner = (turn, length) => `${x + length * Math.cos(angle + turn)},${y + length * Math.sin(angle + turn)}`;
  return [corner(0, size), corner(2.5, size), corner(-2.5, size)].join(" ");
}

class PathOverlay {
  constructor(paths) {
    this.dots = [];
    const [width, height] = paths.size;
    this.unit = Math.max(width, height) / 100;
    this.el = svgElement("svg", { class: "kn-paths", viewBox: `0 0 ${width} ${height}`, role: "img" });
    const title = svgElement("title", {});
    const names = paths.lines.map((line, i) => line.label || `object ${i + 1}`).join(", ");
    const measured = paths.lines.some((line) => line.measured?.length);
    title.textContent = measured ? `Requested motion solid, measured motion dashed: ${names}` : `Requested motion: ${names}`;
    this.el.append(title);
    for (const line of paths.lines) this.draw(line);
    this.moment(0);
  }

  course(points, stroke, wide, more = {}) {
    this.el.append(svgElement("polyline", {
      points: points.map((point) => point.join(",")).join(" "), fill: "none", stroke, "stroke-width": wide,
      "vector-effect": "non-scaling-stroke", "stroke-linecap": "round", "stroke-linejoin": "round", ...more,
    }));
  }

  draw({ points, color, measured = [], times = [] }) {
    const { unit } = this;
    if (points.length) {
      for (const [stroke, wide] of [["#000", 5.6], ["#fff", 4.4], [color, 3.2]]) this.course(points, stroke, wide);
      this.el.append(
        svgElement("circle", { cx: points[0][0], cy: points[0][1], r: 1.2 * unit, fill: "#fff", stroke: "#000", "stroke-width": 0.4 * unit }),
        svgElement("polygon", { points: arrowHead(points, 2.6 * unit), fill: color, stroke: "#000", "stroke-width": 0.4 * unit }),
      );
    }
    if (measured.length) {
      for (const [stroke, wide] of [["#000", 3.8], ["#fff", 2]]) this.course(measured, stroke, wide, { "stroke-dasharray": "6 6", "stroke-linecap": "butt", class: "kn-measured" });
      const [x, y] = measured.at(-1);
      this.el.append(svgElement("rect", { x: x - unit, y: y - unit, width: 2 * unit, height: 2 * unit, fill: color, stroke: "#fff", "stroke-width": 0.5 * unit, "paint-order": "stroke", class: "kn-measured-end" }));
    }
    if (!times.length) return;
    const dot = (places, name, attributes) => {
      if (!places.length) return;
      const made = svgElement("circle", { class: name, ...attributes });
      const halo = svgElement("circle", { r: Number(attributes.r) + 0.45 * unit, fill: "#000" });
      this.el.append(halo, made);
      this.dots.push({ places, times, circles: [halo, made] });
    };
    dot(points, "kn-dot-asked", { r: 1.3 * unit, fill: color, stroke: "#fff", "stroke-width": 0.35 * unit });
    dot(measured, "kn-dot-measured", { r: 1.1 * unit, fill: "#fff", stroke: color, "stroke-width": 0.5 * unit });
  }

  // Between two measured moments the dots go straight on.
  moment(seconds) {
    if (this.shown === seconds) return;
    this.shown = seconds;
    for (const { places, times, circles } of this.dots) {
      const last = Math.min(places.length, times.length) - 1;
      let next = times.findIndex((time) => time > seconds);
      if (next < 0 || next > last) next = last;
      const before = Math.max(0, next - 1);
      const span = times[next] - times[before];
      const share = span > 0 ? Math.min(1, Math.max(0, (seconds - times[before]) / span)) : 0;
      const at = [0, 1].map((axis) => places[before][axis] + share * (places[next][axis] - places[before][axis]));
      for (const circle of circles) {
        circle.setAttribute("cx", at[0].toFixed(1));
        circle.setAttribute("cy", at[1].toFixed(1));
      }
    }
  }
}

// Keeps an overlay at the moment of a player; returns what ends that.
function followVideo(video, overlay) {
  if (!overlay.dots.length) return () => {};
  let frame = 0;
  const show = () => overlay.moment(video.currentTime);
  const run = () => {
    show();
    frame = video.paused || video.ended || !video.isConnected ? 0 : requestAnimationFrame(run);
  };
  const start = () => { if (!frame) run(); };
  const events = { play: start, playing: start, seeking: show, seeked: show, timeupdate: show, pause: show };
  for (const [name, act] of Object.entries(events)) video.addEventListener(name, act);
  run();
  return () => {
    cancelAnimationFrame(frame);
    for (const [name, act] of Object.entries(events)) video.removeEventListener(name, act);
  };
}
