import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { criuConfiguration, criuRequest } from "./criu-request.ts";

describe("what a servant of criu is told", () => {
  it("a command line becomes a configuration file: a line for each option but the images", () => {
    const line = [
      "--images-dir",
      "/images",
      "--work-dir",
      '/a b/"c"',
      "-v4",
      "--manage-cgroups=soft",
      "--tcp-established",
      "--tree",
      "7",
    ];
    assert.equal(
      criuConfiguration(line),
      'work-dir "/a b/\\"c\\""\nverbosity 4\nmanage-cgroups=soft\ntcp-established\ntree "7"\n',
    );
  });

  it("a path cannot bring in an option", () => {
    for (const path of ["/a\naction-script /evil", "/a\raction-script /evil"]) {
      assert.throws(() => criuConfiguration(["--images-dir", path]), { code: "invalid-argument" });
    }
  });

  it("the request is a criu_req: kind, images, process, log level, scripts, terminal, configuration file", () => {
    const images = "0804";
    const file = `9a0304${Buffer.from("/c/d").toString("hex")}`;
    const options = `${images}10ac0248046001900301${file}`;
    const length = (options.length / 2).toString(16).padStart(2, "0");
    assert.equal(Buffer.from(criuRequest("dump", "/c/d", 300)).toString("hex"), `080112${length}${options}`);
    const restored = Buffer.from(criuRequest("restore", "/c/d")).toString("hex");
    assert.match(restored, /^080212/);
    assert.ok(restored.endsWith(file));
  });
});
