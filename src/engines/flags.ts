/** Which flags an inventory's `args` already give, so that an adapter does not give them twice. */

/**
 * True when `args` hold one of `names`, written `--flag value` or `--flag=value`, with dashes or underscores. Short forms ("-ngl") are
 * compared as they are. A value that looks like a flag is taken for one: engines do so too.
 */
export function hasFlag(args: readonly string[], ...names: readonly string[]): boolean {
  return args.some((arg) => names.includes(flagName(arg)));
}

/** The value of the last of `names` in `args` (the last one wins in every engine here); null where there is none. */
export function flagValue(args: readonly string[], ...names: readonly string[]): string | null {
  const at = args.findLastIndex((arg) => names.includes(flagName(arg)));
  const arg = args[at];
  if (arg === undefined) return null;
  const equals = arg.indexOf('=');
  return equals === -1 ? (args[at + 1] ?? null) : arg.slice(equals + 1);
}

/** `flagValue` as a count of at least one; null for anything else, such as a placeholder or -1. */
export function flagCount(args: readonly string[], ...names: readonly string[]): number | null {
  const value = flagValue(args, ...names);
  return value !== null && /^[1-9]\d{0,8}$/.test(value) ? Number(value) : null;
}

/** `pair` unless `args` have its flag under one of its names. */
export function unlessGiven(args: readonly string[], names: readonly string[], pair: readonly string[]): readonly string[] {
  return hasFlag(args, ...names) ? [] : pair;
}

function flagName(arg: string): string {
  const name = arg.split('=', 1)[0] ?? '';
  return name.startsWith('--') ? name.replaceAll('_', '-') : name;
}
