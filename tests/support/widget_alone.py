"""A widget on an empty page, with a model that does what the test says: no notebook, no kernel."""

from __future__ import annotations

from typing import Any

from lab_in_chromium import PATIENCE_S
from playwright.sync_api import Page

MODEL = """
class Model {
  constructor(state, manager = null) {
    Object.assign(this, {state, manager, sent: [], saved: [], heard: new Map()});
    this.widget_manager = manager;
  }
  get(name) { return this.state[name]; }
  set(name, value) {
    this.state[name] = value;
    this.tell(`change:${name}`);
  }
  save_changes() { this.saved.push({...this.state}); }
  on(name, work) {
    if (!this.heard.has(name)) this.heard.set(name, new Set());
    this.heard.get(name).add(work);
  }
  off(name, work) { this.heard.get(name)?.delete(work); }
  send(message, _callbacks, buffers) { this.sent.push({...message, buffers}); }
  // What a kernel says.
  tell(name, ...values) { for (const work of [...(this.heard.get(name) ?? [])]) work(...values); }
  message(content, buffers = []) { this.tell('msg:custom', content, buffers); }
  kinds(kind) { return this.sent.filter((message) => message.kind === kind); }
  listeners() { return [...this.heard.values()].reduce((count, works) => count + works.size, 0); }
}
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
"""


def load(page: Page, widget: Any, *names: str) -> None:
    """Put the module of a widget on the page; ``render`` and the names given become global.

    Parameters
    ----------
    page
        An empty page.
    widget
        Class of the widget.
    *names
        Classes and functions of its module.
    """
    given = ", ".join(("Model", "pause", "render", *names))
    script = f"{MODEL}\n{widget._esm}\nObject.assign(window, {{{given}}});"
    page.set_default_timeout(1000 * PATIENCE_S)
    page.add_style_tag(content=str(widget._css))
    page.add_script_tag(content=script, type="module")
    page.wait_for_function("() => window.render")
