// Line icons of the pad, 24 by 24, drawn in the text's colour.

const ICONS = {
  brush: "M4 20c3 0 5-1 5-4l9-11 2 2-11 9M9 16l-2-2",
  eraser: "M4 16 13 7l6 6-6 6H8zM9 11l6 6M4 20h16",
  rectangle: "M4 6h16v12H4z",
  ellipse: "M12 5c5 0 8.500 3 8.500 7s-3.500 7-8.500 7-8.500-3-8.500-7 3.500-7 8.500-7z",
  lasso: "M6 14c-3-2-3-6 1-8s11-1 13 2-2 7-8 7c-3 0-6-1-6 1s2 2 2 4",
  path_click: "M4 18 10 8l5 7 5-9M3 17h2v2H3zM9 7h2v2H9zM14 14h2v2h-2zM19 5h2v2h-2z",
  path_freehand: "M3 17c4-12 7 4 10-4s4-6 8-5M18 5l3 3-3 3",
  edit: "M5 3l6 15 2-6 6-2zM16 16l4 4",
  hand: "M8 12V6a1.500 1.500 0 0 1 3 0v5V4.500a1.500 1.500 0 0 1 3 0V11V6a1.500 1.500 0 0 1 3 0v8c0 4-2 6-5 6-4 0-5-2-7-6-1-2 1-3 2-2l1 1",
  snap: "M4 12a8 8 0 0 1 16 0M4 12v6h4v-6M20 12v6h-4v-6M12 2v2",
  undo: "M9 7 4 12l5 5M4 12h10a5 5 0 0 1 5 5v2",
  redo: "M15 7l5 5-5 5M20 12H10a5 5 0 0 0-5 5v2",
  clear: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
  zoom_in: "M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zM15.500 15.500 21 21M10.500 7.500v6M7.500 10.500h6",
  zoom_out: "M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zM15.500 15.500 21 21M7.500 10.500h6",
  zoom_fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  eye: "M2 12c3-5 6-7 10-7s7 2 10 7c-3 5-6 7-10 7s-7-2-10-7zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  eye_off: "M2 12c3-5 6-7 10-7s7 2 10 7c-3 5-6 7-10 7s-7-2-10-7zM4 20 20 4",
  remove: "M6 6l12 12M18 6 6 18",
  freeze: "M12 2v20M4 7l16 10M20 7 4 17M9 4l3 2 3-2M9 20l3-2 3 2",
  code: "M9 7l-5 5 5 5M15 7l5 5-5 5",
  save: "M12 4v11M7 11l5 5 5-5M4 20h16",
  load: "M12 16V5M7 9l5-5 5 5M4 20h16",
  play: "M7 4l13 8-13 8z",
};

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "kn-icon");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

function element(tag, name = "", attributes = {}, ...children) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function iconButton(name, label, key = "", className = "") {
  const title = key ? `${label} (${key})` : label;
  const made = element("button", `kn-button ${className}`.trim(), { type: "button", title, "aria-label": label }, icon(name));
  if (key) made.setAttribute("aria-keyshortcuts", key.replace("Ctrl", "Control"));
  return made;
}

// Replaces children only where their description has changed: focus and screen readers stay undisturbed.
function fillChanged(parent, description, make) {
  const known = JSON.stringify(description);
  if (parent.dataset.known === known) return;
  parent.dataset.known = known;
  parent.replaceChildren(...make());
}

function setText(node, value) {
  if (node.textContent !== value) node.textContent = value;
  node.hidden = !value;
}
