import type { CortenError } from "../../spec/index.ts";
import type { UploadJournal } from "./upload-journal.ts";
import type { RegistryWarning } from "./warnings.ts";

/** A user name and password for one registry, or an identity token for its authorization server. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string };

/** How a large blob is read over several connections. */
export interface RangeOptions {
  /** Connections at once beyond the first one of each blob; 0 reads each blob over one. Default: 6. */
  readonly connections?: number;
  /** Bytes of a range, each of which is kept in memory until it is its turn. Default: 4 MiB. */
  readonly size?: number;
  /** Bytes a second at which one connection is fast enough to stay alone. Default: 100 MiB. */
  readonly enough?: number;
}

/** A mirror that sent something else than what was asked for. It was thrown away, and other hosts are asked instead. */
export interface MistrustedHost {
  readonly host: string;
  /** What was asked for, and what is wrong with the answer. */
  readonly error: CortenError;
}

/** How a registry is reached. Everything has a default that suits a machine set up for Docker or Podman. */
export interface RegistryOptions {
  /**
   * Accept a certificate that does not verify, and plain HTTP where HTTPS is not spoken. Default: false;
   * a registry on the loopback interface may always speak plain HTTP.
   */
  readonly insecure?: boolean;
  /** Credentials of this registry. Default: looked up in the auth files below. */
  readonly credentials?: Credentials | "anonymous";
  /**
   * The only auth file to read. Default: `$REGISTRY_AUTH_FILE`, or else those of containers(5) and
   * Docker: `$XDG_RUNTIME_DIR/containers/auth.json`, `$XDG_CONFIG_HOME/containers/auth.json`,
   * `$DOCKER_CONFIG/config.json`.
   */
  readonly authFile?: string;
  /** Directories with one subdirectory a registry holding its `*.crt`, `*.cert` and `*.key`. Default: Docker's and containers'. */
  readonly certificateDirectories?: readonly string[];
  /** A directory whose `*.crt`, `*.cert` and `*.key` are for this registry, beside what the others hold for it. */
  readonly certificateDirectory?: string;
  /**
   * The registries.conf to read alone; false reads none. Default: the files of containers-registries.conf(5), where they exist:
   * the user's or else /etc/containers/registries.conf, and the drop-ins of both.
   */
  readonly registriesConf?: string | false;
  /** Directories with `<host>/hosts.toml`, asked where registries.conf has nothing. Default: containerd's and Docker's. */
  readonly hostsDirectories?: readonly string[];
  /** Hosts whose token service may get this registry's credentials though it looks unsafe. Default: none. */
  readonly trustedTokenHosts?: readonly string[];
  /** Tries of a request that failed in a way that may pass. Default: 5. */
  readonly attempts?: number;
  /** Pause before the second try in milliseconds; it doubles with each further try. Default: 250. */
  readonly backoff?: number;
  /** Longest silence of a connection in milliseconds. Default: 60000. */
  readonly idleTimeout?: number;
  /** Reading of large blobs over several connections. */
  readonly ranges?: RangeOptions;
  /**
   * Remembers uploads, so that a later process goes on where this one was cut, and blobs that several push at the same
   * time are sent once. Default: an upload lives as long as the call.
   */
  readonly uploads?: UploadJournal;
  /** Bytes from which on a blob is sent so that it can be gone on with. Default: 16 MiB. */
  readonly resumableFrom?: number;
  /** Bytes of one request of such an upload, for proxies that limit them. Default: one request for all. */
  readonly chunkSize?: number;
  /** Repositories of the same registry that may already hold a blob to be pushed (cross-repository mount). */
  readonly mountFrom?: readonly string[];
  /** Called with each warning of the registry, once. Default: nobody reads them. */
  readonly onWarning?: (warning: RegistryWarning) => void;
  /** Called with each mirror that is asked no more because of what it sent. Default: nobody reads it. */
  readonly onMistrust?: (mistrusted: MistrustedHost) => void;
  /** Where paths and user directories come from. Default: `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}
