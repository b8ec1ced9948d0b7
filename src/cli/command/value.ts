import type { Option, Value } from "./option.ts";

/** Words for true and false that Go's strconv.ParseBool knows, and so docker's and runc's command lines. */
const booleans: Readonly<Record<string, boolean>> = {
  "1": true,
  t: true,
  T: true,
  true: true,
  TRUE: true,
  True: true,
  "0": false,
  f: false,
  F: false,
  false: false,
  FALSE: false,
  False: false,
};

/** An option's value from its text, or what is wrong with it. `shown` is the option as the user typed it. */
export function parseValue(
  option: Option,
  text: string,
  shown: string,
): { readonly value: Value; readonly mistake?: undefined } | { readonly mistake: string } {
  const wrong = (why: string) => ({ mistake: `invalid value ${JSON.stringify(text)} for ${shown}: ${why}` });
  switch (option.type) {
    case "flag":
      if (!Object.hasOwn(booleans, text)) return wrong("it is either true or false");
      return { value: booleans[text]! };
    case "integer": {
      if (!/^[+-]?\d{1,15}$/.test(text)) return wrong("it is a whole number");
      const value = Number(text);
      if (option.minimum !== undefined && value < option.minimum) return wrong(`at least ${option.minimum}`);
      if (option.maximum !== undefined && value > option.maximum) return wrong(`at most ${option.maximum}`);
      return { value };
    }
    case "choice":
      if (!option.choices.includes(text)) return wrong(`one of ${option.choices.join(", ")}`);
      return { value: text };
    case "text":
    case "list":
      // No argument of execve, no path and no name can hold a NUL.
      if (text.includes("\0")) return wrong("it holds a NUL byte");
      return { value: text };
  }
}
