import { randomUUID } from "node:crypto";
import { type Connection, mustAnswer } from "./connection.ts";
import { MANIFEST_TYPE, manifestOf, newBlob, newConfig } from "./content.ts";
import { type Image, pullImage, pushBlob, pushImage, pushManifest, pushStreamed } from "./operations.ts";

/** One thing that a client does. */
export type Operation = (connection: Connection) => Promise<unknown>;

/** Work for a registry, the same for each of them. */
export type Workload = {
  readonly name: string;
  readonly title: string;
  /** Connections that do the operations side by side. */
  readonly connections: number;
  /** Budget: our time divided by the peer's. */
  readonly limit: number;
  /** Fills the registry, and returns what makes the operations of a round. */
  readonly make: (connection: Connection) => Promise<() => readonly Operation[]>;
};

const MB = 1_000_000;
const REPOSITORY = "bench/image";

const repeat = (count: number, operation: Operation): readonly Operation[] => Array(count).fill(operation);
const image = (megabytes: number): Image => ({
  repository: REPOSITORY,
  tag: `t${randomUUID()}`,
  config: newConfig(),
  layer: newBlob(megabytes * MB),
});

/** Operations on one image that is there. */
function on(count: number, operation: (image: Image) => Operation, megabytes = 1): Workload["make"] {
  return async (connection) => {
    const there = image(megabytes);
    await pushImage(connection, there);
    return () => repeat(count, operation(there));
  };
}

/** The basic requests. */
const basic: readonly Workload[] = [
  {
    name: "manifest-get",
    title: "2,000 GET of a manifest by tag, 4 connections",
    connections: 4,
    limit: 0.2,
    make: on(
      2000,
      ({ tag }) =>
        (connection) =>
          mustAnswer(200, connection.ask("GET", `/v2/${REPOSITORY}/manifests/${tag}`)),
    ),
  },
  {
    name: "manifest-head",
    title: "2,000 HEAD of a manifest by tag, 4 connections",
    connections: 4,
    limit: 0.2,
    make: on(
      2000,
      ({ tag }) =>
        (connection) =>
          mustAnswer(200, connection.ask("HEAD", `/v2/${REPOSITORY}/manifests/${tag}`)),
    ),
  },
  {
    name: "manifest-put",
    title: "200 PUT of new manifests, 4 connections",
    connections: 4,
    limit: 0.2,
    make: async (connection) => {
      const { config, layer } = image(1);
      await pushBlob(connection, REPOSITORY, layer);
      await pushBlob(connection, REPOSITORY, config);
      return () =>
        Array.from({ length: 200 }, () => {
          const tag = randomUUID();
          const bytes = manifestOf(config, [layer], tag);
          return (used: Connection) =>
            mustAnswer(201, used.ask("PUT", `/v2/${REPOSITORY}/manifests/${tag}`, [bytes], MANIFEST_TYPE));
        });
    },
  },
  {
    name: "blob-get",
    title: "10 GET of a blob of 100 MB, 2 connections",
    connections: 2,
    limit: 1,
    make: on(
      10,
      ({ layer }) =>
        (connection) =>
          mustAnswer(200, connection.ask("GET", `/v2/${REPOSITORY}/blobs/${layer.digest}`)),
      100,
    ),
  },
  {
    name: "small-blob-get",
    title: "2,000 GET of a configuration, 4 connections",
    connections: 4,
    limit: 1,
    make: on(
      2000,
      ({ config }) =>
        (connection) =>
          mustAnswer(200, connection.ask("GET", `/v2/${REPOSITORY}/blobs/${config.digest}`)),
    ),
  },
  {
    name: "small-push",
    title: "200 pushes of new blobs of 10 kB, 4 connections",
    connections: 4,
    limit: 0.67,
    make: async () => () =>
      Array.from({ length: 200 }, () => {
        const blob = newBlob(10_000);
        return (connection: Connection) => pushBlob(connection, REPOSITORY, blob);
      }),
  },
  {
    name: "tags",
    title: "20 lists of 10,000 tags, 2 connections",
    connections: 2,
    limit: 1,
    make: async (connection) => {
      const { config, layer } = image(1);
      await pushBlob(connection, REPOSITORY, layer);
      await pushBlob(connection, REPOSITORY, config);
      for (let index = 0; index < 10_000; index++) {
        await pushManifest(connection, { repository: REPOSITORY, tag: `tag-${index}`, config, layer });
      }
      return () => repeat(20, (used) => mustAnswer(200, used.ask("GET", `/v2/${REPOSITORY}/tags/list`)));
    },
  },
];

