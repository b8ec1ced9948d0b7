import { join } from "node:path";
import { commandOutput } from "../support/index.ts";

/** Makes an image of tar archives, the lowest layer first, in a new OCI layout; returns the layout's directory. */
export async function makeLayeredImage(directory: string, layers: readonly string[]): Promise<string> {
  const layout = join(directory, "layout");
  await commandOutput("umoci", ["init", "--layout", layout]);
  await commandOutput("umoci", ["new", "--image", `${layout}:test`]);
  for (const layer of layers) {
    await commandOutput("umoci", ["raw", "add-layer", "--image", `${layout}:test`, layer]);
  }
  return layout;
}

/** Adds a layer of what `script` (bash, in the root file system) changes. */
export async function changeWithUmoci(directory: string, layout: string, script: string): Promise<void> {
  const bundle = join(directory, `bundle-${Date.now()}`);
  await commandOutput("umoci", ["unpack", "--image", `${layout}:test`, bundle], { timeoutMs: 120_000 });
  await commandOutput("bash", ["-euc", script], { cwd: join(bundle, "rootfs") });
  await commandOutput("umoci", ["repack", "--image", `${layout}:test`, bundle], { timeoutMs: 120_000 });
  await commandOutput("rm", ["-rf", bundle]);
}
