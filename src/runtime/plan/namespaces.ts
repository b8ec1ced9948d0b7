import type { RuntimeConfig, RuntimeNamespaceType } from "../../spec/index.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import type { Register } from "./operation.ts";
import type { MountNamespace } from "./root.ts";

const FLAGS: Readonly<Partial<Record<RuntimeNamespaceType, number>>> = {
  mount: k.CLONE_NEWNS,
  pid: k.CLONE_NEWPID,
  network: k.CLONE_NEWNET,
  ipc: k.CLONE_NEWIPC,
  uts: k.CLONE_NEWUTS,
  cgroup: k.CLONE_NEWCGROUP,
  time: k.CLONE_NEWTIME,
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
  /** True for a new cgroup namespace: its root is the group that the process is in when it is made. */
  readonly newCgroup: boolean;
  readonly mount: MountNamespace;
  readonly joined: readonly Joined[];
  readonly has: ReadonlySet<RuntimeNamespaceType>;
  readonly isNew: (type: RuntimeNamespaceType) => boolean;
}

/** Sorts the namespaces, and opens in the host's section those that are given by path. */
export function openNamespaces(h: SectionBuilder, config: RuntimeConfig): Namespaces {
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
  return {
    cloned: [...fresh].filter((type) => type !== "cgroup").reduce((flags, type) => flags | FLAGS[type]!, 0),
    newCgroup: fresh.has("cgroup"),
    mount: fresh.has("mount") ? "new" : has.has("mount") ? "joined" : "none",
    joined,
    has,
    isNew: (type) => fresh.has(type),
  };
}

/** Namespaces that only a child can be in: the host's section joins them around the clone. */
const FOR_CHILDREN: ReadonlySet<RuntimeNamespaceType> = new Set(["pid", "time"]);

/**
 * Adds `clone` with the joined PID and time namespaces in force for the child, and the host's own again
 * afterwards, so that hooks run in the namespaces of the runtime.
 */
export function cloneInto(h: SectionBuilder, namespaces: Namespaces, clone: () => void): void {
  const around = namespaces.joined.filter(({ type }) => FOR_CHILDREN.has(type));
  const own = around.map(({ type, flag }) => {
    const fd = h.take(`own ${type} namespace`);
    h.add("open", { out: fd, dir: null, path: `/proc/self/ns/${type}`, flags: k.O_RDONLY, mode: 0 });
    return { fd, flag };
  });
  for (const { fd, flag, at } of around) h.at(at, () => h.add("join", { fd, flags: flag }));
  clone();
  for (const { fd, flag } of own) {
    h.add("join", { fd, flags: flag });
    h.close(fd);
  }
  for (const { fd } of around) h.add("close", { fd });
}

/** Joins the rest in the container's section; the mount namespace last, since paths of the host end with it. */
export function joinNamespaces(c: SectionBuilder, { joined }: Namespaces): void {
  const rest = joined.filter(({ type }) => !FOR_CHILDREN.has(type));
  const ordered = [
    ...rest.filter(({ type }) => type !== "mount"),
    ...rest.filter(({ type }) => type === "mount"),
  ];
  for (const { fd, flag, at } of ordered) {
    c.at(at, () => c.add("join", { fd, flags: flag }));
    c.add("close", { fd });
  }
}
