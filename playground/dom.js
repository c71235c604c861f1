// Building elements; text is never read as HTML.

/** An element with attributes, listeners (onclick) and children. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

/** A text with `code` between backquotes as elements. */
export function marked(text) {
  return text
    .split("`")
    .map((piece, place) => (place % 2 ? element("code", {}, piece) : piece));
}

/** The Markdown that protolint writes about a field or blob: paragraphs, `code`, **strong**. */
export function markdown(text) {
  return text.split("\n\n").map((paragraph) =>
    element("p", {}, ...paragraph.split("**").flatMap((piece, place) =>
      place % 2 ? element("b", {}, piece) : marked(piece))));
}

export const by = (id) => document.getElementById(id);
