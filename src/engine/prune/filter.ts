/** What to prune of the things that could go; all parts must hold. */
export interface PruneFilter {
  /** Only what was made before. */
  readonly until?: Date;
  readonly labels?: readonly LabelCondition[];
}

export interface LabelCondition {
  readonly name: string;
  /** Undefined: any value. */
  readonly value?: string;
  /** True: only things without that label (or with another value). */
  readonly not: boolean;
}

interface Candidate {
  readonly created: Date | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** True when the filter lets a thing go. One that does not say when it was made is taken for old. */
export function passes({ until, labels = [] }: PruneFilter, { created, labels: own }: Candidate): boolean {
  if (until !== undefined && created !== undefined && created >= until) return false;
  return labels.every(({ name, value, not }) => {
    const has = Object.hasOwn(own, name) && (value === undefined || own[name] === value);
    return has !== not;
  });
}
