import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import bcrypt from "bcryptjs";
import fc from "fast-check";
import { isCortenError } from "../../spec/index.ts";
import { AttemptLimiter } from "./attempt-limiter.ts";
import { parseBasic, splitAuthorization } from "./basic-credentials.ts";
import { parsePasswordFile } from "./password-entries.ts";
import { PasswordFile } from "./password-file.ts";
import { RetryLater } from "./retry-later.ts";
import { WatchedFile } from "./watched-file.ts";

const hashOf = (password: string): string => bcrypt.hashSync(password, 4);

class Fixture implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "corten-passwords-"));
  readonly path = join(this.directory, "htpasswd");
  readonly compared: string[] = [];
  readonly limiter = new AttemptLimiter();
  readonly file = new PasswordFile({
    path: this.path,
    limiter: this.limiter,
    compare: (password, hash) => {
      this.compared.push(hash);
      return bcrypt.compare(password, hash);
    },
  });

  write(...lines: string[]): void {
    writeFileSync(this.path, `${lines.join("\n")}\n`);
  }

  async refused(name: string, password: string): Promise<void> {
    await assert.rejects(this.file.verify({ name, password }, "192.0.2.1"), (error: unknown) =>
      isCortenError(error, "unauthenticated"),
    );
  }

  accepted(name: string, password: string): Promise<void> {
    return this.file.verify({ name, password }, "192.0.2.1");
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true });
  }
}

test("right passwords are accepted and compared once, wrong ones each time", async () => {
  using fixture = new Fixture();
  fixture.write(
    `alice:${hashOf("wonder")}`,
    "# a comment",
    "",
    `bob:${hashOf("builder").replace("$2b$", "$2y$")}`,
  );
  await Promise.all(Array.from({ length: 20 }, () => fixture.accepted("alice", "wonder")));
  await fixture.accepted("alice", "wonder");
  await fixture.accepted("bob", "builder");
  assert.equal(fixture.compared.length, 2);
  await fixture.refused("alice", "builder");
  await fixture.refused("alice", "builder");
  await fixture.refused("alice", "");
  assert.equal(fixture.compared.length, 5);
});

test("somebody unknown costs a comparison of the same cost", async () => {
  using fixture = new Fixture();
  fixture.write(`alice:${bcrypt.hashSync("x", 5)}`);
  await fixture.refused("mallory", "x");
  await fixture.refused("alice", "y");
  assert.deepEqual(
    fixture.compared.map((hash) => hash.slice(0, 7)),
    ["$2b$05$", "$2b$05$"],
  );
});

test("a removed, disabled or changed user is refused at once, also when remembered", async () => {
  using fixture = new Fixture();
  const hash = hashOf("wonder");
  fixture.write(`alice:${hash}`);
  await fixture.accepted("alice", "wonder");
  const before = await fixture.file.fingerprint("alice");
  fixture.write(`alice:!${hash}`);
  await fixture.refused("alice", "wonder");
  assert.equal(await fixture.file.fingerprint("alice"), undefined);
  fixture.write(`alice:${hash}`);
  await fixture.accepted("alice", "wonder");
  assert.equal(await fixture.file.fingerprint("alice"), before);
  fixture.write(`bob:${hash}`);
  await fixture.refused("alice", "wonder");
  assert.equal(await fixture.file.fingerprint("alice"), undefined);
  fixture.write(`alice:${hashOf("other")}`);
  await fixture.refused("alice", "wonder");
  await fixture.accepted("alice", "other");
  assert.notEqual(await fixture.file.fingerprint("alice"), before);
});

test("a file that is gone or broken lets nobody in, and the next good one does", async () => {
  using fixture = new Fixture();
  fixture.write(`alice:${hashOf("wonder")}`);
  await fixture.accepted("alice", "wonder");
  const broken = (error: unknown): boolean =>
    isCortenError(error, "failed-precondition") && error.message.includes(fixture.path);
  rmSync(fixture.path);
  await assert.rejects(fixture.accepted("alice", "wonder"), broken);
  fixture.write("alice:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=");
  await assert.rejects(fixture.accepted("alice", "wonder"), broken);
  fixture.write(`alice:${hashOf("wonder")}`);
  await fixture.accepted("alice", "wonder");
});

test("many guesses, also at once, are refused before they are compared, the right one among them", async () => {
  using fixture = new Fixture();
  fixture.write(`alice:${hashOf("wonder")}`);
  const results = await Promise.allSettled(
    Array.from({ length: 40 }, (_, guess) => fixture.accepted("alice", `guess-${guess}`)),
  );
  const later = results.filter(
    (result) => result.status === "rejected" && result.reason instanceof RetryLater,
  );
  assert.equal(later.length, 30);
  assert.equal(fixture.compared.length, 10);
  await assert.rejects(fixture.accepted("alice", "wonder"), (error: unknown) => error instanceof RetryLater);
});

test("a remembered password is no free guess for whoever is held up", async () => {
  using fixture = new Fixture();
  fixture.write(`alice:${hashOf("wonder")}`);
  await fixture.file.verify({ name: "alice", password: "wonder" }, "198.51.100.1");
  for (let guess = 0; guess < 10; guess++) await fixture.refused("alice", `guess-${guess}`);
  await assert.rejects(fixture.accepted("alice", "wonder"), (error: unknown) => error instanceof RetryLater);
  await fixture.file.verify({ name: "alice", password: "wonder" }, "198.51.100.1");
});

test("only bcrypt of a sane cost is read, and what is wrong is named by its line without the hash", () => {
  const parse = (text: string) => parsePasswordFile(new TextEncoder().encode(text), "/etc/htpasswd");
  const hash = hashOf("x");
  const table: ReadonlyArray<[string, RegExp]> = [
    ["a:$apr1$x$y", /line 1: the hash of user "a" is not bcrypt$/],
    [`a:${hash}\nb:plain`, /line 2: the hash of user "b" is not bcrypt$/],
    [`a:${hash.replace("$04$", "$31$")}`, /cost 31, not 4 to 16$/],
    [`a:${hash}\na:${hash}`, /line 2: user "a" occurs twice$/],
    ["alice", /line 1: is not name:hash$/],
    [`:${hash}`, /line 1: is not name:hash$/],
  ];
  for (const [text, message] of table) {
    assert.throws(
      () => parse(text),
      (error: unknown) => isCortenError(error, "failed-precondition") && message.test(error.message),
    );
  }
  assert.deepEqual([...parse("a:!\r\n").keys()], ["a"]);
});

test("a secret that others may read is refused", async () => {
  using fixture = new Fixture();
  fixture.write("secret");
  chmodSync(fixture.path, 0o640);
  const file = new WatchedFile({ path: fixture.path, what: "key file", secret: true, parse: String });
  await assert.rejects(file.current(), /can be read by others/);
});

test("Basic credentials are read as written, and nothing else is", () => {
  const encode = (text: string): string => Buffer.from(text).toString("base64");
  assert.deepEqual(parseBasic(encode("alice:a:b")), { name: "alice", password: "a:b" });
  assert.deepEqual(parseBasic(encode("jürgen:")), { name: "jürgen", password: "" });
  for (const bad of ["", "%%%", encode(":x"), encode("alice"), encode("a:b\0c"), encode("a\n:b"), "/w=="]) {
    assert.equal(parseBasic(bad), undefined, bad);
  }
  assert.deepEqual(splitAuthorization("bEaReR  abc"), { scheme: "bearer", value: "abc" });
  assert.equal(splitAuthorization("abc"), undefined);
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseBasic(text);
      splitAuthorization(text);
    }),
  );
});
