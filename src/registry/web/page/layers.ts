import type { Descriptor, History, ImageConfig, Manifest } from "./documents.ts";
import { element } from "./element.ts";
import { printBytes, shortDigest, shortType } from "./units.ts";

/** The layers of an image or the files of an artifact, each with its share of the whole as a bar. */
export function layersOf({ layers = [] }: Manifest, image: ImageConfig | undefined): HTMLElement | undefined {
  if (layers.length === 0) return undefined;
  const largest = Math.max(1, ...layers.map(({ size }) => size));
  const steps = stepsOf(image, layers.length);
  return element(
    "section",
    {},
    element("h2", {}, image === undefined ? "Files" : "Layers"),
    element(
      "ol",
      { class: "layers" },
      layers.map((layer, index) => row(layer, steps[index], layer.size / largest)),
    ),
  );
}

function row(layer: Descriptor, step: History | undefined, share: number): HTMLElement {
  const title = layer.annotations?.["org.opencontainers.image.title"];
  const made = printStep(step?.created_by ?? step?.comment ?? "");
  const bar = element("span", { class: "share", "aria-hidden": "true" });
  bar.style.setProperty("--share", share.toFixed(4));
  return element(
    "li",
    {},
    element("span", { class: "number" }, printBytes(layer.size)),
    bar,
    element("code", { class: "step" }, title ?? (made === "" ? shortDigest(layer.digest) : made)),
    element(
      "span",
      { class: "origin" },
      element("code", { title: layer.digest }, shortDigest(layer.digest)),
      ` ${shortType(layer.mediaType ?? "")}`,
    ),
  );
}

/** The history entries that made a layer, if there is one for each. */
function stepsOf(image: ImageConfig | undefined, count: number): readonly History[] {
  const steps = (image?.history ?? []).filter((entry) => entry.empty_layer !== true);
  return steps.length === count ? steps : [];
}

/** Docker's builders wrap each instruction in a shell and add their mark. */
function printStep(text: string): string {
  return text
    .replace(/^\/bin\/sh -c #\(nop\)\s*/, "")
    .replace(/^\/bin\/sh -c /, "RUN ")
    .replace(/\s*# buildkit$/, "");
}
