import type { Command } from "../../command/command.ts";
import type { OptionTable } from "../../command/option.ts";
import { pullOptions } from "./images.ts";

const place = { name: "PLACE", completion: "image" } as const;

/** How a registry is reached. */
const access = { "tls-verify": pullOptions["tls-verify"], creds: pullOptions.creds } as const;

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
  ...access,
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
];
