/** How far a load is, for people. What is not known is left out: never an invented percentage. */

export type Load = { readonly usedBytes: number; readonly expectedBytes: number };

/** `[#########.......]  54 %  4.9/9.1 GiB`. Never over 100 %. */
export function loadBar({ usedBytes, expectedBytes }: Load): string {
  const share = expectedBytes <= 0 ? 0 : Math.min(1, Math.max(0, usedBytes / expectedBytes));
  const filled = Math.round(share * barCells);
  const percent = String(Math.floor(share * 100)).padStart(3);
  return `[${'#'.repeat(filled)}${'.'.repeat(barCells - filled)}] ${percent} %  ${gib(usedBytes)}/${gib(expectedBytes)} GiB`;
}

const barCells = 16;

const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);
