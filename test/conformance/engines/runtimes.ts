import { cortenOci } from "../../support/index.ts";

/** What every workload runs on: ours, and runc, which shows that the test asks for nothing peculiar. */
export const runtimes = [
  { name: "corten-oci", path: cortenOci },
  { name: "runc", path: "/usr/sbin/runc" },
] as const;
