import { isAbsolute, join } from "node:path";
import type { JsonView } from "../../spec/index.ts";
import { CortenError } from "../../spec/index.ts";
import { type AccessSettings, readAccessSettings } from "../access/access-settings.ts";
import { compileGlob, type Glob } from "../access/glob.ts";
import { choice, list, onlyFields, optional, seconds, text } from "../access/settings.ts";
import {
  COLLECTION_SECTIONS,
  type CollectionSettings,
  readCollectionSettings,
} from "../collection/collection-settings.ts";
import { type EventSettings, readEvents } from "../events/webhook-settings.ts";
import type { Limits } from "../options.ts";
import { readUpstreams, type UpstreamSettings } from "../proxy/upstream-settings.ts";
import { type MirrorSettings, readMirrors } from "../replication/mirror-settings.ts";
import { type ReplicaSettings, readReplicas } from "../replication/replica-settings.ts";
import { describeAddress, isLocal, type ListenAddress, parseListenAddress } from "./listen-address.ts";
import { readStorageSettings, type StorageSettings } from "./storage-settings.ts";

/** The configuration of a registry server, read and checked. */
export interface RegistryConfig {
  readonly listen: readonly ListenAddress[];
  /** Directory of the storage; absent where the command line names it. */
  readonly root: string | undefined;
  readonly storage: StorageSettings;
  readonly upstreams: readonly UpstreamSettings[];
  /** What is copied from other registries, and which registries get what is pushed here. */
  readonly mirrors: readonly MirrorSettings[];
  readonly replicas: readonly ReplicaSettings[];
  readonly events: EventSettings;
  /** Where Prometheus finds counts: at `/metrics` of the registry, or of an address of its own; absent: nowhere. */
  readonly metrics: "here" | ListenAddress | undefined;
  readonly tls: TlsSettings | undefined;
  /** Absent: everybody may do everything, which must be said (`access: open`). */
  readonly access: AccessSettings | undefined;
  readonly limits: Partial<Limits>;
  readonly collection: CollectionSettings;
  readonly require: "all" | "blobs" | "nothing" | undefined;
  readonly deletes: boolean | undefined;
  /** Sentences shown to whoever uses a repository, by the pattern of its name. */
  readonly warnings: readonly WarningSetting[];
  /** A file, or `-` for standard output; absent: no access log. */
  readonly accessLog: string | undefined;
  /** The page for people at `/`. */
  readonly webPage: boolean;
  /** Milliseconds that requests have to end when the server is stopped. */
  readonly shutdownTimeout: number;
}

/** Section `tls`. */
export interface TlsSettings {
  readonly certificate: string;
  readonly key: string;
  readonly clientAuthorities?: string;
  readonly requireClientCertificate: boolean;
}

/** One entry of `warnings`. */
export interface WarningSetting {
  /** Whose sentence it is. */
  readonly repository: Glob;
  readonly text: string;
}

/** What the configuration does not say itself. */
export interface ConfigDefaults {
  /** Paths are relative to this directory: that of the configuration file. */
  readonly base: string;
  /** Where the storage is when the configuration does not say it. */
  readonly root?: string;
}

/** Where a server listens unless told: this machine only. */
export const DEFAULT_LISTEN = "127.0.0.1:5000";
const DEFAULT_SHUTDOWN_SECONDS = 30;

/** Keys of the document. Each part of the registry reads its own section. */
const KEYS = [
  "listen",
  "root",
  "storage",
  "upstreams",
  "mirrors",
  "replicas",
  "events",
  "metrics",
  "tls",
  "access",
  "limits",
  "require",
  "deletes",
  "warnings",
  "accessLog",
  "webPage",
  "shutdownTimeout",
  ...COLLECTION_SECTIONS,
];

/**
 * Reads the document of a configuration file.
 *
 * @throws invalid-argument that names the key at fault, also for a key that nobody knows
 */
export function readRegistryConfig(view: JsonView, defaults: ConfigDefaults): RegistryConfig {
  onlyFields(view, KEYS);
  const path = (field: JsonView): string => {
    const value = text(field);
    return isAbsolute(value) ? value : join(defaults.base, value);
  };
  const root = optional(view.field("root"), path) ?? defaults.root;
  const tls = optional(view.field("tls"), (section) => readTls(section, path));
  const access = readAccess(view.field("access"), defaults.base, root);
  if (access?.certificates !== undefined && tls?.clientAuthorities === undefined) {
    throw view.field("access").field("clientCertificates").fault("needs tls.clientAuthorities");
  }
  return {
    listen: readListen(view.field("listen")),
    root,
    storage: optional(view.field("storage"), (section) => readStorageSettings(section, path)) ?? {},
    upstreams: optional(view.field("upstreams"), (section) => readUpstreams(section, path)) ?? [],
    mirrors: optional(view.field("mirrors"), (section) => readMirrors(section, path)) ?? [],
    replicas: optional(view.field("replicas"), (section) => readReplicas(section, path)) ?? [],
    events: optional(view.field("events"), (section) => readEvents(section, path)) ?? { webhooks: [] },
    metrics: optional(view.field("metrics"), readMetrics),
    tls,
    access,
    limits: optional(view.field("limits"), readLimits) ?? {},
    collection: readCollectionSettings(view),
    require: optional(view.field("require"), (field) => choice(field, ["all", "blobs", "nothing"])),
    deletes: optional(view.field("deletes"), (field) => field.boolean()),
    warnings: optional(view.field("warnings"), (field) => field.items().map(readWarning)) ?? [],
    accessLog: optional(view.field("accessLog"), (field) => (field.value === "-" ? "-" : path(field))),
    webPage: optional(view.field("webPage"), (field) => field.boolean()) ?? true,
    shutdownTimeout:
      1000 *
      (optional(view.field("shutdownTimeout"), (field) => seconds(field, 0, 3600)) ??
        DEFAULT_SHUTDOWN_SECONDS),
  };
}

