import type { Command } from "../../command/command.ts";
import type { OptionTable } from "../../command/option.ts";

const common = {
  force: { type: "flag", short: "f", summary: "do not ask" },
  "dry-run": { type: "flag", summary: "remove nothing, print what would go" },
} as const satisfies OptionTable;

const filter = {
  type: "list",
  value: "NAME=VALUE",
  summary:
    "only what was made before (until=24h, until=2026-01-31), or has or lacks a label (label=K[=V], label!=K[=V])",
} as const;

export const containerPruneOptions = { ...common, filter } as const satisfies OptionTable;

export const imagePruneOptions = {
  all: {
    type: "flag",
    short: "a",
    summary: "all images of which there is no container, not only those without a tag",
  },
  ...common,
  filter: { ...filter, summary: `${filter.summary}; dangling=false means --all` },
} as const satisfies OptionTable;

export const volumePruneOptions = {
  all: { type: "flag", short: "a", summary: "volumes with names, too" },
  ...common,
  filter: { ...filter, summary: "only what was made before: until=24h, until=2026-01-31" },
} as const satisfies OptionTable;

export const systemPruneOptions = {
  all: imagePruneOptions.all,
  volumes: { type: "flag", summary: "also anonymous volumes that no container uses" },
  ...common,
  filter,
} as const satisfies OptionTable;

const containerPrune: Command = {
  name: "prune",
  summary: "remove all containers that do not run",
  arguments: [],
  options: containerPruneOptions,
  load: () => import("../prune/containers.ts"),
};

export const imagePrune: Command = {
  name: "prune",
  summary: "remove images without a tag of which there is no container",
  arguments: [],
  options: imagePruneOptions,
  load: () => import("../prune/images.ts"),
  examples: [
    { text: "what is older than ten days", line: "corten image prune --all --force --filter until=240h" },
    { text: "see first", line: "corten image prune --all --dry-run" },
  ],
};

const volumePrune: Command = {
  name: "prune",
  summary: "remove anonymous volumes that no container uses",
  arguments: [],
  options: volumePruneOptions,
  load: () => import("../prune/volumes.ts"),
};

export const systemPrune: Command = {
  name: "prune",
  summary: "remove everything that nothing uses: containers that do not run, images, what cut pulls left",
  arguments: [],
  options: systemPruneOptions,
  load: () => import("../prune/system.ts"),
};

/** Families that have no other command. */
export const pruneFamilies: readonly Command[] = [
  {
    name: "container",
    group: "Containers",
    summary: "look after containers that do not run",
    commands: [containerPrune],
  },
  { name: "volume", group: "Containers", summary: "look after volumes", commands: [volumePrune] },
];
