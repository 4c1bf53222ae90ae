/** Cells of a table that a vendor's tool prints. What cannot be read is null: no tool's word for "unknown" is a value. */

/** `[N/A]`, `[Not Supported]`, `[Insufficient Permissions]`, `[Unknown Error]`, `ERR!` and the like: the tool does not know. */
export function known(cell: string): string | null {
  return cell === '' || /^(?:\[.*\]|N\/A|ERR!)$/i.test(cell) ? null : cell;
}

/** With or without a unit after it. */
export function number(cell: string): number | null {
  const digits = /^-?\d+(?:\.\d+)?(?=$|\s|%)/.exec(cell);
  return digits === null ? null : Number(digits[0]);
}

/** A count of things: whole, and not below nothing. */
export function count(cell: string): number | null {
  return /^\d{1,15}$/.test(cell) ? Number(cell) : null;
}

/** A size that is told in MiB, in bytes. */
export function mebibytes(cell: string): number | null {
  const told = number(cell);
  return told === null ? null : told * 1024 * 1024;
}
