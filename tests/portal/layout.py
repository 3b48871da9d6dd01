"""Where the elements of a page lie, as a real browser lays them out."""

from playwright.sync_api import Page, ViewportSize

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}

_MISPLACED = """() => {
  const root = document.documentElement, found = [];
  const tell = (why, one) => found.push(`${why}: ${one.outerHTML.slice(0, 160)}`);
  if (root.scrollWidth > root.clientWidth) {
    tell(`the page is ${root.scrollWidth} wide in ${root.clientWidth}`, document.body);
    for (const one of document.querySelectorAll('body *'))
      if (one.getBoundingClientRect().right > root.clientWidth + 1) tell('wide', one);
  }
  const drawer = document.querySelector('#drawer[open]');
  if (drawer && drawer.scrollWidth > drawer.clientWidth) tell('a wide drawer', drawer);
  const top = drawer ?? document;
  const scrolls = (one) => getComputedStyle(one).overflowX !== 'visible';
  const boxes = '.card, .sheet, .column, aside section, td, th, li';
  for (const box of top.querySelectorAll(boxes)) {
    const outer = box.getBoundingClientRect();
    if (outer.width === 0) continue;
    const within = (one) => {
      if (one !== box && scrolls(one)) return;
      for (const child of one.children) {
        const inner = child.getBoundingClientRect();
        const out = inner.left < outer.left - 1 || inner.right > outer.right + 1
          || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
        const seen = inner.width > 1 && inner.height > 1;
        if (out && seen) tell(`out of its ${box.className || box.localName}`, child);
        within(child);
      }
    };
    within(box);
  }
  const placed = (one) => [one, one.getBoundingClientRect()];
  const cards = [...top.querySelectorAll('.card')].map(placed);
  for (const [place, [one, a]] of cards.entries())
    for (const [, b] of cards.slice(place + 1))
      if (a.width && b.width && a.left < b.right - 1 && b.left < a.right - 1
          && a.top < b.bottom - 1 && b.top < a.bottom - 1) tell('over another card', one);
  return [...new Set(found)].slice(0, 10);
}"""


def misplaced(page: Page) -> list[str]:
    """Return what is wider than the window, reaches out of its card or lies over another one."""
    return page.evaluate(_MISPLACED)
