import { randomUUID } from "node:crypto";
import type { Connection } from "./connection.ts";
import { newBlob, newConfig } from "./content.ts";
import { type Image, pushImage } from "./operations.ts";

/** One thing that a client does. */
export type Operation = (connection: Connection) => Promise<unknown>;

/** What a workload prepares itself with; none of that is measured. */
export type Preparation = {
  /** To the registry under test. */
  readonly connections: readonly [Connection, ...Connection[]];
  /** To the registry that the one under test is a cache of, or to the latter where it is none. */
  readonly source: Connection;
};

/** Makes the operations of one round, over a new connection to the source. */
export type Round = (source: Connection) => readonly Operation[] | Promise<readonly Operation[]>;

/** Work for a registry, the same for each of them. */
export type Workload = {
  readonly name: string;
  readonly title: string;
  /** Connections that do the operations side by side. */
  readonly connections: number;
  /** Budget: our time divided by the peer's. */
  readonly limit: number;
  /** True when the registry is a cache of another one, which is the same program for all. */
  readonly cache?: true;
  /** Fills the registry. */
  readonly make: (preparation: Preparation) => Promise<Round>;
};

const MB = 1_000_000;
export const REPOSITORY = "bench/image";

export function repeat(count: number, operation: Operation): readonly Operation[] {
  return Array<Operation>(count).fill(operation);
}

/** An image with one layer that no registry has. */
export function newImage(megabytes: number): Image {
  return {
    repository: REPOSITORY,
    tag: `t${randomUUID()}`,
    config: newConfig(),
    layer: newBlob(megabytes * MB),
  };
}

/** Operations on one image that is there. */
export function on(count: number, operation: (image: Image) => Operation, megabytes = 1): Workload["make"] {
  return async ({ source }) => {
    const there = newImage(megabytes);
    await pushImage(source, there);
    return () => repeat(count, operation(there));
  };
}
