import type { Command } from "../../command/command.ts";
import type { OptionTable } from "../../command/option.ts";

export const serveOptions = {
  config: {
    type: "text",
    value: "FILE",
    completion: "file",
    summary: "read the configuration, YAML or JSON, from FILE",
  },
  listen: {
    type: "list",
    value: "ADDRESS",
    summary: "listen at HOST:PORT, :PORT or unix:/PATH (default: 127.0.0.1:5000)",
  },
  "access-log": {
    type: "text",
    value: "FILE",
    completion: "file",
    summary: "write a line of JSON for each request to FILE, or - for stdout",
  },
} as const satisfies OptionTable;

const config = {
  type: "text",
  value: "FILE",
  completion: "file",
  summary: "the registry's configuration (default: the one of this machine, below --root)",
} as const;

export const collectOptions = {
  config,
  "dry-run": { type: "flag", summary: "remove nothing, print what retention rules would remove" },
} as const satisfies OptionTable;

export const mirrorOptions = {
  config: {
    type: "text",
    value: "FILE",
    completion: "file",
    summary: "the registry's configuration, which has the mirrors",
  },
} as const satisfies OptionTable;

export const scrubOptions = { config } as const satisfies OptionTable;

export const keysOptions = { config } as const satisfies OptionTable;

export const pruneKeysOptions = {
  config,
  all: { type: "flag", summary: "remove all keys but the one that signs: tokens of the others end now" },
} as const satisfies OptionTable;

export const eventsOptions = {
  config,
  receiver: { type: "text", value: "NAME", summary: "only what is for the webhook NAME" },
} as const satisfies OptionTable;

export const passwordOptions = {
  "password-stdin": { type: "flag", summary: "read the password from stdin (default: ask for it)" },
  cost: {
    type: "integer",
    value: "COST",
    default: 12,
    minimum: 4,
    maximum: 16,
    summary: "bcrypt cost: one more doubles the time of a guess and of a login",
  },
} as const satisfies OptionTable;

export const registryCommands: readonly Command[] = [
  {
    name: "registry",
    group: "Registry",
    summary: "serve images to others",
    commands: [
      {
        name: "serve",
        summary: "serve a registry of the OCI distribution specification",
        description:
          "Content is kept in the directory registry below --root. Without --config everybody may do everything, so only addresses of this machine are allowed. SIGTERM lets running requests end; SIGHUP reads certificates again and reopens the log.",
        arguments: [],
        options: serveOptions,
        load: () => import("../registry/serve.ts"),
        examples: [
          { text: "for this machine", line: "corten --root ~/registry registry serve" },
          {
            text: "for others, as a file says",
            line: "corten registry serve --config /etc/corten/registry.yaml",
          },
        ],
      },
      {
        name: "collect",
        summary: "remove from a registry now what nothing needs",
        description:
          "Does what servers do from time to time: abandoned uploads end, tags and manifests that no retention rule keeps go, and blobs that no manifest references. Servers may run at the same time, and clients push and pull.",
        arguments: [],
        options: collectOptions,
        load: () => import("../registry/collect.ts"),
        examples: [
          {
            text: "try retention rules",
            line: "corten registry collect --config /etc/corten/registry.yaml --dry-run",
          },
        ],
      },
      {
        name: "scrub",
        summary: "verify every blob of a registry",
        description:
          "A blob whose bytes are wrong or missing is out of use until somebody pushes it again, which brings it back to every repository that had it. Ends with 1 when there is one. Servers may run at the same time.",
        arguments: [],
        options: scrubOptions,
        load: () => import("../registry/scrub.ts"),
      },
      {
        name: "mirror",
        summary: "copy now what the registry mirrors from others",
        description:
          "Runs mirrors of the configuration once: all, or those that are named. What fails is told, and the rest goes on; the exit code is 1 then. Servers may run at the same time.",
        arguments: [{ name: "NAME", optional: true, repeated: true }],
        options: mirrorOptions,
        load: () => import("../registry/mirror.ts"),
        examples: [
          {
            text: "a report for programs",
            line: "corten --format json registry mirror --config /etc/corten/registry.yaml",
          },
        ],
      },
      {
        name: "events",
        summary: "look after events that webhooks did not take",
        commands: [
          {
            name: "list",
            summary: "list events that their webhook refused, or did not take in many attempts",
            arguments: [],
            options: eventsOptions,
            load: () => import("../registry/events.ts"),
          },
          {
            name: "retry",
            summary: "send them again, after those that wait",
            description: "Running servers begin to within seconds.",
            arguments: [],
            options: eventsOptions,
            load: () => import("../registry/events.ts"),
          },
          {
            name: "discard",
            summary: "remove them",
            arguments: [],
            options: eventsOptions,
            load: () => import("../registry/events.ts"),
          },
        ],
      },
      {
        name: "keys",
        summary: "look after the keys that sign a registry's tokens",
        commands: [
          {
            name: "list",
            summary: "list the keys, the one that signs first",
            arguments: [],
            options: keysOptions,
            load: () => import("../registry/keys/list.ts"),
          },
          {
            name: "rotate",
            summary: "make a key that signs from now on",
            description:
              "Running servers use it at once. Earlier keys keep their public part, which verifies the tokens that they signed until these have ended.",
            arguments: [],
            options: keysOptions,
            load: () => import("../registry/keys/rotate.ts"),
          },
          {
            name: "prune",
            summary: "remove keys whose tokens have all ended",
            arguments: [],
            options: pruneKeysOptions,
            load: () => import("../registry/keys/prune.ts"),
            examples: [
              {
                text: "a key was seen by somebody: make a new one, and end the tokens of the old ones",
                line: "corten registry keys rotate && corten registry keys prune --all",
              },
            ],
          },
        ],
      },
      {
        name: "password",
        summary: "print the line of an htpasswd file for a user",
        arguments: [{ name: "NAME" }],
        options: passwordOptions,
        load: () => import("../registry/password.ts"),
        examples: [{ text: "add a user", line: "corten registry password alice >> users.htpasswd" }],
      },
    ],
  },
];
