import type { Option, OptionTable } from "../../command/option.ts";

/** How a registry is reached: skopeo's options. */
export const accessOptions = {
  creds: {
    type: "text",
    value: "USER[:PASSWORD]",
    summary: "credentials instead of those of `corten login`",
  },
  username: { type: "text", value: "USER", summary: "user name, with --password" },
  password: { type: "text", value: "PASSWORD", summary: "password, with --username" },
  "no-creds": { type: "flag", summary: "ask anonymously" },
  authfile: {
    type: "text",
    value: "FILE",
    completion: "file",
    summary: "the file with credentials instead of those of docker and podman",
  },
  "cert-dir": {
    type: "text",
    value: "DIR",
    completion: "directory",
    summary: "directory with *.crt, *.cert and *.key for the registry",
  },
  "tls-verify": {
    type: "flag",
    default: true,
    summary: "with =false: registry without verified TLS, or without TLS",
  },
} as const satisfies OptionTable;

/** Which image of a multi-platform one: skopeo's options, and docker's. */
export const platformOptions = {
  platform: {
    type: "text",
    value: "OS/ARCH[/VARIANT]",
    summary: "the image for this platform (default: this machine's)",
  },
  "override-os": { type: "text", value: "OS", summary: "the image for this operating system" },
  "override-arch": { type: "text", value: "ARCH", summary: "the image for this architecture" },
  "override-variant": { type: "text", value: "VARIANT", summary: "the image for this variant" },
} as const satisfies OptionTable;

/** The same options under names that begin with `prefix`. */
export type Prefixed<P extends string, T extends OptionTable> = {
  readonly [K in keyof T as `${P}-${K & string}`]: T[K];
};

/** The options for one end of a copy: `--src-creds`, `--dest-tls-verify`. */
export function prefixed<P extends string, T extends OptionTable>(
  prefix: P,
  end: string,
  table: T,
): Prefixed<P, T> {
  const entries: [string, Option][] = Object.entries(table).map(([name, option]) => [
    `${prefix}-${name}`,
    { ...option, summary: `${end}: ${option.summary}` },
  ]);
  return Object.fromEntries(entries) as Prefixed<P, T>;
}

/** Both ends of a copy. */
export const endsOptions = {
  ...prefixed("src", "source", accessOptions),
  ...prefixed("dest", "destination", accessOptions),
  authfile: { ...accessOptions.authfile, summary: "for both ends: the file with credentials" },
} as const;
