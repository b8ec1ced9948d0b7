/**
 * Other programs log in to our registry: skopeo, podman and docker, with a password alone, with our token endpoint,
 * and with a client certificate.
 */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Daemon } from "../conformance/engines/daemon.ts";
import {
  type CommandResult,
  command,
  isInstalled,
  isRoot,
  makeBusyboxImage,
  temporaryDirectory,
} from "../support/index.ts";
import { Authority } from "./authority.ts";
import { type GuardedRegistry, htpasswd, startGuardedRegistry } from "./guarded-registry.ts";

const IMAGE = "corten-test/busybox:1";
const policies = [
  { repositories: ["team/**"], users: ["alice"], verbs: ["read", "create", "update", "delete"] },
  { repositories: ["team/**"], users: ["reader"], verbs: ["read"] },
  { repositories: ["public/**"], users: ["alice"], verbs: ["read", "create"] },
];
const users = htpasswd({ alice: "wonder", reader: "book" });
const configurations = {
  "a password alone": { htpasswd: "htpasswd", tokens: false, policies },
  "tokens of our endpoint": {
    htpasswd: "htpasswd",
    policies: [...policies, { repositories: ["public/**"], anonymous: true, verbs: ["read"] }],
  },
};

const scratch = temporaryDirectory("access-peers");
const at = (...names: string[]): string => join(scratch.path, ...names);
const archive = at("busybox.tar");
before(() => makeBusyboxImage(archive, IMAGE));
after(() => scratch[Symbol.dispose]());

/** A client with a place of its own for credentials: what one has, another has not. */
type Client = (...args: string[]) => Promise<CommandResult>;

function credentials(name: string): Readonly<Record<string, string>> {
  // Podman wants the file to be there.
  if (!existsSync(at(name))) writeFileSync(at(name), "{}");
  return { REGISTRY_AUTH_FILE: at(name), TMPDIR: scratch.path };
}

function skopeo(name: string): Client {
  const env = credentials(name);
  return (...args) => command("skopeo", ["--insecure-policy", ...args], { env });
}

function podman(name: string): Client {
  const store = [
    "--root",
    at("podman"),
    "--runroot",
    at("podman-run"),
    "--storage-driver",
    "vfs",
    "--cgroup-manager",
    "cgroupfs",
  ];
  const env = credentials(name);
  return (...args) => command("podman", [...store, ...args], { env });
}

async function succeeds(running: Promise<CommandResult>): Promise<string> {
  const result = await running;
  assert.equal(result.exitCode, 0, result.stderr);
  return result.stdout;
}

async function fails(running: Promise<CommandResult>, pattern: RegExp): Promise<void> {
  const result = await running;
  assert.notEqual(result.exitCode, 0, result.stdout);
  assert.match(result.stderr, pattern);
}

for (const [kind, configuration] of Object.entries(configurations)) {
  const hasTokens = kind === "tokens of our endpoint";
  describe(`with ${kind}`, {
    skip: !isInstalled("skopeo") || !isInstalled("podman"),
    timeout: 300_000,
  }, () => {
    let registry: GuardedRegistry;
    let address = "";
    before(async () => {
      registry = await startGuardedRegistry(configuration, { htpasswd: users });
      address = registry.origin.slice("http://".length);
    });
    after(() => registry[Symbol.asyncDispose]());

    test("skopeo logs in, copies, lists, deletes; and is refused what it may not do", async () => {
      const alice = skopeo(`skopeo-${kind}`);
      const login = (client: Client, name: string, password: string) =>
        client("login", "--tls-verify=false", "-u", name, "-p", password, address);
      await fails(login(alice, "alice", "wrong"), /unauthorized|invalid username\/password/i);
      await succeeds(login(alice, "alice", "wonder"));
      const image = `docker://${address}/team/app:1`;
      await succeeds(alice("copy", "--dest-tls-verify=false", `docker-archive:${archive}`, image));
      // The second copy mounts or finds the blobs, and moves a tag.
      await succeeds(
        alice(
          "copy",
          "--dest-tls-verify=false",
          `docker-archive:${archive}`,
          `docker://${address}/team/other:1`,
        ),
      );
      await succeeds(
        alice("copy", "--src-tls-verify=false", image, `dir:${at(`copied-${kind.replaceAll(" ", "-")}`)}`),
      );
      assert.match(
        await succeeds(alice("list-tags", "--tls-verify=false", `docker://${address}/team/app`)),
        /"1"/,
      );

      const reader = skopeo(`skopeo-reader-${kind}`);
      await succeeds(login(reader, "reader", "book"));
      await succeeds(reader("inspect", "--tls-verify=false", image));
      const push = reader(
        "copy",
        "--dest-tls-verify=false",
        `docker-archive:${archive}`,
        `docker://${address}/team/app:2`,
      );
      await fails(push, /denied|unauthorized/i);
      await fails(reader("delete", "--tls-verify=false", image), /denied|unauthorized|403|401/i);

      await fails(
        skopeo("nobody")("inspect", "--tls-verify=false", image),
        /denied|unauthorized|authentication/i,
      );
      const open = `docker://${address}/public/app:1`;
      await succeeds(alice("copy", "--dest-tls-verify=false", `docker-archive:${archive}`, open));
      const anonymous = skopeo("nobody")("inspect", "--tls-verify=false", open);
      if (hasTokens) await succeeds(anonymous);
      else await fails(anonymous, /denied|unauthorized|authentication/i);
      await succeeds(alice("delete", "--tls-verify=false", image));
      await fails(alice("inspect", "--tls-verify=false", image), /unknown|not found/i);
    });

    test("podman logs in, pushes, pulls; and is refused what it may not do", { skip: !isRoot }, async () => {
      const alice = podman(`podman-${kind}`);
      const login = (client: Client, name: string, password: string) =>
        client("login", "--tls-verify=false", "-u", name, "-p", password, address);
      await succeeds(alice("load", "-i", archive));
      await fails(login(alice, "alice", "wrong"), /unauthorized|invalid username\/password/i);
      await succeeds(login(alice, "alice", "wonder"));
      const image = `${address}/team/podman:1`;
      await succeeds(alice("push", "--tls-verify=false", IMAGE, image));
      await succeeds(alice("rmi", IMAGE));
      await succeeds(alice("pull", "--tls-verify=false", image));
      const reader = podman(`podman-reader-${kind}`);
      await succeeds(login(reader, "reader", "book"));
      await fails(
        reader("push", "--tls-verify=false", image, `${address}/team/podman:2`),
        /denied|unauthorized/i,
      );
      await succeeds(reader("rmi", image));
      await fails(
        podman("nobody")("pull", "--tls-verify=false", image),
        /denied|unauthorized|authentication/i,
      );
    });
  });
}

