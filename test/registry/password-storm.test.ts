/** The executable itself: what others get while somebody guesses passwords, each of which costs a third of a second. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { command, corten, temporaryDirectory } from "../support/index.ts";
import { serveRegistry } from "./registry-server.ts";

const GUESSES = 60;

type Asking = {
  readonly address: string;
  readonly credentials?: string;
  /** Address of the machine's loopback that the request comes from. */
  readonly from?: string;
};

function ask({ address, credentials, from = "127.0.0.1" }: Asking): Promise<number> {
  const authorization =
    credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`;
  return new Promise((resolve, reject) => {
    const headers = authorization === undefined ? {} : { authorization };
    request(`http://${address}/v2/public/app/tags/list`, { headers, localAddress: from }, (response) => {
      response.resume().once("end", () => resolve(response.statusCode ?? 0));
    })
      .once("error", reject)
      .end();
  });
}

test("a storm of wrong passwords keeps nobody from being served", async () => {
  using scratch = temporaryDirectory("password-storm");
  const words = ["registry", "password", "alice", "--password-stdin", "--cost", "12"];
  const made = await command(corten, words, { input: "wonder\n" });
  assert.equal(made.exitCode, 0, made.stderr);
  writeFileSync(join(scratch.path, "htpasswd"), made.stdout);
  const policies = [
    { repositories: ["public/**"], anonymous: true, verbs: ["read"] },
    { repositories: ["**"], users: ["alice"], verbs: ["read", "create"] },
  ];
  const config = join(scratch.path, "registry.yaml");
  writeFileSync(config, JSON.stringify({ access: { htpasswd: "htpasswd", policies } }));
  await using registry = await serveRegistry(scratch.path, { args: ["--config", config] });
  const { address } = registry;
  const NOT_FOUND = 404; // allowed, and nothing is there
  assert.equal(await ask({ address, credentials: "alice:wonder" }), NOT_FOUND);

  let answered = 0;
  const storm = Array.from({ length: GUESSES }, async (_, guess) => {
    // Each from an address of its own: none is held up for having guessed before.
    const status = await ask({ address, credentials: `user${guess}:x`, from: `127.0.1.${guess + 1}` });
    answered++;
    return status;
  });
  for (const guess of storm) guess.catch(() => undefined); // seen below
  for (let round = 0; round < 300; round++) {
    assert.equal(await ask({ address, credentials: "alice:wonder" }), NOT_FOUND);
    assert.equal(await ask({ address }), NOT_FOUND);
  }
  // 600 requests were answered in turn before the guesses were: on the event loop they would wait for each of them.
  assert.ok(answered < GUESSES, `${answered} guesses were answered`);
  assert.equal(await Promise.any(storm), 401);
  await registry.end("SIGKILL"); // the others need not wait for their turn
  await Promise.allSettled(storm);
});
