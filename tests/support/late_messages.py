"""A connection whose messages arrive late and one by one, in order: what a page meets far from its kernel.

Whatever a test reads right after a click or a change of a card has to be waited for. On one's own machine it
mostly is there already; with ``KLING_NB_LATE_MS=400`` it mostly is not, so such a test fails every time.
"""

from __future__ import annotations

import os

LATE_MS = float(os.environ.get("KLING_NB_LATE_MS", "0"))
"""Mean delay of every second message of a widget, each way, in milliseconds; 0 is the plain connection."""

SEED = int(os.environ.get("KLING_NB_LATE_SEED", "1"))
"""Another number, other delays."""

SCRIPT = """
(() => {
  const late = %f;
  let seed = %d;
  const random = () => {
    // Numerical Recipes' linear congruential generator: the same delays in every run.
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const text = new TextDecoder('latin1');
  const begins = (data) => {
    if (typeof data === 'string') return data.slice(0, 2000);
    return data instanceof ArrayBuffer ? text.decode(data.slice(0, 2000)) : '';
  };
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    #lines = {in: [], out: []};
    #wait(way, data, work) {
      const line = this.#lines[way];
      const delay = begins(data).includes('comm_') && random() < 0.5 ? 2 * late * random() : 0;
      if (!line.length && !delay) {
        work();
        return;
      }
      line.push({due: performance.now() + delay, work});
      if (line.length === 1) this.#next(line);
    }
    // One after the other: timers of their own could overtake each other.
    #next(line) {
      setTimeout(() => {
        try {
          line[0].work();
        } finally {
          line.shift();
          if (line.length) this.#next(line);
        }
      }, Math.max(0, line[0].due - performance.now()));
    }
    send(data) { this.#wait('out', data, () => this.readyState === 1 && super.send(data)); }
    get onmessage() { return super.onmessage; }
    set onmessage(hear) {
      super.onmessage = hear && ((event) => this.#wait('in', event.data, () => hear.call(this, event)));
    }
  };
})();
"""


def script() -> str | None:
    """Return what a page runs before all else; None for the plain connection."""
    return SCRIPT % (LATE_MS, SEED) if LATE_MS else None
