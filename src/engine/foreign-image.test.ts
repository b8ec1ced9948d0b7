import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { hostPlatform } from "../image/index.ts";
import { type ImageConfig, isCortenError } from "../spec/index.ts";
import { checkPlatform } from "./foreign-image.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-binfmt-"));
after(() => rmSync(directory, { recursive: true }));

const config = (architecture: string, os = "linux"): ImageConfig => ({
  architecture,
  os,
  rootfs: { type: "layers", diff_ids: [] },
});

/** As Debian's qemu-user-static registers them. */
function register(name: string, magic: string, state = "enabled"): string {
  const place = join(directory, name);
  mkdirSync(place);
  writeFileSync(join(place, "status"), "enabled\n");
  writeFileSync(
    join(place, name),
    `${state}\ninterpreter /usr/bin/${name}\nflags: POCF\noffset 0\nmagic ${magic}\nmask ff\n`,
  );
  return place;
}

const s390x = "7f454c4602020100000000000000000000020016";
const riscv64 = "7f454c460201010000000000000000000200f300";

test("images for this machine, whatever the variant, are taken", () => {
  checkPlatform("x", config(hostPlatform().architecture), "/nonexistent");
  checkPlatform("x", { ...config(hostPlatform().architecture), variant: "v9" }, "/nonexistent");
});

test("others are refused with both platforms, unless the kernel knows an emulator", () => {
  const refuse = (image: ImageConfig, at: string) =>
    assert.throws(
      () => checkPlatform("some/image", image, at),
      (error) =>
        isCortenError(error, "failed-precondition") &&
        error.message.includes(
          `"some/image" is for ${image.os}/${image.architecture}, this machine is linux/`,
        ),
    );
  refuse(config("s390x"), "/nonexistent");
  refuse(config(hostPlatform().architecture, "windows"), "/nonexistent");
  const big = register("qemu-s390x", s390x);
  checkPlatform("x", config("s390x"), big);
  refuse(config("riscv64"), big);
  refuse(config("s390x", "windows"), big);
  checkPlatform("x", config("riscv64"), register("qemu-riscv64", riscv64));
  refuse(config("s390x"), register("qemu-off", s390x, "disabled"));
});
