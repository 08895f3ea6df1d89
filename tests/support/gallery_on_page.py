"""A gallery on the page of a notebook: what its players show and how far they are apart."""

from __future__ import annotations

import time
from typing import Any

from lab_in_chromium import PATIENCE_S, NotebookPage

FRAMES = """(root) => [...root.querySelectorAll('.kn-film')].map((video) => {
  const canvas = document.createElement('canvas');
  canvas.width = 320; canvas.height = 180;
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(video, 0, 0, 320, 180);
  let number = 0;
  for (let bit = 0; bit < 8; bit += 1) {
    const [red, green, blue] = context.getImageData(bit * 40 + 20, 12, 1, 1).data;
    if (red + green + blue > 384) number |= 1 << bit;
  }
  return number;
})"""

REST = """async (root, counts) => {
  const stands = () => [...root.querySelectorAll('video')].filter(counts ?? (() => true)).every(
    (video) => video.paused && !video.seeking && video.readyState >= 2);
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  let sought = false;
  const note = () => { sought = true; };
  root.addEventListener('seeking', note, true);
  // A seek that waited for another starts a moment after that one: at rest is what stays so for some frames.
  const begin = performance.now();
  for (let calm = 0; calm < 4;) {
    if (performance.now() - begin > 120000) throw new Error('the players do not come to rest');
    sought = false;
    await frame();
    calm = stands() && !sought ? calm + 1 : 0;
  }
  root.removeEventListener('seeking', note, true);
}"""
"""Ends when all players, or those that count, stand still on their frames."""

SPREADS = """async (root, seconds) => {
  const spreads = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const going = [...root.querySelectorAll('.kn-film')].filter(
      (video) => !video.paused && !video.ended && !video.seeking && video.readyState >= 3);
    const times = going.map((video) => video.currentTime);
    if (times.length > 1) spreads.push(Math.max(...times) - Math.min(...times));
  }
  return spreads.sort((a, b) => a - b);
}"""

CALM = """async (root) => {
  const scroller = root.querySelector('.kn-scroller');
  const loading = () => [...scroller.querySelectorAll('video[src]')].some(
    (video) => !video.error && (video.seeking || video.readyState < 2))
    || [...scroller.querySelectorAll('.kn-strip')].some((strip) => !('done' in strip.dataset));
  let changed = performance.now();
  const observer = new MutationObserver(() => { changed = performance.now(); });
  observer.observe(scroller, {
    subtree: true, childList: true, attributes: true, attributeFilter: ['src', 'data-playing', 'hidden'],
  });
  const begin = performance.now();
  // A clip that has come to rest in sight gets its player after a moment.
  while (performance.now() - changed < 500 || loading()) {
    if (performance.now() - begin > 120000) throw new Error('the gallery changes on and on');
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  observer.disconnect();
}"""
"""Ends when no player is made, loaded or taken away any more, and all frames side by side are drawn."""

SCROLL = """async ([root, pixels, milliseconds]) => {
  const scroller = root.querySelector('.kn-scroller');
  let frames = 0, players = 0;
  const start = performance.now();
  while (performance.now() - start < milliseconds) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
    frames += 1;
    scroller.scrollTop += pixels;
    if (scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 2) scroller.scrollTop = 0;
    players = Math.max(players, root.querySelectorAll('.kn-film').length);
  }
  return {frames, players};
}"""


class GalleryOnPage:
    """One gallery of a notebook.

    Parameters
    ----------
    page
        The notebook.
    cell
        Index of the cell that shows the gallery.
    """

    def __init__(self, page: NotebookPage, cell: int) -> None:
        self.page = page
        self.cell = cell
        self.root = page.element(cell).wait_for_selector(".kn-gallery")

    def tile(self, number: int) -> Any:
        """Return one run's tile, by its place."""
        return self.root.query_selector_all(".kn-tile")[number]

    def focus(self, number: int) -> None:
        """Click a tile below its picture."""
        self.tile(number).query_selector(".kn-made, .kn-tile-head").click()

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.page.keyboard.press(key)

    def wait_players(self, count: int) -> None:
        """Wait until so many clips can be played."""
        self.page.page.wait_for_function(
            "([root, n]) => root.querySelectorAll('.kn-screen[data-playing]').length === n",
            arg=[self.root, count],
        )

    def rest(self) -> None:
        """Wait until every player stands still on its frame, and the frame is painted."""
        self.root.evaluate(REST)

    def calm(self) -> None:
        """Wait until everything in sight is loaded and nothing comes or goes any more."""
        self.root.evaluate(CALM)

    def frames(self) -> list[int]:
        """Return the numbers that stand in the clips of ``clip_shelf``."""
        self.rest()
        return list(self.page.page.evaluate(FRAMES, self.root))

    def spreads(self, seconds: float) -> list[float]:
        """Return, rising, how far the running players were apart at every frame of the page, in seconds."""
        return list(self.page.page.evaluate(f"([root, s]) => ({SPREADS})(root, s)", [self.root, seconds]))

    def wait_together(self, within: float, share: float = 0.9) -> None:
        """Wait until for a second the running players are that close, at this share of the page's frames."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            spreads = self.spreads(1.0)
            if len(spreads) > 5 and spreads[int(len(spreads) * share)] < within:
                return
            assert time.monotonic() < deadline, spreads

    def scroll(self, pixels: int, milliseconds: int) -> dict[str, int]:
        """Scroll by so many pixels a frame; returns frames drawn and most players at a time."""
        return dict(self.page.page.evaluate(SCROLL, [self.root, pixels, milliseconds]))
