import type { Command } from "../../command/command.ts";
import type { OptionTable } from "../../command/option.ts";
import { accessOptions, endsOptions } from "./registry-access.ts";

const place = { name: "PLACE", completion: "image" } as const;

const places =
  "A place is docker://NAME, oci:DIR:TAG, oci-archive:FILE:TAG, docker-archive:FILE:NAME, dir:DIR, or an image of the store by its name.";

export const validateOptions = {
  format: { type: "choice", choices: ["text", "json"], default: "text", summary: "how findings are printed" },
  platform: {
    type: "text",
    value: "OS/ARCH[/VARIANT]",
    summary: "of an index, judge the images for this platform only",
  },
  layers: { type: "flag", default: true, summary: "with =false: do not read the content of layers" },
  strict: { type: "flag", summary: "exit with 1 on warnings, too" },
  ...accessOptions,
} as const satisfies OptionTable;

export const diffOptions = {
  format: {
    type: "choice",
    choices: ["text", "json"],
    default: "text",
    summary: "how differences are printed",
  },
  type: {
    type: "choice",
    choices: ["manifest", "config", "layers", "files"],
    summary: "compare this only (default: all)",
  },
  mtime: { type: "flag", summary: "compare the times of files, too" },
  platform: {
    type: "text",
    value: "OS/ARCH[/VARIANT]",
    summary: "of an index, compare the image for this platform (default: this machine's)",
  },
  ...accessOptions,
} as const satisfies OptionTable;

/** Which images are changed and how the result is told of. */
export const derivingOptions = {
  all: { type: "flag", short: "a", summary: "change every platform of the image, and keep its index" },
  platform: {
    type: "text",
    value: "OS/ARCH[/VARIANT]",
    summary: "of an index, take the image for this platform alone (default: this machine's)",
  },
  tag: { type: "list", short: "t", value: "NAME", summary: "give the result this name, too" },
  quiet: { type: "flag", short: "q", summary: "print no progress" },
  ...endsOptions,
} as const satisfies OptionTable;

export const mutateOptions = {
  label: { type: "list", short: "l", value: "NAME=VALUE", summary: "set a label" },
  env: { type: "list", short: "e", value: "NAME=VALUE", summary: "set a variable" },
  entrypoint: {
    type: "list",
    value: "WORD|JSON",
    summary:
      "set the entrypoint: a JSON array, or a word each time; an empty one takes it away. The command goes unless --cmd is given",
  },
  cmd: { type: "list", value: "WORD|JSON", summary: "set the command, in the same way" },
  user: { type: "text", short: "u", value: "USER[:GROUP]", summary: "set the user" },
  workdir: { type: "text", short: "w", value: "DIR", summary: "set the working directory" },
  "exposed-ports": { type: "list", short: "p", value: "PORT[/PROTOCOL]", summary: "expose a port" },
  volume: { type: "list", value: "DIR", summary: "declare a volume" },
  "stop-signal": { type: "text", value: "SIGNAL", summary: "set the signal that stops a container" },
  annotation: { type: "list", value: "NAME=VALUE", summary: "set an annotation of the manifest" },
  created: { type: "text", value: "TIME", summary: "set when the image was made, as RFC 3339 has it" },
  "source-date-epoch": {
    type: "integer",
    value: "SECONDS",
    minimum: 0,
    env: "SOURCE_DATE_EPOCH",
    summary: "set when the image was made, in seconds since 1970",
  },
  "rewrite-timestamp": { type: "flag", summary: "make no file of a layer younger than the image" },
  append: {
    type: "list",
    value: "FILE",
    completion: "file",
    summary: "put a tar archive on top as a layer; packed with gzip or zstd or not",
  },
  rebase: {
    type: "list",
    value: "BASE",
    completion: "image",
    summary: "given twice: the image that this one was built on, and the one to put it on",
  },
  flatten: { type: "flag", summary: "make one layer of all" },
  "set-platform": { type: "text", value: "OS/ARCH[/VARIANT]", summary: "set what the image says it is for" },
  ...derivingOptions,
} as const satisfies OptionTable;

