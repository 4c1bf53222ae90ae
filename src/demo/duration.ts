/** "1500", "1500ms", "1.5s", "2m", "1h" -> milliseconds. `name` says whose value it is in the RangeError for anything else. */
export function milliseconds(name: string, text: string): number {
  const [, digits, unit = 'ms'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  if (digits === undefined) throw new RangeError(`${name} takes a duration such as 500ms or 2s, not "${text}"`);
  return Number(digits) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit as 'ms' | 's' | 'm' | 'h'];
}
