// Icons the gallery has beside those of the pad.

Object.assign(ICONS, {
  pause: "M8 5v14M16 5v14",
  back: "M18 5 9 12l9 7zM6 5v14",
  forward: "M6 5l9 7-9 7zM18 5v14",
  loop: "M5 12a7 7 0 0 1 12-5l2 2M19 4v5h-5M19 12a7 7 0 0 1-12 5l-2-2M5 20v-5h5",
  path: "M4 18C8 6 14 20 19 8M14.500 8H19v4.500",
  sheet: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  side: "M3 6h8v12H3zM13 6h8v12h-8z",
  wipe: "M3 5h18v14H3zM12 3v18M9 12H6m1-1-1 1 1 1M15 12h3m-1-1 1 1-1 1",
  difference: "M9 5a6 6 0 1 0 0 12A6 6 0 0 0 9 5zM15 7a6 6 0 1 0 0 12 6 6 0 0 0 0-12z",
  frames: "M3 8h18v8H3zM8 8v8M13 8v8M18 8v8M3 5h18M3 19h18",
  grid: "M4 4h16v16H4zM4 9.500h16M4 15h16M9.500 4v16M15 4v16",
  keep: "M5 12.500 10 17.500 19.500 7",
  help: "M9 9a3 3 0 1 1 4.500 2.600c-1 .6-1.500 1.200-1.500 2.400M12 17.500v.500",
  mute: "M4 9.500v5h4l5 4v-13l-5 4zM16 9l5 6M21 9l-5 6",
  sound: "M4 9.500v5h4l5 4v-13l-5 4zM16 9a4 4 0 0 1 0 6M18.500 6.500a8 8 0 0 1 0 11",
});

// A repeated press of a toggle says its state to screen readers.
function setPressed(button, pressed) {
  button.setAttribute("aria-pressed", String(Boolean(pressed)));
}
