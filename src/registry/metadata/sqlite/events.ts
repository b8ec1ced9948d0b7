import type { Database } from "../../../content/index.ts";
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

const COLUMNS = "id, receiver, repository, body, queued, attempts";
const OF_RECEIVER = "dead = 1 AND (?1 IS NULL OR receiver = ?1)";

/** Writes events down, inside a transaction. */
export function queueEvents(database: Database, events: readonly OutgoingEvent[]): void {
  for (const { receiver, repository, body } of events) {
    database.run(
      "INSERT INTO events (receiver, repository, body, queued) VALUES (?, ?, ?, ?)",
      receiver,
      repository,
      body,
      Date.now(),
    );
  }
}

/** Events in SQLite. A power cut may bring back what was just settled, which is then delivered again. */
export class SqliteEvents implements EventQueue {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async add(events: readonly OutgoingEvent[]) {
    this.#database.transaction(() => queueEvents(this.#database, events));
  }

  async claim({ receiver, holder, lease, repositories, events }: EventClaim) {
    const database = this.#database;
    const now = Date.now();
    return database.transaction(() =>
      database
        .all<{ repository: string }>(
          `SELECT e.repository FROM
             (SELECT min(id) AS id FROM events WHERE receiver = ?1 AND dead = 0 GROUP BY repository) first
           JOIN events e ON e.id = first.id WHERE e.due <= ?2 AND (e.holder IS NULL OR e.held_until < ?2)
           ORDER BY e.id LIMIT ?3`,
          receiver,
          now,
          repositories,
        )
        .flatMap(({ repository }) => {
          const rows = database.all<WaitingEvent>(
            `SELECT ${COLUMNS} FROM events WHERE receiver = ? AND repository = ? AND dead = 0 ORDER BY id LIMIT ?`,
            receiver,
            repository,
            events,
          );
          for (const { id } of rows) {
            database.run(
              "UPDATE events SET holder = ?, held_until = ? WHERE id = ?",
              holder,
              now + lease,
              id,
            );
          }
          return rows;
        }),
    );
  }

  async extend(holder: string, lease: number) {
    const rows = this.#database.transaction(() =>
      this.#database.all<{ id: number }>(
        "UPDATE events SET held_until = ? WHERE holder = ? RETURNING id",
        Date.now() + lease,
        holder,
      ),
    );
    return new Set(rows.map(({ id }) => id));
  }

  async release(holder: string) {
    this.#run("UPDATE events SET holder = NULL WHERE holder = ?", holder);
  }

  async settle(id: number) {
    this.#run("DELETE FROM events WHERE id = ?", id);
  }

  async postpone(id: number, holder: string, delay: number) {
    this.#database.transaction(() => {
      const row = this.#database.get<{ receiver: string; repository: string }>(
        `UPDATE events SET attempts = attempts + 1, due = ? WHERE id = ? AND holder = ? AND dead = 0
         RETURNING receiver, repository`,
        Date.now() + delay,
        id,
        holder,
      );
      if (row === undefined) return;
      this.#database.run(
        "UPDATE events SET holder = NULL WHERE holder = ? AND receiver = ? AND repository = ?",
        holder,
        row.receiver,
        row.repository,
      );
    });
  }

  async bury(id: number, failure: string) {
    this.#run(
      "UPDATE events SET dead = 1, attempts = attempts + 1, failure = ?, holder = NULL WHERE id = ? AND dead = 0",
      failure,
      id,
    );
  }

  async trim(receiver: string, keep: EventCounts) {
    const trim = (dead: 0 | 1, count: number): number =>
      this.#database.run(
        `DELETE FROM events WHERE receiver = ?1 AND dead = ?2 AND id <=
           (SELECT id FROM events WHERE receiver = ?1 AND dead = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)`,
        receiver,
        dead,
        count,
      );
    return this.#database.transaction(() => ({ waiting: trim(0, keep.waiting), dead: trim(1, keep.dead) }));
  }

  async forget(before: number) {
    return this.#run("DELETE FROM events WHERE queued < ?", before);
  }

  async count() {
    const row = this.#database.get<{ waiting: number; dead: number }>(
      "SELECT count(*) FILTER (WHERE dead = 0) AS waiting, count(*) FILTER (WHERE dead = 1) AS dead FROM events",
    )!;
    return { waiting: row.waiting, dead: row.dead };
  }

  async dead({ receiver, after, limit }: DeadPage) {
    return this.#database.all<DeadEvent>(
      `SELECT ${COLUMNS}, failure FROM events WHERE ${OF_RECEIVER} AND id > ?2 ORDER BY id LIMIT ?3`,
      receiver ?? null,
      after ?? 0,
      limit,
    );
  }

  async revive({ receiver }: EventSelection) {
    const selected = receiver ?? null;
    return this.#database.transaction(() => {
      const columns = "receiver, repository, body";
      this.#database.run(
        `INSERT INTO events (${columns}, queued) SELECT ${columns}, ?2 FROM events WHERE ${OF_RECEIVER} ORDER BY id`,
        selected,
        Date.now(),
      );
      return this.#database.run(`DELETE FROM events WHERE ${OF_RECEIVER}`, selected);
    });
  }

  async discard({ receiver }: EventSelection) {
    return this.#run(`DELETE FROM events WHERE ${OF_RECEIVER}`, receiver ?? null);
  }

  #run(sql: string, ...values: readonly (number | string | null)[]): number {
    return this.#database.transaction(() => this.#database.run(sql, ...values));
  }
}
