import type { LaunchPlan, Operation, Register, SectionName } from "../../src/runtime/index.ts";

/** What a descriptor refers to, as far as it decides what may be done with it. */
type Thing =
  /** Opened by a path of the host. */
  | { readonly kind: "host"; readonly path: string }
  /** The container's root, or something looked up below it. */
  | { readonly kind: "root"; readonly path: string }
  /** A mount, or a directory in one, that is not attached anywhere yet. */
  | { readonly kind: "detached"; readonly what: string }
  | { readonly kind: "other"; readonly what: string };

const O_CREAT = 0o100;

/** Operations that need privileges over the mount table. */
const MOUNT_OPERATIONS = new Set([
  "openTree",
  "openFilesystem",
  "configure",
  "configureDescriptor",
  "createMount",
  "setMountAttributes",
  "moveMount",
  "mask",
  "protect",
  "pivotRoot",
  "moveRoot",
  "makeNode",
  "unshare",
  "join",
]);

/** Where the host's section and the cleanup may write. */
export interface Allowed {
  readonly hostWrites: readonly string[];
  /** Where the root file system is attached. */
  readonly place: string;
}

/**
 * Performs a plan against no kernel at all: it follows what every register holds, and notes each operation that the
 * real executor must never be asked for. An empty list of `violations` is the proof that a plan is well formed, writes
 * nowhere but inside the root and in the places of the host that are its own, and gives up privileges in order.
 */
export class RecordingDouble {
  readonly violations: string[] = [];
  /** Paths of the host that the plan writes, makes or removes. */
  readonly hostWrites: string[] = [];
  /** What is mounted inside the root, in order. */
  readonly mounted: string[] = [];
  readonly #plan: LaunchPlan;
  readonly #allowed: Allowed;
  #section: SectionName = "host";
  #index = 0;
  #registers = new Map<Register, Thing>();
  #rootAttached = false;
  #entered = false;
  #userSet = false;
  #inCgroup = false;
  /** In the mount namespace of shared layers. */
  #away = false;
  readonly #seen: string[] = [];

  constructor(plan: LaunchPlan, allowed: Allowed) {
    this.#plan = plan;
    this.#allowed = allowed;
    this.#runSection("host");
    this.#registers = new Map();
    this.#runSection("cleanup");
  }

  #runSection(section: SectionName): void {
    const outer = { section: this.#section, index: this.#index };
    this.#section = section;
    for (const [index, operation] of this.#plan.sections[section].entries()) {
      this.#index = index;
      this.#check(operation);
    }
    if (section === "container") this.#checkEnd();
    this.#section = outer.section;
    this.#index = outer.index;
  }

