/** What an examination found about one thing that containers can use. */
export interface Finding {
  /** What it is about: namespaces, mounts, … */
  readonly group: string;
  readonly name: string;
  readonly works: boolean;
  /** True for what no container can do without, for the user who asks. */
  readonly needed: boolean;
  /** What was seen: an errno, a version, a list. */
  readonly detail: string;
  /** Where it does not work: what still does without it. */
  readonly without?: string;
  /** Where it does not work: what to do, as exactly as can be told. */
  readonly remedy?: string;
}
