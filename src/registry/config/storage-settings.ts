import type { JsonView } from "../../spec/index.ts";
import { onlyFields, optional, text } from "../access/settings.ts";

/** Section `storage`: where content is when it is not in the root directory. */
export interface StorageSettings {
  /** Blobs are in a bucket. */
  readonly s3?: S3Settings;
  /** Rows are in a database that several servers share; else in SQLite below the root. */
  readonly postgresql?: PostgresqlSettings;
}

/** Section `storage.s3`. */
export interface S3Settings {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region?: string;
  readonly prefix?: string;
  readonly pathStyle?: boolean;
  readonly partSize?: number;
  /** A file with certificates to trust, in PEM. */
  readonly ca?: string;
  /** A file with the keys; else they are in the environment. */
  readonly credentials?: string;
}

/** Section `storage.postgresql`. */
export interface PostgresqlSettings {
  readonly url: string;
  /** A file that holds the password alone; else it is in the address, or `PGPASSWORD`. */
  readonly passwordFile?: string;
  readonly schema?: string;
  readonly connections?: number;
  /** A file with certificates to trust, in PEM. */
  readonly ca?: string;
}

/**
 * @param path reads a field that is a path
 * @throws invalid-argument that names the key at fault
 */
export function readStorageSettings(view: JsonView, path: (field: JsonView) => string): StorageSettings {
  onlyFields(view, ["s3", "postgresql"]);
  const s3 = optional(view.field("s3"), (section) => readS3(section, path));
  const postgresql = optional(view.field("postgresql"), (section) => readPostgresql(section, path));
  if (postgresql !== undefined && s3 === undefined) {
    throw view.field("postgresql").fault("needs s3", "servers that share rows must share the blobs, too");
  }
  return { ...(s3 === undefined ? {} : { s3 }), ...(postgresql === undefined ? {} : { postgresql }) };
}

function readS3(view: JsonView, path: (field: JsonView) => string): S3Settings {
  onlyFields(view, ["endpoint", "bucket", "region", "prefix", "pathStyle", "partSize", "ca", "credentials"]);
  return {
    endpoint: text(view.field("endpoint")),
    bucket: text(view.field("bucket")),
    ...present("region", view, text),
    ...present("prefix", view, text),
    ...present("pathStyle", view, (field) => field.boolean()),
    ...present("partSize", view, (field) => field.size()),
    ...present("ca", view, path),
    ...present("credentials", view, path),
  };
}

function readPostgresql(view: JsonView, path: (field: JsonView) => string): PostgresqlSettings {
  onlyFields(view, ["url", "passwordFile", "schema", "connections", "ca"]);
  return {
    url: text(view.field("url")),
    ...present("passwordFile", view, path),
    ...present("schema", view, text),
    ...present("connections", view, (field) => {
      const value = field.size();
      if (value < 1 || value > 1000) throw field.fault(`is ${value}`, "from 1 to 1000");
      return value;
    }),
    ...present("ca", view, path),
  };
}

/** An object with the field where it is there, and an empty one else. */
function present<K extends string, T>(
  name: K,
  view: JsonView,
  read: (field: JsonView) => T,
): { [N in K]?: T } {
  const value = optional(view.field(name), read);
  return value === undefined ? {} : ({ [name]: value } as { [N in K]: T });
}
