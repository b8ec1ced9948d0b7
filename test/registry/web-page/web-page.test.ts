import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import type { Access } from "../../../src/registry/index.ts";
import { createRegistry, memoryStorage, type RegistryOptions, webPage } from "../../../src/registry/index.ts";
import { CortenError } from "../../../src/spec/index.ts";
import { barriers, openPage, startBrowser } from "./browser.ts";
import { pushSampleContent, sample } from "./sample-content.ts";

/** A registry with the page, on a port of the kernel's choice. */
async function serve(
  options: Partial<RegistryOptions>,
): Promise<AsyncDisposable & { readonly origin: string }> {
  const storage = options.storage ?? memoryStorage();
  const registry = createRegistry({ ...options, storage, endpoints: [webPage()] });
  const server = createServer(registry.handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await registry[Symbol.asyncDispose]();
    },
  };
}

describe("the registry's web page", () => {
  let browser: Browser;
  let registry: Awaited<ReturnType<typeof serve>>;
  const storage = memoryStorage();

  before(async () => {
    browser = await startBrowser();
    registry = await serve({ storage });
    await pushSampleContent(registry.origin);
  });
  after(async () => {
    await browser?.close();
    await registry?.[Symbol.asyncDispose]();
  });

  async function open(
    hash: string,
    heading: string,
  ): Promise<{ readonly page: Page; readonly errors: readonly string[] }> {
    const opened = await openPage(browser, { permissions: ["clipboard-read", "clipboard-write"] });
    await opened.page.goto(`${registry.origin}/${hash}`);
    await opened.page.getByRole("heading", { level: 1, name: heading, exact: true }).waitFor();
    return opened;
  }

  test("lists repositories, and the search narrows them", async () => {
    const { page, errors } = await open("", "Repositories");
    const list = page.locator(".repositories > li");
    assert.equal(await list.count(), 8);
    await page.keyboard.press("/");
    await page.keyboard.type("web shop");
    await page.locator(".count", { hasText: "2 of 8 match" }).waitFor();
    assert.deepEqual(await list.locator(".name").allTextContents(), ["team/web-shop", "team/web-shop-e2e"]);
    await page.getByText("10 tags").waitFor();
    await list.first().getByRole("link").click();
    await page.getByRole("heading", { level: 1, name: sample.repository }).waitFor();
    assert.deepEqual(errors, []);
  });

  test("shows the tags of a repository, newest first, with platforms and sizes", async () => {
    const { page, errors } = await open(`#/${sample.repository}`, sample.repository);
    const tags = page.locator("tbody th");
    assert.deepEqual((await tags.allTextContents()).slice(0, 4), ["latest", "2.1.0", "2.0.0", "1.9.0"]);
    await page.locator("tbody tr").first().getByText("linux/arm64/v8").waitFor();
    await page.locator("tbody tr").first().getByText("4.45 MB").waitFor();
    await page.getByLabel("Filter tags").fill("1.3");
    assert.deepEqual(await tags.allTextContents(), ["1.3.0"]);
    assert.deepEqual(errors, []);
  });

  test("copies a pull command for the client that was chosen, and remembers the choice", async () => {
    const { page } = await open(`#/${sample.repository}:2.0.0`, "2.0.0");
    await page.getByLabel("Client").selectOption("podman");
    await page.getByRole("button", { name: "Copy the command" }).click();
    const host = new URL(registry.origin).host;
    assert.equal(
      await page.evaluate("navigator.clipboard.readText()"),
      `podman pull ${host}/${sample.repository}:2.0.0`,
    );
    await page.goto(`${registry.origin}/#/library/debian:latest`);
    await page.getByText(`podman pull ${host}/library/debian:latest`).waitFor();
  });

  test("leads from an index to a platform's layers and settings, and to what refers to it", async () => {
    const { page, errors } = await open(`#/${sample.repository}:latest`, "latest");
    await page.getByRole("heading", { name: "Referrers" }).waitFor();
    const referrers = await page.locator(".referrers > li").evaluateAll((items) =>
      items.map((item) => {
        const [link, chip] = [item.querySelector("a"), item.querySelector(".chip")];
        return [link, chip].map((part) => part?.textContent).join(" ");
      }),
    );
    assert.deepEqual(referrers.map((text) => text.trim()).sort(), [
      "Artifact",
      "Attestation in-toto",
      "Provenance SLSA",
      "SBOM SPDX",
      "Scan SARIF",
      "Signature Notary",
      "Signature Sigstore",
    ]);
    await page.getByText("Attestation of linux/amd64", { exact: true }).waitFor();
    for (const [type] of sample.referrers) await page.getByText(type, { exact: true }).first().waitFor();
    await page.getByRole("link", { name: "linux/amd64" }).click();
    await page.getByRole("heading", { name: "Layers" }).waitFor();
    assert.equal(await page.locator(".layers > li").count(), 4);
    assert.equal(
      await page.locator(".layers > li").nth(1).locator(".step").textContent(),
      "RUN apk add --no-cache nodejs",
    );
    await page.getByText("--title 'The Shop'").waitFor();
    await page.getByText(sample.signature).waitFor();
    await page.getByRole("link", { name: "Signature" }).click();
    await page.getByRole("heading", { name: "Files" }).waitFor();
    await page.getByText("bundle.json", { exact: true }).waitFor();
    assert.deepEqual(errors, []);
  });

  test("shows an artifact's files, and how to pull it", async () => {
    const { page } = await open("#/charts/shop:0.4.2", "0.4.2");
    await page.getByText("shop-0.4.2.tgz", { exact: true }).waitFor();
    await page.locator("dd", { hasText: "Helm chart" }).waitFor();
    await page.getByText(`corten artifact pull ${new URL(registry.origin).host}/charts/shop:0.4.2`).waitFor();
    await page.goto(`${registry.origin}/#/charts/shop`);
    await page.locator("tbody .chip", { hasText: "Helm chart" }).waitFor();
    await page.getByText(`corten artifact pull ${new URL(registry.origin).host}/charts/shop:0.4.2`).waitFor();
    await page.getByLabel("Client").selectOption("helm");
    await page
      .getByText(`helm pull oci://${new URL(registry.origin).host}/charts/shop --version 0.4.2`)
      .waitFor();
  });

  test("shows text of an image as text, however much it looks like markup", async () => {
    const { page, errors } = await open(`#/${sample.repository}:1.1.0`, "1.1.0");
    await page.getByText(`hostile=${sample.label}`).waitFor();
    assert.equal(await page.locator("main img").count(), 0);
    assert.deepEqual(errors, []);
  });

  test("tells what the registry refuses, with a way on", async () => {
    const { page } = await open("#/team/web-shop:gone", "team/web-shop:gone");
    assert.match((await page.getByRole("alert").textContent()) ?? "", /gone/);
    await page.getByRole("button", { name: "Try again" }).waitFor();
  });

  test("puts no barriers in anybody's way, light or dark, wide or narrow", async () => {
    const found: string[] = [];
    for (const colorScheme of ["light", "dark"] as const) {
      for (const [hash, shown] of [
        ["", ".repositories .tags:not(:empty)"],
        [`#/${sample.repository}`, ".digest code"],
        [`#/${sample.repository}:latest`, ".referrers"],
        [`#/${sample.repository}:1.6.0`, ".layers"],
        ["#/charts/shop:0.4.2", ".type"],
      ] as const) {
        const { page } = await openPage(browser, { colorScheme, viewport: { width: 1100, height: 800 } });
        await page.goto(`${registry.origin}/${hash}`);
        await page.locator(shown).first().waitFor();
        found.push(...(await barriers(page)).map((barrier) => `${colorScheme} ${hash}: ${barrier}`));
        await page.setViewportSize({ width: 360, height: 740 });
        const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
        if (Number(overflow) > 0) found.push(`${hash}: ${overflow} pixels too wide for a phone`);
        await page.context().close();
      }
    }
    assert.deepEqual(found, []);
  });

  test("asks who looks where the registry wants to know, and keeps it to itself", async () => {
    const access: Access = {
      async identify(request) {
        const { authorization } = request.headers;
        if (authorization === undefined) return { groups: [] };
        if (authorization === `Basic ${btoa("ada:lovelace")}`) return { name: "ada", groups: [] };
        throw new CortenError("unauthenticated", "wrong password");
      },
      allows: (identity) => identity.name === "ada",
      welcomes: (identity) => identity.name !== undefined,
      challenge: () => 'Basic realm="registry"',
    };
    await using closed = await serve({ storage, access });
    const { page, errors } = await openPage(browser);
    await page.goto(closed.origin);
    const dialog = page.getByRole("dialog");
    await page.getByText("No repository is shown to you.").waitFor();
    await page.getByRole("button", { name: "Sign in" }).click();
    await dialog.getByLabel("User name").fill("ada");
    await dialog.getByLabel("Password or token").fill("byron");
    await dialog.getByRole("button", { name: "Sign in" }).click();
    await dialog.getByText("User name or password is wrong.").waitFor();
    assert.deepEqual(await barriers(page), []);
    await dialog.getByLabel("User name").fill("ada");
    await dialog.getByLabel("Password or token").fill("lovelace");
    await dialog.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("8 repositories").waitFor();
    assert.equal(
      await page.evaluate("document.cookie + JSON.stringify([localStorage, sessionStorage])"),
      "[{},{}]",
    );
    await page.getByRole("button", { name: "Sign out ada" }).click();
    await page.getByText("No repository is shown to you.").waitFor();
    assert.deepEqual(errors, []);
  });

  test("is the same file until it changes, packed for who takes it packed", async () => {
    const first = await fetch(`${registry.origin}/-/main.js`);
    const etag = first.headers.get("etag") ?? "";
    assert.equal(first.headers.get("content-encoding"), "gzip");
    assert.match(first.headers.get("content-security-policy") ?? "", /default-src 'none'/);
    const again = await fetch(`${registry.origin}/-/main.js`, { headers: { "if-none-match": etag } });
    assert.equal(again.status, 304);
    const plain = await fetch(`${registry.origin}/`, { headers: { "accept-encoding": "identity" } });
    assert.equal(plain.headers.get("content-encoding"), null);
    assert.match(await plain.text(), /<title>Corten registry<\/title>/);
    assert.equal((await fetch(`${registry.origin}/-/nothing.js`)).status, 404);
  });
});
