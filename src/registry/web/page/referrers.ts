import type { Descriptor } from "./documents.ts";
import { element } from "./element.ts";
import { linkTo } from "./image-name.ts";
import { printAge, printBytes, shortDigest } from "./units.ts";

/** What common artifact types are called by people. */
const KINDS: ReadonlyArray<readonly [RegExp, string]> = [
  [/sigstore\.bundle|cosign|simplesigning/, "Signature"],
  [/cncf\.notary/, "Signature"],
  [/spdx|cyclonedx/, "SBOM"],
  [/in-toto|slsa|provenance/, "Attestation"],
  [/sarif|vuln/, "Scan"],
];

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
        const type = entry.artifactType ?? entry.mediaType ?? "";
        const kind = KINDS.find(([pattern]) => pattern.test(type))?.[1] ?? "Artifact";
        const age = printAge(entry.annotations?.["org.opencontainers.image.created"]);
        return element(
          "li",
          {},
          element("span", { class: "chip" }, kind),
          element("a", { href: linkTo({ repository, reference: entry.digest }) }, type),
          element(
            "span",
            { class: "origin" },
            [shortDigest(entry.digest), printBytes(entry.size), age].filter((part) => part).join(" · "),
          ),
        );
      }),
    ),
  );
}
