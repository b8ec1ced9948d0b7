import postgres from "postgres";
import { CortenError } from "../../../spec/index.ts";

/** Where a PostgreSQL database is. */
export interface PostgresqlOptions {
  /** `postgres://user:password@host:5432/database`; with `?host=/run/postgresql` by the socket in that directory. */
  readonly url: string;
  /** The schema that holds the registry's tables; made where missing. Default: `corten_registry`. */
  readonly schema?: string;
  /** Most connections of this server. Default: 10. */
  readonly connections?: number;
  /** Certificate authorities of the database server, in PEM. Default: the system's; the URL's `sslmode` says whether TLS is used. */
  readonly ca?: string;
}

export const DEFAULT_SCHEMA = "corten_registry";

/** A pool of connections. */
export type Sql = postgres.Sql<{ bigint: number }>;
/** A transaction's connection; queries outside of one go through the pool. */
export type Transaction = postgres.TransactionSql<{ bigint: number }>;

/** Sizes and times fit into a double: a blob has less than 2^53 bytes. */
const BIGINT = { to: 20, from: [20], serialize: String, parse: Number };

/** @throws invalid-argument when the address or the schema's name is none */
export function connect(options: PostgresqlOptions): Sql {
  const { url, schema = DEFAULT_SCHEMA, connections = 10, ca } = options;
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol))
    throw new CortenError(
      "invalid-argument",
      "postgresql: url is not an address such as postgres://user@host/database",
    );
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema))
    throw new CortenError("invalid-argument", `postgresql: schema "${schema}" is not a lower-case name`);
  const address = new URL(url);
  const socketDirectory = address.searchParams.get("host");
  address.searchParams.delete("host");
  return postgres(address.href, {
    ...(socketDirectory === null ? {} : { host: socketDirectory }),
    max: connections,
    // A database that is back is found within a second; by default the driver waits up to twenty.
    backoff: (attempt) => Math.min(1, 0.05 * 2 ** attempt),
    connect_timeout: 10,
    types: { bigint: BIGINT },
    connection: { application_name: "corten-registry", search_path: schema },
    onnotice: () => undefined,
    ...(ca === undefined ? {} : { ssl: { ca } }),
  });
}

/** Codes of failures after which the same transaction can succeed: serialization, deadlock. */
const PASSING = new Set(["40001", "40P01"]);
const TRIES = 5;

/**
 * Runs a transaction. One that PostgreSQL ended in favour of another is run again from its beginning.
 *
 * @throws unavailable when the database cannot be reached
 */
export async function transact<T>(sql: Sql, action: (transaction: Transaction) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await sql.begin(action)) as T;
    } catch (error) {
      if (attempt < TRIES && PASSING.has((error as { code?: string }).code ?? "")) continue;
      throw explain(error);
    }
  }
}

/** Waits for a query and explains its failure. */
export async function query<T>(pending: Promise<T>): Promise<T> {
  try {
    return await pending;
  } catch (error) {
    throw explain(error);
  }
}

function explain(error: unknown): unknown {
  if (error instanceof CortenError || !(error instanceof Error)) return error;
  const { code = "" } = error as { code?: string };
  // Classes 08 (connection), 53 (resources), 57 (operator intervention); names are the driver's and the system's.
  const passing =
    /^(08|53|57)/.test(code) || /^(CONNECT|E[A-Z]+$)/.test(code) || code === "CONNECTION_CLOSED";
  return new CortenError(passing ? "unavailable" : "internal", `postgresql: ${error.message}`, {
    cause: error,
  });
}
