import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import type { CommandResult } from "../command.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { makeDisk } from "./disk.ts";
import { initramfs } from "./initramfs.ts";
import { virtualKernel } from "./kernel.ts";
import { rootDisk } from "./root-disk.ts";

export type VirtualMachineOptions = {
  /** Its folder appears in the machine, read-only, as /corten. A link in it is copied as what it names. */
  readonly share: string;
  /** systemd as PID 1 instead of a shell script. */
  readonly systemd?: boolean;
  /** Words for the kernel's command line. */
  readonly kernelArguments?: readonly string[];
  /** Default 1024. */
  readonly megabytes?: number;
  /** Default 2. */
  readonly cpus?: number;
  /** How long the boot may take. Default 60 seconds; there is no KVM. */
  readonly bootTimeoutMs?: number;
};

/** A machine that runs; it is killed when the variable goes out of scope. */
export type VirtualMachine = AsyncDisposable & {
  /** Milliseconds from QEMU's start to the agent's first word. */
  readonly bootMs: number;
  /** Runs a shell script in it as root; stdout holds both streams. */
  run(script: string, options?: { readonly timeoutMs?: number }): Promise<CommandResult>;
  /** As {@link run}, for one that must succeed: what it printed, without the last line break. */
  output(script: string, options?: { readonly timeoutMs?: number }): Promise<string>;
};

/**
 * Boots a QEMU microvm with Debian's cloud kernel under TCG, since nested KVM cannot be counted on. Only cgroup v2 is
 * mounted in it, with every controller of the kernel, and nothing in it touches this machine.
 */
export async function startVirtualMachine(options: VirtualMachineOptions): Promise<VirtualMachine> {
  const kernel = await virtualKernel();
  const [root, start] = [await rootDisk(kernel), await initramfs(kernel)];
  const scratch = temporaryDirectory("vm");
  try {
    const share = join(scratch.path, "share.ext4");
    await makeDisk(share, options.share, "share", 512);
    return await boot(options, { kernel: kernel.image, root, start, share }, () => scratch[Symbol.dispose]());
  } catch (error) {
    scratch[Symbol.dispose]();
    throw error;
  }
}

type Files = {
  readonly kernel: string;
  readonly root: string;
  readonly start: string;
  readonly share: string;
};

async function boot(
  options: VirtualMachineOptions,
  files: Files,
  release: () => void,
): Promise<VirtualMachine> {
  const {
    systemd = false,
    kernelArguments = [],
    megabytes = 1024,
    cpus = 2,
    bootTimeoutMs = 60_000,
  } = options;
  const init = systemd
    ? ["vm.init=/sbin/init", "systemd.show_status=0", "systemd.unified_cgroup_hierarchy=1"]
    : [];
  // An emulated clock that other work holds up cannot be calibrated: the kernel would wait for ticks for ever.
  const clock = ["tsc_early_khz=1000000", "lpj=4000000", "no_timer_check"];
  const quiet = ["console=ttyS0", "quiet", "loglevel=1", "mitigations=off"];
  const line = [...quiet, ...clock, ...init, ...kernelArguments];
  const began = performance.now();
  const qemu = spawn("qemu-system-x86_64", [
    ...[
      "-M",
      "microvm,rtc=on,pit=on,pic=on",
      "-accel",
      // One thread for both processors: with one for each the guest was seen to hang in a lock of its kernel.
      "tcg,thread=single",
      "-cpu",
      "max",
      "-smp",
      `${cpus}`,
      "-m",
      `${megabytes}M`,
    ],
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio"],
    ...["-kernel", files.kernel, "-initrd", files.start, "-append", line.join(" ")],
    ...["-drive", `id=root,file=${files.root},format=raw,if=none,snapshot=on`],
    ...["-device", "virtio-blk-device,drive=root"],
    ...["-drive", `id=share,file=${files.share},format=raw,if=none,readonly=on`],
    ...["-device", "virtio-blk-device,drive=share"],
  ]);
  const serial = new Serial(qemu);
  const end = async () => {
    await serial.kill();
    release();
  };
  try {
    await serial.waitFor(/<<ready\n/, bootTimeoutMs);
  } catch (error) {
    await end();
    throw error;
  }
  return machine(serial, performance.now() - began, end);
}

function machine(serial: Serial, bootMs: number, end: () => Promise<void>): VirtualMachine {
  const run: VirtualMachine["run"] = async (script, { timeoutMs = 60_000 } = {}) => {
    const lines =
      Buffer.from(script)
        .toString("base64")
        .match(/.{1,76}/g) ?? [];
    serial.send(`${lines.join("\n")}\n.\n`);
    const [, status = "", text = ""] = await serial.waitFor(/<<(\d+)\n([A-Za-z0-9+/=\n]*)>>\n/, timeoutMs);
    return { exitCode: Number(status), stdout: Buffer.from(text, "base64").toString(), stderr: "" };
  };
  return {
    bootMs,
    run,
    async output(script, options) {
      const { exitCode, stdout } = await run(script, options);
      if (exitCode !== 0)
        throw new Error(`in the virtual machine, exit status ${exitCode}: ${script}\n${stdout}`);
      return stdout.replace(/\n$/, "");
    },
    [Symbol.asyncDispose]: end,
  };
}

/** The serial console, as text that is consumed match by match. */
class Serial {
  #text = "";
  #ended = false;
  #wake: () => void = () => undefined;
  readonly #qemu: ChildProcessWithoutNullStreams;
  readonly #exit: Promise<void>;

  constructor(qemu: ChildProcessWithoutNullStreams) {
    this.#qemu = qemu;
    const take = (chunk: Buffer) => {
      this.#text += chunk.toString("latin1").replaceAll("\r\n", "\n");
      this.#wake();
    };
    qemu.stdout.on("data", take);
    qemu.stderr.on("data", take);
    qemu.stdin.on("error", () => qemu.stdin.destroy());
    this.#exit = new Promise((resolve) => {
      const ended = () => {
        this.#ended = true;
        this.#wake();
        resolve();
      };
      qemu.once("exit", ended);
      qemu.once("error", (error) => {
        this.#text += `${error.message}\n`;
        ended();
      });
    });
  }

  send(text: string): void {
    this.#qemu.stdin.write(text);
  }

  async waitFor(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const found = pattern.exec(this.#text);
      if (found !== null) {
        this.#text = this.#text.slice(found.index + found[0].length);
        return found;
      }
      const rest = deadline - performance.now();
      if (this.#ended || rest <= 0) {
        const what = this.#ended ? "the virtual machine has ended" : `no answer within ${timeoutMs} ms`;
        throw new Error(`${what}; its console's last words: ${this.#text.slice(-2000)}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, rest);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** SIGKILL to this very process, and its end awaited: the disks' files are free afterwards. */
  async kill(): Promise<void> {
    if (!this.#ended) this.#qemu.kill("SIGKILL");
    await this.#exit;
  }
}
