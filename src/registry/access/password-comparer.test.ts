import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import bcrypt from "bcryptjs";
import { PasswordComparer } from "./password-comparer.ts";

test("more comparisons than threads get their own answers", async () => {
  const comparer = new PasswordComparer(2);
  const hashes = ["a", "b", "c", "d"].map((password) => bcrypt.hashSync(password, 4));
  const answers = await Promise.all(hashes.map((hash) => comparer.compare("c", hash)));
  assert.deepEqual(answers, [false, false, true, false]);
});

test("the event loop goes on while a password is compared", async () => {
  const comparer = new PasswordComparer(1);
  const hash = bcrypt.hashSync("x", 10);
  const costly = hash.replace("$10$", "$12$"); // another password's then, and four times the work
  let turns = 0;
  let isOver = false;
  const compared = comparer.compare("x", costly).finally(() => {
    isOver = true;
  });
  for (; !isOver && turns < 1000; turns++) await turn();
  assert.equal(turns, 1000);
  assert.equal(await compared, false);
});

test("a hash that is none fails alone, and the next thread answers", async () => {
  const comparer = new PasswordComparer(1);
  const broken = comparer.compare("x", undefined as unknown as string);
  const good = comparer.compare("x", bcrypt.hashSync("x", 4));
  await assert.rejects(broken, /the thread that compares passwords has ended/);
  assert.equal(await good, true);
});
