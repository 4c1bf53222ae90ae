/** What a tool prints as JSON, read without trusting its shape: what is missing, of another type or "N/A" is null. */

export type Fields = Readonly<Record<string, unknown>>;

/** The document in a tool's output, which may have warnings around it; null where there is none. */
export function documentIn(output: string): unknown {
  const end = Math.max(output.lastIndexOf(']'), output.lastIndexOf('}')) + 1;
  const beginnings = [...output.matchAll(/^[[{]/gm)].slice(0, warningsAtMost);
  for (const { index } of beginnings) {
    try {
      return JSON.parse(output.slice(index, end)) as unknown;
    } catch {
      // A warning may begin with a bracket, too.
    }
  }
  return null;
}

const warningsAtMost = 5;

/** Empty where it is no object. */
export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function text(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' && !/^n\/a$/i.test(value.trim()) ? value.trim() : null;
}

/** Also of a number that is written as a string. */
export function numberIn(value: unknown): number | null {
  const told = typeof value === 'string' && /^-?\d{1,18}(?:\.\d+)?$/.test(value.trim()) ? Number(value) : value;
  return typeof told === 'number' && Number.isFinite(told) ? told : null;
}

/** Whole, and not below nothing. */
export function countIn(value: unknown): number | null {
  const told = numberIn(value);
  return told !== null && Number.isSafeInteger(told) && told >= 0 ? told : null;
}
