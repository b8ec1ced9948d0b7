import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { securitySettings } from "./security-settings.ts";

test("--security-opt: no-new-privileges and seccomp", () => {
  assert.deepEqual(securitySettings([]), { noNewPrivileges: false });
  assert.deepEqual(securitySettings(["no-new-privileges", "seccomp=unconfined"]), {
    noNewPrivileges: true,
    seccomp: "unconfined",
  });
  assert.throws(() => securitySettings(["apparmor=x"]), { code: "unimplemented" });
});

test("--security-opt seccomp=FILE reads a profile, and says what is wrong with a file", () => {
  const directory = mkdtempSync(join(tmpdir(), "corten-profile-"));
  try {
    const read = (text: string) => {
      const file = join(directory, "profile.json");
      writeFileSync(file, text);
      return securitySettings([`seccomp=${file}`]).seccomp;
    };
    assert.deepEqual(read('{"defaultAction":"SCMP_ACT_ALLOW"}'), { defaultAction: "SCMP_ACT_ALLOW" });
    assert.throws(() => read("{"), /is no JSON/);
    assert.throws(() => read("[]"), /is no JSON object/);
    assert.deepEqual(read('{"archMap":[]}'), { archMap: [] });
    assert.throws(() => securitySettings([`seccomp=${directory}/none`]), { code: "not-found" });
    assert.throws(() => securitySettings([`seccomp=${directory}`]), /is no file/);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
