import { randomUUID } from "node:crypto";
import { mustAnswer } from "./connection.ts";
import { pullImage, pushBlob, pushImage, pushManifest } from "./operations.ts";
import { newImage, type Preparation, REPOSITORY, repeat, type Workload } from "./workload.ts";

const COUNT = 10_000;

/** Work in a repository of many tags, of one image. */
export const manyTags: readonly Workload[] = [
  {
    name: "tags",
    title: "20 lists of 10,000 tags, 2 connections",
    connections: 2,
    limit: 1,
    make: async (preparation) => {
      await fill(preparation);
      return () => repeat(20, (used) => mustAnswer(200, used.ask("GET", `/v2/${REPOSITORY}/tags/list`)));
    },
  },
  {
    name: "tags-pages",
    title: "20 pages of 100 of 10,000 tags, 2 connections", // docker-registry 2.8 answers with all of them
    connections: 2,
    limit: 1,
    make: async (preparation) => {
      await fill(preparation);
      return () =>
        Array.from({ length: 20 }, (_, page) => (used) => {
          const path = `/v2/${REPOSITORY}/tags/list?n=100&last=${tagName(page * 450)}`;
          return mustAnswer(200, used.ask("GET", path));
        });
    },
  },
  {
    name: "tags-push-pull",
    title: "50 pushes and 50 pulls of images of 1 MB beside 10,000 tags, 2 connections",
    connections: 2,
    limit: 0.67,
    make: async (preparation) => {
      await fill(preparation);
      return () =>
        Array.from({ length: 50 }, () => newImage(1)).flatMap((image) => [
          async (used) => {
            await pushImage(used, image);
            await pullImage(used, image);
          },
        ]);
    },
  },
];

async function fill({ connections, source }: Preparation): Promise<void> {
  const image = { ...newImage(1), tag: randomUUID() };
  await pushBlob(source, REPOSITORY, image.layer);
  await pushBlob(source, REPOSITORY, image.config);
  let next = 0;
  await Promise.all(
    connections.map(async (connection) => {
      while (next < COUNT) await pushManifest(connection, { ...image, tag: tagName(next++) });
    }),
  );
}

function tagName(index: number): string {
  return `tag-${String(index).padStart(5, "0")}`;
}
