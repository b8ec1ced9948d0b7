import { createHash, randomBytes } from "node:crypto";

/** Names that the test looks for. */
export const sample = {
  repository: "team/web-shop",
  label: "<img src=x onerror=alert(1)>",
  signature: "application/vnd.dev.sigstore.bundle.v0.3+json",
  /** Types of what refers to the index beside a signature and an SBOM, with annotations. */
  referrers: [
    [
      "application/vnd.dev.sigstore.bundle.v0.3+json",
      {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": "https://slsa.dev/provenance/v1",
      },
    ],
    ["application/vnd.cncf.notary.signature", {}],
    ["application/vnd.in-toto+json", {}],
    ["application/sarif+json", { "org.opencontainers.image.created": "2024-05-01T00:00:00Z" }],
    ["application/vnd.example.a-long-type-that-nobody-has-heard-of-before.report.v1+json", {}],
  ],
} as const;

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly [field: string]: unknown;
}

/** A manifest or index to be pushed. */
interface Document {
  readonly mediaType: string;
  readonly [field: string]: unknown;
}

const INDEX = "application/vnd.oci.image.index.v1+json";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
const EMPTY = "application/vnd.oci.empty.v1+json";

/**
 * Pushes what the page has to show: an image for three platforms with an attestation, a signature and an SBOM beside it,
 * single images, a chart, repositories enough to search among, and text that wants to be markup.
 */
export async function pushSampleContent(registry: string): Promise<void> {
  const shop = new Pusher(registry, sample.repository);
  const platforms = [
    { os: "linux", architecture: "amd64" },
    { os: "linux", architecture: "arm64", variant: "v8" },
    { os: "linux", architecture: "riscv64" },
  ];
  const entries: Descriptor[] = [];
  for (const platform of platforms) {
    const manifest = await shop.image(platform, [290_000, 4_100_000, 61_000, 900]);
    entries.push({ ...(await shop.manifest(manifest)), platform });
  }
  const amd64 = entries[0] as Descriptor;
  const attestation = await shop.manifest(
    await shop.artifact("application/vnd.in-toto+json", { "provenance.json": '{"_type":"statement"}' }),
  );
  const reference = {
    "vnd.docker.reference.type": "attestation-manifest",
    "vnd.docker.reference.digest": amd64.digest,
  };
  entries.push({
    ...attestation,
    platform: { os: "unknown", architecture: "unknown" },
    annotations: reference,
  });
  const annotations = {
    "org.opencontainers.image.source": "https://example.com/team/web-shop",
    "org.opencontainers.image.description": "The shop's front end",
    "org.opencontainers.image.created": new Date(Date.now() - 3 * 86_400_000).toISOString(),
  };
  const index = { schemaVersion: 2, mediaType: INDEX, manifests: entries, annotations };
  for (const tag of ["1.9.0", "2.0.0", "2.1.0", "latest"]) await shop.manifest(index, tag);
  for (const subject of [await shop.manifest(index), amd64]) {
    const { mediaType, digest, size } = subject;
    const signed = await shop.artifact(sample.signature, { "bundle.json": "{}" });
    await shop.manifest({ ...signed, subject: { mediaType, digest, size } });
    const bill = await shop.artifact("application/spdx+json", {
      "sbom.spdx.json": '{"spdxVersion":"SPDX-2.3"}',
    });
    await shop.manifest({ ...bill, subject: { mediaType, digest, size } });
  }
  const amended = await shop.manifest(index);
  for (const [type, further] of sample.referrers) {
    const artifact = await shop.artifact(type, { "content.json": `{"of":"${type}"}` });
    const { mediaType, digest, size } = amended;
    await shop.manifest({ ...artifact, subject: { mediaType, digest, size }, annotations: further });
  }
  for (const minor of [1, 2, 3, 4, 5, 6])
    await shop.manifest(
      await shop.image(platforms[0] ?? {}, [290_000, 3_000_000 + minor * 90_000]),
      `1.${minor}.0`,
    );

  const charts = new Pusher(registry, "charts/shop");
  const chart = await charts.artifact("application/vnd.cncf.helm.chart.content.v1.tar+gzip", {
    "shop-0.4.2.tgz": "chart",
  });
  // As Helm pushes it: the type is the configuration's.
  const about = await charts.blob("application/vnd.cncf.helm.config.v1+json", Buffer.from('{"name":"shop"}'));
  await charts.manifest({ ...chart, artifactType: undefined, config: about }, "0.4.2");
  for (const name of [
    "library/debian",
    "library/busybox",
    "tools/lint",
    "team/api",
    "team/worker",
    "team/web-shop-e2e",
  ]) {
    const pusher = new Pusher(registry, name);
    await pusher.manifest(await pusher.image({ os: "linux", architecture: "amd64" }, [120_000]), "latest");
  }
}

