import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostFacts } from "../host/index.ts";
import { signalNumber } from "../runtime/index.ts";
import { CortenError, type ImageExecution, type RuntimeConfig } from "../spec/index.ts";
import type { CallOptions } from "./container.ts";
import { ContainerFiles } from "./container-files.ts";
import type { ContainerOptions } from "./container-options.ts";
import type { EngineContext } from "./context.ts";
import { findDevices } from "./devices.ts";
import { destroyContainer } from "./ending.ts";
import { generateId, generateName, isName } from "./names.ts";
import { selfOwner } from "./owner.ts";
import { accountFiles, findSource, findStack, type RootSource } from "./source.ts";
import { generateSpec, networkMode } from "./spec/generate.ts";
import { containerLabels } from "./spec/labels.ts";
import { containerPath } from "./spec/mounts.ts";
import type { StoredContainer } from "./stored-container.ts";
import { resolveUser } from "./user/resolve-user.ts";
import { makeVolumes, planMounts } from "./volumes.ts";

const DEFAULT_STOP_SIGNAL = "SIGTERM";
const DEFAULT_STOP_TIMEOUT = 10;
const MAX_NAME_ATTEMPTS = 50;

/** A container that has been made. Its row says `complete: false` until the caller is done with it. */
export interface MadeContainer {
  readonly container: StoredContainer;
  readonly config: RuntimeConfig;
  readonly source: RootSource;
}

/**
 * Makes a container: decides everything first, then takes the name by inserting the row, then makes the files. A
 * process that is killed on the way leaves a row whose owner is dead and that is not complete, which says all that
 * has to be undone. A fleeting container (see {@link FleetingRecords}) has no row.
 *
 * @param freeName removes the container that holds a name if it is a dead process's; false when it is not
 */
export async function makeContainer(
  context: EngineContext,
  options: ContainerOptions,
  freeName: (name: string) => Promise<boolean>,
  { fleeting = false, ...call }: CallOptions & { readonly fleeting?: boolean } = {},
): Promise<MadeContainer> {
  checkOptions(options);
  const found = await findSource(context, options, call.signal);
  const image = found.kind === "image" ? found.config : undefined;
  const execution: ImageExecution = image?.config ?? {};
  const id = generateId();
  const files = context.files(id);
  const wantedUser = options.user ?? execution.User ?? "";
  const hostname = chooseHostname(options, id);
  const tmpfs = (options.tmpfs ?? []).map(({ destination }) => containerPath(destination, "tmpfs"));
  const mounts = planMounts(context.root, options.volumes ?? [], execution, tmpfs);
  const config = generateSpec({
    id,
    options,
    ...(image === undefined ? {} : { image }),
    user: resolveUser(wantedUser, accountFiles(found), context.rootless?.owners !== false),
    hostname,
    mounts,
    files: { hosts: files.hosts, hostname: files.hostname, resolvConf: files.resolvConf },
    devices: findDevices(options),
    kernel: hostFacts().kernel,
    ...(context.rootless === undefined ? {} : { rootless: context.rootless }),
  });
  const process = config.process!;
  const unnamed: Omit<StoredContainer, "name"> = {
    id,
    created: Date.now(),
    owner: selfOwner(),
    complete: false,
    autoRemove: options.autoRemove === true,
    started: null,
    imageID: found.kind === "image" ? found.imageID : null,
    details: {
      options,
      image: options.image ?? (found as Extract<RootSource, { kind: "directory" }>).directory.path,
      args: process.args ?? [],
      env: process.env ?? [],
      workingDirectory: process.cwd,
      user: wantedUser,
      hostname,
      mounts,
      labels: containerLabels(execution.Labels ?? undefined, options.labels),
      stopSignal: chooseStopSignal(options, execution),
      stopTimeout: options.stopTimeout ?? DEFAULT_STOP_TIMEOUT,
    },
  };
  const container = fleeting
    ? { ...unnamed, name: freeGeneratedName(context) }
    : await insertNamed(context, options.name, freeName, unnamed);
  const draft = fleeting ? context.containers.records.draft(container) : undefined;
  try {
    const target = draft === undefined ? files : new ContainerFiles(draft, files.runDirectory);
    const source = fleeting ? found : await keptSource(context, found, call.signal);
    makeFiles(target, container, source, context.rootless === undefined);
    await makeVolumes(mounts, async (destination, directory) => {
      // Owners included: databases count on a volume that belongs to them.
      if (source.kind === "image") await context.snapshots.copyOut(source.stack, destination, directory);
    });
    if (draft !== undefined) context.containers.records.publish(draft, id);
    return { container, config, source };
  } catch (error) {
    if (draft !== undefined) await context.removeWritten(draft);
    await destroyContainer(context, container, true);
    throw error;
  }
}

