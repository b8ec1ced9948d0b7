import type { Command } from "../../command/command.ts";
import type { OptionTable } from "../../command/option.ts";
import { accessOptions } from "./registry-access.ts";
import { copyOptions } from "./transfer.ts";

const list = { name: "LIST", completion: "image" } as const;
const image = { name: "IMAGE", completion: "image" } as const;
const quiet = copyOptions.quiet;
const all = { type: "flag", summary: "add every image of an index, not the one for a platform" } as const;

const entryOptions = {
  annotation: { type: "list", value: "NAME=VALUE", summary: "annotate the entry" },
  arch: { type: "text", value: "ARCH", summary: "architecture of the image" },
  os: { type: "text", value: "OS", summary: "operating system of the image" },
  variant: { type: "text", value: "VARIANT", summary: "variant of the architecture" },
  "os-version": { type: "text", value: "VERSION", summary: "version of the operating system" },
  "os-features": { type: "list", value: "FEATURE", summary: "feature of the operating system that it needs" },
  features: { type: "list", value: "FEATURE", summary: "feature of the processor that it needs" },
} as const satisfies OptionTable;

export const manifestCreateOptions = {
  amend: { type: "flag", short: "a", summary: "go on with an index that has the name already" },
  all,
  annotation: { type: "list", value: "NAME=VALUE", summary: "annotate the index" },
  quiet,
  ...accessOptions,
} as const satisfies OptionTable;

export const manifestAddOptions = {
  all,
  ...entryOptions,
  quiet,
  ...accessOptions,
} as const satisfies OptionTable;

export const manifestAnnotateOptions = {
  ...entryOptions,
  index: { type: "flag", summary: "annotate the index itself; without IMAGE" },
} as const satisfies OptionTable;

export const manifestInspectOptions = { ...accessOptions } as const satisfies OptionTable;

export const manifestPushOptions = {
  all: {
    type: "flag",
    default: true,
    summary: "with =false: the index without its images, which are there already",
  },
  format: copyOptions.format,
  "compression-format": copyOptions["dest-compress-format"],
  rm: { type: "flag", summary: "remove the index here when it is there" },
  digestfile: copyOptions.digestfile,
  "retry-times": copyOptions["retry-times"],
  quiet,
  ...accessOptions,
} as const satisfies OptionTable;

const none = {} as const satisfies OptionTable;
export const manifestRemoveOptions = none;
export const manifestRmOptions = none;
export const manifestExistsOptions = none;

const imagePlaces =
  "IMAGE is a name that is here, else one in a registry; or a place such as docker://NAME or oci:DIR:NAME.";

export const manifestCommands: readonly Command[] = [
  {
    name: "create",
    summary: "make an index, and add images to it",
    description: `Prints its digest. ${imagePlaces}`,
    arguments: [list, { ...image, optional: true, repeated: true }],
    options: manifestCreateOptions,
    load: () => import("../manifest/create.ts"),
    examples: [
      { text: "of two images that are here", line: "corten manifest create app:1 app:amd64 app:arm64" },
    ],
  },
  {
    name: "add",
    summary: "add images to an index",
    description: `The image is brought here. ${imagePlaces} Of an index the image for --os, --arch and --variant is added, by default that for this machine.`,
    arguments: [list, { ...image, repeated: true }],
    options: manifestAddOptions,
    load: () => import("../manifest/add.ts"),
    examples: [
      {
        text: "from a registry",
        line: "corten manifest add --arch arm64 app:1 docker://registry.example.com/app:1",
      },
    ],
  },
  {
    name: "annotate",
    summary: "change what an index says of an image",
    description: "IMAGE is the digest of an entry, or the name of an image that is here.",
    arguments: [list, { ...image, optional: true }],
    options: manifestAnnotateOptions,
    load: () => import("../manifest/annotate.ts"),
  },
  {
    name: "inspect",
    summary: "print an index as JSON",
    description: "LIST is a name that is here, else one in a registry; or a place.",
    arguments: [list],
    options: manifestInspectOptions,
    load: () => import("../manifest/inspect.ts"),
  },
  {
    name: "push",
    summary: "write an index and its images to a registry or another place",
    description: "DESTINATION is a name or a place; by default the index's own name. Prints the digest.",
    arguments: [list, { name: "DESTINATION", optional: true }],
    options: manifestPushOptions,
    load: () => import("../manifest/push.ts"),
    examples: [
      { text: "as Docker's list", line: "corten manifest push -f v2s2 app:1 registry.example.com/app:1" },
    ],
  },
  {
    name: "remove",
    summary: "take an image out of an index",
    arguments: [list, { name: "DIGEST" }],
    options: manifestRemoveOptions,
    load: () => import("../manifest/remove.ts"),
  },
  {
    name: "rm",
    summary: "remove indexes",
    arguments: [{ ...list, repeated: true }],
    options: manifestRmOptions,
    load: () => import("../manifest/rm.ts"),
  },
  {
    name: "exists",
    summary: "exit with 0 when there is such an index, with 1 when not",
    arguments: [list],
    options: manifestExistsOptions,
    load: () => import("../manifest/exists.ts"),
  },
];
