import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { attack, type Lab, wasRefused } from "./harness/index.ts";

/** The value of now is what is asked for, so that a success harms nobody. */
async function refused(lab: Lab, name: string, value: string, without?: string): Promise<void> {
  const outcome = await lab.run(["true"], ({ linux }) => {
    linux["sysctl"] = { [name]: value };
    linux["namespaces"] = (linux["namespaces"] as Array<{ type: string }>).filter(
      ({ type }) => type !== without,
    );
  });
  assert.ok(wasRefused(outcome), `${name} was set`);
}

const pattern = () => readFileSync("/proc/sys/kernel/core_pattern", "utf8").trim();

attack({
  ids: ["CVE-2022-0811", "CVE-2022-0532"],
  mechanism:
    "a kernel parameter of the whole machine is set by a container, also smuggled in through another one's value",
  immune:
    "only parameters of a namespace that the container has of its own, and no value with `+` or a line break (src/runtime/plan/sysctl.ts)",
  cases: {
    "a parameter of the machine is refused": (lab) => refused(lab, "kernel.core_pattern", pattern()),
    "so it is with slashes": (lab) => refused(lab, "kernel/core_pattern", pattern()),
    "so it is by way of a namespaced one": (lab) => refused(lab, "net/../kernel/core_pattern", pattern()),
    "a network parameter without a network namespace is refused": (lab) =>
      refused(
        lab,
        "net.ipv4.ip_forward",
        readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim(),
        "network",
      ),
    "an IPC parameter without an IPC namespace is refused": (lab) =>
      refused(lab, "kernel.msgmax", readFileSync("/proc/sys/kernel/msgmax", "utf8").trim(), "ipc"),
    "the host's core_pattern stays when a value carries a second parameter": async (lab) => {
      const outcome = await lab.run(["true"], ({ linux }) => {
        linux["sysctl"] = { "kernel.shm_rmid_forced": "1+kernel.core_pattern=|/bin/evil" };
      });
      assert.ok(wasRefused(outcome));
    },
  },
});
