import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandOutput } from "../../support/index.ts";
import type { Lab } from "./lab.ts";

/** What a hostile image says. */
export interface EvilImage {
  /** The reference it is loaded under. */
  readonly name: string;
  /** Of index, entry, manifest. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** The configuration's part about running. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Makes an image of the lab's root directory that says these things, and loads it into the lab's store. */
export async function loadEvilImage(lab: Lab, { name, annotations = {}, config = {} }: EvilImage) {
  const layout = lab.volume("layout");
  mkdirSync(join(layout, "blobs/sha256"), { recursive: true });
  const add = (content: Uint8Array, mediaType: string) => {
    const digest = createHash("sha256").update(content).digest("hex");
    writeFileSync(join(layout, "blobs/sha256", digest), content);
    return { mediaType, digest: `sha256:${digest}`, size: content.length };
  };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const tar = join(lab.directory, "layer.tar");
  await commandOutput("tar", ["--sparse", "-C", lab.rootfs, "-cf", tar, "."]);
  const layer = add(readFileSync(tar), "application/vnd.oci.image.layer.v1.tar");
  const configuration = add(
    json({
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config: { Env: ["PATH=/bin"], ...config },
      rootfs: { type: "layers", diff_ids: [layer.digest] },
    }),
    "application/vnd.oci.image.config.v1+json",
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = add(
    json({ schemaVersion: 2, mediaType, config: configuration, layers: [layer], annotations }),
    mediaType,
  );
  const named = { ...annotations, "org.opencontainers.image.ref.name": name };
  writeFileSync(
    join(layout, "index.json"),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations: named }], annotations }),
  );
  writeFileSync(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const archive = join(lab.directory, "evil.tar");
  await commandOutput("tar", ["-C", layout, "-cf", archive, "."]);
  return lab.corten("load", "--quiet", "--input", archive);
}
