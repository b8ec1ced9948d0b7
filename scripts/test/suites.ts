/** A set of test files that one runner process goes through, file after file. */
export type Suite = {
  readonly name: string;
  /** Folders of the repository; those that do not exist are left out. */
  readonly folders: readonly string[];
  /** The parts of the build whose results it uses. */
  readonly build: readonly string[];
  /** Most of its tests need no build, so a failed one does not keep it from running. */
  readonly mostlyWithoutBuild?: boolean;
  /** The runner is killed after this long. */
  readonly minutes: number;
};

/** Folders of test/ with what a room does to a real machine; its unit tests stand in src/. */
const rooms = [
  ...["spec", "content", "archive", "transport", "image", "trust", "registry"],
  ...["host", "runtime", "snapshot", "engine", "build", "docker", "cri", "cli"],
];

/** In order: what is cheap and explains most comes first. Suites use the machine, so they never overlap. */
export const suites: readonly Suite[] = [
  {
    name: "unit",
    folders: ["src", "scripts", "bench"],
    build: ["native"],
    mostlyWithoutBuild: true,
    minutes: 5,
  },
  { name: "support", folders: ["test/support"], build: [], minutes: 3 },
  { name: "native", folders: ["test/native", "test/monitor"], build: ["native"], minutes: 5 },
  {
    name: "rooms",
    folders: rooms.map((room) => `test/${room}`),
    build: ["native", "image", "executable"],
    // On a new machine the S3 server of the registry's tests is built first, some nine minutes of computing.
    minutes: 30,
  },
  // The package as others install it, and the unit tests of the image half in the oldest Node that it is for.
  { name: "library", folders: ["test/library"], build: ["library", "node-tests"], minutes: 15 },
  {
    name: "integration",
    folders: ["test/integration"],
    build: ["native", "image", "executable"],
    minutes: 10,
  },
  { name: "black-box", folders: ["test/black-box"], build: ["native", "image", "executable"], minutes: 5 },
  {
    name: "conformance",
    folders: ["test/conformance"],
    build: ["native", "image", "executable"],
    minutes: 15,
  },
  // The first run builds four programs with Go, which takes minutes.
  { name: "clients", folders: ["test/clients"], build: ["executable"], minutes: 60 },
  { name: "cve", folders: ["test/cve"], build: ["native", "image", "executable"], minutes: 5 },
  // Virtual machines with a kernel of their own. The first run makes their disks, in about two minutes.
  { name: "vm", folders: ["test/vm"], build: ["native", "image", "executable"], minutes: 15 },
  { name: "e2e", folders: ["test/e2e"], build: ["native", "image", "executable"], minutes: 10 },
];

/** The suite that `npm run test:fast` runs. */
export const fastSuites: readonly string[] = ["unit"];
