import { existsSync } from "node:fs";
import { join } from "node:path";
import { pause } from "../../host/index.ts";
import { CortenError } from "../../spec/index.ts";
import { Bus, BusError, type Method, within } from "./bus.ts";
import type { Value, Variant } from "./marshal.ts";
import type { Property } from "./properties.ts";
import { type UnitPlace, unitPath } from "./unit-name.ts";

const DESTINATION = "org.freedesktop.systemd1";
const MANAGER = {
  destination: DESTINATION,
  path: "/org/freedesktop/systemd1",
  interface: `${DESTINATION}.Manager`,
};

/** A name that is taken is asked for again: so often, after so many milliseconds. */
const ATTEMPTS = 8;
const PAUSE = 100;

/** How long systemd may take to start a unit, in milliseconds. */
const JOB_TIMEOUT = 30_000;

/** A unit of the machine's systemd, or of a user's. */
export interface ScopeUnit {
  readonly unit: string;
  readonly user: boolean;
}

/** The bus on which the machine's or the user's systemd answers. */
function busAddress(user: boolean): string {
  if (!user) return "/run/dbus/system_bus_socket";
  const given = /^unix:path=([^,;]+)/.exec(process.env["DBUS_SESSION_BUS_ADDRESS"] ?? "")?.[1];
  if (given !== undefined) return decodeURIComponent(given);
  const directory = process.env["XDG_RUNTIME_DIR"] ?? `/run/user/${process.geteuid!()}`;
  const address = join(directory, "bus");
  if (existsSync(address)) return address;
  throw new CortenError("unavailable", `there is no bus of this user's systemd: ${address} does not exist`, {
    hint: "log in through systemd (machinectl shell, ssh), or run: loginctl enable-linger",
  });
}

/**
 * Starts a transient scope with the process `pid` in it, and waits until systemd says it is there. A unit of the name
 * that has failed earlier is reset first. Returns the path of its control group, relative to the hierarchy.
 *
 * @throws already-exists for a unit that runs; what systemd answers, naming the unit
 */
export async function startScope(
  { slice, unit }: UnitPlace,
  user: boolean,
  pid: number,
  properties: readonly Property[],
): Promise<string> {
  await using bus = await Bus.connect(busAddress(user));
  const text = (value: string): Variant => ({ signature: "s", value });
  const yes: Variant = { signature: "b", value: true };
  const all: Property[] = [
    ["Description", text(`corten container ${unit.replace(/\.scope$/, "")}`)],
    ["Slice", text(slice)],
    ["Delegate", yes],
    // A scope that ends as failed, as when memory ran out, is forgotten all the same.
    ["CollectMode", text("inactive-or-failed")],
    ["PIDs", { signature: "au", value: [pid] }],
    ...["MemoryAccounting", "CPUAccounting", "IOAccounting", "TasksAccounting"].map(
      (name): Property => [name, yes],
    ),
    ["DefaultDependencies", { signature: "b", value: false }],
    ...properties,
  ];
  // The last one of a name counts: annotations may change a default above.
  const named = [...new Map(all)].map(([name, value]): Value => [name, value]);
  try {
    await startUnit(bus, unit, named);
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    throw new CortenError(
      error.errorName.endsWith(".UnitExists") ? "already-exists" : "failed-precondition",
      `systemd does not start the unit ${unit}: ${error.message}`,
      { pointer: "/linux/cgroupsPath", cause: error },
    );
  }
  const [answer] = await bus.call({
    ...{ destination: DESTINATION, path: unitPath(unit) },
    ...{ interface: "org.freedesktop.DBus.Properties", member: "Get" },
    ...{ signature: "ss", body: [`${DESTINATION}.Scope`, "ControlGroup"] },
  });
  const group = (answer as Variant).value;
  if (typeof group === "string" && group.startsWith("/") && group !== "/") return group;
  throw new CortenError("internal", `systemd tells no control group of the unit ${unit}`);
}

async function startUnit(bus: Bus, unit: string, properties: readonly Value[]): Promise<void> {
  const method = { ...MANAGER, member: "StartTransientUnit", signature: "ssa(sv)a(sa(sv))" };
  const body: Value[] = [unit, "fail", properties, []];
  for (let attempt = 1; ; attempt++) {
    try {
      return await runJob(bus, { ...method, body });
    } catch (error) {
      const taken = error instanceof BusError && error.errorName.endsWith(".UnitExists");
      if (!taken || attempt === ATTEMPTS) throw error;
      // One that has failed, as when memory ran out, keeps its name until somebody takes notice; one whose processes
      // have just ended does so until systemd has looked.
      await bus.call({ ...MANAGER, member: "ResetFailedUnit", signature: "s", body: [unit] });
      await pause(PAUSE);
    }
  }
}

/** Calls a method that starts a job, and waits until the job is done. */
async function runJob(bus: Bus, method: Method): Promise<void> {
  const name = "org.freedesktop.DBus";
  const rule = `type='signal',sender='${DESTINATION}',interface='${MANAGER.interface}',member='JobRemoved'`;
  await bus.call({
    ...{ destination: name, path: "/org/freedesktop/DBus", interface: name },
    ...{ member: "AddMatch", signature: "s", body: [rule] },
  });
  await bus.call({ ...MANAGER, member: "Subscribe" }).catch((error: unknown) => {
    // A second time on one connection.
    if (!(error instanceof BusError && error.errorName.endsWith(".AlreadySubscribed"))) throw error;
  });
  const ended = new Map<string, string>();
  let wake: (() => void) | undefined;
  using _ = bus.listen(({ member, interface: from, body }) => {
    if (member !== "JobRemoved" || from !== MANAGER.interface) return;
    const [, job, , result] = body;
    if (typeof job === "string" && typeof result === "string") ended.set(job, result);
    wake?.();
  });
  const [job] = (await bus.call(method)) as readonly string[];
  // The signal may come before the answer.
  const removed = new Promise<void>((resolve) => {
    wake = () => {
      if (ended.has(job!)) resolve();
    };
    wake();
  });
  await within(removed, `${method.member} of ${method.body![0] as string}`, JOB_TIMEOUT);
  const result = ended.get(job!);
  if (result !== "done") throw new BusError(`${DESTINATION}.Job`, `it ended as "${result}"`);
}

/** Stops a scope whose processes have ended, and waits until systemd has let go of it. One that is gone is fine. */
export async function stopScope({ unit, user }: ScopeUnit): Promise<void> {
  try {
    await using bus = await Bus.connect(busAddress(user));
    await runJob(bus, { ...MANAGER, member: "StopUnit", signature: "ss", body: [unit, "replace"] });
  } catch (error) {
    if (error instanceof BusError && error.errorName.endsWith(".NoSuchUnit")) return;
    // Without its systemd a container must still be removable: its groups are, by whoever calls this.
    if (!(error instanceof CortenError && error.code === "unavailable")) throw error;
  }
}

/** Changes properties of a unit until it ends. @throws failed-precondition with what systemd answers */
export async function setProperties(
  { unit, user }: ScopeUnit,
  properties: readonly Property[],
): Promise<void> {
  if (properties.length === 0) return;
  await using bus = await Bus.connect(busAddress(user));
  try {
    await bus.call({
      ...{ ...MANAGER, member: "SetUnitProperties", signature: "sba(sv)" },
      body: [unit, true, properties.map(([name, value]): Value => [name, value])],
    });
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    throw new CortenError("failed-precondition", `systemd does not change ${unit}: ${error.message}`, {
      cause: error,
    });
  }
}
