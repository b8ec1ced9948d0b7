import type { Digest } from "../spec/index.ts";
import type { ContainerOptions } from "./container-options.ts";
import type { ContainerMount } from "./spec/mounts.ts";

/** What is decided when a container is made, and never changes. */
export interface ContainerDetails {
  readonly options: ContainerOptions;
  /** As the user named it; the path for a root directory. */
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly hostname: string;
  readonly mounts: readonly ContainerMount[];
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal: string;
  readonly stopTimeout: number;
}

/** A row of `containers`. */
export interface StoredContainer {
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly owner: string;
  readonly complete: boolean;
  readonly autoRemove: boolean;
  readonly started: number | null;
  readonly imageID: Digest | null;
  readonly details: ContainerDetails;
}
