import assert from "node:assert/strict";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { clauses } from "./harness/index.ts";

const MACHINE = process.arch === "x64" ? "i686" : "armv8l";

/** config.md, "Process", and what config-linux.md adds to it. */
clauses("process", {
  "user, groups, umask and directory": {
    clause: "config.md, User, and cwd",
    places: ["root"],
    action: async (box) => {
      const open = join(box.directory, "open");
      mkdirSync(open);
      chmodSync(open, 0o777);
      const text = await box.shell(
        "id -u; id -g; id -G; umask; pwd; touch /tmp/f; stat -c %u:%a /tmp/f",
        (config) => {
          config.mounts.push({ destination: "/tmp", type: "bind", source: open, options: ["bind"] });
          Object.assign(config.process, {
            user: { uid: 1234, gid: 56, additionalGids: [7, 8], umask: 0o027 },
            cwd: "/etc",
          });
        },
      );
      assert.equal(text, "1234\n56\n56 7 8\n0027\n/etc\n1234:640");
    },
  },
  "variables as listed, and no others": {
    clause: "config.md, Process: env",
    action: async (box) => {
      const text = await box.shell("env", (config) => {
        config.process["env"] = ["PATH=/bin", "HOME=/tmp", "A=b=c"];
      });
      const own = text.split("\n").filter((line) => !/^(?:PWD|SHLVL|_)=/.test(line));
      assert.deepEqual(own.sort(), ["A=b=c", "HOME=/tmp", "PATH=/bin"]);
    },
  },
  "a program found in the PATH of its own variables": {
    clause: "config.md, Process: args has the semantics of execvp",
    action: async (box) => {
      const { stdout, stderr } = await box.run(["echo", "found"]);
      assert.equal(stdout, "found\n", stderr);
    },
  },
  limits: {
    clause: "config.md, POSIX process: rlimits",
    action: async (box) => {
      const text = await box.shell("ulimit -n; ulimit -H -n; ulimit -c", (config) => {
        config.process["rlimits"] = [
          { type: "RLIMIT_NOFILE", soft: 99, hard: 200 },
          { type: "RLIMIT_CORE", soft: 0, hard: 0 },
        ];
      });
      assert.equal(text, "99\n200\n0");
    },
  },
  "a limit twice is an error": {
    clause:
      "config.md, POSIX process: if rlimits contains duplicated entries, the runtime MUST generate an error",
    action: (box) =>
      box.refuses(["true"], (config) => {
        const limit = { type: "RLIMIT_NOFILE", soft: 99, hard: 200 };
        config.process["rlimits"] = [limit, { ...limit, soft: 50 }];
      }),
  },
  "an unknown limit is an error": {
    clause: "config.md, POSIX process: MUST generate an error for any values which cannot be mapped",
    action: (box) =>
      box.refuses(["true"], (config) => {
        config.process["rlimits"] = [{ type: "RLIMIT_NONSENSE", soft: 1, hard: 1 }];
      }),
  },
  "the five capability sets, and no_new_privs": {
    clause: "config.md, Linux Process: capabilities and noNewPrivileges",
    places: ["root"],
    action: async (box) => {
      const status = await box.shell("grep -E '^(Cap|NoNewPrivs)' /proc/self/status", (config) => {
        Object.assign(config.process, {
          user: { uid: 1000, gid: 1000 },
          capabilities: {
            bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
            permitted: ["CAP_CHOWN", "CAP_KILL"],
            effective: ["CAP_CHOWN", "CAP_KILL"],
            inheritable: ["CAP_KILL"],
            ambient: ["CAP_KILL"],
          },
        });
      });
      const sets = Object.fromEntries(
        status.split("\n").map((line) => line.split(/:\s+/) as [string, string]),
      );
      const bits = (name: string) => Number.parseInt(sets[name]!, 16);
      assert.equal(bits("CapBnd"), (1 << 0) | (1 << 5) | (1 << 13));
      // After execve of a file without capabilities only the ambient ones are left to a user.
      assert.deepEqual(["CapEff", "CapInh", "CapAmb"].map(bits), [1 << 5, 1 << 5, 1 << 5]);
      assert.equal(sets["NoNewPrivs"], "1");
    },
  },
  "no capability but those listed": {
    clause: "config.md, Linux Process: capabilities",
    action: async (box) => {
      const text = await box.shell("grep -E '^Cap(Eff|Bnd)' /proc/self/status", (config) => {
        config.process["capabilities"] = {
          bounding: ["CAP_KILL"],
          effective: ["CAP_KILL"],
          permitted: ["CAP_KILL"],
        };
      });
      assert.match(text, /^CapEff:\s+0*20\nCapBnd:\s+0*20$/);
    },
  },
  oom_score_adj: {
    clause: "config.md, Linux Process: oomScoreAdj",
    action: async (box) => {
      const text = await box.shell("cat /proc/self/oom_score_adj", (config) => {
        config.process["oomScoreAdj"] = 321;
      });
      assert.equal(text, "321");
    },
  },
  personality: {
    clause: "config-linux.md, Personality",
    action: async (box) => {
      const text = await box.shell("uname -m", (config) => {
        config.linux["personality"] = { domain: "LINUX32" };
      });
      assert.equal(text, MACHINE);
    },
  },
  "I/O priority": {
    clause: "config.md, Linux Process: ioPriority (since 1.1)",
    action: async (box) => {
      const { stdout } = await box.run(["busybox", "ionice"], (config) => {
        config.process["ioPriority"] = { class: "IOPRIO_CLASS_BE", priority: 6 };
      });
      assert.equal(stdout, "best-effort: prio 6\n");
    },
  },
  scheduler: {
    clause: "config.md, Linux Process: scheduler (since 1.1)",
    action: async (box) => {
      // Nice value and policy by proc(5): fields 19 and 41 of stat, from the state on 17 and 39.
      const text = await box.shell("sed 's/.*) //' /proc/self/stat | cut -d' ' -f17,39", (config) => {
        config.process["scheduler"] = { policy: "SCHED_BATCH", nice: 4 };
      });
      assert.equal(text, "4 3");
    },
  },
  "memory policy": {
    clause: "config-linux.md, Memory Policy (since 1.3)",
    action: async (box) => {
      const text = await box.shell("head -n1 /proc/self/numa_maps | cut -d' ' -f2", (config) => {
        config.linux["memoryPolicy"] = { mode: "MPOL_BIND", nodes: "0" };
      });
      assert.equal(text, "bind:0");
    },
  },
  "a user of its own for exec": {
    clause: "the command line of runc",
    places: ["root"],
    action: async (box) => {
      const id = await box.start(["sleep", "100"]);
      const text = await box.must("exec", "--user", "1234:56", id, "sh", "-c", "id -u; id -g");
      assert.equal(text, "1234\n56");
    },
  },
});
