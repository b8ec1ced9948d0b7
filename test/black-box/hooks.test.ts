import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Box, type Clause, clauses } from "./harness/index.ts";

type Kind = "prestart" | "createRuntime" | "createContainer" | "startContainer" | "poststart" | "poststop";

/** A script in a directory that is bound into the container at the same place, so that every kind finds it. */
function place(
  box: Box,
  body: string,
): { readonly path: string; readonly written: (name: string) => string } {
  const directory = join(box.directory, "hooks");
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o777);
  const path = join(directory, "hook.sh");
  writeFileSync(path, `#!/bin/sh\n${body.replaceAll("HERE", directory)}\n`);
  chmodSync(path, 0o755);
  return { path, written: (name) => join(directory, name) };
}

function withHooks(box: Box, hooks: Partial<Record<Kind, object[]>>): Parameters<Box["configure"]>[1] {
  const directory = join(box.directory, "hooks");
  return (config) => {
    config["hooks"] = hooks;
    config.root["readonly"] = false;
    config.mounts.push({ destination: directory, type: "bind", source: directory, options: ["bind"] });
  };
}

const PATH = ["PATH=/usr/bin:/bin"];

const STATES: Readonly<Record<Kind, string>> = {
  prestart: "creating",
  createRuntime: "creating",
  createContainer: "creating",
  startContainer: "created",
  poststart: "running",
  poststop: "stopped",
};

/** Creates, starts and deletes a container with a hook of one kind; says which command failed. */
async function live(box: Box, kind: Kind, hook: object): Promise<{ failed: string; id: string }> {
  box.configure(["sleep", "100"], withHooks(box, { [kind]: [hook] }));
  const id = box.id();
  let failed = "";
  for (const words of [["create", "--bundle", box.bundle], ["start"]]) {
    if (failed === "" && (await box.oci(...words, id)).exitCode !== 0) failed = words[0]!;
  }
  await box.oci("delete", "--force", id);
  return { failed, id };
}

function told(kind: Kind): Clause {
  return {
    clause: "runtime.md, State; config.md, POSIX-platform Hooks: the state on stdin, args, and env",
    action: async (box) => {
      const { path, written } = place(box, 'cat > HERE/state; env > HERE/env; echo "$1" > HERE/args');
      const hook = { path, args: ["hook", kind], env: [...PATH, "ONLY=this"], timeout: 20 };
      const { failed, id } = await live(box, kind, hook);
      assert.equal(failed, "", box.output());
      const state = JSON.parse(readFileSync(written("state"), "utf8"));
      assert.deepEqual([state.id, state.bundle, state.status], [id, box.bundle, STATES[kind]]);
      assert.equal(readFileSync(written("args"), "utf8"), `${kind}\n`);
      const env = readFileSync(written("env"), "utf8").trim().split("\n");
      const own = env.filter((line) => !/^(?:PWD|SHLVL|_|OLDPWD)=/.test(line));
      assert.deepEqual(own.sort(), ["ONLY=this", ...PATH]);
    },
  };
}

function failing(kind: Kind, command: string): Clause {
  return {
    clause:
      "runtime.md, Lifecycle: if any hook fails, the runtime MUST generate an error and stop the container",
    action: async (box) => {
      const { path } = place(box, "exit 3");
      assert.equal((await live(box, kind, { path, env: PATH })).failed, command);
    },
  };
}

function late(kind: Kind, command: string): Clause {
  return {
    clause: "config.md, POSIX-platform Hooks: timeout is the number of seconds before aborting the hook",
    action: async (box) => {
      const { path, written } = place(box, "sleep 8; touch HERE/late");
      const started = process.hrtime.bigint();
      assert.equal((await live(box, kind, { path, env: PATH, timeout: 1 })).failed, command);
      const seconds = Number(process.hrtime.bigint() - started) / 1e9;
      assert.equal(existsSync(written("late")), false, `it took ${seconds} s`);
    },
  };
}

