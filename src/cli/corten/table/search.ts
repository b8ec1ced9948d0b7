import type { Command } from "../../command/command.ts";
import type { OptionTable } from "../../command/option.ts";
import { formatOption } from "./globals.ts";
import { accessOptions } from "./registry-access.ts";

export const searchOptions = {
  filter: {
    type: "list",
    short: "f",
    value: "CONDITION",
    summary: "only what fits: stars=N, is-official[=BOOL], is-automated[=BOOL]",
  },
  limit: {
    type: "integer",
    value: "N",
    minimum: 1,
    maximum: 10_000,
    default: 25,
    summary: "most results of each registry",
  },
  "list-tags": { type: "flag", summary: "list the tags of the repository TERM" },
  compatible: { type: "flag", summary: "show stars, official and automated, as docker does" },
  "no-trunc": { type: "flag", summary: "print descriptions in full" },
  format: formatOption,
  ...accessOptions,
} as const satisfies OptionTable;

export const searchCommands: readonly Command[] = [
  {
    name: "search",
    group: "Images",
    summary: "look for images in registries",
    description:
      "TERM is REGISTRY/TEXT, or a text to look for in each of the registries that registries.conf searches (docker.io unless it names some). REGISTRY/ alone lists what there is. A registry is asked for its search, or for the list of its repositories where it has none.",
    arguments: [{ name: "TERM" }],
    options: searchOptions,
    load: () => import("../transfer/search.ts"),
    examples: [
      { text: "what a registry has", line: "corten search registry.example.com/" },
      { text: "the tags of a repository", line: "corten search --list-tags registry.example.com/app" },
    ],
  },
];
