import { type Connection, mustAnswer } from "./connection.ts";
import { MANIFEST_TYPE, manifestOf, newConfig } from "./content.ts";
import { type Image, pullImage, pushBlob, pushImage, pushStreamed } from "./operations.ts";
import { newImage, repeat, type Workload } from "./workload.ts";

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
        .map(newImage)
        .map((pushed) => (connection: Connection) => pushImage(connection, pushed, push)),
  };
}

async function filled(connection: Connection, mix: Mix): Promise<ReadonlyMap<number, Image>> {
  const images = new Map([...new Set(mix.megabytes)].map((megabytes) => [megabytes, newImage(megabytes)]));
  for (const pushed of images.values()) await pushImage(connection, pushed);
  return images;
}

function pulls(mix: Mix): Workload {
  return {
    name: `zb-pull-${mix.name}`,
    title: `pull ${mix.megabytes.length} images of ${mix.title}`,
    connections: 2,
    limit: 0.67,
    make: async ({ source }) => {
      const images = await filled(source, mix);
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
    make: async ({ source }) => {
      const images = await filled(source, mix);
      return () =>
        mix.megabytes.map((megabytes, index) => {
          if (index % 4 !== 3) return (used: Connection) => pullImage(used, images.get(megabytes)!);
          const pushed = newImage(megabytes);
          return (used: Connection) => pushImage(used, pushed);
        });
    },
  };
}

/** Pulls of what only the upstream has: each image once. */
function synchronizes(megabytes: number, count: number): Workload {
  const size = megabytes < 1000 ? `${megabytes} MB` : `${megabytes / 1000} GB`;
  return {
    name: `zb-sync-${size.replace(" ", "").toLowerCase()}`,
    title: `pull ${count === 1 ? "an image" : `${count} images`} of ${size} that only the upstream has`,
    connections: Math.min(2, count),
    limit: 0.67,
    cache: true,
    make: async () => async (source) => {
      const images = Array.from({ length: count }, () => newImage(megabytes));
      for (const image of images) await pushImage(source, image);
      return images.map((image) => (used: Connection) => pullImage(used, image));
    },
  };
}

/** The workloads of zot's zb. */
export const zb: readonly Workload[] = [
  {
    name: "zb-catalog",
    title: "100 GET of the catalogue of 200 repositories, 2 connections",
    connections: 2,
    limit: 0.67,
    make: async ({ source }) => {
      const config = newConfig();
      for (let index = 0; index < 200; index++) {
        const repository = `bench/repository-${index}`;
        await pushBlob(source, repository, config);
        await mustAnswer(
          201,
          source.ask("PUT", `/v2/${repository}/manifests/latest`, [manifestOf(config, [])], MANIFEST_TYPE),
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
  synchronizes(100, 4),
  synchronizes(1000, 1),
];
