import type { RuntimeNamespaceType } from "../../spec/index.ts";
import { formatOffsets } from "../config/time-offsets.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import type { LaunchInput } from "./launch-input.ts";
import type { Register } from "./operation.ts";
import type { MountNamespace } from "./root.ts";
import { type UserNamespace, userNamespaceOf } from "./user-namespace.ts";

const FLAGS: Readonly<Partial<Record<RuntimeNamespaceType, number>>> = {
  mount: k.CLONE_NEWNS,
  pid: k.CLONE_NEWPID,
  network: k.CLONE_NEWNET,
  ipc: k.CLONE_NEWIPC,
  uts: k.CLONE_NEWUTS,
  cgroup: k.CLONE_NEWCGROUP,
  time: k.CLONE_NEWTIME,
  user: k.CLONE_NEWUSER,
};

/** A namespace to join, opened in the host's section. */
interface Joined {
  readonly type: RuntimeNamespaceType;
  readonly fd: Register;
  readonly flag: number;
  readonly at: string;
}

/** The namespaces of a container, sorted by how it comes into them. */
export interface Namespaces {
  /** CLONE_NEW* of those that are made with the process itself. */
  readonly cloned: number;
  /**
   * CLONE_NEW* of those that are made with a second process, by the first one of the container's section: once it is
   * in the user namespace that is to own them. Undefined where one process is enough.
   */
  readonly renewed: number | undefined;
  /** What /proc/PID/timens_offsets receives before anyone is in the new time namespace; "": nothing. */
  readonly offsets: string;
  readonly user: UserNamespace;
  /** True for a new cgroup namespace: its root is the group that the process is in when it is made. */
  readonly newCgroup: boolean;
  readonly mount: MountNamespace;
  readonly joined: readonly Joined[];
  readonly has: ReadonlySet<RuntimeNamespaceType>;
  readonly isNew: (type: RuntimeNamespaceType) => boolean;
}

/** Sorts the namespaces, and opens in the host's section those that are given by path. */
export function openNamespaces(h: SectionBuilder, { config, host }: LaunchInput): Namespaces {
  const list = config.linux?.namespaces ?? [];
  const fresh = new Set<RuntimeNamespaceType>();
  const joined: Joined[] = [];
  for (const [index, { type, path }] of list.entries()) {
    const flag = FLAGS[type];
    if (flag === undefined) continue;
    if (path === undefined || path === "") {
      fresh.add(type);
      continue;
    }
    const at = `/linux/namespaces/${index}`;
    const fd = h.take(path);
    h.at(`${at}/path`, () => h.add("open", { out: fd, dir: null, path, flags: k.O_RDONLY, mode: 0 }));
    joined.push({ type, fd, flag, at });
  }
  const has = new Set(list.map(({ type }) => type));
  const offsets = formatOffsets(config);
  const user = userNamespaceOf(config, host);
  return {
    ...birth(fresh, joined, user, offsets),
    offsets,
    user,
    mount: fresh.has("mount") ? "new" : has.has("mount") ? "joined" : "none",
    joined,
    has,
    isNew: (type) => fresh.has(type),
  };
}

/** Sorts new namespaces by when they are made: a user namespace has to be entered before those that it is to own. */
function birth(
  fresh: ReadonlySet<RuntimeNamespaceType>,
  joined: readonly Joined[],
  { kind }: UserNamespace,
  offsets: string,
): Pick<Namespaces, "cloned" | "renewed" | "newCgroup"> {
  const flags = (...without: readonly RuntimeNamespaceType[]) =>
    [...fresh].filter((type) => !without.includes(type)).reduce((sum, type) => (sum | FLAGS[type]!) >>> 0, 0);
  // A time namespace with offsets is made by unshare(2): they are written while it is empty.
  const later: readonly RuntimeNamespaceType[] = offsets === "" ? ["cgroup"] : ["cgroup", "time"];
  if (kind === "joined") {
    const rest = flags(...(offsets === "" ? [] : (["time"] as const)));
    const needed = rest !== 0 || offsets !== "" || joined.some(({ type }) => FOR_CHILDREN.has(type));
    return { cloned: 0, renewed: needed ? rest : undefined, newCgroup: false };
  }
  if (kind === "new" && offsets !== "") {
    return { cloned: k.CLONE_NEWUSER, renewed: flags("user", "time"), newCgroup: false };
  }
  return { cloned: flags(...later), renewed: undefined, newCgroup: fresh.has("cgroup") };
}

