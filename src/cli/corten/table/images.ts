import type { Command } from "../../command/command.ts";
import type { OptionTable } from "../../command/option.ts";
import { formatOption } from "./globals.ts";
import { accessOptions } from "./registry-access.ts";

const group = "Images";
const image = { name: "IMAGE", completion: "image" } as const;
const images = { name: "IMAGE", repeated: true, completion: "image" } as const;

export const pullOptions = {
  platform: {
    type: "text",
    value: "OS/ARCH[/VARIANT]",
    summary: "fetch this platform (default: this machine's)",
  },
  "all-platforms": { type: "flag", summary: "fetch every platform of the image" },
  quiet: { type: "flag", short: "q", summary: "print the image's ID only" },
  ...accessOptions,
} as const satisfies OptionTable;

export const pushOptions = {
  "compression-format": {
    type: "choice",
    choices: ["gzip", "zstd"],
    summary: "pack the layers anew, which gives the image another digest",
  },
  quiet: { type: "flag", short: "q", summary: "print the digest only" },
  ...accessOptions,
} as const satisfies OptionTable;

export const imagesOptions = {
  quiet: { type: "flag", short: "q", summary: "print IDs only" },
  "no-trunc": { type: "flag", summary: "print IDs in full" },
  digests: { type: "flag", summary: "print the digests of manifests, too" },
  format: formatOption,
} as const satisfies OptionTable;

export const historyOptions = {
  platform: { type: "text", value: "OS/ARCH[/VARIANT]", summary: "of the image for this platform" },
  quiet: { type: "flag", short: "q", summary: "print the layers' digests only" },
  "no-trunc": { type: "flag", summary: "print digests and commands in full" },
  format: formatOption,
} as const satisfies OptionTable;

export const rmiOptions = {
  force: {
    type: "flag",
    short: "f",
    summary: "also with several names, or used by stopped containers; one that does not exist is no failure",
  },
  ignore: { type: "flag", short: "i", summary: "an image that does not exist is no failure" },
} as const satisfies OptionTable;

export const tagOptions = {} as const satisfies OptionTable;

export const importOptions = {
  change: {
    type: "list",
    short: "c",
    value: "INSTRUCTION",
    summary:
      "set a part of the configuration: CMD, ENTRYPOINT, ENV, WORKDIR, USER, LABEL, EXPOSE, VOLUME, STOPSIGNAL",
  },
  message: { type: "text", short: "m", value: "TEXT", summary: "comment in the image's history" },
  platform: { type: "text", value: "OS/ARCH", summary: "what the image is for (default: this machine)" },
} as const satisfies OptionTable;

export const loadOptions = {
  input: {
    type: "text",
    short: "i",
    value: "FILE",
    completion: "file",
    summary: "read FILE instead of stdin",
  },
  "all-platforms": { type: "flag", summary: "take every platform of the images" },
  quiet: { type: "flag", short: "q", summary: "print no progress" },
} as const satisfies OptionTable;

export const saveOptions = {
  output: {
    type: "text",
    short: "o",
    value: "FILE",
    completion: "file",
    summary: "write FILE instead of stdout",
  },
  format: {
    type: "choice",
    choices: ["oci-archive", "docker-archive"],
    default: "docker-archive",
    summary: "format of the archive",
  },
  platform: { type: "text", value: "OS/ARCH[/VARIANT]", summary: "save this platform only" },
} as const satisfies OptionTable;

export const imageCommands: readonly Command[] = [
  {
    name: "pull",
    group,
    summary: "fetch images from a registry",
    description:
      "A cut transfer goes on where it ended, also in another process. Images come from layouts, archives and directories, too: oci:DIR:TAG, oci-archive:FILE, docker-archive:FILE, dir:DIR.",
    arguments: [images],
    options: pullOptions,
    load: () => import("../images/pull.ts"),
    examples: [
      { text: "from Docker Hub", line: "corten pull debian:12" },
      {
        text: "from a registry of one's own without TLS",
        line: "corten pull --tls-verify=false localhost:5000/app",
      },
    ],
  },
  {
    name: "push",
    group,
    summary: "write an image to a registry",
    description:
      "DESTINATION is another name, or a place such as oci:DIR:TAG. Layers that are here unpacked only (--layer-copies single) are mounted or fetched from where they came from; where that is not possible, --compression-format packs them anew.",
    arguments: [image, { name: "DESTINATION", optional: true }],
    options: pushOptions,
    load: () => import("../images/push.ts"),
    examples: [{ text: "under another name", line: "corten push app registry.example.com/team/app:1" }],
  },
  {
    name: "images",
    group,
    summary: "list images",
    arguments: [{ ...image, optional: true }],
    options: imagesOptions,
    load: () => import("../images/images.ts"),
  },
  {
    name: "history",
    group,
    summary: "show how an image was made",
    arguments: [image],
    options: historyOptions,
    load: () => import("../images/history.ts"),
  },
  {
    name: "tag",
    group,
    summary: "give an image one more name",
    arguments: [image, { name: "NAME" }],
    options: tagOptions,
    load: () => import("../images/tag.ts"),
  },
  {
    name: "rmi",
    group,
    summary: "remove images, or one of their names",
    arguments: [images],
    options: rmiOptions,
    load: () => import("../images/rmi.ts"),
  },
  {
    name: "load",
    group,
    summary: "read all images of an archive of `save`, docker or podman, or of a layout",
    description: "FILE may be the directory of an OCI layout.",
    arguments: [],
    options: loadOptions,
    load: () => import("../images/load.ts"),
    examples: [{ text: "from another machine", line: "ssh build docker save app | corten load" }],
  },
  {
    name: "save",
    group,
    summary: "write images to an archive",
    arguments: [images],
    options: saveOptions,
    load: () => import("../images/save.ts"),
    examples: [{ text: "as an OCI archive", line: "corten save --format oci-archive -o app.tar app" }],
  },
  {
    name: "import",
    group,
    summary: "make an image of a root file system in a tar archive",
    description: "FILE may be compressed with gzip or zstd; - is stdin.",
    arguments: [
      { name: "FILE", completion: "file" },
      { name: "NAME", optional: true },
    ],
    options: importOptions,
    load: () => import("../images/import.ts"),
    examples: [
      { text: "from debootstrap", line: "tar -C root -c . | corten import -c 'CMD bash' - my/debian" },
    ],
  },
];