  #violate(operation: Operation, why: string): void {
    this.violations.push(`${this.#section}[${this.#index}] ${operation.op}: ${why}`);
  }

  #read(operation: Operation, register: Register): Thing {
    const thing = this.#registers.get(register);
    if (thing !== undefined) return thing;
    this.#violate(operation, `register ${register} <${this.#plan.registers[register]}> holds nothing`);
    return { kind: "other", what: "nothing" };
  }

  #store(operation: Operation, register: Register, thing: Thing): void {
    if (this.#registers.has(register) && this.#section !== "container") {
      this.#violate(operation, `register ${register} <${this.#plan.registers[register]}> is overwritten`);
    }
    this.#registers.set(register, thing);
  }

  #writeHost(operation: Operation, path: string): void {
    this.hostWrites.push(path);
    if (this.#section === "container" && path === "/proc/self/oom_score_adj") return;
    if (this.#section === "container" && /^\/sys\/fs\/cgroup\/.+\/tasks$/.test(path) && !this.#entered) {
      this.#inCgroup = true;
      return;
    }
    const allowed = this.#allowed.hostWrites.some((base) => path === base || path.startsWith(`${base}/`));
    if (!allowed || this.#section === "container") this.#violate(operation, `writes ${path} of the host`);
  }

  /** Something is made below `dir`. */
  #make(operation: Operation, dir: Register | null, path: string): void {
    if (dir === null) {
      this.#writeHost(operation, path);
      return;
    }
    const thing = this.#read(operation, dir);
    if (thing.kind === "host") this.#writeHost(operation, `${thing.path}/${path}`);
    if (path.split("/").includes("..")) this.#violate(operation, `leaves its directory: ${path}`);
  }

  #below(operation: Operation, dir: Register | null, path: string): Thing {
    if (dir === null) {
      if (this.#section === "container" && this.#entered)
        this.#violate(operation, `opens ${path} by name inside the container`);
      return { kind: "host", path };
    }
    const thing = this.#read(operation, dir);
    if (thing.kind === "root")
      this.#violate(operation, `opens ${path} below the root without resolving it safely`);
    if (thing.kind === "host") return { kind: "host", path: `${thing.path}/${path}` };
    return thing;
  }

  #check(operation: Operation): void {
    this.#seen.push(`${this.#section}:${operation.op}`);
    if (this.#section === "container" && this.#userSet && MOUNT_OPERATIONS.has(operation.op)) {
      this.#violate(operation, "comes after privileges were given up");
    }
    switch (operation.op) {
      case "open":
        if ((operation.flags & O_CREAT) !== 0) this.#make(operation, operation.dir, operation.path);
        this.#store(
          operation,
          operation.out,
          this.#isRoot(operation.out)
            ? { kind: "root", path: "" }
            : this.#below(operation, operation.dir, operation.path),
        );
        break;
      case "resolve": {
        const root = this.#read(operation, operation.root);
        if (root.kind !== "root")
          this.#violate(operation, `resolves below ${JSON.stringify(root)}, which is no root`);
        if (operation.path.startsWith("/")) this.#violate(operation, "has an absolute path");
        this.#store(operation, operation.out, {
          kind: "root",
          path: `${"path" in root ? root.path : ""}/${operation.path}`,
        });
        break;
      }
      case "close":
        this.#read(operation, operation.fd);
        this.#registers.delete(operation.fd);
        break;
      case "openTree":
        if (operation.dir === null) this.#below(operation, null, operation.path);
        else this.#read(operation, operation.dir);
        this.#store(operation, operation.out, { kind: "detached", what: operation.path });
        break;
      case "openFilesystem":
        this.#store(operation, operation.out, { kind: "other", what: operation.type });
        break;
      case "configure":
        this.#read(operation, operation.fs);
        break;
      case "configureDescriptor":
        this.#read(operation, operation.fs);
        this.#read(operation, operation.fd);
        break;
      case "createMount": {
        const fs = this.#read(operation, operation.fs);
        this.#registers.delete(operation.fs);
        this.#store(operation, operation.out, { kind: "detached", what: "what" in fs ? fs.what : "" });
        break;
      }
      case "moveMount":
        this.#move(operation.from, operation.to, operation.path, operation);
        break;
      case "setMountAttributes":
        this.#read(operation, operation.target);
        if (operation.userns !== null) this.#read(operation, operation.userns);
        break;
      case "pickFilesystem":
        if (this.#read(operation, operation.target).kind !== "root")
          this.#violate(operation, "changes a file system outside of the root");
        this.#store(operation, operation.out, { kind: "other", what: "file system" });
        break;
      case "reconfigure":
        this.#read(operation, operation.fs);
        break;
      case "attachLoop":
        this.#read(operation, operation.fs);
        this.#store(operation, operation.out, { kind: "other", what: operation.file });
        break;
      case "enterLayers":
        if (this.#section !== "host") this.#violate(operation, "is for the host's section");
        this.#writeHost(operation, operation.directory);
        this.#store(operation, operation.out, { kind: "other", what: "mount namespace" });
        this.#store(operation, operation.root, { kind: "other", what: "layers" });
        this.#away = true;
        break;
      case "shareLayer":
        if (!this.#away) this.#violate(operation, "comes before the namespace was entered");
        this.#read(operation, operation.home);
        this.#read(operation, operation.root);
        this.#store(operation, operation.out, { kind: "detached", what: operation.file });
        break;
      case "leaveLayers":
        for (const register of [operation.home, operation.root]) {
          this.#read(operation, register);
          this.#registers.delete(register);
        }
        this.#away = false;
        break;
      case "openUserNamespace":
        this.#store(operation, operation.out, { kind: "other", what: "user namespace" });
        break;
      case "makeDirectory":
      case "makeNode":
      case "makeSymlink":
      case "makeFifo":
        this.#make(operation, operation.dir, operation.path);
        break;
      case "remove":
      case "removeTree":
        this.#make(operation, operation.dir, operation.path);
        break;
      case "removeCgroup":
        this.#writeHost(operation, operation.path);
        break;
      case "write":
        if (operation.dir === null) this.#writeHost(operation, operation.path);
        else if (!this.#writable(this.#read(operation, operation.dir))) {
          this.#violate(operation, "writes through a directory that others can reach");
        }
        break;
      case "recordProcess":
      case "recordExit":
        this.#make(operation, operation.dir, operation.path);
        break;
      case "clone": {
        if (this.#away) this.#violate(operation, "happens in another mount namespace");
        this.#store(operation, operation.out, { kind: "other", what: "process" });
        const parent = new Map(this.#registers);
        this.#runSection(operation.section);
        this.#registers = parent;
        break;
      }
      case "mask":
      case "protect":
        if (this.#read(operation, operation.root).kind !== "root")
          this.#violate(operation, "covers outside of the root");
        if (operation.path.startsWith("/")) this.#violate(operation, "has an absolute path");
        break;
      case "pivotRoot":
      case "moveRoot":
      case "changeRoot":
        this.#read(operation, operation.root);
        if (this.#entered) this.#violate(operation, "enters a root twice");
        this.#entered = true;
        break;
      case "adopt":
        this.#registers.set(operation.out, { kind: "other", what: "process" });
        break;
      case "await":
        if (operation.event === 5) this.#inCgroup = this.#section === "container" && this.#hostJoins();
        if (operation.event === 1) this.#inCgroup = this.#section === "container" && this.#hostJoins();
        break;
      case "joinCgroup":
        this.#read(operation, operation.fd);
        break;
      case "unshare":
        if ((operation.flags & 0x200_0000) !== 0 && !this.#inCgroup && this.#joinsCgroups()) {
          this.#violate(operation, "makes a cgroup namespace before the group is joined");
        }
        break;
      case "setUser":
        // The first one only makes it the root of its user namespace.
        if (operation.at !== "/linux/uidMappings") this.#userSet = true;
        break;
      case "writeProcess":
        if (this.#section === "container" && operation.file !== "timens_offsets")
          this.#violate(operation, "is for the host's section");
        break;
      case "openTerminal":
        this.#store(operation, operation.master, { kind: "other", what: "master" });
        this.#store(operation, operation.slave, { kind: "other", what: "slave" });
        break;
      case "connect":
      case "receiveFromChild":
      case "openProcess":
      case "setSeccomp":
      case "takeListener":
        this.#store(operation, operation.out, { kind: "other", what: operation.op });
        break;
      default:
        break;
    }
  }

  /** A mount of its own, or the host's procfs, which the executor checks to be one. */
  #writable(thing: Thing): boolean {
    return thing.kind === "detached" || (thing.kind === "host" && thing.path === "/proc");
  }

  #isRoot(register: Register): boolean {
    return this.#plan.registers[register] === "rootfs";
  }

  #hostJoins(): boolean {
    return this.#plan.sections.host.some(({ op }) => op === "joinCgroup");
  }

  #joinsCgroups(): boolean {
    const enters = this.#plan.sections.container.some(
      (operation) => operation.op === "write" && operation.path.endsWith("/tasks"),
    );
    return enters || this.#hostJoins();
  }

  #move(from: Register, to: Register, path: string, operation: Operation): void {
    const mount = this.#read(operation, from);
    const target = this.#read(operation, to);
    if (mount.kind !== "detached") this.#violate(operation, "moves what is no detached mount");
    if (target.kind === "host") {
      const place = path === "" ? target.path : `${target.path === "/" ? "" : target.path}/${path}`;
      if (this.#rootAttached || place !== this.#allowed.place)
        this.#violate(operation, `mounts on ${place} of the host`);
      this.#rootAttached = true;
      // On old kernels it is the tmpfs below which the layers are attached; then the root follows.
      this.#registers.set(from, this.#isRoot(from) ? { kind: "root", path: "" } : mount);
      return;
    }
    if (this.#isRoot(from)) {
      this.#registers.set(from, { kind: "root", path: "" });
      return;
    }
    if (target.kind !== "root" && target.kind !== "detached")
      this.#violate(operation, "mounts on no directory");
    if (target.kind === "root") {
      this.mounted.push(target.path);
      this.#registers.set(from, { kind: "detached", what: target.path });
    }
  }

  /** The end of the container's section: the order in which privileges go. */
  #checkEnd(): void {
    const operations = this.#plan.sections.container.map(({ op }) => op);
    const last = operations.length - 1;
    const at = (op: Operation["op"]) => operations.lastIndexOf(op);
    const fail = (why: string) => this.violations.push(`container: ${why}`);
    const before = (first: Operation["op"], second: Operation["op"]) => {
      if (at(first) >= 0 && at(second) >= 0 && at(first) > at(second)) fail(`${first} comes after ${second}`);
    };
    if (operations[last] !== "execute") fail("does not end with execute");
    // What the executor itself opens is close-on-exec; this is about what its caller left open (CVE-2024-21626).
    if (at("closeFrom") < 0) fail("leaves the caller's descriptors open for the program");
    before("closeFrom", "setSeccomp");
    for (const op of ["pivotRoot", "moveRoot", "changeRoot"] as const) before(op, "setUser");
    before("changeDirectory", "setUser");
    // What the account file leads to is judged by the container's root, and is not the filter's concern.
    for (const op of ["pivotRoot", "moveRoot", "changeRoot"] as const) before(op, "findHome");
    before("findHome", "setSeccomp");
    before("findHome", "setUser");
    before("setLimit", "setUser");
    before("dropBounding", "setUser");
    before("setUser", "setCapabilities");
    before("setCapabilities", "findExecutable");
    before("findExecutable", "awaitStart");
    if (at("setSeccomp") >= 0) {
      if (at("setNoNewPrivileges") >= 0) {
        before("setNoNewPrivileges", "setSeccomp");
        before("setCapabilities", "setSeccomp");
      } else before("setSeccomp", "dropBounding");
    }
    for (const op of ["setDumpable", "dropBounding", "setCapabilities"] as const) {
      if (at(op) < 0) fail(`has no ${op}`);
    }
  }
}
