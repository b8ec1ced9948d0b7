import { execFileSync, spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  type BundleConfig,
  chownTree,
  makeBundle,
  repository,
  runtime,
  temporaryDirectory,
} from "../../support/index.ts";

/** As whom, and where, the runtime is called. */
export type PlaceName = "root" | "user" | "user-namespace" | "container";

export interface Place extends AsyncDisposable {
  readonly name: PlaceName;
  /** Words before the runtime's own. */
  readonly prefix: readonly string[];
  /** The runtime's program, where whoever calls it can reach it. */
  readonly program: string;
  /** Gives a directory of this test to whoever calls the runtime. */
  give(directory: string): void;
  /** Bends a configuration of root's for whoever calls the runtime. */
  adapt(config: BundleConfig): void;
}

const ROOT: Place = {
  name: "root",
  prefix: [],
  program: runtime,
  give: () => undefined,
  adapt: () => undefined,
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

const MAKERS: Readonly<Record<PlaceName, () => Place | Promise<Place>>> = {
  root: () => ROOT,
  user: () => new OrdinaryUser(),
  "user-namespace": () => UserNamespace.make(),
  container: () => new UnprivilegedContainer(),
};

/** The place that $PLACE names; root's unless told. */
export const placeName = knownPlace(process.env["PLACE"] ?? "root");

function knownPlace(name: string): PlaceName {
  if (Object.hasOwn(MAKERS, name)) return name as PlaceName;
  throw new Error(`no place "${name}": there are ${Object.keys(MAKERS).join(", ")}`);
}

/** Makes a place. */
export async function makePlace(name: PlaceName): Promise<Place> {
  return MAKERS[name]();
}

/** What `spec --rootless` writes differently: a user namespace with one ID, and nothing that takes more. */
function adaptForOneID(config: BundleConfig, uid: number, gid: number): void {
  (config.linux["namespaces"] as { type: string }[]).push({ type: "user" });
  config.linux["uidMappings"] = [{ containerID: 0, hostID: uid, size: 1 }];
  config.linux["gidMappings"] = [{ containerID: 0, hostID: gid, size: 1 }];
  delete config.linux["resources"];
  config.mounts = config.mounts.map((mount) => ({
    ...mount,
    ...(mount.options && { options: mount.options.filter((option) => option !== "gid=5") }),
  }));
}

/** Someone with no rights and one ID of users and of groups. */
class OrdinaryUser implements Place {
  readonly name: PlaceName = "user";
  prefix: readonly string[];
  readonly program: string;
  /** Of no account: none is needed, and accounts are changed by one program at a time. */
  readonly #uid = 40_000 + (process.pid % 10_000);
  readonly #gid = this.#uid + 10_000;
  readonly #directory = temporaryDirectory("place");

  constructor() {
    chmodSync(this.#directory.path, 0o755);
    const run = join(this.#directory.path, "run");
    mkdirSync(run, { mode: 0o700 });
    this.give(run);
    this.program = reachable(this.#directory.path);
    this.prefix = [
      ...["setpriv", `--reuid=${this.#uid}`, `--regid=${this.#gid}`, "--clear-groups", "--"],
      ...["env", `XDG_RUNTIME_DIR=${run}`],
    ];
  }

  give(directory: string): void {
    chownTree(directory, this.#uid, this.#gid);
  }

  adapt(config: BundleConfig): void {
    adaptForOneID(config, this.#uid, this.#gid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#directory[Symbol.dispose]();
  }
}

/** The same user as root of a user namespace, as `unshare --map-root-user` makes one. */
class UserNamespace extends OrdinaryUser {
  override readonly name = "user-namespace";
  #keeper: ReturnType<typeof spawn> | undefined;

  static async make(): Promise<UserNamespace> {
    const place = new UserNamespace();
    const words = [...place.prefix, "unshare", "--map-root-user", "--", "sleep", "infinity"];
    const keeper = spawn(words[0]!, words.slice(1), { stdio: "ignore" });
    place.#keeper = keeper;
    const namespace = () => readlinkSync(`/proc/${keeper.pid}/ns/user`);
    const own = readlinkSync("/proc/self/ns/user");
    await until(() => namespace() !== own && executable(keeper.pid!).endsWith("/sleep"));
    const enter = ["nsenter", "--user", "--preserve-credentials", "--target", `${keeper.pid}`, "--"];
    place.prefix = [...place.prefix, ...enter];
    return place;
  }

  override adapt(config: BundleConfig): void {
    adaptForOneID(config, 0, 0);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.#keeper?.kill("SIGKILL");
    await super[Symbol.asyncDispose]();
  }
}

const FIRST_ID = 200_000;

/** What Docker gives; CAP_SYS_ADMIN is not among them. */
const DEFAULT_CAPABILITIES = [
  ...[
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
  ],
  ...["NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"],
];

/** Inside a container that has a user namespace, and what a container engine gives one by default. */
class UnprivilegedContainer implements Place {
  readonly name = "container";
  readonly prefix: readonly string[];
  readonly program: string;
  readonly #directory = temporaryDirectory("place");
  readonly #outer: readonly string[];
  readonly #id = `outer-${process.pid}`;

  constructor() {
    const { path } = this.#directory;
    chmodSync(path, 0o755);
    this.program = reachable(path);
    const bundle = join(path, "bundle");
    const mapping = [{ containerID: 0, hostID: FIRST_ID, size: 65_536 }];
    const bind = (place: string, ...options: string[]) => ({
      destination: place,
      type: "bind",
      source: place,
      options: ["rbind", ...options],
    });
    makeBundle(bundle, ["sleep", "infinity"], (config) => {
      const sets = DEFAULT_CAPABILITIES.map((name) => `CAP_${name}`);
      Object.assign(config.process, { capabilities: { bounding: sets, effective: sets, permitted: sets } });
      config.process["noNewPrivileges"] = false;
      config.root["readonly"] = false;
      // What an engine calls unmasked system paths: below a mask no further procfs may be mounted.
      config.linux["maskedPaths"] = [];
      config.linux["readonlyPaths"] = [];
      Object.assign(config.linux, { uidMappings: mapping, gidMappings: mapping });
      (config.linux["namespaces"] as { type: string }[]).push({ type: "user" }, { type: "cgroup" });
      const host = ["/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc"].filter((place) => existsSync(place));
      config.mounts.push(...host.map((place) => bind(place, "ro")), bind("/tmp"));
    });
    chownTree(join(bundle, "rootfs"), FIRST_ID, FIRST_ID);
    this.#outer = [join(repository, "dist/corten-oci"), "--root", join(path, "state")];
    execFileSync(this.#outer[0]!, [...this.#outer.slice(1), "run", "-d", "-b", bundle, this.#id], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    this.prefix = [...this.#outer, "exec", "--env", "XDG_RUNTIME_DIR=/run", this.#id];
  }

  give(directory: string): void {
    chownTree(directory, FIRST_ID, FIRST_ID);
  }

  adapt(config: BundleConfig): void {
    adaptForOneID(config, 0, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    execFileSync(this.#outer[0]!, [...this.#outer.slice(1), "delete", "--force", this.#id]);
    this.#directory[Symbol.dispose]();
  }
}

/** Our own program in a directory that everybody can reach, linked where it can be; a peer's is in everybody's path. */
function reachable(directory: string): string {
  if (!runtime.includes("/")) return runtime;
  const [from, to] = [join(repository, "dist"), join(directory, "dist")];
  if (statSync(from).dev === statSync(directory).dev) execFileSync("cp", ["-al", from, to]);
  else cpSync(from, to, { recursive: true });
  return join(directory, "dist/corten-oci");
}

function executable(pid: number): string {
  return readlinkSync(`/proc/${pid}/exe`);
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let left = 500; !isTrue(); left--) {
    if (left === 0) throw new Error("the place did not come to be");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
