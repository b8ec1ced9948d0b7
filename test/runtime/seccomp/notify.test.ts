import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { launch } from "../../../src/runtime/index.ts";
import { type BundleConfig, isRoot } from "../../support/index.ts";
import { Containers, configure } from "../containers.ts";

interface ProcessState {
  readonly ociVersion: string;
  readonly fds: readonly string[];
  readonly pid: number;
  readonly metadata?: string;
  readonly state: {
    readonly id: string;
    readonly status: string;
    readonly pid: number;
    readonly bundle: string;
  };
}

const agents: ChildProcess[] = [];

/** Starts an agent; resolves to what it was told once as many containers as expected have ended. */
async function startAgent(
  socket: string,
  containers: number,
): Promise<{ readonly told: Promise<ProcessState[]> }> {
  const child = spawn("python3", [join(import.meta.dirname, "agent.py"), socket, `${containers}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  agents.push(child);
  let text = "";
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.startsWith("listening\n")) resolve();
    });
  });
  const told = new Promise<ProcessState[]>((resolve) => {
    child.stdout.once("end", () => {
      const [, ...lines] = text.trim().split("\n");
      resolve(lines.map((line) => JSON.parse(line) as ProcessState));
    });
  });
  return { told };
}

describe("seccomp agents", { skip: isRoot ? false : "needs root" }, () => {
  let containers: Containers;
  let serial = 0;
  before(() => {
    containers = new Containers();
  });
  after(async () => {
    for (const agent of agents) agent.kill();
    await containers[Symbol.asyncDispose]();
  });

  const notifying =
    (names: readonly string[], listenerPath: string, noNewPrivileges: boolean, listenerMetadata = "") =>
    (config: BundleConfig) => {
      config.root = { path: "rootfs" };
      config.process["noNewPrivileges"] = noNewPrivileges;
      config.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        listenerPath,
        listenerMetadata,
        syscalls: [{ names: ["mkdir", "mkdirat", ...names], action: "SCMP_ACT_NOTIFY" }],
      };
    };
  const socketPath = () => join(containers.directory, `agent-${++serial}`);

  for (const noNewPrivileges of [false, true]) {
    it(`answer for a container's calls, ${noNewPrivileges ? "with" : "without"} no_new_privs`, async () => {
      const socket = socketPath();
      const { told } = await startAgent(socket, 1);
      const { stderr, exitCode } = await containers.run(
        ["/bin/sh", "-c", "mkdir /tmp/x; exit 7"],
        notifying([], socket, noNewPrivileges, "meta\ndata"),
      );
      assert.match(stderr, /x': No medium found/);
      assert.equal(exitCode, 7);
      const [state, ...more] = await told;
      assert.deepEqual(more, []);
      assert.deepEqual(state?.fds, ["seccompFd"]);
      assert.equal(state?.metadata, "meta\ndata");
      assert.equal(state?.state.status, "creating");
      assert.equal(state?.state.bundle, containers.bundle);
      assert.ok(state!.pid > 1 && state?.pid === state?.state.pid);
    });

    it(`may be left calls that set-up makes, ${noNewPrivileges ? "with" : "without"} no_new_privs`, async () => {
      const socket = socketPath();
      const { told } = await startAgent(socket, 1);
      const calls = "execve openat open read close sendmsg recvmsg ppoll capset setresuid setgroups prctl";
      const { stdout } = await containers.run(
        ["/bin/sh", "-c", "echo done"],
        notifying(calls.split(" "), socket, noNewPrivileges),
      );
      assert.equal(stdout, "done\n");
      assert.equal((await told).length, 1);
    });
  }

  it("are told of a created container, and of each process that joins it", async () => {
    const { runtime } = containers;
    const socket = socketPath();
    const { told } = await startAgent(socket, 2);
    const id = await containers.create(["/bin/sleep", "100"], notifying([], socket, true));
    await runtime.start(id);
    const { pid } = runtime.state(id);
    const { stderr } = await containers.capture((stdio) =>
      launch(runtime.prepareExec(id, { args: ["/bin/mkdir", "/tmp/y"] }), { stdio }),
    );
    assert.match(stderr, /No medium found/);
    await runtime.delete(id, { force: true });
    const [first, second] = await told;
    assert.deepEqual([first?.pid, first?.state.id, first?.state.status], [pid, id, "creating"]);
    assert.deepEqual([second?.state.pid, second?.state.status], [pid, "running"]);
    assert.ok(second!.pid > 1 && second?.pid !== pid);
  });

  it("that are not there keep the container from being made", async () => {
    const socket = socketPath();
    await assert.rejects(containers.run(["/bin/true"], notifying([], socket, true)), /connect/);
    assert.equal(existsSync(socket), false);
  });

  it("are not looked for without a rule for them", async () => {
    const config = configure(["/bin/true"], (change) => {
      change.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/no/agent" };
    });
    const { runtime, bundle } = containers;
    await launch(runtime.prepareRun({ id: containers.id(), bundle, config }));
  });
});
