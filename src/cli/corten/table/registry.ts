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
    ],
  },
];
