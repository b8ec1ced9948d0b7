import assert from "node:assert/strict";
import { test } from "node:test";
import { AttemptLimiter } from "./attempt-limiter.ts";
import { RetryLater } from "./retry-later.ts";

class Clock {
  seconds = 1_000_000;
  readonly limiter = new AttemptLimiter(() => this.seconds);

  wrong(times: number, name: string, address: string): void {
    for (let time = 0; time < times; time++) this.limiter.begin(name, address);
  }

  /** Seconds to wait, 0 for none. */
  wait(name: string, address: string): number {
    try {
      this.limiter.check(name, address);
      return 0;
    } catch (error) {
      assert.ok(error instanceof RetryLater);
      return error.retryAfter;
    }
  }
}

test("ten wrong passwords are free, then each wait is twice as long", () => {
  const clock = new Clock();
  clock.wrong(9, "alice", "192.0.2.1");
  assert.equal(clock.wait("alice", "192.0.2.1"), 0);
  for (const expected of [1, 2, 4, 8, 16]) {
    clock.wrong(1, "alice", "192.0.2.1");
    assert.equal(clock.wait("alice", "192.0.2.1"), expected);
    clock.seconds += expected;
    assert.equal(clock.wait("alice", "192.0.2.1"), 0);
  }
  clock.wrong(40, "alice", "192.0.2.1");
  assert.equal(clock.wait("alice", "192.0.2.1"), 900);
});

test("another account or address is not held up, an address that tries all of them is", () => {
  const clock = new Clock();
  clock.wrong(12, "alice", "192.0.2.1");
  assert.equal(clock.wait("bob", "192.0.2.1"), 0);
  assert.equal(clock.wait("alice", "192.0.2.2"), 0);
  for (let user = 0; user < 50; user++) clock.wrong(1, `user-${user}`, "192.0.2.3");
  assert.ok(clock.wait("bob", "192.0.2.3") > 0);
  assert.equal(clock.wait("bob", "192.0.2.2"), 0);
});

test("guesses from everywhere slow down strangers, not who logged in before", () => {
  const clock = new Clock();
  clock.limiter.begin("alice", "198.51.100.7");
  clock.limiter.succeeded("alice", "198.51.100.7");
  for (let host = 0; host < 120; host++) clock.wrong(1, "alice", `192.0.2.${host}`);
  assert.equal(clock.wait("alice", "203.0.113.1"), 60);
  assert.equal(clock.wait("alice", "198.51.100.7"), 0);
});

test("a right password clears its own record and not the address's", () => {
  const clock = new Clock();
  clock.wrong(9, "alice", "192.0.2.1");
  clock.limiter.begin("alice", "192.0.2.1");
  clock.limiter.succeeded("alice", "192.0.2.1");
  clock.wrong(9, "alice", "192.0.2.1");
  assert.equal(clock.wait("alice", "192.0.2.1"), 0);
  for (let user = 0; user < 32; user++) {
    clock.wrong(1, `user-${user}`, "192.0.2.1");
    // Between the guesses the attacker logs in to an account of their own.
    clock.limiter.begin("mallory", "192.0.2.1");
    clock.limiter.succeeded("mallory", "192.0.2.1");
  }
  assert.ok(clock.wait("bob", "192.0.2.1") > 0);
});

test("an IPv6 network is one address, an IPv4 one in IPv6 form is itself", () => {
  const clock = new Clock();
  for (let host = 0; host < 12; host++) clock.wrong(1, "alice", `2001:db8:1:2::${host.toString(16)}`);
  assert.ok(clock.wait("alice", "2001:db8:1:2:aaaa::1") > 0);
  assert.equal(clock.wait("alice", "2001:db8:1:3::1"), 0);
  clock.wrong(12, "alice", "::ffff:192.0.2.1");
  assert.ok(clock.wait("alice", "192.0.2.1") > 0);
  assert.equal(clock.wait("alice", "::ffff:192.0.2.2"), 0);
});

test("wrong passwords are forgotten half an hour after the last", () => {
  const clock = new Clock();
  clock.wrong(40, "alice", "192.0.2.1");
  clock.seconds += 1801;
  clock.wrong(9, "alice", "192.0.2.1");
  assert.equal(clock.wait("alice", "192.0.2.1"), 0);
});
