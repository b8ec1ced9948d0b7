import assert from "node:assert/strict";
import { attack } from "./harness/index.ts";

const NUMBERS = Array.from({ length: 28 }, (_, index) => index + 3);

attack({
  ids: ["CVE-2024-21626"],
  mechanism:
    "a descriptor of the host is open when the process starts, and its working directory or program is found through it",
  immune:
    "all descriptors are close-on-exec, /proc/self/fd is no directory to resolve below the root (RESOLVE_NO_MAGICLINKS), getcwd is checked (changeDirectory), and closeFrom precedes execute",
  cases: {
    "run in /proc/self/fd/N": async (lab) => {
      for (const number of NUMBERS) {
        const { stdout } = await lab.run(["probe", "beyond", lab.canary.path], ({ process }) => {
          process["cwd"] = `/proc/self/fd/${number}`;
        });
        assert.doesNotMatch(stdout, /ESCAPED/, `descriptor ${number}`);
      }
    },
    "run in a link of the image to /proc/self/fd/N": async (lab) => {
      for (const number of NUMBERS.slice(0, 12)) {
        lab.link("evil", `/proc/self/fd/${number}`);
        const { stdout } = await lab.run(["probe", "beyond", lab.canary.path], ({ process }) => {
          process["cwd"] = "/evil";
        });
        assert.doesNotMatch(stdout, /ESCAPED/, `descriptor ${number}`);
      }
    },
    "run a program of the host found through /proc/self/fd/N": async (lab) => {
      for (const number of NUMBERS.slice(0, 12)) {
        const program = `/proc/self/fd/${number}/../../../../../../..${lab.canary.path}/program`;
        const { stdout } = await lab.run([program]);
        assert.doesNotMatch(stdout, /ESCAPED/, `descriptor ${number}`);
      }
    },
    "exec in /proc/self/fd/N, and a program found through it": async (lab) => {
      const id = await lab.start(["sleep", "100"]);
      for (const number of NUMBERS.slice(0, 12)) {
        const cwd = ["--cwd", `/proc/self/fd/${number}`];
        const inside = await lab.exec(id, ["probe", "beyond", lab.canary.path], cwd);
        assert.doesNotMatch(inside.stdout, /ESCAPED/, `descriptor ${number}`);
        const program = `/proc/self/fd/${number}/../../../../../../..${lab.canary.path}/program`;
        assert.doesNotMatch((await lab.exec(id, [program])).stdout, /ESCAPED/, `descriptor ${number}`);
      }
    },
    "the process has stdin, stdout and stderr and no more": async (lab) => {
      const id = await lab.start(["sleep", "100"]);
      for (const { stdout } of [await lab.run(["probe", "facts"]), await lab.exec(id, ["probe", "facts"])]) {
        assert.deepEqual(stdout.match(/^fd \d+/gm), ["fd 0", "fd 1", "fd 2"]);
      }
    },
  },
});