/**
 * The configuration of a server without a file: everybody may do everything, so it is for this machine only.
 *
 * @throws failed-precondition when others could reach an address
 */
export function openConfig(
  root: string,
  listen: readonly ListenAddress[],
  accessLog?: string,
): RegistryConfig {
  const reachable = listen.find((address) => !isLocal(address));
  if (reachable !== undefined) {
    throw new CortenError(
      "failed-precondition",
      `without a configuration everybody who reaches ${describeAddress(reachable)} could push and delete`,
      { hint: "give --config FILE with access rules, or with `access: open` where that is wanted" },
    );
  }
  return {
    listen,
    root,
    storage: {},
    upstreams: [],
    mirrors: [],
    replicas: [],
    events: { webhooks: [] },
    metrics: undefined,
    tls: undefined,
    access: undefined,
    limits: {},
    collection: {},
    require: undefined,
    deletes: undefined,
    warnings: [],
    accessLog,
    webPage: true,
    shutdownTimeout: 1000 * DEFAULT_SHUTDOWN_SECONDS,
  };
}

function readListen(view: JsonView): readonly ListenAddress[] {
  if (view.absent) return [parseListenAddress(DEFAULT_LISTEN)];
  const texts = typeof view.value === "string" ? [view.value] : list(view);
  if (texts.length === 0) throw view.fault("is empty");
  return texts.map(parseListenAddress);
}

function readMetrics(view: JsonView): "here" | ListenAddress | undefined {
  if (typeof view.value === "boolean") return view.value ? "here" : undefined;
  onlyFields(view, ["listen"]);
  return parseListenAddress(text(view.field("listen")));
}

/** Nothing is allowed that no policy allows; a server without any access rules must be wanted. */
function readAccess(view: JsonView, base: string, root: string | undefined): AccessSettings | undefined {
  if (view.value === "open") return undefined;
  if (view.absent) {
    throw view.fault(
      "is missing",
      "access.policies says who may do what; `access: open` lets everybody do everything",
    );
  }
  return readAccessSettings(view, { base, state: root });
}

function readTls(view: JsonView, path: (field: JsonView) => string): TlsSettings {
  onlyFields(view, ["certificate", "key", "clientAuthorities", "requireClientCertificate"]);
  const clientAuthorities = optional(view.field("clientAuthorities"), path);
  const required = optional(view.field("requireClientCertificate"), (field) => field.boolean()) ?? false;
  if (required && clientAuthorities === undefined) {
    throw view.field("requireClientCertificate").fault("needs clientAuthorities");
  }
  return {
    certificate: path(view.field("certificate")),
    key: path(view.field("key")),
    requireClientCertificate: required,
    ...(clientAuthorities === undefined ? {} : { clientAuthorities }),
  };
}

/** Limits as the file has them: sizes in bytes, times in seconds. */
function readLimits(view: JsonView): Partial<Limits> {
  onlyFields(view, [
    "manifestSize",
    "blobSize",
    "uploads",
    "requestsPerSecond",
    "tagsPerPut",
    "page",
    "uploadAge",
    "grace",
  ]);
  const limits: { -readonly [Name in keyof Limits]?: Limits[Name] } = {};
  const read = (name: keyof Limits, least: number, factor = 1): void => {
    const field = view.field(name);
    if (field.absent) return;
    const value = field.size();
    if (value < least) throw field.fault(`is ${value}`, `${least} at least`);
    limits[name] = value * factor;
  };
  read("manifestSize", 4 * 1024 * 1024);
  read("blobSize", 1);
  read("uploads", 1);
  read("requestsPerSecond", 1);
  read("tagsPerPut", 10);
  read("page", 1);
  read("uploadAge", 60, 1000);
  read("grace", 60, 1000);
  return limits;
}

function readWarning(view: JsonView): WarningSetting {
  onlyFields(view, ["repository", "text"]);
  const repository = compileGlob(text(view.field("repository")));
  if (typeof repository === "string") throw view.field("repository").fault(repository);
  return { repository, text: text(view.field("text")) };
}

/** The sentences for a repository. */
export function warningsFor(settings: readonly WarningSetting[], repository: string): readonly string[] {
  return settings.filter((setting) => setting.repository(repository)).map(({ text }) => text);
}
