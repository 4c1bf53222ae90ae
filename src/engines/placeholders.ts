/** `${PORT}` and its siblings in `command`, `args` and `env`. `$${` stands for a literal `${`; a lone `$` is nothing special. */

export const placeholderNames = [
  'PORT',
  'HOST',
  'MODEL',
  'MODEL_ID',
  'POOL_ID',
  'REPLICA_ID',
  'DEVICE_MASK',
  'SLOTS',
  'STATE_DIR',
  'INVENTORY_DIR',
] as const;
export type PlaceholderName = (typeof placeholderNames)[number];

/** The escape first, so that in `$${PORT}` nothing is filled in. The last alternative is a `${` that is never closed. */
const pattern = /\$\$\{|\$\{([^{}]*)\}|\$\{/g;

/** What stands between `${` and `}` and is no name of ours, in the text's order; null for a `${` that is never closed. */
export function unknownPlaceholders(text: string): readonly (string | null)[] {
  return [...text.matchAll(pattern)].flatMap(([whole, name]) => (whole === '$${' || isName(name) ? [] : [name ?? null]));
}

/** Fills in what it knows and leaves the rest as it stands: an inventory with unknown ones has been refused before. */
export function expandPlaceholders(text: string, values: Readonly<Record<PlaceholderName, string>>): string {
  return text.replace(pattern, (whole: string, name: string | undefined) => {
    if (whole === '$${') return '${';
    return isName(name) ? values[name] : whole;
  });
}

function isName(name: string | undefined): name is PlaceholderName {
  return placeholderNames.some((known) => known === name);
}
