import { randomUUID } from "node:crypto";
import { type Connection, mustAnswer } from "./connection.ts";
import { MANIFEST_TYPE, manifestOf, newBlob } from "./content.ts";
import { pushBlob } from "./operations.ts";
import { newImage, on, REPOSITORY, type Workload } from "./workload.ts";

/** The basic requests. */
export const basic: readonly Workload[] = [
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
    make: async ({ source }) => {
      const { config, layer } = newImage(1);
      await pushBlob(source, REPOSITORY, layer);
      await pushBlob(source, REPOSITORY, config);
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
];