describe("with a client certificate", { skip: !isInstalled("skopeo"), timeout: 120_000 }, () => {
  const authority = new Authority();
  let registry: GuardedRegistry;
  let address = "";
  before(async () => {
    authority.make("server", "127.0.0.1", "IP:127.0.0.1");
    authority.make("ci", "x", "URI:spiffe://example.org/ci");
    authority.make("other", "x", "URI:spiffe://example.org/other");
    registry = await startGuardedRegistry(
      {
        clientCertificates: {},
        policies: [
          { repositories: ["team/**"], users: ["spiffe://example.org/ci"], verbs: ["read", "create"] },
        ],
      },
      {},
      {
        certificate: authority.path("server.pem"),
        key: authority.path("server.key"),
        clientAuthorities: authority.path("ca.pem"),
      },
    );
    address = registry.origin.slice("https://".length);
  });
  after(async () => {
    await registry[Symbol.asyncDispose]();
    authority[Symbol.dispose]();
  });

  /** A directory as below `/etc/containers/certs.d` and `/etc/docker/certs.d`. */
  function certificates(client: string | undefined): string {
    const directory = at("certs", client ?? "none", address);
    mkdirSync(directory, { recursive: true });
    copyFileSync(authority.path("ca.pem"), join(directory, "ca.crt"));
    if (client !== undefined) {
      copyFileSync(authority.path(`${client}.pem`), join(directory, "client.cert"));
      copyFileSync(authority.path(`${client}.key`), join(directory, "client.key"));
    }
    return directory;
  }

  test("skopeo and podman push and pull without a login; others are refused", async () => {
    const image = `docker://${address}/team/app:1`;
    const push = (client: string | undefined): Promise<CommandResult> =>
      skopeo("none")("copy", "--dest-cert-dir", certificates(client), `docker-archive:${archive}`, image);
    await succeeds(push("ci"));
    await fails(push("other"), /denied|403/i);
    await fails(push(undefined), /unauthorized|authentication|401/i);
    await succeeds(skopeo("none")("inspect", "--cert-dir", certificates("ci"), image));
    if (!isRoot) return;
    await succeeds(podman("none")("pull", "--cert-dir", certificates("ci"), `${address}/team/app:1`));
    await fails(
      podman("none")("pull", "--cert-dir", certificates("other"), `${address}/team/app:1`),
      /denied|403/i,
    );
  });
});

describe("docker", { skip: !isRoot || !isInstalled("dockerd"), timeout: 300_000 }, () => {
  const host = `unix://${at("docker.sock")}`;
  const docker = (...args: string[]): Promise<CommandResult> =>
    command("docker", ["--config", at("docker-config"), "--host", host, ...args]);
  let daemon: Daemon;
  before(async () => {
    const places = [
      "--host",
      host,
      "--data-root",
      at("docker"),
      "--exec-root",
      at("x"),
      "--pidfile",
      at("pid"),
    ];
    const quiet = ["--storage-driver", "vfs", "--bridge", "none", "--iptables=false", "--ip6tables=false"];
    // Mounts of its own; the machine's network, as the registry is on its loopback.
    daemon = new Daemon("unshare", ["--mount", "dockerd", ...places, ...quiet], at("docker.log"));
    await daemon.ready("docker", ["--host", host, "version"]);
    await succeeds(docker("load", "--input", archive));
  });
  after(() => daemon[Symbol.asyncDispose]());

  for (const [kind, configuration] of Object.entries(configurations)) {
    test(`logs in, pushes and pulls with ${kind}`, async () => {
      await using registry = await startGuardedRegistry(configuration, { htpasswd: users });
      const address = registry.origin.slice("http://".length);
      const login = (name: string, password: string) => docker("login", "-u", name, "-p", password, address);
      await fails(login("alice", "wrong"), /unauthorized|denied|401/i);
      await succeeds(login("alice", "wonder"));
      const image = `${address}/team/docker:1`;
      await succeeds(docker("tag", IMAGE, image));
      await succeeds(docker("push", image));
      await succeeds(docker("rmi", image));
      await succeeds(docker("pull", image));
      await succeeds(docker("logout", address));
      await succeeds(login("reader", "book"));
      await succeeds(docker("pull", image));
      await succeeds(docker("tag", IMAGE, `${address}/team/docker:2`));
      await fails(docker("push", `${address}/team/docker:2`), /denied|unauthorized/i);
      await succeeds(docker("logout", address));
      await fails(docker("pull", image), /denied|unauthorized|no basic auth/i);
    });
  }
});
