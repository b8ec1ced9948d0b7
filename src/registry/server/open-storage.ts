import { readFile } from "node:fs/promises";
import { openDatabase } from "../../content/index.ts";
import { CortenError } from "../../spec/index.ts";
import type { RegistryConfig } from "../config/registry-config.ts";
import type { PostgresqlSettings, S3Settings } from "../config/storage-settings.ts";
import type { Metadata } from "../metadata/metadata.ts";
import { openPostgresqlMetadata } from "../metadata/postgresql/postgresql-metadata.ts";
import { SqliteMetadata } from "../metadata/sqlite/sqlite-metadata.ts";
import { registrySchema } from "../metadata/sqlite/tables.ts";
import { openFilesystemStorage } from "../storage/filesystem/filesystem-storage.ts";
import type { RegistryStorage } from "../storage/registry-storage.ts";
import { credentialsFromEnvironment, credentialsFromFile } from "../storage/s3/credentials-file.ts";
import { S3Blobs } from "../storage/s3/s3-blobs.ts";

/**
 * Opens the storage that a configuration names.
 *
 * @param onFailure told of failures that keep nothing from working
 * @throws invalid-argument when the configuration names none; what the parts throw
 */
export async function openStorage(
  { root, storage }: RegistryConfig,
  onFailure: (error: unknown) => void,
): Promise<RegistryStorage> {
  const { s3, postgresql } = storage;
  if (s3 === undefined) return openFilesystemStorage(directory(root), { onFailure });
  await using opened = new AsyncDisposableStack();
  const blobs = opened.use(await openBucket(s3));
  const metadata: Metadata = opened.use(
    postgresql === undefined
      ? new SqliteMetadata(openDatabase(directory(root), [registrySchema]))
      : await openDatabaseServer(postgresql),
  );
  const resources = opened.move();
  return { blobs, metadata, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

async function openBucket({ ca, credentials, ...settings }: S3Settings): Promise<S3Blobs> {
  return new S3Blobs({
    ...settings,
    credentials:
      credentials === undefined ? credentialsFromEnvironment(process.env) : credentialsFromFile(credentials),
    ...(ca === undefined ? {} : { ca: await readFile(ca, "utf8") }),
  });
}

async function openDatabaseServer({
  ca,
  passwordFile,
  url,
  ...settings
}: PostgresqlSettings): Promise<Metadata> {
  return openPostgresqlMetadata({
    ...settings,
    url:
      passwordFile === undefined ? url : withPassword(url, (await readFile(passwordFile, "utf8")).trimEnd()),
    ...(ca === undefined ? {} : { ca: await readFile(ca, "utf8") }),
  });
}

function withPassword(url: string, password: string): string {
  if (!URL.canParse(url)) return url; // refused with its own words where it is used
  const address = new URL(url);
  address.password = encodeURIComponent(password);
  return address.href;
}

function directory(root: string | undefined): string {
  if (root !== undefined) return root;
  throw new CortenError("invalid-argument", "the registry has no root: the directory that its content is in");
}