export const convertOptions = {
  compression: {
    type: "choice",
    choices: ["gzip", "zstd", "none", "estargz", "zstd:chunked", "erofs"],
    summary: "store layers in this way; those that are gzip, zstd or plain already stay as they are",
  },
  level: { type: "integer", value: "LEVEL", minimum: 1, maximum: 22, summary: "level of packing" },
  format: {
    type: "choice",
    choices: ["oci", "docker"],
    summary: "convert manifests to image-spec's or to Docker's generation",
  },
  prefetch: {
    type: "list",
    value: "FILE",
    summary: "with estargz: a file that a container reads at its start; it comes first in its layer",
  },
  ...derivingOptions,
} as const satisfies OptionTable;

export const imageToolCommands: readonly Command[] = [
  {
    name: "exists",
    summary: "exit with 0 when there is such an image here, with 1 when not",
    arguments: [{ name: "IMAGE", completion: "image" }],
    load: () => import("../images/exists.ts"),
  },
  {
    name: "validate",
    summary: "judge an image by every rule of the OCI image specification",
    description: `Every problem is printed with its place: document and JSON pointer, or layer, entry and byte. ${places} A layout is judged whole where no tag is named. Exit code 0: no error; 1: errors; 2: nothing could be judged.`,
    arguments: [place],
    options: validateOptions,
    failure: 2,
    load: () => import("../image/validate.ts"),
    examples: [
      { text: "what a builder made", line: "corten image validate oci:build:app" },
      { text: "for a program", line: "corten image validate --format json docker://debian:12" },
    ],
  },
  {
    name: "diff",
    summary: "show what differs between two images",
    description: `Properties of manifest and configuration, layers, and files with what of them changed: type, mode, owner, size, content, attributes, link. ${places} Exit code 0: no difference; 1: differences; 2: trouble.`,
    arguments: [
      { ...place, name: "A" },
      { ...place, name: "B" },
    ],
    options: diffOptions,
    failure: 2,
    load: () => import("../image/diff.ts"),
    examples: [
      { text: "what an update brought", line: "corten image diff debian:12.1 debian:12.2" },
      { text: "files alone", line: "corten image diff --type files app:1 oci:build:app" },
    ],
  },
  {
    name: "mutate",
    summary: "change an image's configuration and layers without a container",
    description: `The result goes to DESTINATION; SOURCE stays as it is. Changes are made in this order: base, layers on top, flattening, times, configuration. The same image and options give the same digest, which is printed. ${places}`,
    arguments: [
      { ...place, name: "SOURCE" },
      { ...place, name: "DESTINATION" },
    ],
    options: mutateOptions,
    load: () => import("../image/mutate.ts"),
    examples: [
      {
        text: "a label and another command",
        line: "corten image mutate -l team=web --cmd serve --cmd --fast app:1 app:2",
      },
      {
        text: "onto the base that has the fix",
        line: "corten image mutate --rebase debian:12.1 --rebase debian:12.2 app:1 app:2",
      },
    ],
  },
  {
    name: "convert",
    summary: "store an image's layers in another way, or its manifests in the other generation",
    description: `The result goes to DESTINATION, and its digest is printed. gzip, zstd, none and zstd:chunked keep what the layers unpack to; estargz adds a table of contents to it, and erofs layers are file systems, which Corten and containerd's EROFS snapshotter mount as they are; they become archives again with any other. ${places}`,
    arguments: [
      { ...place, name: "SOURCE" },
      { ...place, name: "DESTINATION" },
    ],
    options: convertOptions,
    load: () => import("../image/convert.ts"),
    examples: [
      {
        text: "for lazy pulling, every platform",
        line: "corten image convert --all --compression estargz docker://app:1 docker://app:1-esgz",
      },
      {
        text: "for an old registry",
        line: "corten image convert --format docker app:1 docker://old.example.com/app:1",
      },
    ],
  },
];
