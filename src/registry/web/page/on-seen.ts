const work = new WeakMap<Element, () => Promise<void>>();

const observer = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      // What a row cannot find out stays blank: the row's own page tells why.
      work
        .get(target)?.()
        .catch(() => {});
    }
  },
  { rootMargin: "200px" },
);

/** Does something for a row when it comes near the visible part of the page: a list of thousands asks for few. */
export function onSeen(row: Element, action: () => Promise<void>): void {
  work.set(row, action);
  observer.observe(row);
}