/** Namespaces that only a child can be in: the host's section joins them around the clone. */
const FOR_CHILDREN: ReadonlySet<RuntimeNamespaceType> = new Set(["pid", "time"]);

/**
 * Adds `clone` with the joined PID and time namespaces in force for the child, and the host's own again
 * afterwards, so that hooks run in the namespaces of the runtime.
 */
export function cloneInto(h: SectionBuilder, namespaces: Namespaces, clone: () => void): void {
  const around = joinedAround(namespaces);
  const setsClocks = namespaces.offsets !== "" && namespaces.user.kind === "none";
  const left = [...around, ...(setsClocks ? [{ type: "time" as const, flag: k.CLONE_NEWTIME }] : [])];
  const own = left.map(({ type, flag }) => {
    const fd = h.take(`own ${type} namespace`);
    const path = `/proc/self/ns/${FILES[type] ?? type}`;
    h.add("open", { out: fd, dir: null, path, flags: k.O_RDONLY, mode: 0 });
    return { fd, flag };
  });
  if (setsClocks) makeTime(h, namespaces);
  for (const { fd, flag, at } of around) h.at(at, () => h.add("join", { fd, flags: flag }));
  clone();
  // The mount namespace, if it is among them, first: its return brings the host's paths back.
  for (const { fd, flag } of own.reverse()) {
    h.add("join", { fd, flags: flag });
    h.close(fd);
  }
  for (const { fd } of around) h.add("close", { fd });
}

/**
 * True when the container's user namespace owns its namespace of that type, which some file systems demand of who
 * mounts them. One that is joined together with the user namespace counts as such.
 */
export function owns({ user, has, isNew }: Namespaces, type: RuntimeNamespaceType): boolean {
  return user.kind === "none" || isNew(type) || (user.kind === "joined" && has.has(type));
}

/** A new time namespace for children, with its offsets. */
export function makeTime(section: SectionBuilder, { offsets }: Namespaces): void {
  section.at("/linux/timeOffsets", () => {
    section.add("unshare", { flags: k.CLONE_NEWTIME });
    section.add("writeProcess", { file: "timens_offsets", data: offsets });
  });
}

/** Names below /proc/PID/ns that differ from the standard's. */
const FILES: Readonly<Partial<Record<RuntimeNamespaceType, string>>> = { mount: "mnt", network: "net" };

/** What the host's section joins for its child. A process in a new user namespace could join none of it any more. */
function joinedAround({ joined, user }: Namespaces): readonly Joined[] {
  if (user.kind === "joined") return [];
  return mountLast(joined.filter(({ type }) => user.kind === "new" || FOR_CHILDREN.has(type)));
}

function mountLast(joined: readonly Joined[]): Joined[] {
  return [...joined.filter(({ type }) => type !== "mount"), ...joined.filter(({ type }) => type === "mount")];
}

/**
 * Joins the rest in the container's section, all but the mount namespace. The user namespace comes first for a process
 * that has no rights outside of it, else after those that the host may own.
 */
export function joinNamespaces(c: SectionBuilder, { joined, user }: Namespaces): void {
  if (user.kind === "new") return;
  const rest = joined.filter(
    ({ type }) => type !== "mount" && (user.kind === "joined" || !FOR_CHILDREN.has(type)),
  );
  const last = user.privileged ? "user" : undefined;
  const first = user.privileged ? undefined : "user";
  const ordered = [
    ...rest.filter(({ type }) => type === first),
    ...rest.filter(({ type }) => type !== "user"),
    ...rest.filter(({ type }) => type === last),
  ];
  for (const namespace of ordered) join(c, namespace);
}

/** Joins the mount namespace, with which paths of the host end. */
export function joinMount(c: SectionBuilder, { joined, user }: Namespaces): void {
  if (user.kind === "new") return;
  for (const namespace of joined.filter(({ type }) => type === "mount")) join(c, namespace);
}

function join(c: SectionBuilder, { fd, flag, at }: Joined): void {
  c.at(at, () => c.add("join", { fd, flags: flag }));
  c.add("close", { fd });
}
