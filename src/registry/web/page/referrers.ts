import { kindOf } from "./artifact-kind.ts";
import type { Descriptor } from "./documents.ts";
import { element } from "./element.ts";
import { linkTo } from "./image-name.ts";
import { printAge, printBytes, shortDigest } from "./units.ts";

/** Signatures, SBOMs and whatever else refers to this manifest. */
export function referrersOf(repository: string, referrers: readonly Descriptor[]): HTMLElement | undefined {
  if (referrers.length === 0) return undefined;
  return element(
    "section",
    {},
    element("h2", {}, "Referrers"),
    element(
      "ul",
      { class: "referrers" },
      referrers.map((entry) => {
        const { name, format, type } = kindOf(entry);
        const age = printAge(entry.annotations?.["org.opencontainers.image.created"]);
        return element(
          "li",
          {},
          element("a", { href: linkTo({ repository, reference: entry.digest }) }, name),
          format !== undefined && element("span", { class: "chip" }, format),
          element(
            "span",
            { class: "origin" },
            element("code", { title: entry.digest }, shortDigest(entry.digest)),
            [printBytes(entry.size), age].filter((part) => part).map((part) => ` · ${part}`),
          ),
          element("code", { class: "type" }, type),
        );
      }),
    ),
  );
}
