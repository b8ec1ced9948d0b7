import type { Command } from "../../command/command.ts";
import type { OptionTable } from "../../command/option.ts";
import { accessOptions } from "./registry-access.ts";

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

export const imageToolCommands: readonly Command[] = [
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
];
