/** An event for one receiver. */
export interface OutgoingEvent {
  /** Who is to get it: a name that stays the same as long as the receiver does. */
  readonly receiver: string;
  /** Events of one repository are delivered in the order of its changes. */
  readonly repository: string;
  /** What is sent, each time the same. */
  readonly body: string;
}

/** Makes events of what a change has done, to be written down in the transaction of the change. */
export type Announce<Result> = (result: Result) => readonly OutgoingEvent[];

/** An event that waits to be delivered. */
export interface WaitingEvent extends OutgoingEvent {
  readonly id: number;
  /** When it was written down, in milliseconds since 1970. */
  readonly queued: number;
  /** Attempts that have failed. */
  readonly attempts: number;
}

/** An event that is not tried any more. */
export interface DeadEvent extends WaitingEvent {
  /** Why the last attempt failed. */
  readonly failure: string;
}

/** What one server takes to deliver. */
export interface EventClaim {
  readonly receiver: string;
  /** Unique to who asks. */
  readonly holder: string;
  /** Milliseconds after which others may have what was claimed. */
  readonly lease: number;
  /** Repositories of which events are claimed, at most. */
  readonly repositories: number;
  /** Events claimed of each, at most. */
  readonly events: number;
}

/** Numbers of events. */
export interface EventCounts {
  readonly waiting: number;
  readonly dead: number;
}

/** Which events are meant: all, or those of one receiver. */
export interface EventSelection {
  readonly receiver?: string;
}

/** A part of the dead letters, the oldest first. */
export interface DeadPage extends EventSelection {
  /** The id of the last one of the page before. */
  readonly after?: number;
  readonly limit: number;
}

/**
 * Events that wait for their receivers, in the order of the changes that they tell of. They are written down in the
 * transaction of the change, so that neither is there without the other, and go when a receiver has them: each is delivered at
 * least once. Of one repository's events for a receiver one server has the first ones, for a time; when it dies, another goes on.
 */
export interface EventQueue {
  /** Writes down events that belong to no change, as pulls do. */
  add(events: readonly OutgoingEvent[]): Promise<void>;
  /**
   * Takes the first events of repositories that nobody else has and whose first event is due; in order, repository by
   * repository.
   */
  claim(claim: EventClaim): Promise<readonly WaitingEvent[]>;
  /** Begins the time of what a holder has anew, and returns the events that it still has. */
  extend(holder: string, lease: number): Promise<ReadonlySet<number>>;
  /** Gives back what a holder has. */
  release(holder: string): Promise<void>;
  /** The receiver has it. */
  settle(id: number): Promise<void>;
  /**
   * An attempt has failed: the next one may be made in `delay` milliseconds, and until then no event of the repository is
   * delivered to that receiver. Nothing happens when the holder has lost it.
   */
  postpone(id: number, holder: string, delay: number): Promise<void>;
  /** Makes it a dead letter, which nobody claims. */
  bury(id: number, failure: string): Promise<void>;
  /** Removes the oldest events above these numbers. */
  trim(receiver: string, keep: EventCounts): Promise<EventCounts>;
  /** Removes events written down before a time, whosever they are: those of a receiver that is configured no more. */
  forget(before: number): Promise<number>;
  /** How many there are. */
  count(): Promise<EventCounts>;
  /** Dead letters, the oldest first. */
  dead(page: DeadPage): Promise<readonly DeadEvent[]>;
  /** Puts dead letters at the end of the queue again; returns how many. */
  revive(selection: EventSelection): Promise<number>;
  /** Removes dead letters; returns how many. */
  discard(selection: EventSelection): Promise<number>;
}
