import type { EngineContext } from "./context.ts";
import type { ContainerInspect, ContainerSummary } from "./inspect.ts";
import { networkMode } from "./spec/generate.ts";
import type { ContainerState, DerivedStatus } from "./status.ts";
import type { StoredContainer } from "./stored-container.ts";

const NEVER = "0001-01-01T00:00:00Z";

/** A row of `ps`. */
export function summarise(container: StoredContainer, status: DerivedStatus, now: number): ContainerSummary {
  const { details } = container;
  return {
    id: container.id,
    name: container.name,
    image: details.image,
    imageID: container.imageID ?? "",
    command: details.args,
    state: shownState(status),
    status: statusText(container, status, now),
    createdAt: new Date(container.created),
    labels: details.labels,
    network: networkMode(details.options.network),
  };
}

/** Docker's JSON of one container. */
export function describe(
  context: EngineContext,
  container: StoredContainer,
  status: DerivedStatus,
): ContainerInspect {
  const { details, started } = container;
  const { options } = details;
  const exit = status.state === "exited" ? status.exit : undefined;
  const [path = "", ...args] = details.args;
  return {
    Id: container.id,
    Created: new Date(container.created).toISOString(),
    Path: path,
    Args: args,
    State: {
      Status: shownState(status),
      Running: status.state === "running",
      Paused: false,
      OOMKilled: exit?.oomKilled ?? false,
      Dead: false,
      Pid: status.state === "running" ? status.pid : 0,
      ExitCode: exit === undefined ? 0 : exit.exitCode,
      StartedAt: started === null ? NEVER : new Date(started).toISOString(),
      FinishedAt: exit?.finishedAt?.toISOString() ?? NEVER,
    },
    Image: container.imageID ?? "",
    Name: `/${container.name}`,
    LogPath: context.files(container.id).log,
    HostConfig: {
      AutoRemove: container.autoRemove,
      NetworkMode: networkMode(options.network),
      ReadonlyRootfs: options.readOnly === true,
      Privileged: options.privileged === true,
      CapAdd: options.capAdd ?? [],
      CapDrop: options.capDrop ?? [],
      Memory: options.memory ?? 0,
      NanoCpus: Math.round((options.cpus ?? 0) * 1e9),
      PidsLimit: options.pidsLimit ?? 0,
      Binds: details.mounts
        .filter(({ anonymous }) => anonymous !== true)
        .map(
          ({ name, source, destination, readOnly }) =>
            `${name ?? source}:${destination}${readOnly ? ":ro" : ""}`,
        ),
      Tmpfs: Object.fromEntries(
        (options.tmpfs ?? []).map((tmpfs) => [tmpfs.destination, tmpfs.options.join(",")]),
      ),
      LogConfig: { Type: "cri" },
    },
    Mounts: [
      ...details.mounts.map(({ type, name, source, destination, readOnly }) => ({
        Type: type,
        ...(name === undefined ? {} : { Name: name }),
        Source: source,
        Destination: destination,
        RW: !readOnly,
      })),
      ...(options.tmpfs ?? []).map(({ destination }) => ({
        Type: "tmpfs" as const,
        Source: "",
        Destination: destination,
        RW: true,
      })),
    ],
    Config: {
      Hostname: details.hostname,
      User: details.user,
      Tty: options.terminal === true,
      OpenStdin: options.interactive === true,
      Env: details.env,
      Cmd: options.command ?? [],
      Entrypoint: options.entrypoint ?? null,
      Image: details.image,
      WorkingDir: details.workingDirectory,
      Labels: details.labels,
      StopSignal: details.stopSignal,
      StopTimeout: details.stopTimeout,
    },
  };
}

function shownState({ state }: DerivedStatus): ContainerState {
  return state === "abandoned" ? "exited" : state;
}

function statusText({ started, created }: StoredContainer, status: DerivedStatus, now: number): string {
  switch (status.state) {
    case "running":
      return `Up ${duration(now - (started ?? created))}`;
    case "exited": {
      const { exitCode, finishedAt } = status.exit;
      const ago = finishedAt === null ? "" : ` ${duration(now - finishedAt.getTime())} ago`;
      return `Exited (${exitCode ?? "unknown"})${ago}`;
    }
    case "created":
      return "Created";
    default:
      return "Creating";
  }
}

const UNITS: ReadonlyArray<readonly [milliseconds: number, name: string, from: number]> = [
  [365 * 86_400_000, "years", 2],
  [30 * 86_400_000, "months", 2],
  [7 * 86_400_000, "weeks", 2],
  [86_400_000, "days", 2],
  [3_600_000, "hours", 2],
];

/** Docker's words for a span of time. */
export function duration(milliseconds: number): string {
  const span = Math.max(0, milliseconds);
  for (const [unit, name, from] of UNITS) {
    const count = Math.floor(span / unit);
    if (count >= from) return `${count} ${name}`;
  }
  const minutes = Math.floor(span / 60_000);
  if (minutes >= 46) return "About an hour";
  if (minutes >= 2) return `${minutes} minutes`;
  if (minutes === 1) return "About a minute";
  const seconds = Math.floor(span / 1000);
  if (seconds >= 2) return `${seconds} seconds`;
  return seconds === 1 ? "1 second" : "Less than a second";
}
