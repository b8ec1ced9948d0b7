import type { Call } from "../../command/command.ts";
import type { OptionTable } from "../../command/option.ts";

/** Options of `corten` that every command understands. */
export const globalOptions = {
  root: {
    type: "text",
    value: "DIR",
    env: "CORTEN_ROOT",
    completion: "directory",
    summary: "keep images, containers and volumes in DIR instead of /var/lib/corten",
  },
  "run-root": {
    type: "text",
    value: "DIR",
    env: "CORTEN_RUN_ROOT",
    completion: "directory",
    summary: "keep what does not outlive a boot in DIR instead of /run/corten",
  },
  "share-layers": {
    type: "choice",
    choices: ["auto", "always", "never"],
    default: "auto",
    env: "CORTEN_SHARE_LAYERS",
    summary: "mount each layer once for all containers: auto is as root, with the default run root",
  },
  "layer-copies": {
    type: "choice",
    choices: ["auto", "both", "single"],
    default: "auto",
    env: "CORTEN_LAYER_COPIES",
    summary:
      "what is kept of packed layers that are fetched: single is what they unpack to, both is that and their packed form; auto leaves what is here and is both for others",
  },
  format: {
    type: "text",
    value: "FORMAT",
    env: "CORTEN_FORMAT",
    summary: "print lists and details as table or json where a command has no --format of its own",
  },
  debug: { type: "flag", env: "CORTEN_DEBUG", summary: "print the causes and the stack of an error" },
  version: { type: "flag", summary: "print the version" },
} as const satisfies OptionTable;

/** A call of one of `corten`'s commands. */
export type CortenCall<O extends OptionTable = Record<never, never>> = Call<O, typeof globalOptions>;

/** The `--format` of commands that print a list or details. */
export const formatOption = {
  type: "text",
  value: "FORMAT",
  summary: "table, json, or a template such as '{{.ID}} {{.Names}}'",
} as const;