/** What a container's row keeps from now on: a snapshot that was removed since it was found is made again. */
async function keptSource(
  context: EngineContext,
  source: RootSource,
  signal: AbortSignal | undefined,
): Promise<RootSource> {
  if (source.kind !== "image") return source;
  return { ...source, stack: await findStack(context, source.imageID, undefined, signal) };
}

/** A name that no container has; should another take it this very moment, both can be told apart by their IDs. */
function freeGeneratedName({ containers }: EngineContext): string {
  for (;;) {
    const name = generateName();
    if (containers.table.byName(name) === undefined) return name;
  }
}

function checkOptions({ name, stopSignal, stopTimeout, network }: ContainerOptions): void {
  networkMode(network);
  if (name !== undefined && !isName(name)) {
    throw new CortenError("invalid-argument", `invalid container name "${name.slice(0, 100)}"`, {
      hint: "letters, digits, _ . and -, beginning with a letter or digit, at most 128",
    });
  }
  if (stopSignal !== undefined) signalNumber(stopSignal);
  if (stopTimeout !== undefined && !(Number.isSafeInteger(stopTimeout) && stopTimeout >= 0)) {
    throw new CortenError("invalid-argument", `stop timeout ${stopTimeout}: want seconds, 0 or more`);
  }
}

/** An image's own StopSignal that is no signal counts as none: the user can do nothing about it. */
function chooseStopSignal(options: ContainerOptions, image: ImageExecution): string {
  if (options.stopSignal !== undefined) return options.stopSignal;
  const wanted = image.StopSignal ?? "";
  try {
    return wanted !== "" && signalNumber(wanted) > 0 ? wanted : DEFAULT_STOP_SIGNAL;
  } catch {
    return DEFAULT_STOP_SIGNAL;
  }
}

function chooseHostname({ hostname, network }: ContainerOptions, id: string): string {
  if (hostname === undefined) {
    return networkMode(network) === "host"
      ? readFileSync("/proc/sys/kernel/hostname", "utf8").trim()
      : id.slice(0, 12);
  }
  if (/^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,62})$/.test(hostname)) return hostname;
  throw new CortenError("invalid-argument", `invalid hostname "${hostname.slice(0, 100)}"`, {
    pointer: "/hostname",
  });
}

async function insertNamed(
  { containers }: EngineContext,
  name: string | undefined,
  freeName: (name: string) => Promise<boolean>,
  container: Omit<StoredContainer, "name">,
): Promise<StoredContainer> {
  for (let attempt = 0; attempt < MAX_NAME_ATTEMPTS; attempt++) {
    const named = { ...container, name: name ?? generateName() };
    if (containers.table.insert(named)) return named;
    const free = await freeName(named.name);
    if (name === undefined || free) continue;
    const holder = containers.byName(name);
    if (holder === undefined) continue;
    throw new CortenError(
      "already-exists",
      `the name "${name}" is in use by container ${holder.id.slice(0, 12)}`,
      {
        hint: "remove that container, or choose another name",
      },
    );
  }
  throw new CortenError("unavailable", `found no free container name in ${MAX_NAME_ATTEMPTS} attempts`);
}

function makeFiles(
  files: ContainerFiles,
  { details }: StoredContainer,
  source: RootSource,
  owners: boolean,
): void {
  mkdirSync(files.directory, { recursive: true, mode: 0o700 });
  if (source.kind === "image") {
    // The root directory itself shows the upper one's attributes.
    const { mode, uid, gid } = source.stack.rootAttributes;
    mkdirSync(files.upper);
    // An ordinary user has no right to give it away: then the root directory belongs to the container's root.
    if (owners && (uid !== 0 || gid !== 0)) chownSync(files.upper, uid, gid);
    chmodSync(files.upper, mode);
    mkdirSync(files.work, { mode: 0o700 });
  }
  const shared = networkMode(details.options.network) === "host";
  write(files.hostname, `${details.hostname}\n`);
  write(files.hosts, shared ? hostFile("/etc/hosts") : hostsFile(details.hostname));
  write(files.resolvConf, shared ? hostFile("/etc/resolv.conf") : "");
}

/** Readable by every user of the container, whatever the umask; the directory is closed to those of the host. */
function write(file: string, text: string): void {
  writeFileSync(file, text);
  chmodSync(file, 0o644);
}

function hostFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // a host without it has nothing to hand on
  }
}

function hostsFile(hostname: string): string {
  return `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t${hostname}\n`;
}
