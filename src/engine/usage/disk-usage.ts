import type { Digest } from "../../spec/index.ts";
import type { ContainerSummary } from "../inspect.ts";

/** What images, containers and volumes take on disk, in bytes. */
export interface DiskUsage {
  readonly images: readonly ImageUsage[];
  /** Of all images together: what several use is counted once. */
  readonly imageBytes: number;
  /** The part of it that only images use of which there is no container. */
  readonly reclaimableImageBytes: number;
  readonly containers: readonly ContainerUsage[];
  readonly volumes: readonly VolumeUsage[];
  /** What no image, container or volume is made of: images without names, cut pulls, layers of images that are gone. */
  readonly leftoverBytes: number;
}

export interface ImageUsage {
  /** Digest of the configuration; of the manifest or index where that cannot be read. */
  readonly id: Digest;
  /** As stored; see the image room. */
  readonly names: readonly string[];
  readonly created: Date | undefined;
  /** Packed layers, documents and unpacked layers. */
  readonly bytes: number;
  /** The part of it that other images use as well. */
  readonly sharedBytes: number;
  /** Containers that were made of it. */
  readonly containers: number;
}

export interface ContainerUsage extends ContainerSummary {
  /** Its writable layer, log and records. */
  readonly bytes: number;
  /** Volumes that it uses. */
  readonly volumes: number;
}

export interface VolumeUsage {
  readonly name: string;
  /** Made for one container's VOLUME or unnamed `-v`. */
  readonly anonymous: boolean;
  readonly bytes: number;
  /** Containers that use it, running or not. */
  readonly links: number;
}

/** One line of the summary: docker's and podman's `system df`. */
export interface UsageSummary {
  readonly type: "Images" | "Containers" | "Local Volumes" | "Leftovers";
  readonly total: number;
  /** In use: images of containers, containers that run, volumes of containers. */
  readonly active: number;
  readonly bytes: number;
  readonly reclaimable: number;
}

/** Sums up. */
export function summariseUsage(usage: DiskUsage): readonly UsageSummary[] {
  const { images, containers, volumes, leftoverBytes } = usage;
  const stopped = containers.filter(({ state }) => state !== "running");
  const unused = volumes.filter(({ links }) => links === 0);
  return [
    {
      type: "Images",
      total: images.length,
      active: images.filter((image) => image.containers > 0).length,
      bytes: usage.imageBytes,
      reclaimable: usage.reclaimableImageBytes,
    },
    {
      type: "Containers",
      total: containers.length,
      active: containers.length - stopped.length,
      bytes: sum(containers),
      reclaimable: sum(stopped),
    },
    {
      type: "Local Volumes",
      total: volumes.length,
      active: volumes.length - unused.length,
      bytes: sum(volumes),
      reclaimable: sum(unused),
    },
    { type: "Leftovers", total: 0, active: 0, bytes: leftoverBytes, reclaimable: leftoverBytes },
  ];
}

function sum(things: ReadonlyArray<{ readonly bytes: number }>): number {
  return things.reduce((total, { bytes }) => total + bytes, 0);
}
