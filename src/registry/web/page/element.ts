/** What an element can hold. Text is always text: nothing from an image is ever parsed as markup. */
export type Content = Node | string | undefined | false | readonly Content[];

type Attributes = Readonly<Record<string, string | number | boolean | undefined | ((event: Event) => void)>>;

/**
 * Makes an element. An attribute that is `false` or `undefined` is left out, one that is `true` is set empty,
 * and a function listens for the event of that name.
 */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes,
  ...content: Content[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== undefined && value !== false)
      made.setAttribute(name, value === true ? "" : `${value}`);
  }
  append(made, content);
  return made;
}

/** Replaces what `parent` holds. */
export function fill(parent: Element, ...content: Content[]): void {
  parent.replaceChildren();
  append(parent, content);
}

function append(parent: Element, content: Content): void {
  if (content === undefined || content === false) return;
  if (typeof content === "string" || content instanceof Node) parent.append(content);
  else for (const part of content) append(parent, part);
}

/** The head of a table's column; numbers stand at the right. */
export function columnHead(title: string): HTMLElement {
  return element("th", { scope: "col", class: title === "Size" ? "number" : undefined }, title);
}
