/** What the shell offers as a value while the user types. */
export type Completion =
  | "container"
  | "running-container"
  | "image"
  | "runtime-container"
  | "file"
  | "directory";

interface OptionBase {
  /** One letter: `-i`. */
  readonly short?: string;
  /** Other long names that mean the same. */
  readonly aliases?: readonly string[];
  /** Lower case, without full stop. */
  readonly summary: string;
  /** Works, but neither help nor completion names it. */
  readonly hidden?: boolean;
  /** Environment variable that gives the value where the command line does not. */
  readonly env?: string;
}

/** One option as data: the parser, the help, the completion and the command reference all read it. */
export type Option = OptionBase &
  (
    | { readonly type: "flag"; readonly default?: boolean }
    | {
        readonly type: "text";
        /** What stands for the value in help: `DIR`. */
        readonly value: string;
        readonly default?: string;
        readonly completion?: Completion;
      }
    | {
        readonly type: "list";
        readonly value: string;
        readonly completion?: Completion;
      }
    | {
        readonly type: "integer";
        readonly value: string;
        readonly default?: number;
        readonly minimum?: number;
        readonly maximum?: number;
      }
    | { readonly type: "choice"; readonly choices: readonly string[]; readonly default?: string }
  );

/** Options by long name, in the order in which help prints them. */
export type OptionTable = Readonly<Record<string, Option>>;

type Given<O> = O extends { readonly default: unknown } ? never : undefined;

/** The value that an option has after parsing. */
export type ValueOf<O> = O extends { readonly type: "flag" }
  ? boolean
  : O extends { readonly type: "list" }
    ? readonly string[]
    : O extends { readonly type: "integer" }
      ? number | Given<O>
      : O extends { readonly type: "choice"; readonly choices: readonly (infer C)[] }
        ? C | Given<O>
        : string | Given<O>;

/** The values of a table of options, by long name. */
export type Values<T extends OptionTable> = { readonly [N in keyof T]: ValueOf<T[N]> };

/** Any option's value. */
export type Value = boolean | string | number | readonly string[] | undefined;
