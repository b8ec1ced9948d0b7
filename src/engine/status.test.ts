import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseExitRecord } from "./container-files.ts";
import { type ContainerFacts, deriveStatus } from "./status.ts";

/**
 * A model of one container's life: what each process does, one step at a time, and SIGKILL of any of them between
 * any two steps. The engine sees facts only; the model knows the truth.
 */
class Life {
  engine = true;
  monitor = false;
  process = false;
  complete = false;
  started = false;
  exit = false;
  everRan = false;

  readonly steps: Record<string, () => void> = {
    makeFiles: () => {
      if (this.engine) this.complete = true;
    },
    startMonitor: () => {
      if (!this.engine || !this.complete || this.monitor || this.process) return;
      this.exit = false;
      this.monitor = true;
    },
    startProcess: () => {
      if (this.monitor && !this.exit) this.process = this.everRan = true;
    },
    recordStart: () => {
      if (this.engine && this.monitor && this.everRan) this.started = true;
    },
    endProcess: () => {
      this.process = false;
    },
    recordExit: () => {
      if (this.monitor && this.everRan && !this.process) this.exit = true;
    },
    endMonitor: () => {
      if (this.monitor && this.exit) this.monitor = false;
    },
    killEngine: () => {
      this.engine = false;
    },
    killMonitor: () => {
      this.monitor = false;
    },
    reboot: () => {
      this.engine = this.monitor = this.process = false;
    },
    newEngine: () => {
      this.engine ||= this.complete;
    },
  };

  facts(): ContainerFacts {
    return {
      complete: this.complete,
      ownerAlive: this.engine,
      pid: this.process ? 42 : null,
      monitored: this.monitor,
      started: this.started,
      exit: this.exit ? { exitCode: 0, signal: 0, oomKilled: false, finishedAt: new Date(0) } : null,
    };
  }
}

test("whoever is killed when, the derived state agrees with what is true", () => {
  const names = Object.keys(new Life().steps);
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...names), { maxLength: 40 }), (steps) => {
      const life = new Life();
      for (const step of steps) {
        life.steps[step]!();
        const status = deriveStatus(life.facts());
        if (life.process) assert.deepEqual(status, { state: "running", pid: 42 });
        else assert.ok(status.state !== "running" || (life.monitor && status.pid === 0));
        assert.equal(status.state === "abandoned", !life.complete && !life.engine);
        assert.equal(status.state === "creating", !life.complete && life.engine);
        if (status.state === "exited") assert.ok(life.everRan, "exited without ever having run");
        if (life.exit && !life.process && life.complete) assert.equal(status.state, "exited");
        if (life.started && !life.monitor && !life.process) assert.equal(status.state, "exited");
      }
    }),
    { numRuns: 2000 },
  );
});

test("exit records", () => {
  assert.deepEqual(parseExitRecord("3 0 0 1700000000.500000000\n"), {
    exitCode: 3,
    signal: 0,
    oomKilled: false,
    finishedAt: new Date(1_700_000_000_500),
  });
  assert.equal(parseExitRecord("137 9 1 1.000000000\n")?.exitCode, 137);
  assert.equal(parseExitRecord("0 15 0 1.000000000\n")?.exitCode, 143);
  assert.equal(parseExitRecord("-1 0 0 1.000000000\n")?.exitCode, null);
  for (const text of ["", "3 0 0 1.5\n", "x", "3 0 0 1.000000000", "-2 0 0 1.000000000\n"]) {
    assert.equal(parseExitRecord(text), null);
  }
});
