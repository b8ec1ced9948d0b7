import {
  type ContainerUsage,
  type DiskUsage,
  type ImageUsage,
  summariseUsage,
  type UsageSummary,
  type VolumeUsage,
} from "../../../engine/index.ts";
import { familiarName, parseReference } from "../../../spec/index.ts";
import { print, write } from "../../terminal/stream.ts";
import { type Column, formatTable } from "../../terminal/table.ts";
import { formatAge, formatSize } from "../../terminal/units.ts";
import { printDetails, printListing } from "../listing.ts";
import { openSession } from "../session.ts";
import type { CortenCall } from "../table/globals.ts";
import type { dfOptions } from "../table/system.ts";

/** `corten system df`; JSON has docker's names, and sizes in bytes. */
export async function run(call: CortenCall<typeof dfOptions>): Promise<number> {
  await using engine = openSession(call);
  const usage = await engine.usage();
  const format = call.options.format ?? call.globals.format;
  if (call.options.verbose) {
    printDetails(details(usage), format, () => printTables(usage));
    return 0;
  }
  printListing({ things: summariseUsage(usage), columns: summaryColumns, format, row: summaryRow });
  return 0;
}

const summaryColumns: readonly Column<UsageSummary>[] = [
  { heading: "TYPE", cell: ({ type }) => type },
  { heading: "TOTAL", cell: ({ total }) => `${total}` },
  { heading: "ACTIVE", cell: ({ active }) => `${active}` },
  { heading: "SIZE", cell: ({ bytes }) => formatSize(bytes) },
  { heading: "RECLAIMABLE", cell: reclaimableText },
];

function reclaimableText({ bytes, reclaimable }: UsageSummary): string {
  const share = bytes === 0 ? "" : ` (${Math.round((100 * reclaimable) / bytes)}%)`;
  return `${formatSize(reclaimable)}${share}`;
}

function summaryRow({ type, total, active, bytes, reclaimable }: UsageSummary) {
  return { Type: type, TotalCount: total, Active: active, Size: bytes, Reclaimable: reclaimable };
}

const imageColumns: readonly Column<ImageUsage>[] = [
  { heading: "REPOSITORY", cell: (image) => nameOf(image).repository },
  { heading: "TAG", cell: (image) => nameOf(image).tag },
  { heading: "IMAGE ID", cell: ({ id }) => short(id) },
  { heading: "CREATED", cell: ({ created }) => formatAge(created) },
  { heading: "SIZE", cell: ({ bytes }) => formatSize(bytes) },
  { heading: "SHARED SIZE", cell: ({ sharedBytes }) => formatSize(sharedBytes) },
  { heading: "UNIQUE SIZE", cell: ({ bytes, sharedBytes }) => formatSize(bytes - sharedBytes) },
  { heading: "CONTAINERS", cell: ({ containers }) => `${containers}` },
];

const containerColumns: readonly Column<ContainerUsage>[] = [
  { heading: "CONTAINER ID", cell: ({ id }) => id.slice(0, 12) },
  { heading: "IMAGE", cell: ({ image }) => image },
  { heading: "COMMAND", cell: ({ command }) => JSON.stringify(command.join(" ").slice(0, 19)) },
  { heading: "LOCAL VOLUMES", cell: ({ volumes }) => `${volumes}` },
  { heading: "SIZE", cell: ({ bytes }) => formatSize(bytes) },
  { heading: "CREATED", cell: ({ createdAt }) => formatAge(createdAt) },
  { heading: "STATUS", cell: ({ status }) => status },
  { heading: "NAMES", cell: ({ name }) => name },
];

const volumeColumns: readonly Column<VolumeUsage>[] = [
  { heading: "VOLUME NAME", cell: ({ name }) => name },
  { heading: "LINKS", cell: ({ links }) => `${links}` },
  { heading: "SIZE", cell: ({ bytes }) => formatSize(bytes) },
];

function printTables({ images, containers, volumes, leftoverBytes }: DiskUsage): void {
  print("Images space usage:\n");
  write(1, formatTable(imageColumns, images));
  print("\nContainers space usage:\n");
  write(1, formatTable(containerColumns, containers));
  print("\nLocal Volumes space usage:\n");
  write(1, formatTable(volumeColumns, volumes));
  print(`\nLeftovers: ${formatSize(leftoverBytes)}`);
}

function details({ images, containers, volumes, leftoverBytes }: DiskUsage) {
  return {
    Images: images.map((image) => ({
      ID: image.id,
      Repository: nameOf(image).repository,
      Tag: nameOf(image).tag,
      Names: image.names,
      CreatedAt: image.created?.toISOString() ?? null,
      Size: image.bytes,
      SharedSize: image.sharedBytes,
      UniqueSize: image.bytes - image.sharedBytes,
      Containers: image.containers,
    })),
    Containers: containers.map((container) => ({
      ID: container.id,
      Image: container.image,
      Command: container.command,
      LocalVolumes: container.volumes,
      Size: container.bytes,
      CreatedAt: container.createdAt.toISOString(),
      State: container.state,
      Status: container.status,
      Names: container.name,
    })),
    Volumes: volumes.map(({ name, links, bytes, anonymous }) => ({
      Name: name,
      Links: links,
      Size: bytes,
      Anonymous: anonymous,
    })),
    Leftovers: leftoverBytes,
  };
}

function nameOf({ names }: ImageUsage): { readonly repository: string; readonly tag: string } {
  const [name] = names;
  if (name === undefined) return { repository: "<none>", tag: "<none>" };
  const reference = parseReference(name);
  return { repository: familiarName(reference), tag: reference.tag ?? "<none>" };
}

function short(id: string): string {
  return id.slice(id.indexOf(":") + 1).slice(0, 12);
}
