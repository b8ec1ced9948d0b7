import type { JsonView } from "../../spec/index.ts";
import type { RegistryOptions } from "../../transport/index.ts";
import { list, optional, text } from "../access/settings.ts";

/** Another registry, and how it is reached. */
export interface RemoteRegistry {
  /** Host and port as in references. */
  readonly registry: string;
  /** Credentials: a file as `docker login` writes it. Default: anonymous. */
  readonly authFile?: string;
  /** Directory with certificates (`*.crt`, `*.cert`, `*.key`) for it. */
  readonly certificates?: string;
  /** Certificates are not verified, and plain HTTP is spoken where HTTPS is not. Default: false. */
  readonly insecure?: boolean;
  /** Hosts that may be given its credentials as its token service, beside public ones. */
  readonly trustedTokenHosts?: readonly string[];
}

export const REMOTE_KEYS: readonly string[] = [
  "registry",
  "authFile",
  "certificates",
  "insecure",
  "trustedTokenHosts",
];

/** @throws invalid-argument that names the key at fault */
export function readRemote(view: JsonView, path: (field: JsonView) => string): RemoteRegistry {
  const registry = text(view.field("registry"));
  if (!/^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/.test(registry))
    throw view
      .field("registry")
      .fault(`is "${registry}"`, "a host as in references, such as docker.io or localhost:5000");
  const authFile = optional(view.field("authFile"), path);
  const certificates = optional(view.field("certificates"), path);
  const insecure = optional(view.field("insecure"), (field) => field.boolean());
  const trustedTokenHosts = optional(view.field("trustedTokenHosts"), list);
  return {
    registry,
    ...(authFile === undefined ? {} : { authFile }),
    ...(certificates === undefined ? {} : { certificates }),
    ...(insecure === undefined ? {} : { insecure }),
    ...(trustedTokenHosts === undefined ? {} : { trustedTokenHosts }),
  };
}

/** How a remote registry is reached: by its own settings only, for this host's mirrors may well be this registry. */
export function reaching({
  authFile,
  insecure,
  certificates,
  trustedTokenHosts,
}: RemoteRegistry): RegistryOptions {
  return {
    registriesConf: false,
    hostsDirectories: [],
    ...(authFile === undefined ? { credentials: "anonymous" as const } : { authFile }),
    ...(insecure === undefined ? {} : { insecure }),
    ...(certificates === undefined ? {} : { certificateDirectory: certificates }),
    ...(trustedTokenHosts === undefined ? {} : { trustedTokenHosts }),
  };
}