/** Images of a workload's sizes: shares of 1, 10 and 100 MB. */
type Mix = { readonly name: string; readonly title: string; readonly megabytes: readonly number[] };

const single: readonly Mix[] = [
  { name: "1mb", title: "1 MB", megabytes: Array<number>(50).fill(1) },
  { name: "10mb", title: "10 MB", megabytes: Array<number>(20).fill(10) },
  { name: "100mb", title: "100 MB", megabytes: Array<number>(4).fill(100) },
];
const weighted: Mix = {
  name: "mixed",
  title: "1, 10 and 100 MB (20, 70, 10 %)",
  megabytes: [1, 10, 10, 10, 10, 10, 10, 10, 1, 100],
};
const even: Mix = {
  name: "mixed",
  title: "1, 10 and 100 MB (a third each)",
  megabytes: [1, 10, 100, 1, 10, 100],
};

function pushes(kind: "monolith" | "chunk", mix: Mix): Workload {
  const push = kind === "monolith" ? pushBlob : pushStreamed;
  return {
    name: `zb-push-${kind}-${mix.name}`,
    title: `push ${mix.megabytes.length} images of ${mix.title}, ${kind === "monolith" ? "layers in one PUT" : "layers by PATCH"}`,
    connections: 2,
    limit: 0.67,
    make: async () => () =>
      mix.megabytes
        .map(image)
        .map((pushed) => (connection: Connection) => pushImage(connection, pushed, push)),
  };
}

async function filled(connection: Connection, mix: Mix): Promise<ReadonlyMap<number, Image>> {
  const images = new Map([...new Set(mix.megabytes)].map((megabytes) => [megabytes, image(megabytes)]));
  for (const pushed of images.values()) await pushImage(connection, pushed);
  return images;
}

function pulls(mix: Mix): Workload {
  return {
    name: `zb-pull-${mix.name}`,
    title: `pull ${mix.megabytes.length} images of ${mix.title}`,
    connections: 2,
    limit: 0.67,
    make: async (connection) => {
      const images = await filled(connection, mix);
      return () =>
        mix.megabytes.map((megabytes) => (used: Connection) => pullImage(used, images.get(megabytes)!));
    },
  };
}

function pullsAndPushes(mix: Mix): Workload {
  return {
    name: `zb-pull-push-${mix.name}`,
    title: `75 % pulls, 25 % pushes of ${mix.megabytes.length} images of ${mix.title}`,
    connections: 2,
    limit: 0.67,
    make: async (connection) => {
      const images = await filled(connection, mix);
      return () =>
        mix.megabytes.map((megabytes, index) => {
          if (index % 4 !== 3) return (used: Connection) => pullImage(used, images.get(megabytes)!);
          const pushed = image(megabytes);
          return (used: Connection) => pushImage(used, pushed);
        });
    },
  };
}

/** The workloads of zot's zb that need no second registry. */
const zb: readonly Workload[] = [
  {
    name: "zb-catalog",
    title: "100 GET of the catalogue of 200 repositories, 2 connections",
    connections: 2,
    limit: 0.67,
    make: async (connection) => {
      const config = newConfig();
      for (let index = 0; index < 200; index++) {
        const repository = `bench/repository-${index}`;
        await pushBlob(connection, repository, config);
        await mustAnswer(
          201,
          connection.ask(
            "PUT",
            `/v2/${repository}/manifests/latest`,
            [manifestOf(config, [])],
            MANIFEST_TYPE,
          ),
        );
      }
      return () => repeat(100, (used) => mustAnswer(200, used.ask("GET", "/v2/_catalog?n=100")));
    },
  },
  ...single.map((mix) => pushes("monolith", mix)),
  ...single.map((mix) => pushes("chunk", mix)),
  ...single.map(pulls),
  pulls(weighted),
  pushes("monolith", weighted),
  pushes("chunk", even),
  ...single.map(pullsAndPushes),
];

export const workloads: readonly Workload[] = [...basic, ...zb];
