import type { Command } from "../../command/command.ts";
import type { OptionTable } from "../../command/option.ts";
import { formatOption } from "./globals.ts";
import { systemPrune } from "./prune.ts";

const group = "System";

const format = { ...formatOption, summary: "json, or a template such as '{{.Version}}'" } as const;

export const infoOptions = { format } as const satisfies OptionTable;
export const doctorOptions = {
  format: { ...formatOption, summary: "table, json, or a template such as '{{.healthy}}'" },
} as const satisfies OptionTable;
export const versionOptions = { format } as const satisfies OptionTable;

const info: Omit<Command, "name"> = {
  summary: "tell about this host: runtimes, storage, control groups, kernel features",
  arguments: [],
  options: infoOptions,
  load: () => import("../system/info.ts"),
};

export const dfOptions = {
  verbose: { type: "flag", short: "v", summary: "print every image, container and volume" },
  format: { ...formatOption, summary: "table, json, or a template such as '{{.Type}} {{.Size}}'" },
} as const satisfies OptionTable;

const df: Omit<Command, "name"> = {
  summary: "print what images, containers and volumes take on disk",
  description:
    "Sizes are what the disk holds: an image's packed layers, documents and unpacked layers. What several images share is counted once in the sum. Leftovers are cut pulls, images that lost their names, and layers of images that are gone.",
  arguments: [],
  options: dfOptions,
  load: () => import("../system/df.ts"),
};

export const checkOptions = {
  quick: { type: "flag", short: "q", summary: "look at presence, lengths and structure only, hash nothing" },
  repair: {
    type: "flag",
    short: "r",
    summary: "put damaged blobs aside, fetch again what images lack, make damaged layers again",
  },
  force: {
    type: "flag",
    short: "f",
    summary: "with --repair: remove images and containers that cannot be mended",
  },
  "tls-verify": {
    type: "flag",
    default: true,
    summary: "with =false: registry without verified TLS, or without TLS",
  },
  format: { type: "choice", choices: ["table", "json"], summary: "how problems are printed" },
} as const satisfies OptionTable;

const check: Command = {
  name: "check",
  summary: "verify everything that is stored: blobs, images, unpacked layers, containers",
  description:
    "Every blob is hashed, every layer unpacked once more and compared. Damaged blobs are moved to the data directory's quarantine. The exit code is 1 when problems are left.",
  arguments: [],
  options: checkOptions,
  load: () => import("../system/check.ts"),
  examples: [{ text: "after a crash of the disk", line: "corten system check --repair" }],
};

const release: Command = {
  name: "release",
  summary: "let go of the layers that are mounted for all containers",
  description:
    "Containers that run keep theirs; the next start mounts anew what it needs. Until then the file system of the data directory can be unmounted once no container runs.",
  arguments: [],
  options: {},
  load: () => import("../system/release.ts"),
};

export const systemCommands: readonly Command[] = [
  {
    name: "system",
    group,
    summary: "tell about this host, and look after what is stored on it",
    commands: [{ name: "info", ...info }, { name: "df", ...df }, check, systemPrune, release],
  },
  { name: "info", hidden: true, ...info },
  { name: "df", hidden: true, ...df },
  {
    name: "doctor",
    group,
    summary: "try what this kernel and this user allow, and say how to get what is missing",
    description:
      "Each feature is tried in a process of its own, of which nothing is left. The exit code is 1 when something is missing that every container needs.",
    arguments: [],
    options: doctorOptions,
    load: () => import("../system/doctor.ts"),
  },
  {
    name: "version",
    group,
    summary: "print the versions of Corten and of the standards it follows",
    arguments: [],
    options: versionOptions,
    load: () => import("../system/version.ts"),
  },
  {
    name: "completion",
    group,
    summary: "print the completion script for a shell",
    arguments: [{ name: "SHELL" }],
    options: {},
    load: () => import("../system/completion.ts"),
    examples: [
      { text: "bash, in ~/.bashrc", line: "source <(corten completion bash)" },
      { text: "zsh, in ~/.zshrc", line: "source <(corten completion zsh)" },
      { text: "fish", line: "corten completion fish > ~/.config/fish/completions/corten.fish" },
    ],
  },
  {
    name: "__complete",
    hidden: true,
    summary: "print what may follow a command line; the completion scripts call it",
    arguments: [{ name: "WORD", repeated: true }],
    options: {},
    optionsFirst: true,
    load: () => import("../system/complete.ts"),
  },
];
