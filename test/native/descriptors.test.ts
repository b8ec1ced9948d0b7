import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import { builds, type Draft, foreground, Kernel, makeBuilds, runPlan, shell, writePlan } from "./executor.ts";
import { env, listDescriptors, start, until } from "./running.ts";

makeBuilds("all", "asan");

for (const { name, init } of builds) {
  describe(`descriptors, ${name}`, { skip: !isRoot }, () => {
    test("CVE-2019-5736: the container sees a sealed copy in memory, which cannot be written", () => {
      using scratch = temporaryDirectory("native");
      const probe = `
import fcntl, os
exe = "/proc/%d/exe" % os.getppid()
print(os.readlink(exe))
fd = os.open(exe, os.O_RDONLY)
print(fcntl.fcntl(fd, 1034) & 15)
for flags in (os.O_WRONLY, os.O_RDWR | os.O_TRUNC):
    try: os.write(os.open(exe, flags), b"x"); print("written")
    except OSError as error: print(error.errno in (1, 26))
`;
      const result = runPlan(init, scratch.path, {
        host: foreground(),
        container: [{ op: "closeFrom" }, { op: "execute", args: ["/usr/bin/python3", "-c", probe] }],
      });
      assert.equal(result.stderr, "");
      assert.match(result.stdout, /^\/memfd:corten-init \(deleted\)\n15\nTrue\nTrue\n$/);
    });

    test("is the sealed copy itself until execve, also when the program is a link to it", () => {
      using scratch = temporaryDirectory("native");
      symlinkSync("/proc/self/exe", join(scratch.path, "program"));
      const before = readFileSync(init);
      // The entry point of CVE-2019-5736: the executor executes itself, with arguments that it refuses.
      const result = runPlan(init, scratch.path, {
        host: foreground(),
        container: [{ op: "closeFrom" }, { op: "execute", args: [join(scratch.path, "program"), "a", "b"] }],
      });
      assert.equal(result.stderr, "corten-init: usage: corten-init PLAN\n");
      assert.ok(readFileSync(init).equals(before));
    });

    test("CVE-2024-21626: no descriptor but 0, 1 and 2 reaches the program", async () => {
      using scratch = temporaryDirectory("native");
      for (const cloexec of [0, 1]) {
        const plan = writePlan(scratch.path, {
          host: [{ op: "open", out: "$host", path: "/" }, ...foreground()],
          container: [
            { op: "open", out: "$container", path: "/etc" },
            { op: "closeFrom", first: 3, cloexec },
            { op: "execute", args: ["/bin/sh", "-c", listDescriptors] },
          ],
        });
        // What the caller left open is closed as well.
        const inherited = openSync("/", "r");
        const { text, closed } = start(init, plan, ["ignore", "pipe", "pipe", inherited, "pipe", inherited]);
        assert.deepEqual(await closed, [0, null]);
        assert.equal(text.out, "0 1 2\n");
      }
    });

    test("keeps preserved descriptors by number, and lets none of its own take their place", async () => {
      using scratch = temporaryDirectory("native");
      const file = join(scratch.path, "preserved");
      writeFileSync(file, "");
      const plan = writePlan(scratch.path, {
        host: [{ op: "open", out: "$host", path: "/" }, ...foreground()],
        container: [
          { op: "open", out: "$container", path: "/etc" },
          { op: "closeFrom", first: 8, cloexec: 1 },
          { op: "execute", args: ["/bin/sh", "-c", `${listDescriptors}; readlink $PWD/4`] },
        ],
      });
      const fd = openSync(file, "r");
      const { text, closed } = start(init, plan, ["ignore", "pipe", "pipe", "ignore", fd, "ignore"]);
      assert.deepEqual(await closed, [0, null]);
      // Node passes /dev/null as 3 and 5, Bun nothing; the others were free and stay free.
      assert.match(text.out, /^0 1 2 (?:3 )?4(?: 5)?\n/);
      assert.ok(text.out.endsWith(`\n${file}\n`));
    });

    test("opens /dev/null for standard descriptors that are closed", () => {
      using scratch = temporaryDirectory("native");
      const plan = writePlan(scratch.path, {
        host: foreground(),
        container: shell(`readlink /proc/$$/fd/0 /proc/$$/fd/2 > ${scratch.path}/seen`),
      });
      execFileSync("/bin/sh", ["-c", `exec ${init} ${plan} <&- 2>&-`], { env });
      assert.equal(readFileSync(join(scratch.path, "seen"), "utf8"), "/dev/null\n/dev/null\n");
    });

    test("passes descriptors between sections and over sockets", async () => {
      using scratch = temporaryDirectory("native");
      // A path longer than an address may be.
      const deep = join(scratch.path, "d".repeat(100));
      mkdirSync(deep);
      writeFileSync(join(scratch.path, "file"), "through the socket");
      const receiver = spawn("/usr/bin/python3", [
        "-c",
        `import array, os, socket
os.chdir(${JSON.stringify(deep)})
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.bind("s"); s.listen()
print("listening", flush=True)
c, _ = s.accept()
data, fds, flags, _ = socket.recv_fds(c, 100, 4)
print(data.decode(), os.read(fds[0], 100).decode(), flush=True)`,
      ]);
      let heard = "";
      receiver.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        heard += chunk;
      });
      await until(() => heard.includes("listening"));
      const result = runPlan(init, scratch.path, {
        host: [
          { op: "connect", out: "$socket", path: join(deep, "s") },
          { op: "clone" },
          { op: "receiveFromChild", out: "$got" },
          { op: "sendDescriptor", socket: "$socket", fd: "$got", message: "/dev/ptmx" },
          { op: "awaitExec" },
          { op: "supervise" },
        ],
        container: [
          { op: "open", out: "$file", path: join(scratch.path, "file") },
          { op: "passToParent", fd: "$file" },
          ...shell("true"),
        ],
      });
      assert.equal(result.failure, undefined);
      await once(receiver, "close");
      assert.equal(heard, "listening\n/dev/ptmx through the socket\n");
    });

    test("puts descriptors over stdio, refreshes /dev/null, and gives stdio to the user", () => {
      using scratch = temporaryDirectory("native");
      mkdirSync(join(scratch.path, "root/dev"), { recursive: true });
      const plan = (extra: readonly Draft[]) => ({
        host: foreground({ flags: Kernel.CLONE_NEWNS }),
        container: [
          { op: "open", out: "$root", path: join(scratch.path, "root"), flags: Kernel.O_PATH },
          { op: "open", out: "$null", path: "/dev/null", flags: 2 },
          { op: "setStdio", stdin: "$null" },
          ...extra,
          { op: "refreshNull", root: "$root" },
          { op: "ownStdio", uid: 4321 },
          ...shell(
            "stat -L -c %u /proc/self/fd/0; stat -L -c %u /proc/self/fd/2; readlink /proc/self/fd/0 >&2",
          ),
        ] as Draft[],
      });
      const node: Draft = {
        op: "makeNode",
        dir: "$root",
        path: "dev/null",
        mode: 0o20666,
        major: 1,
        minor: 3,
      };
      const fresh = runPlan(init, scratch.path, plan([node]));
      assert.equal(fresh.failure, undefined);
      assert.equal(fresh.stdout, "0\n4321\n");
      assert.equal(fresh.stderr, `${scratch.path}/root/dev/null\n`);
      const victim = join(scratch.path, "victim");
      writeFileSync(victim, "");
      const replaced: Draft = {
        op: "makeSymlink",
        dir: "$root",
        path: "dev/null",
        target: "/file",
        replace: 1,
      };
      writeFileSync(join(scratch.path, "root/file"), "");
      const hostile = runPlan(init, scratch.path, plan([replaced]));
      assert.equal(hostile.failure?.kind, "safety");
    });
  });
}
