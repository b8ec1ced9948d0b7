import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** An OCI layout under construction; each part can be bent before it is written. */
export class LayoutDraft {
  manifest: Record<string, unknown>;
  config: Record<string, unknown>;
  layer: Buffer = gzipSync(Buffer.concat([tarEntry("file", "data"), TAR_END]));
  diffID: string | undefined;
  index: Record<string, unknown> | undefined;
  /** Files of blobs/sha256 to change after writing: the last word. */
  afterwards: (blobs: string, digests: { manifest: string; config: string; layer: string }) => void = () =>
    undefined;

  constructor() {
    this.manifest = { schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json" };
    this.config = {
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      os: "linux",
      config: { Cmd: ["/file"] },
    };
  }

  write(directory: string): void {
    const blobs = join(directory, "blobs/sha256");
    mkdirSync(blobs, { recursive: true });
    const put = (mediaType: string, content: Buffer): Blob => {
      const hex = createHash("sha256").update(content).digest("hex");
      writeFileSync(join(blobs, hex), content);
      return { mediaType, digest: `sha256:${hex}`, size: content.length };
    };
    const layer = put("application/vnd.oci.image.layer.v1.tar+gzip", this.layer);
    const config = put(
      "application/vnd.oci.image.config.v1+json",
      json({ rootfs: { type: "layers", diff_ids: [this.diffID ?? diffIDOf(this.layer)] }, ...this.config }),
    );
    const manifest = put(
      "application/vnd.oci.image.manifest.v1+json",
      json({ config, layers: [layer], ...this.manifest }),
    );
    const named = { ...manifest, annotations: { "org.opencontainers.image.ref.name": "localhost/broken:1" } };
    writeFileSync(join(directory, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
    writeFileSync(
      join(directory, "index.json"),
      json(this.index ?? { schemaVersion: 2, manifests: [named] }),
    );
    this.afterwards(blobs, {
      manifest: manifest.digest.slice(7),
      config: config.digest.slice(7),
      layer: layer.digest.slice(7),
    });
  }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function diffIDOf(layer: Buffer): string {
  try {
    return `sha256:${createHash("sha256").update(gunzipSync(layer)).digest("hex")}`;
  } catch {
    // A layer that cannot be inflated has no DiffID; any will do, it is never compared.
    return `sha256:${"0".repeat(64)}`;
  }
}

export const TAR_END: Buffer = Buffer.alloc(1024);

/** One USTAR entry, with the header fields that a case wants to bend. */
export function tarEntry(
  name: string,
  data: string | Buffer,
  fields: { type?: string; link?: string; size?: string; checksum?: string } = {},
): Buffer {
  const content = Buffer.from(data);
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(fields.size ?? `${content.length.toString(8).padStart(11, "0")}\0`, 124, 12, "latin1");
  header.write("00000000000\0", 136);
  header.write("        ", 148);
  header.write(fields.type ?? "0", 156);
  header.write(fields.link ?? "", 157, 100);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(fields.checksum ?? `${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** An image that must be refused when it is loaded, or at the latest when it is run. */
export interface BrokenImage {
  readonly name: string;
  readonly bend: (draft: LayoutDraft) => void;
  readonly says: RegExp;
}

function layer(name: string, tar: () => Buffer, says: RegExp): BrokenImage {
  return {
    name,
    bend: (draft) => {
      draft.layer = gzipSync(tar());
    },
    says,
  };
}

function pax(record: string): Buffer {
  return tarEntry("pax", record, { type: "x" });
}

const WRONG = `sha256:${"1".repeat(64)}`;

export const brokenImages: readonly BrokenImage[] = [
  {
    name: "index.json lists no manifests",
    bend: (draft) => (draft.index = { schemaVersion: 2 }),
    says: /manifests/,
  },
  {
    name: "index.json has the wrong schema version",
    bend: (draft) => (draft.index = { schemaVersion: 1, manifests: [] }),
    says: /schemaVersion/,
  },
  {
    name: "the manifest's digest climbs out of blobs",
    bend: (draft) => {
      draft.index = {
        schemaVersion: 2,
        manifests: [
          {
            mediaType: "application/vnd.oci.image.manifest.v1+json",
            digest: "sha256:../../../etc/passwd",
            size: 2,
          },
        ],
      };
    },
    says: /digest/,
  },
  {
    name: "the manifest also lists manifests",
    bend: (draft) => Object.assign(draft.manifest, { manifests: [] }),
    says: /manifests/,
  },
  {
    name: "the manifest is schema 1",
    bend: (draft) => Object.assign(draft.manifest, { schemaVersion: 1 }),
    says: /schemaVersion|schema/,
  },
  {
    name: "the manifest says it is an index",
    bend: (draft) => Object.assign(draft.manifest, { mediaType: "application/vnd.oci.image.index.v1+json" }),
    says: /mediaType|media type/,
  },
  {
    name: "a layer's size is negative",
    bend: (draft) =>
      Object.assign(draft.manifest, { layers: [{ mediaType: "x/y", digest: WRONG, size: -1 }] }),
    says: /layers\/0\/size|size/,
  },
  {
    name: "a layer's digest has the wrong length",
    bend: (draft) =>
      Object.assign(draft.manifest, { layers: [{ mediaType: "x/y", digest: "sha256:12", size: 1 }] }),
    says: /digest/,
  },
  {
    name: "layers is not a list",
    bend: (draft) => Object.assign(draft.manifest, { layers: {} }),
    says: /layers/,
  },
  {
    name: "config is missing",
    bend: (draft) => Object.assign(draft.manifest, { config: undefined }),
    says: /config/,
  },
  {
    name: "the manifest's bytes are not those of its digest",
    bend: (draft) => (draft.afterwards = (blobs, { manifest }) => writeFileSync(join(blobs, manifest), "{}")),
    says: /digest|size|sha256/,
  },
  {
    name: "the configuration's bytes are not those of its digest",
    bend: (draft) => (draft.afterwards = (blobs, { config }) => writeFileSync(join(blobs, config), "{}")),
    says: /digest|size|sha256/,
  },
  {
    name: "the layer's bytes are cut short",
    bend: (draft) =>
      (draft.afterwards = (blobs, { layer: hex }) =>
        writeFileSync(join(blobs, hex), draft.layer.subarray(0, 40))),
    says: /digest|size|short|sha256/,
  },
  {
    name: "the root file system's type is unknown",
    bend: (draft) => Object.assign(draft.config, { rootfs: { type: "zip", diff_ids: [WRONG] } }),
    says: /rootfs\/type|rootfs/,
  },
  {
    name: "more DiffIDs than layers",
    bend: (draft) => Object.assign(draft.config, { rootfs: { type: "layers", diff_ids: [WRONG, WRONG] } }),
    says: /diff_ids|layers/,
  },
  {
    name: "the DiffID is of other bytes",
    bend: (draft) => (draft.diffID = WRONG),
    says: /DiffID|diff_id|sha256/i,
  },
  {
    name: "the platform is another",
    bend: (draft) => Object.assign(draft.config, { architecture: "s390x" }),
    says: /s390x|platform|architecture/,
  },
  layer("a layer that is not a tar archive", () => Buffer.alloc(2048, "x"), /checksum|header|tar/),
  {
    name: "a layer cut inside its gzip stream",
    bend: (draft) => (draft.layer = draft.layer.subarray(0, -12)),
    says: /gzip|compress|end|unexpected|inflate/i,
  },
  layer(
    "a header with a wrong checksum",
    () => Buffer.concat([tarEntry("file", "x", { checksum: "000001\0 " }), TAR_END]),
    /checksum/,
  ),
  layer(
    "an entry cut short",
    () => tarEntry("file", "x".repeat(5000)).subarray(0, 1024),
    /file|short|end|truncated/,
  ),
  layer(
    "a negative size",
    () => Buffer.concat([tarEntry("file", "", { size: `${"\xff".repeat(12)}` }), TAR_END]),
    /size|negative/,
  ),
  layer(
    "a PAX record with a wrong length",
    () => Buffer.concat([pax("99 path=x\n"), tarEntry("file", ""), TAR_END]),
    /PAX|pax/,
  ),
  layer(
    "a PAX path with a NUL",
    () => Buffer.concat([pax("14 path=ab\0cd\n"), tarEntry("file", ""), TAR_END]),
    /NUL/,
  ),
  layer(
    "a root that is a symbolic link",
    () => Buffer.concat([tarEntry("./", "", { type: "2", link: "/etc" }), TAR_END]),
    /root|symbolic|symlink/,
  ),
  layer(
    "a hard link to nothing",
    () => Buffer.concat([tarEntry("a", "", { type: "1", link: "missing" }), TAR_END]),
    /missing/,
  ),
  layer("a whiteout of nothing", () => Buffer.concat([tarEntry(".wh.", ""), TAR_END]), /whiteout|\.wh\./),
  layer(
    "a name that climbs out",
    () => Buffer.concat([tarEntry("../../etc/evil", "x"), TAR_END]),
    /\.\.|evil/,
  ),
];
