import type { Command } from "../../command/command.ts";
import type { OptionTable } from "../../command/option.ts";
import { accessOptions } from "./registry-access.ts";

const group = "Moving images";
const authfile = {
  ...accessOptions.authfile,
  summary: "keep credentials in FILE instead of podman's or docker's file",
};
const registry = { name: "REGISTRY", optional: true } as const;

export const loginOptions = {
  username: { type: "text", short: "u", value: "USER", summary: "user name (default: asked for)" },
  password: {
    type: "text",
    short: "p",
    value: "PASSWORD",
    summary: "password; others can see it in the process list",
  },
  "password-stdin": { type: "flag", summary: "read the password from stdin" },
  "get-login": { type: "flag", summary: "print who is logged in, and nothing else" },
  authfile,
  "cert-dir": accessOptions["cert-dir"],
  "tls-verify": accessOptions["tls-verify"],
} as const satisfies OptionTable;

export const logoutOptions = {
  all: { type: "flag", short: "a", summary: "forget the credentials of every registry" },
  authfile,
} as const satisfies OptionTable;

export const accountCommands: readonly Command[] = [
  {
    name: "login",
    group,
    summary: "log in to a registry",
    description:
      "The credentials are stored only after the registry has accepted them, where docker and podman find them as well: in the auth file, or with the credential helper that it names. Without REGISTRY docker.io is meant.",
    arguments: [registry],
    options: loginOptions,
    load: () => import("../account/login.ts"),
    examples: [
      { text: "in a script", line: "corten login -u ci --password-stdin registry.example.com < token" },
    ],
  },
  {
    name: "logout",
    group,
    summary: "forget the credentials of a registry",
    arguments: [registry],
    options: logoutOptions,
    load: () => import("../account/logout.ts"),
  },
];
