/** How what a replica needs is divided over the devices of its mask. Pure. */

/**
 * Bytes for each device, in the mask's order: whole numbers, and together exactly `totalBytes` (a whole number, not negative). Without ratios, or
 * where there is not one for each device (a mask `all` may have lost one), the shares are equal. None for no device.
 */
export function sharesOf(totalBytes: number, ratios: readonly number[] | null, count: number): readonly number[] {
  const sum = ratios?.reduce((so, ratio) => so + ratio, 0) ?? 0;
  if (ratios === null || ratios.length !== count || !(sum > 0)) return equalShares(totalBytes, count);
  let before = 0;
  let ends = 0;
  return ratios.map((ratio, at) => {
    before += ratio;
    const from = ends;
    ends = at === count - 1 ? totalBytes : Math.max(from, Math.min(totalBytes, Math.round(totalBytes * (before / sum))));
    return ends - from;
  });
}

function equalShares(totalBytes: number, count: number): readonly number[] {
  const each = Math.floor(totalBytes / count);
  const over = totalBytes - each * count;
  return Array.from({ length: count }, (_, at) => each + (at < over ? 1 : 0));
}
