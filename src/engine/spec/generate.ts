import { OCI_VERSION } from "../../runtime/index.ts";
import {
  CortenError,
  type ImageConfig,
  type RuntimeConfig,
  type RuntimeNamespace,
  type RuntimeSeccomp,
} from "../../spec/index.ts";
import type { ContainerOptions } from "../container-options.ts";
import type { Rootless } from "../rootless.ts";
import type { ResolvedUser } from "../user/resolve-user.ts";
import { type ContainerMount, type GeneratedFiles, generateMounts } from "./mounts.ts";
import { MASKED_PATHS, READONLY_PATHS } from "./paths.ts";
import { generateProcess } from "./process.ts";
import { type ContainerDevice, generateResources } from "./resources.ts";
import { defaultProfile } from "./seccomp/default-profile.ts";
import { decideProfile } from "./seccomp/docker-profile.ts";

/** What config.json is made from: everything has been looked up. */
export interface SpecInput {
  readonly id: string;
  readonly options: ContainerOptions;
  /** Absent for a root directory. */
  readonly image?: ImageConfig;
  readonly user: ResolvedUser;
  readonly hostname: string;
  readonly mounts: readonly ContainerMount[];
  readonly files: GeneratedFiles;
  readonly devices: readonly ContainerDevice[];
  readonly kernel: { readonly major: number; readonly minor: number };
  /** What an engine without the machine's rights can do. */
  readonly rootless?: Pick<Rootless, "mappings" | "owners" | "limits">;
}

/**
 * Generates config.json from an image's configuration and the caller's options (image-spec, conversion.md). Pure:
 * the same input gives the same configuration.
 *
 * Nothing that an image says changes how it is isolated: its labels and annotations do not come into
 * config.json at all (CVE-2024-3154, CVE-2026-94603); what does come is listed here.
 */
export function generateSpec(input: SpecInput): RuntimeConfig {
  const { id, options, image, user, hostname, rootless } = input;
  const mappings = rootless?.mappings;
  const network = networkMode(options.network);
  const privileged = options.privileged === true;
  const process = generateProcess(image?.config ?? {}, options, user, hostname);
  const seccomp = chooseProfile(input, process.capabilities?.bounding ?? []);
  return {
    ociVersion: OCI_VERSION,
    process,
    root: { path: "rootfs", readonly: options.readOnly === true },
    hostname,
    mounts: generateMounts({
      mounts: input.mounts,
      tmpfs: options.tmpfs ?? [],
      files: input.files,
      privileged,
      hostNetwork: network === "host",
      ownGroups: rootless?.limits !== false,
      manyGroups: rootless?.owners !== false,
    }),
    annotations: annotations(input),
    linux: {
      // An ordinary user's lies below its own group, if anywhere.
      cgroupsPath: mappings === undefined ? `/corten-${id}` : `corten-${id}`,
      namespaces: namespaces(network, mappings !== undefined),
      ...mappings,
      resources: generateResources(options, mappings === undefined ? input.devices : undefined),
      devices: input.devices.map(({ node }) => node),
      ...(privileged ? {} : { maskedPaths: MASKED_PATHS, readonlyPaths: READONLY_PATHS }),
      ...(seccomp === undefined ? {} : { seccomp }),
    },
  };
}

/** A privileged container has none, unless the caller brings one. */
function chooseProfile(
  { options: { seccomp, privileged }, kernel }: SpecInput,
  capabilities: readonly string[],
): RuntimeSeccomp | undefined {
  if (seccomp === "unconfined") return undefined;
  if (seccomp !== undefined)
    return decideProfile(seccomp, { capabilities, kernel, architecture: process.arch });
  return privileged === true ? undefined : defaultProfile(capabilities);
}

export type NetworkMode = "none" | "host";

/** @throws unimplemented for a network that this engine does not have */
export function networkMode(network: string | undefined): NetworkMode {
  if (network === undefined || network === "none") return "none";
  if (network === "host") return "host";
  throw new CortenError("unimplemented", `network "${network.slice(0, 100)}" is not known`, {
    hint: 'there are "none", with a loopback interface of its own, and "host"',
  });
}

function namespaces(network: NetworkMode, user: boolean): RuntimeNamespace[] {
  const types = ["pid", "ipc", "uts", "mount", "cgroup"] as const;
  const more = [...(network === "none" ? (["network"] as const) : []), ...(user ? (["user"] as const) : [])];
  return [...types, ...more].map((type) => ({ type }));
}

/** What conversion.md has computed from the image, under Corten's own control: none of it is read back by the runtime. */
function annotations({ image, options }: SpecInput): Record<string, string> {
  const stopSignal = options.stopSignal ?? image?.config?.StopSignal;
  return {
    ...(image === undefined
      ? {}
      : {
          "org.opencontainers.image.os": image.os,
          "org.opencontainers.image.architecture": image.architecture,
        }),
    ...(stopSignal ? { "org.opencontainers.image.stopSignal": stopSignal } : {}),
  };
}
