import { kindOfManifest } from "./artifact-kind.ts";
import { contentSize, isImageConfig, printPlatform } from "./documents.ts";
import { columnHead, element, fill } from "./element.ts";
import { linkTo } from "./image-name.ts";
import { onSeen } from "./on-seen.ts";
import { pullCommand, pulledAs } from "./pull-command.ts";
import type { Registry } from "./registry.ts";
import { printAge, printBytes, shortDigest } from "./units.ts";

/** One repository: its tags, each with digest, platforms, size and age. */
export async function showRepository(main: Element, registry: Registry, repository: string): Promise<void> {
  const first = await registry.tags(repository);
  const tags = [...first.names];
  let { next } = first;
  const body = element("tbody", {});
  const filter = element("input", {
    type: "search",
    placeholder: "Filter tags",
    "aria-label": "Filter tags",
    autocomplete: "off",
    input: () => draw(),
  });
  const more = element("button", { type: "button", class: "more", click: () => load() }, "Show more tags");
  const count = element("p", { class: "count" });

  function draw(): void {
    const found = tags.filter((tag) => tag.includes(filter.value.trim())).sort(newestFirst);
    const whole = next === undefined ? "" : "+";
    count.textContent = `${found.length}${whole} ${found.length === 1 ? "tag" : "tags"}`;
    more.toggleAttribute("hidden", next === undefined);
    fill(
      body,
      found.slice(0, 1000).map((tag) => row(registry, repository, tag)),
    );
  }

  async function load(): Promise<void> {
    const page = await registry.tags(repository, next);
    tags.push(...page.names);
    next = page.next;
    draw();
  }

  const shown = [...tags].sort(newestFirst)[0];
  const command = element("div", {});
  if (shown !== undefined) {
    const name = { repository, reference: shown };
    const kind = await registry.manifest(repository, shown).then(
      ({ document }) => pulledAs(document),
      () => "image" as const, // its row tells what is wrong
    );
    fill(command, pullCommand(name, kind));
  }
  fill(
    main,
    element("nav", { class: "crumbs", "aria-label": "Path" }, element("a", { href: "#/" }, "Repositories")),
    element("h1", {}, repository),
    command,
    element("div", { class: "bar" }, count, tags.length > 8 && filter),
    tags.length === 0
      ? element("p", { class: "notice" }, "No tags. Manifests without a tag are reached by digest.")
      : element(
          "div",
          { class: "scroll" },
          element(
            "table",
            {},
            element("caption", { class: "unseen" }, `Tags of ${repository}`),
            element(
              "thead",
              {},
              element("tr", {}, ["Tag", "Platforms", "Size", "Created", "Digest"].map(columnHead)),
            ),
            body,
          ),
        ),
    more,
  );
  draw();
}

function row(registry: Registry, repository: string, tag: string): HTMLElement {
  const platforms = element("td", {});
  const size = element("td", { class: "number" });
  const created = element("td", {});
  const digest = element("td", { class: "digest" });
  const made = element(
    "tr",
    {},
    element("th", { scope: "row" }, element("a", { href: linkTo({ repository, reference: tag }) }, tag)),
    platforms,
    size,
    created,
    digest,
  );
  onSeen(made, async () => {
    const found = await registry.manifest(repository, tag);
    fill(digest, element("code", { title: found.digest }, shortDigest(found.digest)));
    const { manifests, config, annotations } = found.document;
    if (manifests !== undefined) {
      const names = manifests
        .map(({ platform }) => printPlatform(platform))
        .filter((name) => name !== undefined);
      fill(platforms, names.length === 0 ? "index" : chips(names));
      created.textContent = printAge(annotations?.["org.opencontainers.image.created"]) ?? "";
      const [first] = manifests;
      if (first === undefined) return;
      const { document } = await registry.manifest(repository, first.digest);
      if (document.manifests !== undefined) return;
      size.textContent = printBytes(contentSize(document));
      size.title = printPlatform(first.platform) ?? "";
      return;
    }
    size.textContent = printBytes(contentSize(found.document));
    if (config === undefined || !isImageConfig(config.mediaType)) {
      const kind = kindOfManifest(found.document);
      fill(platforms, element("span", { class: "chip other", title: kind.type }, kind.name));
      created.textContent = printAge(annotations?.["org.opencontainers.image.created"]) ?? "";
      return;
    }
    const image = await registry.config(repository, config);
    fill(platforms, chips([printPlatform(image) ?? "unknown"]));
    created.textContent = printAge(image.created) ?? "";
  });
  return made;
}

const collator = new Intl.Collator("en", { numeric: true });

/** `latest`, then versions from the highest down, as far as names tell. */
function newestFirst(a: string, b: string): number {
  return Number(b === "latest") - Number(a === "latest") || collator.compare(b, a);
}

/** Few platforms by name, the rest as a number. */
function chips(names: readonly string[]): HTMLElement[] {
  const shown = names.slice(0, 4).map((name) => element("span", { class: "chip" }, name));
  if (names.length <= 4) return shown;
  return [
    ...shown,
    element("span", { class: "chip other", title: names.slice(4).join(", ") }, `+${names.length - 4}`),
  ];
}
