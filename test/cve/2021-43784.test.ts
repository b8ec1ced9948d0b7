import assert from "node:assert/strict";
import { attack, wasRefused } from "./harness/index.ts";

attack({
  ids: ["CVE-2021-43784"],
  mechanism:
    "the length of an ID mapping overflows a field of 16 bits, and what follows is read as other settings",
  immune:
    "a field of a plan has a length of 32 bits, and every plan is validated before its first operation (native/init/decode.c)",
  cases: {
    "mappings of more than 65536 bytes": async (lab) => {
      const outcome = await lab.run(["sh", "-c", "cat /proc/self/uid_map | wc -l; id -u"], ({ linux }) => {
        (linux["namespaces"] as object[]).push({ type: "user" });
        const mappings = Array.from({ length: 5000 }, (_, index) => ({
          containerID: index * 2,
          hostID: 100_000 + index * 2,
          size: 1,
        }));
        linux["uidMappings"] = mappings;
        linux["gidMappings"] = mappings;
      });
      if (!wasRefused(outcome)) assert.equal(outcome.stdout, "5000\n0\n");
    },
  },
});