/** Puts blobs and manifests into one repository. */
class Pusher {
  readonly #base: string;

  constructor(registry: string, repository: string) {
    this.#base = `${registry}/v2/${repository}`;
  }

  async blob(mediaType: string, bytes: Uint8Array): Promise<Descriptor> {
    const digest = digestOf(bytes);
    const begun = await fetch(`${this.#base}/blobs/uploads/`, { method: "POST" });
    const location = new URL(begun.headers.get("location") ?? "", this.#base);
    location.searchParams.set("digest", digest);
    await checked(await fetch(location, { method: "PUT", body: Buffer.from(bytes) }));
    return { mediaType, digest, size: bytes.length };
  }

  async manifest(document: Document, tag?: string): Promise<Descriptor> {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = digestOf(bytes);
    const headers = { "content-type": document.mediaType };
    await checked(
      await fetch(`${this.#base}/manifests/${tag ?? digest}`, { method: "PUT", headers, body: bytes }),
    );
    return { mediaType: document.mediaType, digest, size: bytes.length };
  }

  async image(platform: object, sizes: readonly number[]): Promise<Document> {
    const layers: Descriptor[] = [];
    for (const size of sizes) layers.push(await this.blob(LAYER, randomBytes(size)));
    const steps = [
      "/bin/sh -c #(nop) ADD file:7c1e in / ",
      "RUN apk add --no-cache nodejs # buildkit",
      "COPY dist /srv",
      "COPY motd /etc",
    ];
    const config = {
      created: new Date(Date.now() - 3 * 86_400_000).toISOString(),
      author: "Shop team",
      ...platform,
      config: {
        User: "1000:1000",
        Env: ["PATH=/usr/local/bin:/usr/bin:/bin", "NODE_ENV=production"],
        Entrypoint: ["/usr/bin/node", "/srv/main.js"],
        Cmd: ["--title", "The Shop"],
        WorkingDir: "/srv",
        ExposedPorts: { "8080/tcp": {} },
        Labels: { hostile: sample.label, "org.opencontainers.image.licenses": "Apache-2.0" },
      },
      rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
      history: [
        ...layers.map((_, index) => ({ created_by: steps[index] })),
        { created_by: "USER 1000", empty_layer: true },
      ],
    };
    const described = await this.blob(CONFIG, Buffer.from(JSON.stringify(config)));
    return { schemaVersion: 2, mediaType: MANIFEST, config: described, layers } as {
      readonly mediaType: string;
    };
  }

  async artifact(artifactType: string, files: Readonly<Record<string, string>>): Promise<Document> {
    const layers: Descriptor[] = [];
    for (const [title, text] of Object.entries(files)) {
      const blob = await this.blob(artifactType, Buffer.from(text));
      layers.push({ ...blob, annotations: { "org.opencontainers.image.title": title } });
    }
    const config = await this.blob(EMPTY, Buffer.from("{}"));
    return { schemaVersion: 2, mediaType: MANIFEST, artifactType, config, layers } as {
      readonly mediaType: string;
    };
  }
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

async function checked(response: Response): Promise<void> {
  if (response.status !== 201)
    throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
}
