import { kindOf, kindOfManifest } from "./artifact-kind.ts";
import {
  contentSize,
  type Descriptor,
  type Fetched,
  type ImageConfig,
  isImageConfig,
  printPlatform,
} from "./documents.ts";
import { columnHead, element, fill } from "./element.ts";
import { type ImageName, linkTo } from "./image-name.ts";
import { layersOf } from "./layers.ts";
import { copyButton, pullCommand, pulledAs } from "./pull-command.ts";
import { referrersOf } from "./referrers.ts";
import type { Registry } from "./registry.ts";
import { settingsOf } from "./settings.ts";
import { printAge, printBytes, shortDigest, shortType } from "./units.ts";

/** One image, index or artifact: what it is, its platforms or layers, its settings, what refers to it. */
export async function showImage(main: Element, registry: Registry, name: Required<ImageName>): Promise<void> {
  const { repository } = name;
  const found = await registry.manifest(repository, name.reference);
  const { config } = found.document;
  const [image, referrers, sizes] = await Promise.all([
    config !== undefined && isImageConfig(config.mediaType) ? registry.config(repository, config) : undefined,
    registry.referrers(repository, found.digest),
    sizesOf(registry, repository, found.document.manifests ?? []),
  ]);
  fill(
    main,
    element(
      "nav",
      { class: "crumbs", "aria-label": "Path" },
      element("a", { href: "#/" }, "Repositories"),
      element("a", { href: linkTo({ repository }) }, repository),
    ),
    element("h1", {}, name.reference.includes(":") ? shortDigest(name.reference) : name.reference),
    pullCommand(name, pulledAs(found.document)),
    factsOf(repository, found, image),
    platformsOf(repository, found, sizes),
    layersOf(found.document, image),
    referrersOf(repository, referrers),
    image !== undefined && settingsOf(image),
    annotationsOf(found),
    element(
      "details",
      {},
      element("summary", {}, "Manifest as stored"),
      element("pre", { tabindex: 0 }, element("code", {}, indented(found.text))),
    ),
  );
}

function factsOf(repository: string, found: Fetched, image: ImageConfig | undefined): HTMLElement {
  const { document, digest } = found;
  const facts: Array<
    readonly [string, string | HTMLElement | readonly (string | HTMLElement)[] | undefined]
  > = [
    ["Digest", [element("code", { class: "long" }, digest), copyButton(() => digest, "Copy the digest")]],
    ["Type", typeOf(found, image !== undefined)],
    ["Platform", image && printPlatform(image)],
    ["Size", document.manifests === undefined ? printBytes(contentSize(document)) : undefined],
    ["Created", image && printAge(image.created)],
    ["Author", image?.author],
    [
      "Refers to",
      document.subject &&
        element(
          "a",
          { href: linkTo({ repository, reference: document.subject.digest }) },
          shortDigest(document.subject.digest),
        ),
    ],
  ];
  return element(
    "dl",
    { class: "facts" },
    facts
      .filter(([, value]) => value !== undefined)
      .map(([label, value]) => element("div", {}, element("dt", {}, label), element("dd", {}, value))),
  );
}

/** What it is called; the type of an artifact stands below. */
function typeOf(
  { document, mediaType }: Fetched,
  isImage: boolean,
): string | readonly (string | HTMLElement)[] {
  const isPlain = document.artifactType === undefined && (isImage || document.config === undefined);
  if (isPlain) return shortType(mediaType);
  const { name, format, type } = kindOfManifest(document);
  return [format === undefined ? name : `${name}, ${format}`, element("code", { class: "type" }, type)];
}

/** Most manifests of one index whose sizes are asked for. */
const MOST_SIZES = 32;

/** What a pull of each platform moves, by digest; what the registry does not have has no size. */
async function sizesOf(
  registry: Registry,
  repository: string,
  entries: readonly Descriptor[],
): Promise<ReadonlyMap<string, string>> {
  const asked = entries.slice(0, MOST_SIZES).map(async ({ digest }): Promise<readonly [string, string]> => {
    const size = await registry.manifest(repository, digest).then(
      ({ document }) => (document.manifests === undefined ? printBytes(contentSize(document)) : ""),
      () => "",
    );
    return [digest, size];
  });
  return new Map(await Promise.all(asked));
}

function platformsOf(
  repository: string,
  { document }: Fetched,
  sizes: ReadonlyMap<string, string>,
): HTMLElement | undefined {
  if (document.manifests === undefined) return undefined;
  const platforms = new Map(document.manifests.map((entry) => [entry.digest, printPlatform(entry.platform)]));
  const rows = document.manifests.map((entry) => {
    const platform = printPlatform(entry.platform);
    const attested = entry.annotations?.["vnd.docker.reference.digest"];
    return element(
      "tr",
      {},
      element(
        "th",
        { scope: "row" },
        element(
          "a",
          { href: linkTo({ repository, reference: entry.digest }) },
          platform ?? shortDigest(entry.digest),
        ),
      ),
      element(
        "td",
        {},
        attested === undefined
          ? typeOfEntry(entry)
          : `Attestation of ${platforms.get(attested) ?? shortDigest(attested)}`,
      ),
      element("td", { class: "number" }, sizes.get(entry.digest)),
      element("td", { class: "digest" }, element("code", { title: entry.digest }, shortDigest(entry.digest))),
    );
  });
  return element(
    "section",
    {},
    element("h2", {}, "Platforms"),
    element(
      "div",
      { class: "scroll" },
      element(
        "table",
        {},
        element("thead", {}, element("tr", {}, ["Platform", "Type", "Size", "Digest"].map(columnHead))),
        element("tbody", {}, rows),
      ),
    ),
  );
}

function typeOfEntry(entry: Descriptor): string {
  return entry.artifactType === undefined ? shortType(entry.mediaType ?? "") : kindOf(entry).name;
}

function annotationsOf({ document }: Fetched): HTMLElement | undefined {
  const entries = Object.entries(document.annotations ?? {});
  if (entries.length === 0) return undefined;
  return element(
    "section",
    {},
    element("h2", {}, "Annotations"),
    element(
      "dl",
      { class: "pairs" },
      entries.map(([key, value]) =>
        element("div", {}, element("dt", {}, key), element("dd", {}, textOrLink(String(value)))),
      ),
    ),
  );
}

/** Whole https addresses become links; they lead away and tell nothing of this page. */
function textOrLink(value: string): string | HTMLElement {
  if (!/^https:\/\/[^\s"<>]+$/.test(value)) return value;
  return element(
    "a",
    { href: value, rel: "noopener noreferrer nofollow", referrerpolicy: "no-referrer" },
    value,
  );
}

function indented(text: string): string {
  return JSON.stringify(JSON.parse(text), null, 2);
}