clauses("hooks", {
  "prestart hears of its container": told("prestart"),
  "createRuntime hears of its container": told("createRuntime"),
  "createContainer hears of its container": told("createContainer"),
  "startContainer hears of its container": told("startContainer"),
  "poststart hears of its container": told("poststart"),
  "poststop hears of its container": told("poststop"),
  "prestart that fails": failing("prestart", "create"),
  "createRuntime that fails": failing("createRuntime", "create"),
  "createContainer that fails": failing("createContainer", "create"),
  "startContainer that fails": failing("startContainer", "start"),
  "poststart that fails": failing("poststart", "start"),
  "createRuntime that is late": late("createRuntime", "create"),
  "createContainer that is late": late("createContainer", "create"),
  "poststart that is late": late("poststart", "start"),
  "run in the order of their kinds, and as listed": {
    clause: "runtime.md, Lifecycle; config.md, POSIX-platform Hooks: MUST be called in the listed order",
    action: async (box) => {
      const { path, written } = place(box, 'cat >/dev/null; echo "$1" >> HERE/order');
      const kinds = Object.keys(STATES) as Kind[];
      const hook = (name: string) => ({ path, args: ["hook", name], env: PATH });
      const hooks = Object.fromEntries(kinds.map((kind) => [kind, [hook(`${kind} 1`), hook(`${kind} 2`)]]));
      const id = await box.create(["sleep", "100"], withHooks(box, hooks));
      const order = () => readFileSync(written("order"), "utf8").trim().split("\n");
      const both = (names: readonly string[]) => names.flatMap((name) => [`${name} 1`, `${name} 2`]);
      assert.deepEqual(order(), both(kinds.slice(0, 3)));
      await box.must("start", id);
      await box.must("delete", "--force", id);
      assert.deepEqual(order(), both(kinds));
    },
  },
  "createContainer runs in the container's namespaces, with the runtime's root": {
    clause: "config.md, createContainer hooks: container namespace, path resolves in the runtime namespace",
    action: async (box) => {
      const { path, written } = place(
        box,
        "cat >/dev/null; readlink /proc/self/ns/mnt > HERE/mnt; test -e /etc/debian_version && echo host > HERE/root",
      );
      const id = await box.create(
        ["sleep", "100"],
        withHooks(box, { createContainer: [{ path, env: PATH }] }),
      );
      await box.must("start", id);
      const mine = await box.must("exec", id, "readlink", "/proc/self/ns/mnt");
      assert.equal(readFileSync(written("mnt"), "utf8").trim(), mine);
      assert.equal(readFileSync(written("root"), "utf8"), "host\n");
    },
  },
  "run in the bundle's directory": {
    clause: "the habit of runc and crun, which scripts rely on",
    action: async (box) => {
      const { path, written } = place(box, 'cat >/dev/null; pwd > "HERE/$1"');
      const kinds = ["prestart", "createRuntime", "poststart"] as const;
      const hooks = Object.fromEntries(
        kinds.map((kind) => [kind, [{ path, args: ["hook", kind], env: PATH }]]),
      );
      await box.start(["sleep", "100"], withHooks(box, hooks));
      for (const kind of kinds) assert.equal(readFileSync(written(kind), "utf8"), `${box.bundle}\n`, kind);
    },
  },
  "createRuntime runs in the runtime's namespaces, when the container has its own": {
    clause: "config.md, createRuntime hooks: runtime namespace, after the container's were made",
    places: ["root"],
    action: async (box) => {
      const { path, written } = place(
        box,
        "pid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/'); readlink /proc/self/ns/mnt /proc/$pid/ns/mnt > HERE/mnt",
      );
      await box.create(["true"], withHooks(box, { createRuntime: [{ path, env: PATH }] }));
      const [own, container] = readFileSync(written("mnt"), "utf8").trim().split("\n");
      assert.notEqual(own, container);
    },
  },
  "a path that is not absolute is an error": {
    clause: "config.md, POSIX-platform Hooks: path is an absolute path",
    action: (box) =>
      box.refuses(["true"], (config) => {
        config["hooks"] = { createRuntime: [{ path: "true" }] };
      }),
  },
});
