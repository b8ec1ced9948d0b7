import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { temporaryDirectory } from "../support/index.ts";
import { builds, makeBuilds, runPlan, type Sections, shell, writePlan } from "./executor.ts";
import { start, until } from "./running.ts";

makeBuilds("all", "asan");

/** Receives one datagram and prints it; JavaScript has no such sockets. */
const receiver = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace("@", "\\0", 1) if sys.argv[1][0] == "@" else sys.argv[1])
s.settimeout(10)
print("bound", flush=True)
sys.stdout.buffer.write(s.recv(65536))
`;
const sender = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for text in sys.argv[2:]: s.sendto(text.encode(), sys.argv[1])
`;

/** Resolves once the socket is there, to the datagram that is to come. */
async function receive(path: string): Promise<readonly [Promise<string>]> {
  const child = spawn("python3", ["-c", receiver, path], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await until(() => text.startsWith("bound\n"));
  return [once(child, "close").then(() => text.slice("bound\n".length))];
}

function say(path: string, ...messages: string[]): void {
  spawn("python3", ["-c", sender, path, ...messages], { stdio: "inherit" });
}

for (const { name, init } of builds) {
  describe(`datagrams, ${name}`, { timeout: 60_000 }, () => {
    test("a datagram reaches a socket by path, by a long path and by an abstract name", async () => {
      using scratch = temporaryDirectory("native");
      const long = join(scratch.path, "d".repeat(120));
      runPlan(init, scratch.path, { host: [{ op: "makeDirectory", path: long }, { op: "finish" }] });
      for (const path of [join(scratch.path, "s"), `@corten-${process.pid}-${name.length}`]) {
        const [received] = await receive(path);
        const result = runPlan(init, scratch.path, {
          host: [{ op: "sendDatagram", path, data: "one\0two" }, { op: "finish" }],
        });
        assert.equal(result.failure, undefined);
        assert.equal(await received, "one\0two");
      }
      const absent = runPlan(init, scratch.path, {
        host: [{ op: "sendDatagram", path: join(long, "none"), data: "x" }, { op: "finish" }],
      });
      assert.match(absent.failure?.message ?? "", /sendmsg\(.*ENOENT/);
    });

    test("a socket that is bound can be written to by anyone, and its name must be free", () => {
      using scratch = temporaryDirectory("native");
      const path = join(scratch.path, "s");
      const bind = { op: "listenDatagram", out: "$socket", path } as const;
      assert.equal(runPlan(init, scratch.path, { host: [bind, { op: "finish" }] }).failure, undefined);
      assert.equal(statSync(path).mode & 0o777, 0o777);
      const again = runPlan(init, scratch.path, { host: [bind, { op: "finish" }] });
      assert.match(again.failure?.message ?? "", /bind\(.*EADDRINUSE/);
    });

    for (const background of [0, 1]) {
      test(`READY=1 alone is passed on, background ${background}`, async () => {
        using scratch = temporaryDirectory("native");
        const own = join(scratch.path, "own");
        const target = join(scratch.path, "target");
        const [received] = await receive(target);
        const plan = writePlan(scratch.path, {
          host: [
            { op: "listenDatagram", out: "$socket", path: own },
            { op: "clone" },
            { op: "awaitExec" },
            {
              op: "forwardReady",
              socket: "$socket",
              process: "$child",
              target,
              pid: background === 1 ? 0 : 4711,
              background,
            },
            { op: "supervise" },
          ],
          container: shell("read line; exit 3"),
        });
        const child = spawn(init, [plan], { stdio: ["pipe", "inherit", "inherit"] });
        await until(() => existsSync(own));
        say(own, "STATUS=READY=1", "MAINPID=1\nXREADY=1", "STOPPING=1", "FDSTORE=1\nREADY=1\nERRNO=2");
        assert.equal(await received, background === 1 ? "READY=1\n" : "READY=1\nMAINPID=4711\n");
        child.stdin!.end("go on\n");
        const [code] = await once(child, "close");
        assert.equal(code, 3);
      });
    }

    test("a process that ends without a word ends the wait; one that waits can be interrupted", async () => {
      using scratch = temporaryDirectory("native");
      const own = join(scratch.path, "own");
      const plan = (script: string): Sections => ({
        host: [
          { op: "remove", path: own },
          { op: "listenDatagram", out: "$socket", path: own },
          { op: "clone" },
          { op: "awaitExec" },
          { op: "forwardReady", socket: "$socket", process: "$child", target: "/no", pid: -1, background: 0 },
          { op: "supervise" },
        ],
        container: shell(script),
      });
      assert.equal(runPlan(init, scratch.path, plan("exit 4")).status, 4);
      rmSync(own);
      const { child, closed } = start(init, writePlan(scratch.path, plan("exec sleep 20")));
      await until(() => existsSync(own));
      child.kill("SIGTERM");
      const [code] = await closed;
      assert.equal(code, 125);
    });
  });
}
