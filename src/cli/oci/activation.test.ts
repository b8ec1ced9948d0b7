import assert from "node:assert/strict";
import { test } from "node:test";
import { readActivation } from "./activation.ts";

test("sockets count only for the process that they were given to", () => {
  const given = { LISTEN_FDS: "2", LISTEN_PID: "77", LISTEN_FDNAMES: "http:https" };
  assert.deepEqual(readActivation(given, 77), { listenFds: { count: 2, names: "http:https" } });
  assert.deepEqual(readActivation(given, 78), {});
  assert.deepEqual(readActivation({ LISTEN_FDS: "2" }, 77), {});
  for (const count of ["-1", "1e3", "9999", "", " 1"]) {
    assert.throws(() => readActivation({ LISTEN_FDS: count, LISTEN_PID: "77" }, 77), /LISTEN_FDS/);
  }
});

test("the service manager's address is a path or an abstract socket", () => {
  assert.deepEqual(readActivation({ NOTIFY_SOCKET: "/run/n" }, 1), { notifySocket: "/run/n" });
  assert.deepEqual(readActivation({ NOTIFY_SOCKET: "@n" }, 1), { notifySocket: "@n" });
  assert.deepEqual(readActivation({ NOTIFY_SOCKET: "" }, 1), {});
  assert.throws(() => readActivation({ NOTIFY_SOCKET: "vsock:2:1234" }, 1), /NOTIFY_SOCKET/);
});
