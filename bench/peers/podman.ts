import { join } from "node:path";

/** Options that keep everything of podman below `directory`. */
export function podmanArguments(directory: string): readonly string[] {
  return [
    ...["--root", join(directory, "root")],
    ...["--runroot", join(directory, "runroot")],
    ...["--tmpdir", join(directory, "tmp")],
    ...["--events-backend", "file"],
    ...["--cgroup-manager", "cgroupfs"],
  ];
}
