import type {
  DeadEvent,
  DeadPage,
  EventClaim,
  EventCounts,
  EventQueue,
  EventSelection,
  OutgoingEvent,
  WaitingEvent,
} from "../event-queue.ts";
import { query, type Sql, type Transaction, transact } from "./connection.ts";

const COLUMNS = ["id", "receiver", "repository", "body", "queued", "attempts"];
const DEAD_COLUMNS = [...COLUMNS, "failure"];

/**
 * Writes events down. Changes of one repository wait for each other at its row, so that the order of numbers is the order in
 * which they are seen.
 */
export async function queueEvents(sql: Sql | Transaction, events: readonly OutgoingEvent[]): Promise<void> {
  if (events.length === 0) return;
  const rows = events.map(({ receiver, repository, body }) => ({
    receiver,
    repository,
    body,
    queued: Date.now(),
  }));
  await sql`INSERT INTO events ${sql(rows)}`;
}

/** Events in PostgreSQL. The time of claims is the database's, as the clocks of servers may differ. */
export class PostgresqlEvents implements EventQueue {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  add(events: readonly OutgoingEvent[]) {
    return query(queueEvents(this.#sql, events));
  }

  claim(claim: EventClaim) {
    return transact(this.#sql, async (transaction) => {
      const { receiver, holder, lease, repositories, events } = claim;
      const now = this.#now;
      const free = transaction`due <= ${now} AND (holder IS NULL OR held_until < ${now})`;
      // Who comes second skips the locked rows; who comes later finds them held.
      const first = await transaction<{ repository: string }[]>`
        SELECT repository FROM events WHERE id IN
          (SELECT min(id) FROM events WHERE receiver = ${receiver} AND NOT dead GROUP BY repository) AND ${free}
        ORDER BY id LIMIT ${repositories} FOR UPDATE SKIP LOCKED`;
      const claimed: WaitingEvent[] = [];
      for (const { repository } of first) {
        const rows = await transaction<(WaitingEvent & { free: boolean })[]>`
          SELECT ${transaction(COLUMNS)}, ${free} AS free FROM events
          WHERE receiver = ${receiver} AND repository = ${repository} AND NOT dead ORDER BY id LIMIT ${events} FOR UPDATE`;
        // Nothing behind an event that somebody else delivers.
        const end = rows.findIndex((row) => !row.free);
        claimed.push(...rows.slice(0, end === -1 ? rows.length : end).map(({ free: _, ...event }) => event));
      }
      if (claimed.length > 0)
        await transaction`
          UPDATE events SET holder = ${holder}, held_until = ${now} + ${lease}
          WHERE id IN ${transaction(claimed.map(({ id }) => id))}`;
      return claimed;
    });
  }

  async extend(holder: string, lease: number) {
    const rows = await query(
      this.#sql<{ id: number }[]>`
        UPDATE events SET held_until = ${this.#now} + ${lease} WHERE holder = ${holder} RETURNING id`,
    );
    return new Set(rows.map(({ id }) => id));
  }

  async release(holder: string) {
    await query(this.#sql`UPDATE events SET holder = NULL WHERE holder = ${holder}`);
  }

  async settle(id: number) {
    await query(this.#sql`DELETE FROM events WHERE id = ${id}`);
  }

  async postpone(id: number, holder: string, delay: number) {
    await query(this.#sql`
      WITH failed AS (SELECT id, receiver, repository FROM events WHERE id = ${id} AND holder = ${holder} AND NOT dead)
      UPDATE events e SET holder = NULL,
        attempts = e.attempts + CASE WHEN e.id = failed.id THEN 1 ELSE 0 END,
        due = CASE WHEN e.id = failed.id THEN ${this.#now} + ${delay} ELSE e.due END
      FROM failed WHERE e.holder = ${holder} AND e.receiver = failed.receiver AND e.repository = failed.repository`);
  }

  async bury(id: number, failure: string) {
    await query(this.#sql`
      UPDATE events SET dead = true, attempts = attempts + 1, failure = ${failure}, holder = NULL
      WHERE id = ${id} AND NOT dead`);
  }

  async trim(receiver: string, keep: EventCounts) {
    const trim = async (dead: boolean, count: number): Promise<number> => {
      const { count: gone } = await query(this.#sql`
        DELETE FROM events WHERE receiver = ${receiver} AND dead = ${dead} AND id <=
          (SELECT id FROM events WHERE receiver = ${receiver} AND dead = ${dead} ORDER BY id DESC LIMIT 1 OFFSET ${count})`);
      return gone;
    };
    return { waiting: await trim(false, keep.waiting), dead: await trim(true, keep.dead) };
  }

  async forget(before: number) {
    return (await query(this.#sql`DELETE FROM events WHERE queued < ${before}`)).count;
  }

  async count() {
    const [row] = await query(
      this.#sql<[{ waiting: number; dead: number }]>`
        SELECT count(*) FILTER (WHERE NOT dead) AS waiting, count(*) FILTER (WHERE dead) AS dead FROM events`,
    );
    return { waiting: row.waiting, dead: row.dead };
  }

  async dead({ receiver, after, limit }: DeadPage) {
    const rows = await query(
      this.#sql<DeadEvent[]>`
        SELECT ${this.#sql(DEAD_COLUMNS)} FROM events
        WHERE ${this.#dead(receiver)} AND id > ${after ?? 0} ORDER BY id LIMIT ${limit}`,
    );
    return [...rows];
  }

  revive({ receiver }: EventSelection) {
    return transact(this.#sql, async (transaction) => {
      const gone = await transaction<(OutgoingEvent & { id: number })[]>`
        DELETE FROM events WHERE ${this.#dead(receiver)} RETURNING id, receiver, repository, body`;
      await queueEvents(
        transaction,
        [...gone].sort((left, right) => left.id - right.id),
      );
      return gone.length;
    });
  }

  async discard({ receiver }: EventSelection) {
    return (await query(this.#sql`DELETE FROM events WHERE ${this.#dead(receiver)}`)).count;
  }

  /** Milliseconds since 1970 by the database's clock. */
  get #now() {
    return this.#sql`(extract(epoch FROM clock_timestamp()) * 1000)::bigint`;
  }

  #dead(receiver: string | undefined) {
    return receiver === undefined ? this.#sql`dead` : this.#sql`dead AND receiver = ${receiver}`;
  }
}
