/** Sizes as users write them (`9GiB`, `512MiB`) and as people read them (`9.1 GiB`). A unit is required. */

const factors = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
  kB: 1000,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  TB: 1000 ** 4,
} as const;

/** At most six digits before the point, so that no value leaves the safe integers. */
export const bytesPattern = /^(\d{1,6}(?:\.\d{1,3})?|\d{1,15}(?=B$))(B|KiB|MiB|GiB|TiB|kB|KB|MB|GB|TB)$/;

/** Whole bytes; null for what is no size. Without the `i` the steps are thousands. */
export function parseBytes(text: string): number | null {
  const [, count, unit] = bytesPattern.exec(text) ?? [];
  return count === undefined ? null : Math.round(Number(count) * factors[unit as keyof typeof factors]);
}

/** For people, one decimal: `9.1 GiB`, `512 B`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
  const fits = units.findIndex((unit, i) => i === units.length - 1 || Math.abs(bytes) / factors[unit] < 1023.95);
  const unit = units[fits] ?? 'B';
  return unit === 'B' ? `${Math.round(bytes)} B` : `${(bytes / factors[unit]).toFixed(1)} ${unit}`;
}
