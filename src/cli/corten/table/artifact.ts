import type { Command } from "../../command/command.ts";
import type { OptionTable } from "../../command/option.ts";
import { accessOptions, platformOptions } from "./registry-access.ts";
import { copyOptions } from "./transfer.ts";

const place = { name: "PLACE" } as const;
const file = { name: "FILE[:TYPE]", optional: true, repeated: true, completion: "file" } as const;
const { platform } = platformOptions;
const { quiet } = copyOptions;

const format = {
  type: "choice",
  choices: ["text", "json"],
  default: "text",
  summary: "print the digest, or JSON",
} as const;

const contentOptions = {
  "artifact-type": { type: "text", value: "TYPE", summary: "media type that says what the artifact is" },
  annotation: { type: "list", short: "a", value: "NAME=VALUE", summary: "annotate the manifest" },
  "annotation-file": {
    type: "text",
    value: "FILE",
    completion: "file",
    summary: 'annotations as JSON: of "$manifest", "$config" and files by name',
  },
  "export-manifest": {
    type: "text",
    value: "FILE",
    completion: "file",
    summary: "write the manifest to FILE, too",
  },
  format,
  quiet,
} as const satisfies OptionTable;

export const artifactPushOptions = {
  ...contentOptions,
  config: {
    type: "text",
    value: "FILE[:TYPE]",
    completion: "file",
    summary: "the configuration, and its media type",
  },
  "artifact-platform": { type: "text", value: "OS/ARCH[/VARIANT]", summary: "what the artifact is for" },
  ...accessOptions,
} as const satisfies OptionTable;

export const artifactAttachOptions = {
  ...contentOptions,
  platform: {
    ...platform,
    summary: "attach to the image for this platform (default: to what the name means)",
  },
  ...accessOptions,
} as const satisfies OptionTable;

export const artifactPullOptions = {
  output: {
    type: "text",
    short: "o",
    value: "DIR",
    completion: "directory",
    default: ".",
    summary: "write the files to DIR",
  },
  config: { type: "text", value: "FILE", summary: "write the configuration to FILE in that directory" },
  "keep-old-files": { type: "flag", short: "k", summary: "leave files that are there as they are" },
  platform,
  format,
  quiet,
  ...accessOptions,
} as const satisfies OptionTable;

export const artifactDiscoverOptions = {
  "artifact-type": { type: "text", value: "TYPE", summary: "only what is of this type" },
  depth: {
    type: "integer",
    value: "N",
    minimum: 1,
    maximum: 100,
    summary: "levels to look at (default: all)",
  },
  platform: { ...platform, summary: "of the image for this platform (default: of what the name means)" },
  format: { type: "choice", choices: ["tree", "table", "json"], default: "tree", summary: "how to print it" },
  ...accessOptions,
} as const satisfies OptionTable;

export const artifactInspectOptions = { platform, ...accessOptions } as const satisfies OptionTable;

const places = "PLACE is a name in a registry, or a place such as oci:DIR:NAME.";

export const artifactCommands: readonly Command[] = [
  {
    name: "push",
    summary: "write files to a registry or a layout as an artifact",
    description: `${places} Several tags may stand behind a name: app:1,latest. Directories are packed, the same bytes each time; SOURCE_DATE_EPOCH sets the creation time. Prints the digest.`,
    arguments: [place, file],
    options: artifactPushOptions,
    load: () => import("../artifact/push.ts"),
    examples: [
      {
        text: "a file with its type",
        line: "corten artifact push --artifact-type application/vnd.example registry.example.com/notes:1 notes.md:text/markdown",
      },
    ],
  },
  {
    name: "pull",
    summary: "write an artifact's files to a directory",
    description: `${places} Files get the titles that they have in the artifact; none leads out of the directory. Prints their names.`,
    arguments: [place],
    options: artifactPullOptions,
    load: () => import("../artifact/pull.ts"),
    examples: [
      { text: "into a directory", line: "corten artifact pull -o notes registry.example.com/notes:1" },
    ],
  },
  {
    name: "attach",
    summary: "write files as an artifact that is about an image",
    description: `${places} --artifact-type has to be given. Prints the digest.`,
    arguments: [place, file],
    options: artifactAttachOptions,
    load: () => import("../artifact/attach.ts"),
    examples: [
      {
        text: "a list of what is in it",
        line: "corten artifact attach --artifact-type application/spdx+json registry.example.com/app:1 sbom.json",
      },
    ],
  },
  {
    name: "discover",
    summary: "list what is about an image, and what is about that",
    description: places,
    arguments: [place],
    options: artifactDiscoverOptions,
    load: () => import("../artifact/discover.ts"),
  },
  {
    name: "inspect",
    summary: "print what an artifact is and holds as JSON",
    description: places,
    arguments: [place],
    options: artifactInspectOptions,
    load: () => import("../artifact/inspect.ts"),
  },
];
