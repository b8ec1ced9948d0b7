import { join } from "node:path";
import { bun, capture, dist, run } from "../repository.ts";
import type { Step } from "./step.ts";

/** The image that `corten run corten/hello` finds without a network, as an OCI layout in dist/images/hello. */
export function helloImageStep(): Step {
  const layout = join(dist, "images/hello");
  return {
    name: "hello-image",
    inputs: [
      "scripts/embed-image.ts",
      "src/spec",
      "src/content",
      "src/archive",
      "src/transport",
      "src/image",
      "dist/native/hello",
    ],
    ignore: /\.test\.ts$/,
    facts: [capture(bun, ["--revision"]).stdout],
    outputs: [join(layout, "index.json"), join(layout, "oci-layout")],
    make() {
      const code = run(bun, ["scripts/embed-image.ts", join(dist, "native/hello"), layout]);
      if (code !== 0) throw new Error(`scripts/embed-image.ts exited with ${code}`);
    },
  };
}
